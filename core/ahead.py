"""The next pictures are decoded while the last one is looked at."""

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

from core.pool import Pool

Item = TypeVar("Item")
AHEAD = 4  # pictures that wait at most
LOOK_UP_S = 0.5


def threads() -> Pool[ThreadPoolExecutor]:
    """Threads to work ahead in, one for each check that runs at a time. They stay: with a new one for each check memory goes
    on rising."""
    return Pool(lambda: ThreadPoolExecutor(1))


def ahead(
    items: Generator[Item, None, None],
    thread: ThreadPoolExecutor,
    look_up: Callable[[], None] = lambda: None,
    stop: Callable[[], None] = lambda: None,
) -> Iterator[Item]:
    """The items of a generator, which runs in the thread and is a few of them ahead; what it raises is raised here, in its
    place. When this one is closed, so is the generator.

    look_up: called here now and then while an item is long in coming; what it raises ends the wait. stop: called at the
    end; has the generator make no further item, as it cannot be closed while it makes one.
    """
    coming: deque[Future[Item | None]] = deque()
    try:
        while True:
            while len(coming) < AHEAD:
                coming.append(thread.submit(next, items, None))
            item = _result(coming.popleft(), look_up)
            if item is None:
                return
            yield item
    finally:
        stop()
        for future in coming:
            future.cancel()
        thread.submit(items.close).result()  # after what it is making


def _result(future: Future[Item | None], look_up: Callable[[], None]) -> Item | None:
    while True:
        wait([future], LOOK_UP_S)
        if future.done():
            return future.result()
        look_up()
