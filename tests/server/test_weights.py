"""Which answers are given again once the workers have other weights."""

import pytest

from server.store import Wish
from server.tables import Check
from tests.server.standin import result

LINK = "https://x.com/i/status/1"


@pytest.fixture
def parts(app):
    """With a worker whose weights are "old" and a check of theirs."""
    parts = app.extensions["unmask"]
    arrive(parts, "old")
    parts.store.submit(wish("ann"))
    analysis = result("no_signs_found", 0.1).to_json()
    analysis["model"]["sha256"] = "old"
    parts.queue.done(parts.queue.take("old"), analysis, None, None)
    return parts


def wish(owner: str) -> Wish:
    return Wish(owner, "x:1", LINK, "x")


def arrive(parts, weights: str) -> None:
    parts.queue.sign_in(weights, {"model": {"sha256": weights}})


def asked_again(parts) -> list[str]:
    """What the three ways to ask lead to: of the owner, in a batch, of somebody else."""
    own = parts.store.submit(wish("ann"))[0]
    [of_batch] = parts.store.submit_batch([wish("ann")], [], "ann")[1]
    others = parts.store.submit(wish("bob"))[0]
    with parts.database.read() as session:
        return [own.status, session.get(Check, of_batch).status, others.status]


def test_an_answer_of_weights_that_no_worker_has_any_more_is_not_given_again(parts):
    arrive(parts, "new")
    parts.queue.sign_out("old")
    assert asked_again(parts) == ["queued"] * 3


def test_while_one_worker_still_has_the_old_weights_their_answer_is_given_again(parts):
    arrive(parts, "new")
    assert asked_again(parts) == ["done"] * 3


def test_where_no_worker_lives_the_answer_there_is_is_given_again(parts):
    parts.queue.sign_out("old")
    assert asked_again(parts) == ["done"] * 3


def test_a_batch_alone_asks_for_a_new_answer_too(parts):
    arrive(parts, "new")
    parts.queue.sign_out("old")
    [check_id] = parts.store.submit_batch([wish("ann")], [], "ann")[1]
    assert parts.queue.take("new").id == check_id
