"""Where the disk takes no more."""

from collections.abc import Iterator
from contextlib import contextmanager

from core.errors import CheckError


@contextmanager
def room() -> Iterator[None]:
    """Raises CheckError disk_full for whatever the system refuses to write."""
    try:
        yield
    except OSError as error:
        raise CheckError("disk_full") from error
