"""Celery as a doorbell: a message says only that there is work; which work, the database says.

So a message may be lost, come twice or come late: the sweeper rings again for whatever waits.
"""

import logging
import queue
import threading
import time
from contextlib import suppress

from celery import Celery
from kombu.exceptions import KombuError
from kombu.transport import TRANSPORT_ALIASES
from kombu.transport.sqlalchemy import Channel as SqlChannel
from kombu.transport.sqlalchemy import Transport as SqlTransport
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from server.config import Config

log = logging.getLogger(__name__)

RING = "unmask.ring"
RINGS_WAITING = 16
RING_PAUSE_S = 0.05


class SharedSql(SqlChannel):
    """kombu's, for when a server and its workers start in the same moment and each makes the queue's row."""

    def _get_or_create(self, queue: str):
        try:
            return super()._get_or_create(queue)
        except IntegrityError:  # another process was first: kombu would end the worker, and ring no more
            self.session.rollback()
            return super()._get_or_create(queue)


class QuickSql(SqlTransport):
    """kombu's, looking four times a second: its option for that goes astray to the database's driver."""

    Channel = SharedSql
    polling_interval = 0.25

    def drain_events(self, connection, timeout: float | None = None) -> None:
        """For half a second instead of two, as Celery ends no such round and begins another before it stops."""
        super().drain_events(connection, timeout and min(timeout, 0.5))


TRANSPORT_ALIASES["sqla"] = f"{__name__}:QuickSql"


def make_bell(config: Config) -> Celery:
    if config.broker.startswith("sqla+sqlite"):
        config.data.mkdir(parents=True, exist_ok=True)
    bell = Celery("unmask", broker=config.broker, set_as_current=False)
    bell.conf.update(
        task_ignore_result=True,
        task_default_queue="unmask",
        worker_hijack_root_logger=False,
        worker_enable_remote_control=False,
        worker_prefetch_multiplier=1,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
    )
    if config.broker.startswith("redis"):
        # of one that takes connections and answers none, who rings would wait for ever
        bell.conf.broker_transport_options = {"socket_connect_timeout": 2, "socket_timeout": 2}
    return bell


def ring(bell: Celery) -> None:
    """Tell the workers. A broker that is down costs no more than a delay, as the sweeper rings again."""
    try:
        bell.send_task(RING, expires=120, retry=False)
    except (KombuError, SQLAlchemyError, OSError) as error:
        log.warning("the broker does not answer: %s", type(error).__name__)


def is_heard(bell: Celery) -> bool:
    """Whether the broker answers, within a few seconds."""
    try:
        with bell.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=2)
    except (KombuError, SQLAlchemyError, OSError):
        return False
    return True


class Ringer:
    """Rings from a thread of its own, as a message costs more time than everything else in a request together.

    What rings while RINGS_WAITING are on their way is dropped: that many workers are being told already.
    """

    def __init__(self, bell: Celery):
        self.bell = bell
        self._wanted: queue.Queue[None] = queue.Queue(RINGS_WAITING)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = (
            None  # not before the first ring: gunicorn forks, and threads stay behind
        )

    def ring(self) -> None:
        with suppress(queue.Full):
            self._wanted.put_nowait(None)
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            self._wanted.get()
            ring(self.bell)
            time.sleep(RING_PAUSE_S)


def forget_old_rings(config: Config) -> None:
    """kombu's SQL transport never deletes a message it has delivered."""
    if not config.broker.startswith("sqla+"):
        return
    engine = create_engine(config.broker.removeprefix("sqla+"))
    try:
        with engine.begin() as connection:
            connection.execute(text("DELETE FROM kombu_message WHERE NOT visible"))
    except SQLAlchemyError:
        log.debug("old rings stay until the next sweep")
    finally:
        engine.dispose()
