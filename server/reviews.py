"""Held checks: the queue of those that wait for a person, and what the person said."""

import time

from sqlalchemy import select, update

from core.errors import CheckError
from server.database import Database
from server.endings import owe_webhook
from server.tables import Audit, Check

OUTCOME = {"confirm": ("confirmed", "block"), "overturn": ("overturned", "allow")}


class Reviews:
    def __init__(self, database: Database):
        self.database = database

    def held(self, limit: int) -> list[Check]:
        """The oldest first, of all owners."""
        query = select(Check).where(Check.review == "held", Check.expires_at > time.time())
        with self.database.read() as session:
            return list(session.scalars(query.order_by(Check.finished_at, Check.id).limit(limit)))

    def one(self, check_id: str) -> Check:
        """One of those that wait or waited. Raises CheckError not_found."""
        with self.database.read() as session:
            check = session.get(Check, check_id)
        if check is None or check.review is None or check.expires_at < time.time():
            raise CheckError("not_found")
        return check

    def decide(self, check_id: str, decision: str, who: str, note: str) -> Check:
        """Confirm or overturn, once. The audit log outlives the check. Raises CheckError not_found, conflict."""
        review, action = OUTCOME[decision]
        now = time.time()
        with self.database.write() as session:
            check = session.get(Check, check_id, with_for_update=True)  # of two people one waits, and is told the truth
            if check is None or check.review is None or check.expires_at < now:
                raise CheckError("not_found")
            actions = [*(check.actions or []), {"action": action, "rule": "review", "decision": review}]
            held = update(Check).where(Check.id == check_id, Check.review == "held")
            values = {"review": review, "actions": actions, "revision": Check.revision + 1}
            if session.execute(held.values(**values)).rowcount != 1:
                raise CheckError("conflict", f"already {check.review}")
            seen = {"verdict": check.analysis["verdict"], "probability": check.analysis["probability"]}
            session.add(Audit(check_id=check_id, at=now, who=who, decision=review, note=note, **seen))
            known = {"analysis": check.analysis, "actions": actions}
            owe_webhook(session, check, check.status, now, known, event="reviewed")
            session.refresh(check)
            return check

    def log(self, limit: int) -> list[Audit]:
        """The latest decisions."""
        with self.database.read() as session:
            return list(session.scalars(select(Audit).order_by(Audit.id.desc()).limit(limit)))
