"""Who may check at once, and who waits in line meanwhile."""

import threading
from queue import SimpleQueue

import pytest

from core.errors import CheckError
from demo.places import Places
from demo.work import Step

WAITS, LOOKS = Step("wait", 0), Step("look", 0)


@pytest.fixture
def come():
    """Come for a check that goes on until it is stopped; each report is put into the queue that is returned."""
    threads, stops = [], []

    def come(places, name="a", reports=None, stop=None):
        reports, stop = reports or SimpleQueue(), stop or threading.Event()

        def begin():
            yield LOOKS
            stop.wait(60)

        def run():
            try:
                for report in places.check(begin, stop):
                    reports.put((name, report))
            except CheckError as error:
                reports.put((name, error.code))

        threads.append(threading.Thread(target=run))
        stops.append(stop)
        threads[-1].start()
        return reports, stop

    yield come
    for stop in stops:
        stop.set()
    for thread in threads:
        thread.join(60)


def test_who_comes_when_all_places_are_taken_is_told_that_they_wait(come):
    places = Places(2, 5)
    assert come(places)[0].get(timeout=60)[1] == come(places)[0].get(timeout=60)[1] == LOOKS
    assert come(places)[0].get(timeout=60)[1] == WAITS


def test_a_place_that_is_left_goes_to_who_came_first(come):
    places, line = Places(1, 5), SimpleQueue()
    stops = {}
    for name in "abc":
        _, stops[name] = come(places, name, line)
        assert line.get(timeout=60) == (name, LOOKS if name == "a" else WAITS)
    for name, follows in ("ab", "bc"):
        stops[name].set()
        assert line.get(timeout=60) == (follows, LOOKS)


def test_who_is_stopped_in_line_leaves_it_without_a_check(come):
    places = Places(1, 5)
    come(places)[0].get(timeout=60)
    reports, stop = come(places)
    assert reports.get(timeout=60)[1] == WAITS
    stop.set()
    assert reports.get(timeout=60)[1] == "cancelled"


def test_who_finds_the_line_full_is_asked_to_come_back_later(come):
    places = Places(1, 1)
    first = [come(places)[0].get(timeout=60)[1] for _ in range(3)]
    assert first == [LOOKS, WAITS, "no_place"]


def test_whoever_fails_or_stops_listening_gives_the_place_back(come):
    places = Places(1, 0)

    def failing():
        raise CheckError("damaged")
        yield

    with pytest.raises(CheckError):
        list(places.check(failing, threading.Event()))
    left = places.check(lambda: iter([LOOKS, LOOKS]), threading.Event())
    next(left)
    left.close()
    assert list(places.check(lambda: iter([LOOKS]), threading.Event())) == [LOOKS]
