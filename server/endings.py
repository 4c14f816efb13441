"""What the end of a check brings with it: it is counted, and who asked to be told is told."""

import json
from typing import Any

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server.present import when
from server.tables import Check, Delivery, Tally, new_id


def record_end(session: Session, check: Check, status: str, at: float, values: dict[str, Any]) -> None:
    """In the transaction that ends a check with these values of its row: tallies, and the webhook owed."""
    add_tally(session, "check_seconds", status, at - check.created_at)
    if code := values.get("error_code"):
        add_tally(session, "failures", code)
    owe_webhook(session, check, status, at, values)


def add_tally(session: Session, name: str, label: str, amount: float = 0.0, count: int = 1) -> None:
    counted = update(Tally).where(Tally.name == name, Tally.label == label)
    counted = counted.values(count=Tally.count + count, total=Tally.total + amount)
    if session.execute(counted).rowcount == 0:
        try:
            with session.begin_nested():
                session.add(Tally(name=name, label=label, count=count, total=amount))
        except IntegrityError:  # another worker was first to count one of these
            session.execute(counted)


def owe_webhook(
    session: Session, check: Check, status: str, at: float, values: dict[str, Any], event: str | None = None
) -> None:
    """Told is little, so that who is not to know more learns no more; the rest is a GET away. `event`: if not the status."""
    if not check.callback_url:
        return
    analysis = values.get("analysis") or {}
    data = {
        "id": check.id,
        "status": status,
        "verdict": analysis.get("verdict"),
        "probability": analysis.get("probability"),
        "actions": values.get("actions"),
        "error": values.get("error_code"),
    }
    told = {"type": f"check.{event or status}", "timestamp": when(at), "data": data}
    body = json.dumps(told, separators=(",", ":"))
    session.add(Delivery(id=new_id(), check_id=check.id, url=check.callback_url, body=body, next_at=at))
