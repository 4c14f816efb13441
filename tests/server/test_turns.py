"""Whose check comes next, and who is turned away: nobody waits for all that somebody else has asked for."""

from dataclasses import replace

import pytest

from core.errors import CheckError
from server.store import BULK, INTERACTIVE, Wish


@pytest.fixture
def parts(app):
    return app.extensions["unmask"]


def submit(parts, owner: str, numbers: range, priority: int = INTERACTIVE) -> list[str]:
    wishes = [Wish(owner, f"x:{n}", f"https://x.com/a/status/{n}", "x", priority=priority) for n in numbers]
    return [parts.store.submit(wish)[0].id for wish in wishes]


@pytest.mark.slow
def test_who_has_one_check_does_not_wait_for_the_hundred_of_another(parts):
    submit(parts, "ann", range(100))
    (one,) = submit(parts, "bob", range(1))
    taken = []
    while one not in taken:
        taken.append(parts.queue.take("test").id)
    assert len(taken) <= 40  # by lot: one in a million million times it would be more


def test_of_one_owner_the_oldest_check_comes_first(parts):
    asked = submit(parts, "ann", range(20))
    assert [parts.queue.take("test").id for _ in asked] == asked


def test_a_batch_that_fills_the_queue_turns_away_nobody_who_waits_for_an_answer(make_app, config):
    parts = make_app(replace(config, max_queue=3)).extensions["unmask"]
    submit(parts, "ann", range(3), BULK)
    submit(parts, "bob", range(3, 6))
    for priority in (BULK, INTERACTIVE):
        with pytest.raises(CheckError, match="queue is full"):
            submit(parts, "bob", range(6, 7), priority)


def test_what_a_person_waits_for_stays_urgent_when_it_is_asked_for_in_bulk_too(parts):
    assert submit(parts, "ann", range(1)) == submit(parts, "ann", range(1), BULK)
    assert parts.queue.take("test").priority == INTERACTIVE


def test_who_fills_the_queue_leaves_the_others_their_share(make_app, config):
    parts = make_app(replace(config, max_queue=4)).extensions["unmask"]
    submit(parts, "ann", range(4))
    submit(parts, "bob", range(2))  # half of the places for each of two
    submit(parts, "cal", range(1))
    for owner in ("ann", "bob", "cal"):
        with pytest.raises(CheckError, match="queue is full"):
            submit(parts, owner, range(8, 9))
