"""What is dear to make and serves one at a time is left to the next by who is done with it."""

import os
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

Thing = TypeVar("Thing")


class Pool(Generic[Thing]):
    """Things to lend. Safe to call from several threads.

    most: how many are kept for the next, None for as many as were ever lent at a time. A forked process begins with none, and
    does not get what was lent before: the threads of those things are not there, and whoever used or ended one would wait.
    """

    def __init__(self, make: Callable[[], Thing], most: int | None = None):
        self._make = make
        self._idle: deque[Thing] = deque(maxlen=most)
        self._process = os.getpid()
        self._of_others: list[object] = []  # neither used nor let go of

    def take(self) -> Thing:
        """One that nobody uses, or a new one."""
        try:
            return self._ours().pop()
        except IndexError:
            return self._make()

    def give(self, thing: Thing) -> None:
        """Leave it to the next."""
        (self._idle if self._process == os.getpid() else self._of_others).append(thing)

    @contextmanager
    def lent(self) -> Iterator[Thing]:
        """One of one's own, for a while."""
        thing = self.take()
        try:
            yield thing
        finally:
            self.give(thing)

    def emptied(self) -> Iterator[Thing]:
        """Those that nobody uses, to be ended."""
        while idle := self._ours():
            yield idle.pop()

    def _ours(self) -> deque[Thing]:
        if self._process != os.getpid():
            self._of_others.append(self._idle)
            self._idle, self._process = deque(maxlen=self._idle.maxlen), os.getpid()
        return self._idle
