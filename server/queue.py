"""Checks as workers see them: take one, hold it by a lease, write its result exactly once.

A worker that was paused, cut off or thought dead may come back and find its check in other hands. Every write names the
fence under which the row was taken, so that such a write changes nothing.
"""

import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, not_, or_, select, update
from sqlalchemy.orm import Session

from server.config import Config
from server.database import Database
from server.endings import add_tally, record_end
from server.store import forget_rows
from server.tables import ACTIVE, FINAL, WORKER_LIVES_S, Batch, Check, Claim, Delivery, WorkerRow


class Lost(Exception):
    """The row is no longer this worker's: taken over, or deleted by its owner."""


class Queue:
    def __init__(self, database: Database, config: Config):
        self.database = database
        self.config = config

    def take(self, worker: str) -> Check | None:
        """Take the most urgent waiting check, or None. Two workers never get the same one.

        Among checks of equal urgency the dice choose an owner, and each owner's oldest comes first: who has a thousand
        waiting keeps nobody waiting for a thousand.
        """
        queued = select(Check.id, Check.fence, Check.url).where(Check.status == "queued")
        place = func.row_number().over(partition_by=(Check.priority, Check.owner), order_by=Check.created_at)
        with self.database.read() as session:
            waiting = session.execute(queued.order_by(Check.priority.desc(), place, func.random()).limit(16)).all()
        for check_id, fence, url in waiting:
            with self.database.write() as session:
                taken = session.execute(
                    update(Check)
                    .where(Check.id == check_id, Check.fence == fence, Check.status == "queued")
                    .values(
                        status="fetching" if url else "analyzing",
                        stage="fetch" if url else "open",
                        worker=worker,
                        lease_until=time.time() + self.config.lease_s,
                        attempt=Check.attempt + 1,
                        fence=Check.fence + 1,
                        revision=Check.revision + 1,
                    )
                )
                if taken.rowcount == 1:
                    return session.get(Check, check_id)
        return None

    def beat(self, check: Check, status: str, stage: str, progress: float) -> bool:
        """Renew the lease and show where the check stands; True when it is to be cancelled. Raises Lost."""
        with self.database.write() as session:
            values = {
                "status": status,
                "stage": stage,
                "progress": progress,
                "lease_until": time.time() + self.config.lease_s,
            }
            self._held(session, check, **values)
            return session.scalar(select(Check.cancel).where(Check.id == check.id))

    def done(self, check: Check, analysis: dict, actions: list[dict] | None, review: str | None) -> None:
        """Write result, final state, tallies and the webhook owed, all in one transaction. Raises Lost."""
        with self.database.write() as session:
            result = {"analysis": analysis, "actions": actions, "review": review}
            self._finish(session, check, status="done", progress=1.0, **result)
            add_tally(session, "verdicts", analysis["verdict"] or "none")
            for stage, seconds in analysis["seconds"].items():
                add_tally(session, "stage_seconds", stage, seconds)

    def failed(self, check: Check, code: str, detail: str = "", where: Any = True) -> None:
        """The same for a check that ended without a result; "cancelled" is a state of its own. Raises Lost, also where
        the condition `where` does not hold."""
        status = "cancelled" if code == "cancelled" else "failed"
        with self.database.write() as session:
            self._finish(session, check, status=status, where=where, error_code=code, error_detail=detail)

    def is_cancelled(self, check: Check) -> bool:
        """Whether its owner wants it to stop."""
        with self.database.read() as session:
            return bool(session.scalar(select(Check.cancel).where(Check.id == check.id)))

    def has_ended(self, check: Check) -> bool:
        """Whether the check has ended, in the hands of this very worker."""
        with self.database.read() as session:
            row = session.get(Check, check.id)
        return row is not None and row.fence == check.fence and row.status in FINAL

    def _finish(self, session: Session, check: Check, status: str, where: Any = True, **values) -> None:
        now = time.time()
        self._held(session, check, where, status=status, stage=status, finished_at=now, lease_until=None, **values)
        record_end(session, check, status, now, values)

    def give_back(self, check: Check, counts: bool, where: Any = True) -> None:
        """Let somebody else have it. `counts`: whether this was an attempt, or only a worker that was told to stop.

        Raises Lost, also where the condition `where` does not hold.
        """
        with self.database.write() as session:
            attempt = check.attempt if counts else check.attempt - 1
            again = {"status": "queued", "stage": "queued", "progress": 0.0, "lease_until": None, "attempt": attempt}
            self._held(session, check, where, **again)

    def _held(self, session: Session, check: Check, where: Any = True, **values: Any) -> None:
        mine = (Check.id == check.id, Check.fence == check.fence, Check.status.in_(ACTIVE), where)
        written = session.execute(update(Check).where(*mine).values(revision=Check.revision + 1, **values))
        if written.rowcount != 1:
            raise Lost

    def sweep(self) -> int:
        """Put expired leases back, give up on what was interrupted too often, delete what has expired.

        Returns how many checks wait: the doorbell should ring for them. Any number of sweepers may run.
        """
        now = time.time()
        with self.database.read() as session:
            expired = list(session.scalars(select(Check).where(Check.status.in_(ACTIVE), self._is_expired(now))))
        for check in expired:
            try:
                # it may have been renewed since, by a worker that the database kept waiting too
                if not check.cancel and check.attempt < self.config.attempts:
                    self.give_back(check, counts=True, where=self._is_expired(now))
                    continue
                self.failed(check, "cancelled" if check.cancel else "interrupted", where=self._is_expired(now))
            except Lost:
                continue  # its worker woke up, or another sweeper was faster
            self.config.source(check.id).unlink(missing_ok=True)
        with self.database.write() as session:
            old = list(session.scalars(select(Check.id).where(Check.expires_at < now).limit(500)))
            forget_rows(session, old)
            session.execute(delete(Claim).where(Claim.expires_at < now))
            session.execute(delete(Batch).where(Batch.expires_at < now))
            long = 10 * WORKER_LIVES_S
            session.execute(delete(WorkerRow).where(not_(WorkerRow.seen_at.between(now - long, now + long))))
            session.execute(
                delete(Delivery).where(Delivery.state != "owed", Delivery.next_at < now - self.config.keep_s)
            )
            waiting = session.scalars(select(Check.id).where(Check.status == "queued").limit(100)).all()
        for check_id in old:
            shutil.rmtree(self.config.folder(check_id), ignore_errors=True)
        return len(waiting)

    def _is_expired(self, now: float) -> ColumnElement[bool]:
        """Of a lease: that it is over, or longer than any and its worker dead, as where a clock was ahead. A living worker
        may have another UNMASK_LEASE_S than this one."""
        living = select(WorkerRow.id).where(WorkerRow.lives(now))
        is_too_long = and_(Check.lease_until > now + 2 * self.config.lease_s, Check.worker.not_in(living))
        return or_(Check.lease_until < now, is_too_long)

    def sweep_files(self) -> None:
        """Delete what a kill between two steps may leave: folders of checks that are no more, all but what was drawn last
        of those that have ended, and halves of uploads."""
        for upload in untouched(self.config.spool):
            upload.unlink(missing_ok=True)
        for folder in untouched(self.config.data / "checks"):
            with self.database.read() as session:
                known = select(Check.status, Check.fence).where(Check.id == folder.name)
                status, fence = session.execute(known).first() or ("gone", 0)
            if status == "gone":
                shutil.rmtree(folder, ignore_errors=True)
            elif status in FINAL:
                self.config.source(folder.name).unlink(missing_ok=True)
                drawn = self.config.artifacts(folder.name, fence) if status == "done" else None
                for left in (*folder.glob("work-*"), *folder.glob("artifacts-*")):
                    if left != drawn:
                        shutil.rmtree(left, ignore_errors=True)

    def sign_in(self, worker: str, info: dict) -> None:
        """A worker's sign of life, the first once its model is loaded."""
        with self.database.write() as session:
            session.merge(WorkerRow(id=worker, seen_at=time.time(), ready=True, info=info))

    def sign_out(self, worker: str) -> None:
        with self.database.write() as session:
            session.execute(delete(WorkerRow).where(WorkerRow.id == worker))

    def count_passes(self, rows: list[list[int]]) -> None:
        """[checks in a pass through a shared network, how many such passes, crops in them]."""
        if rows:
            with self.database.write() as session:
                for checks, passes, crops in rows:
                    add_tally(session, "pass_crops", str(checks), crops, passes)

    def workers(self) -> list[WorkerRow]:
        """Those that live."""
        with self.database.read() as session:
            return list(session.scalars(select(WorkerRow).where(WorkerRow.lives(time.time()))))


def untouched(folder: Path) -> Iterator[Path]:
    """What lies in a folder and did not change for an hour. Others may delete it meanwhile."""
    for path in folder.glob("*"):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < time.time() - 3600:
                yield path
