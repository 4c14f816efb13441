"""Connections, transactions and migrations, alike on SQLite and PostgreSQL."""

import fcntl
import logging
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session

log = logging.getLogger(__name__)

MIGRATIONS = Path(__file__).parent / "migrations"
MIGRATION_LOCK = 7_215_001  # any number, the same everywhere
# an error with its parameters would take links and ids into the log
POOL = {"pool_size": 20, "max_overflow": 20, "hide_parameters": True}
# of SQLite's errors those that pass; the last when several open a new file at once
BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL")
# PostgreSQL's words to who may not come in: where no connection is made there is no code
TURNED_AWAY = re.compile(r"authentication failed|no password supplied|no pg_hba\.conf entry")


class TooNew(Exception):
    """The tables are of a later version than this one knows."""

    def __init__(self):
        super().__init__("This database was last used by a newer Unmask: use that version or restore your backup.")


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

        A database that does not answer yet is waited for. Raises TooNew, and sqlalchemy.exc.OperationalError when patience
        is out or would not help.
        """
        until = time.monotonic() + patience_s
        while True:
            try:
                return self._migrate()
            except OperationalError as error:
                if time.monotonic() > until or not may_pass(error):
                    raise
                log.warning("the database is not ready, trying again: %s", reason(error))
                time.sleep(1)

    def _migrate(self) -> None:
        from alembic import command
        from alembic.config import Config
        from alembic.script.revision import ResolutionError
        from alembic.util import CommandError

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        with self._writer.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError as error:
                if isinstance(error.__cause__, ResolutionError):
                    raise TooNew from None
                raise

    def close(self) -> None:
        self.engine.dispose()


def reason(error: SQLAlchemyError) -> str:
    """What the database itself said, without the statement, in one line. It holds no password."""
    return str(getattr(error, "orig", None) or error).partition("\n")[0].rstrip(".")


def may_pass(error: OperationalError) -> bool:
    """Whether it may help to wait: for another writer of SQLite, or for a PostgreSQL that is still starting."""
    code = getattr(error.orig, "sqlite_errorname", None)
    return code.startswith(BUSY) if code else not TURNED_AWAY.search(str(error.orig))


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
