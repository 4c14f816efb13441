"""The next pictures are decoded while the last one is looked at."""

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")
AHEAD = 4  # pictures that wait at most


class Threads:
    """Threads to work ahead in, one for each check that runs at a time. They stay: with a new one for each check memory goes
    on rising. Safe to call from several threads."""

    def __init__(self):
        self._idle: deque[ThreadPoolExecutor] = deque()

    @contextmanager
    def lent(self) -> Iterator[ThreadPoolExecutor]:
        """A thread of one's own, for a while."""
        try:
            thread = self._idle.pop()
        except IndexError:
            thread = ThreadPoolExecutor(1)
        try:
            yield thread
        finally:
            self._idle.append(thread)


def ahead(items: Generator[Item, None, None], thread: ThreadPoolExecutor) -> Iterator[Item]:
    """The items of a generator, which runs in the thread and is a few of them ahead; what it raises is raised here, in its
    place. When this one is closed, so is the generator."""
    coming: deque[Future[Item | None]] = deque()
    try:
        while True:
            while len(coming) < AHEAD:
                coming.append(thread.submit(next, items, None))
            item = coming.popleft().result()
            if item is None:
                return
            yield item
    finally:
        for future in coming:
            future.cancel()
        wait(coming)
        items.close()
