"""Telling a callback address how a check ended: signed, retried, and only through the egress guard.

Signed as Standard Webhooks describes it: `webhook-id`, `webhook-timestamp` and `webhook-signature`, the last an
HMAC-SHA256 over "id.timestamp.body".
"""

import base64
import hashlib
import hmac
import logging
import random
import threading
import time
from collections import Counter

import requests
from sqlalchemy import case, func, select, update
from sqlalchemy.exc import SQLAlchemyError

from core.fetch.egress import Guard
from server.database import Database, reason
from server.kinds import secret_bytes
from server.tables import Check, Delivery

log = logging.getLogger(__name__)

ATTEMPTS = 8  # the last comes after seven to eight hours
FIRST_WAIT_S = 5.0
AT_ONCE = 20  # places for deliveries that are under way
HOLD_S = 60  # while one worker delivers, no other does
TIMEOUT_S = 10
PARTING_S = 3  # for what is under way when the worker stops


def sign(key: bytes, delivery_id: str, timestamp: int, body: str) -> str:
    digest = hmac.new(key, f"{delivery_id}.{timestamp}.{body}".encode(), hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def wait_s(attempt: int, dice: random.Random) -> float:
    """Seconds until the next attempt after `attempt` have failed: 5, 20, 80, ... with jitter, at most six hours."""
    return min(FIRST_WAIT_S * 4 ** (attempt - 1), 6 * 3600) * dice.uniform(0.8, 1.2)


class Postman:
    def __init__(self, database: Database, guard: Guard, secret: str):
        self.database = database
        self.guard = guard
        self.key = secret_bytes(secret)
        self.dice = random.Random()
        self.under_way: dict[str, tuple[threading.Thread, str | None]] = {}  # with its owner, by the delivery's id

    def deliver_due(self) -> None:
        """Set off with what is owed by now, as much as there are free places for, and wait for none of it.

        The longest owed of whoever has the fewest under way come first, so that whose receiver never answers keeps nobody
        else waiting. Several postmen may be about; called by one thread of each.
        """
        busy = self.under_way.copy()
        if len(busy) >= AT_ONCE:
            return
        due = select(Delivery, Check.owner).where(Delivery.state == "owed", Delivery.next_at <= time.time())
        due = due.where(Delivery.id.not_in(busy))  # also of those that take longer than they are held for
        due = due.join(Check, Check.id == Delivery.check_id, isouter=True)  # the check may be gone by now
        place = func.row_number().over(partition_by=Check.owner, order_by=Delivery.next_at)
        if theirs := Counter(owner for _, owner in busy.values() if owner is not None):
            place += case(theirs, value=Check.owner, else_=0)
        with self.database.read() as session:
            found = list(session.execute(due.order_by(place, Delivery.next_at).limit(AT_ONCE - len(busy))))
        for delivery, owner in found:
            # no pool's thread, for which a process that ends would wait
            thread = threading.Thread(target=self._go, args=(delivery,), daemon=True)
            self.under_way[delivery.id] = thread, owner
            try:
                thread.start()
            except RuntimeError:  # the system has none left
                del self.under_way[delivery.id]
                raise

    def wait(self, seconds: float | None = None) -> None:
        """Until nothing is under way, or so long."""
        until = None if seconds is None else time.monotonic() + seconds
        for thread, _ in list(self.under_way.values()):
            thread.join(None if until is None else max(0.0, until - time.monotonic()))

    def _go(self, delivery: Delivery) -> None:
        try:
            self._deliver(delivery)
        except SQLAlchemyError as error:
            log.warning("the database does not answer: %s", reason(error))
        except Exception:
            log.exception("unexpected, with a webhook of check %s", delivery.check_id)
        finally:
            del self.under_way[delivery.id]

    def _deliver(self, delivery: Delivery) -> None:
        """One attempt, unless another postman makes it."""
        mine = update(Delivery).where(Delivery.id == delivery.id, Delivery.next_at == delivery.next_at)
        with self.database.write() as session:
            held = mine.values(next_at=time.time() + HOLD_S, attempt=Delivery.attempt + 1)
            if session.execute(held).rowcount != 1:
                return
        state = self._post(delivery)
        attempt = delivery.attempt + 1
        if state == "owed" and attempt >= ATTEMPTS:
            state = "given_up"
        log.info("webhook of check %s: %s, attempt %d", delivery.check_id, state, attempt)
        with self.database.write() as session:
            values = {"state": state, "next_at": time.time() + wait_s(attempt, self.dice)}
            session.execute(update(Delivery).where(Delivery.id == delivery.id).values(**values))

    def _post(self, delivery: Delivery) -> str:
        """One attempt; the state it leads to."""
        now = int(time.time())
        way_out = self.guard.exit(f"{delivery.id}-{delivery.attempt}", 256 * 1024, 2 * TIMEOUT_S)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Unmask-Webhook",
            "webhook-id": delivery.id,
            "webhook-timestamp": str(now),
            "webhook-signature": sign(self.key, delivery.id, now, delivery.body),
        }
        try:
            with requests.Session() as session:
                session.trust_env = False
                answer = session.post(
                    delivery.url,
                    data=delivery.body.encode(),
                    headers=headers,
                    proxies={"http": way_out.proxy, "https": way_out.proxy},
                    timeout=TIMEOUT_S,
                    allow_redirects=False,
                    stream=True,  # whatever it answers is not read
                )
                answer.close()
            status = answer.status_code
        except (requests.RequestException, ValueError):
            status = 0
        if way_out.refused() == "blocked_address" or status == 410:
            return "given_up"
        return "delivered" if 200 <= status < 300 else "owed"  # `ok` would take a redirect for a yes
