"""Checks as clients see them: submit, read, list, cancel, forget. What workers do to them is in `queue`."""

import shutil
import time
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, tuple_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, defer

from core.errors import CheckError
from server.config import Config
from server.database import Database
from server.endings import record_end
from server.tables import ACTIVE, FINAL, Batch, Check, Claim, Delivery, WorkerRow, new_id

INTERACTIVE, BULK = 10, 0  # priorities


@dataclass(frozen=True)
class Wish:
    """What a client asked for, checked and in canonical form."""

    owner: str
    video: str  # the key of the link, or the digest of the file
    url: str | None
    site: str
    plan: str = "default"
    artifacts: bool = False
    film: bool = True  # with the annotated copy, where there are artifacts
    priority: int = INTERACTIVE
    callback_url: str | None = None
    category: str | None = None
    idempotency_key: str | None = None
    body: str = ""  # digest of the request, compared when the Idempotency-Key comes again

    @property
    def same(self) -> str:
        drawn = "-" if not self.artifacts else "artifacts" if self.film else "pictures"
        return f"{self.video} {self.plan} {self.category or '-'} {drawn}"


class Store:
    def __init__(self, database: Database, config: Config):
        self.database = database
        self.config = config

    def submit(self, wish: Wish, check_id: str | None = None) -> tuple[Check, bool]:
        """The check for a wish, and whether it is a new one.

        Both an Idempotency-Key and the same video within the dedupe window lead to the check there is. A finished check
        of another owner is copied under a new id. Raises CheckError idempotency_mismatch, queue_full.
        """
        while True:  # at most twice: who loses the race for a claim finds the winner's check
            try:
                with self.database.write() as session:
                    return self._submit(session, wish, check_id or new_id(), time.time())
            except IntegrityError:
                continue

    def submit_batch(self, wishes: list[Wish], refused: list[dict], owner: str) -> tuple[Batch, list[str]]:
        """The batch, and for each wish the id of its check, which equal ones share.

        All of them in one transaction, or none where the queue has no room. Raises CheckError queue_full.
        """
        now, wanted = time.time(), {wish.same: wish for wish in wishes}
        while True:
            try:
                with self.database.write() as session:
                    ids = self._submit_all(session, wanted, owner, now)
                    batch = Batch(id=new_id(), owner=owner, created_at=now, expires_at=now + self.config.keep_s)
                    batch.check_ids, batch.refused = [ids[same] for same in wanted], refused
                    session.add(batch)
                    return batch, [ids[wish.same] for wish in wishes]
            except IntegrityError:
                continue

    def get_batch(self, batch_id: str, owner: str, start: int, limit: int) -> tuple[Batch, dict[str, int], list[Check]]:
        """With how many of its checks are in which state, and those of the places from `start` on, in the order they
        were given. Those deleted since leave their places empty. Raises CheckError not_found.

        The other checks stay in the database: an analysis has tens of kilobytes, and a batch is asked for often.
        """
        with self.database.read() as session:
            batch = session.get(Batch, batch_id)
            if batch is None or batch.owner != owner or batch.expires_at < time.time():
                raise CheckError("not_found")
            by_status = select(Check.status, func.count()).where(Check.id.in_(batch.check_ids)).group_by(Check.status)
            counts = dict(session.execute(by_status).all())
            place = batch.check_ids[start : start + limit]
            found = {check.id: check for check in session.scalars(select(Check).where(Check.id.in_(place)))}
        return batch, counts, [found[check_id] for check_id in place if check_id in found]

    def _submit_all(self, session: Session, wanted: dict[str, Wish], owner: str, now: float) -> dict[str, str]:
        """The id of the check for each of an owner's wishes. Claims and the queue are looked at once, for all of them.

        Everybody else waits to write meanwhile, so what does not fit is refused before any of it is made.
        """
        names = {_video_of(owner, same): same for same in wanted}
        live = select(Claim.name, Check).join(Check, Check.id == Claim.check_id)
        live = live.where(Claim.name.in_(names), Claim.expires_at > now, _is_of_a_model_in_use(now))
        live = live.options(defer(Check.analysis))
        ids = {names[name]: check.id for name, check in session.execute(live) if _serves(check, wanted[names[name]])}
        # in one order for all: two batches of the same links must not wait for one another's rows
        new = sorted(set(wanted) - set(ids))
        if new:
            self._raise_if_full(session, wanted[new[0]], len(new))
        session.execute(delete(Claim).where(Claim.name.in_([_video_of(owner, same) for same in new])))
        with session.no_autoflush:  # a look at others' checks would write ours one by one
            for same in new:
                wish, ids[same] = wanted[same], new_id()
                check = self._copy_of_anothers(session, wish, ids[same], now) or self._row(wish, ids[same], now)
                session.add_all([check, _claim(_video_of(owner, same), check, wish, now + self.config.dedupe_s)])
        return ids

    def _submit(self, session: Session, wish: Wish, check_id: str, now: float) -> tuple[Check, bool]:
        same, key = _video_of(wish.owner, wish.same), f"{_whose(wish.owner)} key {wish.idempotency_key}"
        if wish.idempotency_key:
            claim = session.get(Claim, key)
            if claim and claim.expires_at > now:
                if claim.body != wish.body:
                    raise CheckError("idempotency_mismatch")
                if check := session.get(Check, claim.check_id):
                    return check, False
        claim = session.get(Claim, same)
        found = select(Check).where(_is_of_a_model_in_use(now))
        check = session.scalar(found.where(Check.id == claim.check_id)) if claim and claim.expires_at > now else None
        is_new = not check or not _serves(check, wish)
        if is_new:
            check = self._new(session, wish, check_id, now)
            _take(session, same, check, wish, now + self.config.dedupe_s)
        elif check.status == "queued" and check.priority < wish.priority:  # now a person waits for it
            session.execute(update(Check).where(Check.id == check.id).values(priority=wish.priority))
        if wish.idempotency_key:
            _take(session, key, check, wish, now + self.config.keep_s)
        return check, is_new

    def _new(self, session: Session, wish: Wish, check_id: str, now: float) -> Check:
        check = self._copy_of_anothers(session, wish, check_id, now)
        if check is None:
            self._raise_if_full(session, wish)
            check = self._row(wish, check_id, now)
        session.add(check)
        return check

    def _raise_if_full(self, session: Session, wish: Wish, more: int = 1) -> None:
        """Raises CheckError queue_full where the last of so `more` like this wish would find no place.

        In a full queue each owner has an equal share, which nobody else can fill.
        """
        # what is less urgent waits anyway, and takes nobody's place
        ahead = (Check.status == "queued", Check.priority >= wish.priority)
        by_owner = select(Check.owner, func.count()).where(*ahead).group_by(Check.owner)
        waiting = dict(session.execute(by_owner).all())
        share = self.config.max_queue // len({*waiting, wish.owner})
        total, own = sum(waiting.values()) + more, waiting.get(wish.owner, 0) + more
        if total > self.config.max_queue and own > share:
            raise CheckError("queue_full")

    def _row(self, wish: Wish, check_id: str, now: float) -> Check:
        return Check(
            id=check_id,
            owner=wish.owner,
            same=wish.same,
            url=wish.url,
            site=wish.site,
            plan=wish.plan,
            artifacts=wish.artifacts,
            film=wish.film,
            priority=wish.priority,
            callback_url=wish.callback_url,
            category=wish.category,
            created_at=now,
            expires_at=now + self.config.keep_s,
        )

    def _copy_of_anothers(self, session: Session, wish: Wish, check_id: str, now: float) -> Check | None:
        """A new row with the result of another owner's check. Checks with files or a callback are done anew."""
        if wish.artifacts or wish.callback_url:
            return None
        recent = and_(Check.finished_at > now - self.config.dedupe_s, Check.expires_at > now)
        found = session.scalar(
            select(Check)
            .where(Check.same == wish.same, Check.status == "done", recent, Check.owner != wish.owner)
            .where(_is_of_a_model_in_use(now))
            .limit(1)
        )
        if found is None:
            return None
        row = self._row(wish, check_id, now)
        row.status = row.stage = "done"
        # when it was found, not copied: else copies of copies would keep a result alive for ever
        row.progress, row.finished_at, row.analysis = 1.0, found.finished_at, found.analysis
        row.actions = found.actions and found.actions[:1]  # the policy's own, without what a person said of the other
        row.review = "held" if found.review else None
        return row

    def get(self, check_id: str, owner: str) -> Check:
        """Raises CheckError not_found: also for another owner's check, which nobody else needs to know exists."""
        with self.database.read() as session:
            check = session.get(Check, check_id)
        if check is None or check.owner != owner or check.expires_at < time.time():
            raise CheckError("not_found")
        return check

    def page(self, owner: str, before: tuple[float, str] | None, limit: int) -> list[Check]:
        """An owner's checks, newest first, from just before a (created_at, id)."""
        query = select(Check).where(Check.owner == owner, Check.expires_at > time.time())
        if before:
            query = query.where(tuple_(Check.created_at, Check.id) < before)
        with self.database.read() as session:
            return list(session.scalars(query.order_by(Check.created_at.desc(), Check.id.desc()).limit(limit)))

    def cancel(self, check_id: str, owner: str) -> Check:
        """At once where it waits; where it runs the worker is asked to stop. A finished check stays as it is."""
        check, now = self.get(check_id, owner), time.time()
        with self.database.write() as session:
            session.get(Check, check_id, with_for_update=True)  # a worker may be about to give it back
            waiting = update(Check).where(Check.id == check_id, Check.status == "queued")
            told = {"status": "cancelled", "stage": "cancelled", "finished_at": now, "error_code": "cancelled"}
            if session.execute(waiting.values(**told, revision=Check.revision + 1)).rowcount == 1:
                record_end(session, check, "cancelled", now, told)
            session.execute(update(Check).where(Check.id == check_id, Check.status.in_(ACTIVE)).values(cancel=True))
        check = self.get(check_id, owner)
        if check.status in FINAL:
            self.config.source(check_id).unlink(missing_ok=True)
        return check

    def forget(self, check_id: str, owner: str) -> None:
        """Delete the check and its files. A worker that has it finds its row gone and drops what it holds."""
        self.get(check_id, owner)
        with self.database.write() as session:
            forget_rows(session, [check_id])
        shutil.rmtree(self.config.folder(check_id), ignore_errors=True)


def _whose(owner: str) -> str:
    """With its length, as a name may hold spaces and look like another one with a part of the claim."""
    return f"{len(owner)} {owner}"


def _video_of(owner: str, same: str) -> str:
    """The name of the claim of an owner's video."""
    return f"{_whose(owner)} same {same}"


def _serves(check: Check, wish: Wish) -> bool:
    """Whether a check of the same video under the same options is all that is wished for."""
    is_lost = check.status in ("failed", "cancelled") or check.cancel
    return not is_lost and wish.callback_url in (None, check.callback_url)


def _is_of_a_model_in_use(now: float) -> ColumnElement[bool]:
    """Whether a check was, or may yet be, answered with weights that a living worker has. Where none lives, any will do."""
    weights = WorkerRow.info["model"]["sha256"].as_string()
    in_use = select(weights).where(WorkerRow.lives(now), weights.is_not(None))
    is_theirs = Check.analysis["model"]["sha256"].as_string().in_(in_use)
    return or_(Check.status != "done", is_theirs, ~in_use.exists())


def _take(session: Session, name: str, check: Check, wish: Wish, until: float) -> None:
    session.execute(delete(Claim).where(Claim.name == name))
    session.add(_claim(name, check, wish, until))


def _claim(name: str, check: Check, wish: Wish, until: float) -> Claim:
    return Claim(name=name, check_id=check.id, body=wish.body, expires_at=min(until, check.expires_at))


def forget_rows(session: Session, check_ids: list[str]) -> None:
    for table, column in ((Check, Check.id), (Claim, Claim.check_id), (Delivery, Delivery.check_id)):
        session.execute(delete(table).where(column.in_(check_ids)))
