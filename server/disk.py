"""Where the disk takes no more."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import OperationalError

from core.errors import CheckError

KEPT_FREE = 256 * 2**20  # bytes that uploads and batches leave to the database and to what is drawn


@contextmanager
def room() -> Iterator[None]:
    """Raises CheckError disk_full for whatever the system refuses to write."""
    try:
        yield
    except OSError as error:
        raise CheckError("disk_full") from error


def leave_some(folder: Path) -> None:
    """Raises CheckError disk_full where there is no more than what others need to go on."""
    if shutil.disk_usage(folder).free < KEPT_FREE:
        raise CheckError("disk_full")


def is_full(error: OperationalError) -> bool:
    """Whether it is for want of room that the database, SQLite or PostgreSQL, does not write."""
    told = getattr(error.orig, "sqlite_errorname", None), getattr(error.orig, "sqlstate", None)
    return "SQLITE_FULL" in told or "53100" in told
