"""Who may check now, and who waits in line. Gradio has a line of its own, but tells nobody on the page that they stand in
it, and leaves the answer to what they gave before in place meanwhile."""

import threading
from collections.abc import Callable, Iterator

from core.errors import CheckError
from demo.work import Answer, Copy, Step

LOOK_EVERY_S = 0.2  # for whether one who waits was stopped


class Places:
    """So many checks at once; who comes later waits, first come first served. Safe to call from several threads."""

    def __init__(self, at_once: int, in_line: int):
        self._at_once, self._room = at_once, at_once + in_line
        self._here: list[object] = []  # in the order they came
        self._moved = threading.Condition()

    def check(
        self, begin: Callable[[], Iterator[Step | Answer | Copy]], stop: threading.Event
    ) -> Iterator[Step | Answer | Copy]:
        """What `begin` reports once there is a place, and before that, where there is none, a Step that says so.

        Raises CheckError, also "cancelled" for who waits and is stopped, and "no_place" where even the line is full.
        """
        me = object()

        def is_next() -> bool:
            return me in self._here[: self._at_once]

        with self._moved:
            if len(self._here) >= self._room:
                raise CheckError("no_place")
            self._here.append(me)
            waits = not is_next()
        try:
            if waits:
                yield Step("wait", 0)
            with self._moved:
                while not self._moved.wait_for(is_next, LOOK_EVERY_S):
                    if stop.is_set():
                        raise CheckError("cancelled")
            yield from begin()
        finally:
            with self._moved:
                self._here.remove(me)
                self._moved.notify_all()
