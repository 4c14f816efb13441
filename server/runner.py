"""The side that does the work: checks taken from the queue, each worked on in child processes."""

import itertools
import logging
import os
import queue as queues
import shutil
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from celery import Celery
from sqlalchemy.exc import SQLAlchemyError

from core.errors import CheckError
from core.fetch.egress import Guard
from core.plan import PLANS
from server.bell import forget_old_rings, ring
from server.children import Analyst, Beat, Child, Died, Network
from server.config import Config
from server.database import Database, reason
from server.disk import room
from server.policy import load_policy
from server.queue import Lost, Queue
from server.tables import Check, new_id
from server.webhooks import PARTING_S, Postman

log = logging.getLogger(__name__)

KEEP_S = 5.0  # between two signs of life and sweeps
FILES_S = 500.0  # between two sweeps of files
DELIVER_S = 1.0  # between two looks for webhooks that are due
FETCH_SHARE = 0.4  # of the progress bar of a link
FETCHER_GRACE_S = 1.0  # it hears of a cancel only while data flows, and is soon started again


@dataclass(frozen=True)
class Seat:
    """Where one check at a time is worked on: a process that judges files, and one that may reach the guard."""

    analyst: Child
    fetcher: Child


class Runner:
    """Everything one worker process has. `start` it, let messages call `drain`, `stop` it."""

    def __init__(self, config: Config, database: Database, bell: Celery):
        self.config = config
        self.queue = Queue(database, config)
        self.bell = bell
        self.guard = Guard(config.guard_allow, config.egress_proxy)
        self.policy = load_policy(config.policy)
        self.postman = Postman(database, self.guard, config.webhook_secret) if config.webhook_secret else None
        self.id = f"{socket.gethostname()}-{os.getpid()}-{new_id()[:8]}"
        self.stopping = threading.Event()
        self._told = itertools.count()  # to stop
        self.network: Network | None = None
        self.seats: queues.SimpleQueue[Seat] = queues.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._sweep_files_at = 0.0  # monotonic seconds

    def _shared_network(self) -> Network | None:
        """One network for all seats, where that is asked for or saves a graphics card from holding several."""
        config = self.config
        if config.shared_network is False or config.detector != Config.detector:
            return None
        if config.shared_network is None and (config.checks == 1 or config.device == "cpu"):
            return None
        gpu_only = config.shared_network is None
        network = Network({"weights": config.weights, "device": config.device, "gpu_only": gpu_only})
        try:
            network.start()
        except CheckError as error:
            network.kill()
            if not gpu_only or error.code != "device_unavailable":
                raise
            return None
        log.info("one network for %d checks at a time", config.checks)
        return network

    def _seat(self) -> Seat:
        config = self.config
        analyst = {
            "detector": config.detector,
            "weights": config.weights,
            "device": config.device,
            "memory": config.memory,
            "network": None,
        }
        fetcher = {"limits": asdict(config.fetch), "allowed": asdict(config.allowed), "memory": config.memory}
        judging = Analyst(analyst, self.network) if self.network else Child("analyse", analyst)
        return Seat(judging, Child("fetch", fetcher, grace_s=FETCHER_GRACE_S))

    def start(self) -> None:
        """Load the model and begin to give signs of life. Raises CheckError where there are no weights."""
        self.network = self._shared_network()
        seats = [self._seat() for _ in range(self.config.checks)]
        for seat in seats:
            self.seats.put(seat)
        ready = seats[0].analyst.start()
        for what in ready["degraded"]:
            log.warning("degraded: %s", what)
        chores = [(partial(self._keep, ready), KEEP_S)]
        if self.postman:
            chores.append((self.postman.deliver_due, DELIVER_S))
        if self.network:
            chores.append((self._count, KEEP_S))
        self._threads = [threading.Thread(target=self._again_and_again, args=chore, daemon=True) for chore in chores]
        for thread in self._threads:
            thread.start()

    def _keep(self, ready: dict) -> None:
        """A sign of life, and sweeping."""
        self.queue.sign_in(self.id, ready)
        for _ in range(min(self.queue.sweep(), self.config.checks)):
            ring(self.bell)
        if time.monotonic() >= self._sweep_files_at:
            self._sweep_files_at = time.monotonic() + FILES_S
            self.queue.sweep_files()
            forget_old_rings(self.config)

    def _count(self) -> None:
        """What the network did, for the metrics. Apart from `_keep`, as a network that is being started keeps it waiting."""
        self.queue.count_passes(self.network.told())

    def _again_and_again(self, what: Callable[[], None], every_s: float) -> None:
        """Until the worker stops, whatever goes wrong meanwhile: without signs of life it would count as dead."""
        while not self.stopping.is_set():
            try:
                what()
            except SQLAlchemyError as error:
                log.warning("the database does not answer: %s", reason(error))
            except Exception:
                log.exception("unexpected, tried again in %g s", every_s)
            self.stopping.wait(every_s)

    def stop(self) -> None:
        """Give back what is being worked on, for another worker to take up.

        Called by signals: a second one that comes amid the first would wait for the event's lock, which that one holds.
        """
        if next(self._told) == 0:
            self.stopping.set()

    def close(self) -> None:
        self.stop()
        for thread in self._threads:
            thread.join()
        if self.postman:
            self.postman.wait(PARTING_S)
        while not self.seats.empty():
            seat = self.seats.get()
            seat.analyst.kill()
            seat.fetcher.kill()
        if self.network:
            self.network.kill()
        self.guard.close()
        with suppress(SQLAlchemyError):
            self.queue.sign_out(self.id)

    def drain(self) -> None:
        """Work until nothing waits."""
        seat = self.seats.get()
        try:
            while not self.stopping.is_set() and (check := self.queue.take(self.id)):
                self.work(check, seat)
        except SQLAlchemyError as error:
            log.warning("the database does not answer: %s", reason(error))
        finally:
            self.seats.put(seat)

    def work(self, check: Check, seat: Seat) -> None:
        """One check from its row to its end, whatever that is."""
        scratch = self.config.folder(check.id) / f"work-{check.fence}"
        ended = done = False
        try:
            analysis = self._analyse(check, seat, scratch)
            actions = self.policy.decide(analysis, check.category) if self.policy else None
            review = "held" if actions and actions[0]["action"] == "hold" else None
            self._patiently(check, partial(self.queue.done, check, analysis, actions, review))
            ended = done = True
            log.info("check %s: %s", check.id, analysis["verdict"])
        except Lost:
            log.info("check %s: taken over or deleted", check.id)
        except Died:
            ended = self._interrupted(check)
        except CheckError as error:
            ended = self._failed(check, error)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
            if not done:  # also what was drawn after its owner deleted the check
                shutil.rmtree(self.config.artifacts(check.id, check.fence), ignore_errors=True)
            if ended:
                self.config.source(check.id).unlink(missing_ok=True)
            with suppress(OSError):
                self.config.folder(check.id).rmdir()  # only where it is empty

    def _analyse(self, check: Check, seat: Seat, scratch: Path) -> dict:
        with room():
            scratch.mkdir(parents=True, exist_ok=True)
        if not check.url:
            return self._judge(check, seat, {"path": str(self.config.source(check.id)), "pieces": None}, 0.0)
        # the annotated copy and this plan look at all of the video
        in_pieces = not (check.artifacts and check.film) and PLANS[check.plan].windows > 0
        found = self._fetch(check, seat, scratch, in_pieces)
        try:
            return self._judge(check, seat, found, FETCH_SHARE)
        except CheckError as error:
            if error.code != "network" or not found["pieces"]:
                raise
        log.info("check %s: not to be had in pieces", check.id)
        return self._judge(check, seat, self._fetch(check, seat, scratch, in_pieces=False), FETCH_SHARE)

    def _fetch(self, check: Check, seat: Seat, scratch: Path, in_pieces: bool) -> dict:
        """What the fetcher says: {"path"}, and "pieces" where only the beginning of the file is there yet."""
        fetch = self.config.fetch
        job = f"{check.id}-{check.fence}{'-pieces' if in_pieces else ''}"
        # pieces are fetched while they are looked at
        seconds = fetch.seconds + (self.config.check_s if in_pieces else 0)
        way_out = self.guard.exit(job, fetch.bytes + fetch.bytes // 8, seconds)
        request = {"url": check.url, "folder": str(scratch), "proxy": way_out.proxy, "in_pieces": in_pieces}
        beat = partial(self._beat, check, "fetching", "fetch", 0.0, FETCH_SHARE)
        return seat.fetcher.ask(request, fetch.seconds + 30, beat)

    def _judge(self, check: Check, seat: Seat, found: dict, start: float) -> dict:
        """The analysis of a file; `start` is where its part of the progress bar begins."""
        drawn = self.config.artifacts(check.id, check.fence)
        if check.artifacts:
            with room():
                drawn.mkdir(parents=True, exist_ok=True)
        elif not os.path.exists(found["path"]):
            raise CheckError("internal")  # an upload that vanished
        request = {
            **found,
            "name": check.url or "an uploaded file",  # what it was called is not kept
            "plan": check.plan,
            "artifacts": str(drawn) if check.artifacts else None,
            "film": check.film,
        }
        beat = partial(self._beat, check, "analyzing", "open", start, 1.0)

        def bring(block: int, beat: Beat) -> None:
            seat.fetcher.ask({"block": block}, self.config.fetch.seconds + 30, beat)

        return seat.analyst.ask(request, self.config.check_s, beat, bring if found["pieces"] else None)

    def _beat(
        self, check: Check, status: str, stage: str, start: float, end: float, done: int, total: int, now: str
    ) -> bool:
        """One heartbeat; True when the child is to stop."""
        share = min(1.0, done / total) if total else 0.0
        stages = STAGES_DRAWN if check.artifacts else STAGES
        if now in stages:
            first, last = stages[now]
            share = first + (last - first) * share
        try:
            is_cancelled = self.queue.beat(check, status, now or stage, start + (end - start) * share)
        except SQLAlchemyError as error:  # the lease may run out meanwhile; then the fence decides
            log.warning("the database does not answer: %s", reason(error))
            is_cancelled = False
        return is_cancelled or self.stopping.is_set()

    def _failed(self, check: Check, error: CheckError) -> bool:
        """Whether the check has ended with this."""
        with suppress(Lost):
            if error.code == "cancelled" and self.stopping.is_set() and not self.queue.is_cancelled(check):
                self.queue.give_back(check, counts=False)
                ring(self.bell)
                return False
            log.info("check %s: %s", check.id, error.code)
            self._patiently(check, partial(self.queue.failed, check, error.code, error.detail))
            return True
        return False

    def _patiently(self, check: Check, write: Callable[[], None]) -> None:
        """Write the end of a check; minutes of work are worth waiting some seconds for a database that is away."""
        tried = False
        for _ in range(round(self.config.lease_s)):
            try:
                return write()
            except SQLAlchemyError as error:
                log.warning("the database does not answer: %s", reason(error))
                tried = True
                time.sleep(1)
            except Lost:
                if tried and self.queue.has_ended(check):  # it was written, and only the answer was lost
                    return None
                raise
        raise Lost

    def _interrupted(self, check: Check) -> bool:
        with suppress(Lost):
            if self.queue.is_cancelled(check):
                self.queue.failed(check, "cancelled")
                return True
            if check.attempt >= self.config.attempts:
                log.warning("check %s: given up after %d attempts", check.id, check.attempt)
                self.queue.failed(check, "interrupted")
                return True
            log.warning("check %s: its process died, attempt %d", check.id, check.attempt)
            self.queue.give_back(check, counts=True)
            ring(self.bell)
        return False


# How the stages of an analysis share the progress bar: the frames take the time.
STAGES = {"open": (0.0, 0.02), "look": (0.02, 0.97), "judge": (0.97, 1.0)}
STAGES_DRAWN = {"open": (0.0, 0.02), "look": (0.02, 0.48), "judge": (0.48, 0.5), "draw": (0.5, 1.0)}
