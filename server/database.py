"""Connections, transactions and migrations, alike on SQLite and PostgreSQL."""

import fcntl
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

log = logging.getLogger(__name__)

MIGRATIONS = Path(__file__).parent / "migrations"
MIGRATION_LOCK = 7_215_001  # any number, the same everywhere
# an error with its parameters would take links and ids into the log
POOL = {"pool_size": 20, "max_overflow": 20, "hide_parameters": True}


class Database:
    """Short transactions; objects stay readable after them."""

    def __init__(self, url: str):
        self.engine = open_engine(url)
        self._turns = Path(f"{self.engine.url.database}-turns") if self.engine.dialect.name == "sqlite" else None
        self._writer = self.engine.execution_options(writes=True)

    @contextmanager
    def read(self) -> Iterator[Session]:
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """One transaction: all of it, or nothing where an exception leaves the block."""
        with self._turn(), Session(self._writer, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """SQLite has one writer; the rest sleep up to 100 ms and look again, and who comes late may be served first.
        A lock of the system wakes the next one at once. Another process that takes no turn is still waited for."""
        if self._turns is None:
            yield
            return
        with self._turns.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def migrate(self, patience_s: float = 60) -> None:
        """Bring the tables up to date. Several processes may start at once: one migrates, the others wait.

        A database that does not answer yet is waited for. Raises sqlalchemy.exc.OperationalError when patience is out.
        """
        until = time.monotonic() + patience_s
        while True:
            try:
                return self._migrate()
            except OperationalError:
                if time.monotonic() > until:
                    raise
                log.warning("the database does not answer; trying again")
                time.sleep(1)

    def _migrate(self) -> None:
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        with self._writer.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def close(self) -> None:
        self.engine.dispose()


def open_engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(url, **POOL, pool_pre_ping=True)
    Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, **POOL, connect_args={"timeout": 30, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def prepare(connection, record):
        connection.isolation_level = None  # the driver would begin transactions by itself, and too late
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")  # an accepted check must outlive the machine
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def begin(connection):
        # a reader that turns writer half-way is refused at once instead of waiting: say so from the start
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
