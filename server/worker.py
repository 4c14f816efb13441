"""The process that works on checks: Celery's worker, which hands each ring of the bell to a `Runner`."""

import signal
import threading
from collections.abc import Callable
from functools import partial

from celery import Celery, signals
from celery.worker import WorkController

from server.bell import RING, make_bell
from server.config import Config
from server.database import Database
from server.runner import Runner


def leave_logging(**_) -> None:
    """As it is: else Celery would have nothing said that is no warning, and so nothing of any check."""


def worker_class(bell: Celery) -> type[WorkController]:
    """Celery's, which ends with its terminal as it does with SIGTERM, or outlives it where nohup says so. By itself it
    starts anew then, by a command that is none of ours."""
    is_ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN

    class Steady(bell.Worker):
        def install_platform_tweaks(self, worker: WorkController) -> None:
            super().install_platform_tweaks(worker)
            signal.signal(signal.SIGHUP, signal.SIG_IGN if is_ignored else signal.getsignal(signal.SIGTERM))
            busy = threading.Lock()
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                if callable(handler := signal.getsignal(number)):
                    signal.signal(number, partial(handle_alone, busy, handler))

    return Steady


def handle_alone(busy: threading.Lock, handler: Callable[..., None], *signalled) -> None:
    """Let one signal be handled at a time: Celery takes locks in there, for which one that comes amid it would wait for ever.
    All of them say the same, so that one is dropped."""
    if busy.acquire(blocking=False):
        try:
            handler(*signalled)
        finally:
            busy.release()


def run_worker(config: Config) -> None:
    """The process behind `python -m server worker`: until SIGTERM."""
    database = Database(config.database)
    database.migrate()
    bell = make_bell(config)
    runner = Runner(config, database, bell)

    @bell.task(name=RING)
    def come() -> None:
        runner.drain()

    signals.setup_logging.connect(leave_logging, weak=False)
    signals.worker_shutting_down.connect(lambda **_: runner.stop(), weak=False)
    try:
        runner.start()
        # threads, as a check runs in its own processes and a thread only watches
        worker = worker_class(bell)(
            pool="threads",
            concurrency=config.checks,
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
            quiet=True,
        )
        worker.start()
    finally:
        runner.close()
