import threading

import pytest

from core.ahead import AHEAD, ahead, threads
from core.errors import CheckError


def counting(to, made=None, fail_at=None, closed=None):
    """0, 1, 2, ... each noted in `made` with its thread when it is made."""
    try:
        for i in range(to):
            if i == fail_at:
                raise CheckError("damaged")
            if made is not None:
                made.append(threading.get_ident())
            yield i
    finally:
        if closed is not None:
            closed.append(True)


@pytest.fixture
def thread():
    with threads().lent() as thread:
        yield thread


def test_the_items_come_in_order(thread):
    assert list(ahead(counting(20), thread)) == list(range(20))


def test_they_are_made_in_the_other_thread_and_only_a_few_ahead(thread):
    made = []
    items = ahead(counting(20, made), thread)
    next(items)
    thread.submit(int).result()  # behind all that was asked for
    assert len(made) == AHEAD
    next(items)
    thread.submit(int).result()
    assert len(made) == AHEAD + 1
    assert set(made) == {thread.submit(threading.get_ident).result()} != {threading.get_ident()}


def test_what_goes_wrong_is_raised_after_what_came_before_it(thread):
    given = []
    with pytest.raises(CheckError, match="damaged"):
        for item in ahead(counting(20, fail_at=3), thread):
            given.append(item)
    assert given == [0, 1, 2]


def test_who_stops_early_stops_the_making_too(thread):
    made, closed = [], []
    items = ahead(counting(20, made, closed=closed), thread)
    next(items)
    items.close()
    assert closed and len(made) <= AHEAD
    assert list(ahead(counting(3), thread)) == [0, 1, 2]


def test_who_waits_for_an_item_can_give_up_and_has_its_making_end(thread):
    stopped, ended = threading.Event(), threading.Event()

    def endless():
        while not stopped.wait(0.01):
            pass
        ended.set()
        yield

    def give_up():
        raise CheckError("cancelled")

    with pytest.raises(CheckError, match="cancelled"):
        next(ahead(endless(), thread, give_up, stopped.set))
    assert ended.is_set()
