"""How a command of training ends where somebody can act on what went wrong: with a sentence, and no traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

from core.errors import CheckError
from core.writing import DISK_FULL, NOT_WRITABLE
from training.manifest import DataError


@contextmanager
def ends_with_a_sentence() -> Iterator[None]:
    """To stand above a `main`. What is not foreseen here is a bug, and keeps its traceback."""
    try:
        yield
    except (DataError, CheckError) as error:
        raise SystemExit(str(error)) from error
    except OSError as error:
        if error.errno in DISK_FULL:
            raise SystemExit("There is no room left on the disk. Free some and run the command again.") from error
        if error.errno in NOT_WRITABLE:
            what = f"{error.filename} cannot be read or written ({error.strerror})"
            raise SystemExit(f"{what}. Name another file or folder.") from error
        raise
