"""The worker's side of a child process: start it, ask it, watch it, replace it."""

import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.reduction import send_handle

from core.errors import ERRORS, CheckError
from server.wire import Wire

BEAT_S = 1.0
START_S = 300  # a large model from a slow disk
MESSAGE_S = 10  # for any part of a message, once it has begun
GRACE_S = 10

Beat = Callable[[int, int, str], bool]  # done, total, stage -> whether to stop
Bring = Callable[[int, Beat], None]  # has a block of the file fetched meanwhile; raises CheckError


def unwatched(_done: int, _total: int, _stage: str) -> bool:
    """A beat that nobody hears."""
    return False


def failure_of(work: Callable[..., None], *args) -> tuple[str, str] | None:
    """Code and detail of the CheckError that the work ends with; None if it ends well."""
    try:
        work(*args)
    except CheckError as error:
        return error.code, error.detail
    return None


class Died(Exception):
    """The child ended in the middle of its work."""


class Child:
    """One process, started when first asked. Not for several threads at once.

    grace_s: between asking it to stop and ending it; long for one that would have a model to load again.
    """

    def __init__(self, kind: str, settings: dict, grace_s: float = GRACE_S):
        self.kind = kind
        self.settings = settings
        self.grace_s = grace_s
        self.ready: dict | None = None
        self._process: subprocess.Popen | None = None
        self._wire: Wire | None = None

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, beat: Beat = unwatched, descriptors: tuple[int, ...] = ()) -> dict:
        """Start it with these open unless it runs; what it says of itself. Raises CheckError (no weights), Died.

        `beat` is called meanwhile; what it raises ends the start.
        """
        if self.runs:
            return self.ready
        self.kill()
        ours, theirs = socket.socketpair()
        # a child that was taken over may begin a message and never end it
        for way in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            ours.setsockopt(socket.SOL_SOCKET, way, struct.pack("ll", MESSAGE_S, 0))
        command = [sys.executable, "-m", "server.child", self.kind, str(theirs.fileno())]
        with theirs:
            passed = [theirs.fileno(), *descriptors]
            # in a group of its own, as it may start others: a fetcher runs YouTube's player
            self._process = subprocess.Popen(command, pass_fds=passed, stdin=subprocess.DEVNULL, start_new_session=True)
        self._wire = Wire(Connection(os.dup(ours.fileno())))
        ours.close()
        try:
            # a model that is being loaded is of use to the next check as well: whether to stop is asked for later
            answer = self._exchange(self.settings, time.monotonic() + START_S, lambda *now: beat(*now) and False)
        except BaseException:
            self.kill()
            raise
        self.ready = answer["ready"]
        return self.ready

    def ask(self, request: dict, limit_s: float, beat: Beat, bring: Bring | None = None) -> dict:
        """Have one request worked on; `beat` is called about once a second with the latest progress.

        bring: called for the blocks that the child wants, of a file to be had in pieces.

        Raises CheckError with the child's code, "cancelled" once `beat` said so, "timed_out"; Died where it ended. What
        `beat` raises ends the child, as nobody waits for its answer any more.
        """
        self.start(beat)
        try:
            return self._exchange(request, time.monotonic() + limit_s, beat, bring)["result"]
        except CheckError:
            raise
        except BaseException:
            self.kill()
            raise

    def _exchange(self, request: dict, deadline: float, beat: Beat, bring: Bring | None = None) -> dict:
        latest, next_beat, stop_at = (0, 0, ""), time.monotonic() + BEAT_S, None
        try:
            self._wire.send(**request)
            while True:
                now = time.monotonic()
                if now >= deadline or (stop_at and now >= stop_at):
                    self.kill()
                    raise CheckError("cancelled" if stop_at else "timed_out")
                if now >= next_beat:
                    next_beat = now + BEAT_S
                    if beat(*latest) and stop_at is None:
                        stop_at = now + self.grace_s
                        self._wire.send(cancel=True)
                if not self._wire.connection.poll(max(0.0, min(next_beat, deadline) - time.monotonic())):
                    continue
                message = self._wire.receive()
                if "error" in message:
                    code, detail = message["error"]
                    if code == "out_of_memory":
                        self.kill()  # it ends by itself, but the next check could be handed to it before it has
                    raise CheckError(code if code in ERRORS else "internal", detail)
                if "progress" in message:
                    stage_changed = message["progress"][2] != latest[2]
                    latest = tuple(message["progress"])
                    next_beat = now if stage_changed else next_beat
                elif "want" in message and bring:
                    self._wire.send(brought=failure_of(bring, message["want"], lambda *_, now=latest: beat(*now)))
                else:
                    return message
        except (EOFError, OSError, ValueError) as error:
            self.kill()
            raise Died from error

    def kill(self) -> None:
        if self._process is not None:
            if self.runs:
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
        if self._wire is not None:
            self._wire.connection.close()
            self._wire = None


class Network(Child):
    """The child that holds the one network of several analysts. Safe to call from several threads."""

    def __init__(self, settings: dict):
        super().__init__("network", settings)
        self._lock = threading.Lock()
        self._asked = False  # for its numbers
        self.number = 0  # of the process: one that died is followed by the next

    def start(self, beat: Beat = unwatched) -> dict:
        while not self._lock.acquire(timeout=BEAT_S):  # another analyst starts it
            beat(0, 0, "")
        try:
            if not self.runs:
                self.number += 1
                self._asked = False
            return super().start(beat)
        finally:
            self._lock.release()

    def connect(self, line: socket.socket) -> None:
        """Hand it the other end of an analyst's line. Raises Died."""
        with self._lock:
            if not self.runs:
                raise Died
            try:
                self._wire.send(line=True)
                send_handle(self._wire.connection, line.fileno(), self._process.pid)
            except OSError as error:
                raise Died from error

    def told(self) -> list[list[int]]:
        """[checks in a pass, how many such passes, crops in them], what was asked for the last time; asks anew.

        Nobody waits for the answer, as the lock would keep analysts from starting meanwhile.
        """
        with self._lock:
            if not self.runs or (self._asked and not self._wire.connection.poll(0)):
                return []
            try:
                rows = self._wire.receive()["result"] if self._asked else []
                self._wire.send(tell=True)
            except (EOFError, OSError):  # it has just ended; the next check notices
                return []
            self._asked = True
            return rows


class Analyst(Child):
    """A child whose crops go through the network's process, and which does not outlive it."""

    def __init__(self, settings: dict, network: Network):
        super().__init__("analyse", settings)
        self.network = network
        self._number = 0

    def start(self, beat: Beat = unwatched) -> dict:
        ready = self.network.start(beat)
        if self._number != self.network.number:
            self.kill()
        if self.runs:
            return self.ready
        self._number = self.network.number
        ours, theirs = socket.socketpair()
        with ours, theirs:
            self.network.connect(ours)
            self.settings["network"] = {"line": theirs.fileno(), **ready}
            return super().start(beat, (theirs.fileno(),))
