"""How a file is written: whole or not at all, and what keeps it from being written becomes a CheckError."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from core.errors import CheckError

DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # what the system says where it takes no more
NOT_WRITABLE = (
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EEXIST,
    errno.EISDIR,
    errno.ENAMETOOLONG,
    errno.ELOOP,
)


@contextmanager
def as_writing_error() -> Iterator[None]:
    """What keeps a file or folder from being written becomes a CheckError."""
    try:
        yield
    except Exception as error:
        code = getattr(error, "errno", None)
        if code in DISK_FULL:
            raise CheckError("disk_full") from error
        if code in NOT_WRITABLE:
            raise CheckError("not_writable") from error
        raise


@contextmanager
def written_whole(out: Path) -> Iterator[Path]:
    """A path to write to, which becomes `out` when the block ends well and vanishes when it does not."""
    part = out.with_name(f".{out.stem}.{os.getpid()}.part{out.suffix}")
    try:
        with as_writing_error():
            out.parent.mkdir(parents=True, exist_ok=True)
            yield part
            part.replace(out)
    finally:
        with suppress(OSError):  # where nothing can be written there is nothing to take away
            part.unlink()
