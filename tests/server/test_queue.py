"""What a worker may write of a check, and what the sweep takes away."""

import os
import time

import pytest

from server.queue import Lost
from server.store import Wish
from server.tables import Batch, Check, Claim, Delivery, WorkerRow
from tests.server.standin import result

HOURS = 3600.0


@pytest.fixture
def parts(app):
    return app.extensions["unmask"]


@pytest.fixture
def check(parts) -> Check:
    """One that waits."""
    return parts.store.submit(Wish("ann", "x:1", "https://x.com/i/status/1", "x", callback_url="https://a.example/"))[0]


def now(parts, check: Check) -> Check:
    with parts.database.read() as session:
        return session.get(Check, check.id)


def rows(parts, table) -> list:
    with parts.database.read() as session:
        return list(session.query(table))


def change(parts, table, **values) -> None:
    with parts.database.write() as session:
        session.query(table).update(values)


def clear() -> dict:
    return result("no_signs_found", 0.1).to_json()


def test_who_was_thought_dead_writes_nothing_over_the_work_of_another(parts, check):
    first = parts.queue.take("thought dead")
    change(parts, Check, lease_until=time.time() - 1)
    parts.queue.sweep()
    second = parts.queue.take("another")
    for write in (
        lambda: parts.queue.done(first, result("likely_manipulated", 0.97).to_json(), None, None),
        lambda: parts.queue.failed(first, "damaged"),
        lambda: parts.queue.beat(first, "analyzing", "look", 0.5),
        lambda: parts.queue.give_back(first, counts=True),
    ):
        with pytest.raises(Lost):
            write()
    parts.queue.done(second, clear(), None, None)
    assert now(parts, check).analysis["verdict"] == "no_signs_found"
    assert len(rows(parts, Delivery)) == 1


@pytest.mark.slow
def test_a_check_that_has_ended_ends_once(parts, check):
    taken = parts.queue.take("test")
    parts.queue.done(taken, clear(), None, None)
    with pytest.raises(Lost):
        parts.queue.failed(taken, "damaged")
    assert now(parts, check).status == "done" and len(rows(parts, Delivery)) == 1


def test_a_check_whose_worker_lives_is_left_to_it(parts, check):
    taken = parts.queue.take("test")
    parts.queue.sweep()
    assert parts.queue.beat(taken, "analyzing", "look", 0.5) is False
    assert now(parts, check).lease_until > time.time() + parts.config.lease_s - 5


def test_a_worker_is_told_that_its_check_was_cancelled(parts, check):
    taken = parts.queue.take("test")
    parts.store.cancel(check.id, "ann")
    assert parts.queue.beat(taken, "analyzing", "look", 0.5) is True
    again, is_new = parts.store.submit(Wish("ann", "x:1", "https://x.com/i/status/1", "x"))
    assert is_new and again.id != check.id  # who asks now does not get what is about to be cancelled


def test_a_lease_that_was_renewed_while_the_sweep_looked_is_left(parts, check, monkeypatch):
    taken = parts.queue.take("test")
    change(parts, Check, lease_until=time.time() - 1)
    real = parts.queue.give_back

    def give_back(*given, **more):
        parts.queue.beat(taken, "analyzing", "look", 0.5)  # the database had kept the worker waiting
        real(*given, **more)

    monkeypatch.setattr(parts.queue, "give_back", give_back)
    parts.queue.sweep()
    assert (now(parts, check).status, now(parts, check).attempt) == ("analyzing", 1)


def test_the_check_of_a_worker_that_died_while_the_clock_was_ahead_is_begun_again(parts, check):
    parts.queue.sign_in("dead", {})
    parts.queue.take("dead")
    change(parts, WorkerRow, seen_at=time.time() + HOURS)
    change(parts, Check, lease_until=time.time() + HOURS)
    assert parts.queue.workers() == []
    assert parts.queue.sweep() == 1
    assert rows(parts, WorkerRow) == []
    assert parts.queue.take("another").id == check.id


def test_the_check_of_a_living_worker_with_longer_leases_or_a_clock_a_little_ahead_is_left_to_it(parts, check):
    parts.queue.sign_in("patient", {})
    parts.queue.take("patient")
    change(parts, WorkerRow, seen_at=time.time() + 5)
    change(parts, Check, lease_until=time.time() + 10 * parts.config.lease_s)
    parts.queue.sweep()
    assert [worker.id for worker in parts.queue.workers()] == ["patient"]
    assert (now(parts, check).status, now(parts, check).worker) == ("fetching", "patient")


def test_to_ask_whether_a_check_was_cancelled_changes_nothing_of_it(parts, check):
    held = parts.queue.take("worker")
    parts.queue.beat(held, "fetching", "fetch", 0.3)
    before = now(parts, check)
    assert not parts.queue.is_cancelled(held)
    after = now(parts, check)
    assert (after.stage, after.progress, after.revision) == (before.stage, before.progress, before.revision)
    parts.store.cancel(check.id, "ann")
    assert parts.queue.is_cancelled(held)


def test_a_check_that_was_cancelled_and_lost_its_worker_is_not_begun_again(parts, check):
    parts.queue.take("killed")
    parts.store.cancel(check.id, "ann")
    change(parts, Check, lease_until=time.time() - 1)
    parts.queue.sweep()
    assert (now(parts, check).status, now(parts, check).error_code) == ("cancelled", "cancelled")


def test_a_worker_that_is_told_to_stop_costs_its_check_no_attempt(parts, check):
    for _ in range(parts.config.attempts + 1):
        parts.queue.give_back(parts.queue.take("test"), counts=False)
    assert (now(parts, check).status, now(parts, check).attempt) == ("queued", 0)


def test_the_sweep_leaves_a_webhook_that_is_owed_and_takes_one_that_is_settled(parts, check):
    for state, url in (("owed", "https://late.example/"), ("delivered", "https://a.example/")):
        with parts.database.write() as session:
            session.add(Delivery(id=state, check_id="0" * 32, url=url, body="{}", state=state, next_at=0.0))
    parts.queue.sweep()
    assert [delivery.id for delivery in rows(parts, Delivery)] == ["owed"]


def test_of_what_has_expired_nothing_stays_in_the_database(parts, client, check):
    client.post("/v1/batches", json={"urls": ["https://x.com/a/status/2"]})
    parts.store.cancel(check.id, "ann")
    change(parts, Claim, expires_at=time.time() - 1)
    parts.queue.sweep()
    assert rows(parts, Claim) == [] and len(rows(parts, Check)) == 2
    for table in (Check, Batch):
        change(parts, table, expires_at=time.time() - 1)
    parts.queue.sweep()
    assert [rows(parts, table) for table in (Check, Claim, Batch, Delivery)] == [[], [], [], []]


@pytest.mark.parametrize(("status", "left"), [("done", ["artifacts-2"]), ("failed", [])])
def test_of_what_a_worker_fetched_or_drew_before_it_died_nothing_outlives_the_check(parts, config, check, status, left):
    folder = config.folder(check.id)
    for name in ("work-1/video", "artifacts-1/key-frames.png", "artifacts-2/key-frames.png"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_bytes(b"a stranger's face")
    os.utime(folder, (time.time() - 2 * HOURS,) * 2)
    change(parts, Check, status="analyzing", fence=2)
    parts.queue.sweep_files()
    assert len(list(folder.iterdir())) == 3
    change(parts, Check, status=status)
    parts.queue.sweep_files()
    assert [path.name for path in folder.iterdir()] == left


def test_the_sweep_of_files_leaves_those_of_a_check_that_waits(parts, config, check):
    source = config.source(check.id)
    source.parent.mkdir(parents=True)
    source.write_bytes(b"a stranger's video")
    os.utime(source.parent, (time.time() - 2 * HOURS,) * 2)
    parts.queue.sweep_files()
    assert source.exists()
    change(parts, Check, status="done")  # by a worker that was killed before it could delete the file
    parts.queue.sweep_files()
    assert source.parent.exists() and not source.exists()
