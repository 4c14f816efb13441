"""Where the disk takes no more."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import OperationalError

from core.errors import CheckError


@contextmanager
def room() -> Iterator[None]:
    """Raises CheckError disk_full for whatever the system refuses to write."""
    try:
        yield
    except OSError as error:
        raise CheckError("disk_full") from error


def is_full(error: OperationalError) -> bool:
    """Whether it is for want of room that the database, SQLite or PostgreSQL, does not write."""
    told = getattr(error.orig, "sqlite_errorname", None), getattr(error.orig, "sqlstate", None)
    return "SQLITE_FULL" in told or "53100" in told
