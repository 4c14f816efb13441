"""A file of which only some blocks are here; the others are brought when somebody reads them."""

import io
import os
from collections.abc import Callable
from pathlib import Path

from core.errors import CheckError


class Pieces:
    """A sparse file of `size` bytes, and how to have a block of it filled. Not for several threads at once.

    bring: called with the number of a block of `block` bytes, once for each; when it returns, the block stands in the
    file. Raises CheckError where the block cannot be had. A library that reads may take that for the end of the file, so
    it is kept, and raised anew by leaving the context.
    """

    def __init__(self, path: Path, size: int, block: int, bring: Callable[[int], None]):
        self.path, self.size, self.block = path, size, block
        self._failed: CheckError | None = None
        self._bring = bring
        self._here: set[int] = set()
        self._file = path.open("rb")

    @property
    def name(self) -> str:
        return self.path.name

    def open(self) -> io.RawIOBase:
        """A reader with a place of its own."""
        return _Reader(self)

    def read(self, start: int, count: int) -> bytes:
        """Up to `count` bytes from `start` on: no further than the end of a block. Raises CheckError."""
        number = start // self.block
        count = min(count, (number + 1) * self.block - start, self.size - start)
        if count <= 0:
            return b""
        if number not in self._here and not self._ask(number):
            return b""
        return os.pread(self._file.fileno(), count, start)

    def _ask(self, number: int) -> bool:
        if self._failed:
            return False  # it was raised once; a library that reads on all the same is at the end
        try:
            self._bring(number)
        except CheckError as error:
            self._failed = error
            raise
        self._here.add(number)
        return True

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> "Pieces":
        return self

    def __exit__(self, *exc) -> None:
        """Raises what could not be brought, whatever was made of it inside."""
        self.close()
        if self._failed:
            raise self._failed


class _Reader(io.RawIOBase):
    def __init__(self, pieces: Pieces):
        self._pieces = pieces
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        data = self._pieces.read(self._at, len(buffer))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._pieces.size}[whence]
        if at < 0:
            raise OSError("before the beginning")
        self._at = at
        return at
