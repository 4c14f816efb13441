"""One file of a site, fetched into a sparse file block by block: only the blocks that somebody reads."""

import os
import re
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from core.errors import CheckError

SHORT_S = 60  # of less than this the sampling plan needs so much that one request for all is quicker
SMALL = 16 * 2**20  # bytes; the same where the site does not tell how long the video is
BLOCKS = 256  # of a file, at most: so many requests may it take
LEAST_BLOCK = 64 * 2**10  # bytes
CHUNK = 4 * 2**10  # bytes, between two looks at the time: a site may let them trickle
TRIES = 2  # a kept connection may have gone stale


class Stop(Exception):
    """Ends yt-dlp from inside one of its hooks; it lets exceptions it does not know pass."""

    def __init__(self, code: str):
        self.code = code
        super().__init__(code)


class Unsteady(Exception):
    """The site did not answer with the bytes asked for, or not of the same file."""


@dataclass(frozen=True)
class Version:
    """What must stay the same from one answer to the next."""

    size: int
    tag: str | None
    modified: str | None


@dataclass(frozen=True)
class Asked:
    """How a site is asked for a range of one file.

    get: the first and the last byte -> yt-dlp's response. watch: called while data flows, with the end of its time
    (`time.monotonic`); raises Stop. why: the code for a site that fails.
    """

    get: Callable
    watch: Callable[[float], None]
    why: Callable[[], str]

    def read(self, first: int, last: int, until: float) -> tuple[Version, bytes]:
        """The bytes from `first` to `last`, both included (fewer at the end of the file), and what they are of.

        Raises Unsteady for any other answer than these bytes as they are, Stop, and yt-dlp's errors.
        """
        with closing(self.get(first, last)) as answer:
            told = re.fullmatch(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15})", answer.headers.get("Content-Range") or "")
            if answer.status != 206 or not told or answer.headers.get("Content-Encoding", "identity") != "identity":
                raise Unsteady
            start, end, size = map(int, told.groups())
            if (start, end) != (first, min(last, size - 1)):
                raise Unsteady
            data = bytearray()
            while len(data) <= end - start:
                self.watch(until)
                part = answer.read(min(CHUNK, end - start + 1 - len(data)))
                if not part:
                    raise Unsteady
                data += part
        return Version(size, answer.headers.get("ETag"), answer.headers.get("Last-Modified")), bytes(data)


class Remote:
    """A file of `size` bytes behind a link, of which `path` holds the blocks (of `block` bytes) that were brought.

    seconds: how long the site may take for all of them.
    """

    def __init__(self, path: Path, version: Version, asked: Asked, seconds: float):
        self.path, self.size = path, version.size
        self.block = max(LEAST_BLOCK, -(-self.size // BLOCKS))
        self._version, self._asked, self._seconds = version, asked, seconds
        self._here: set[int] = set()
        self._open = ExitStack()
        with path.open("xb") as file:
            file.truncate(self.size)

    def keep(self, stack: ExitStack) -> None:
        """What must stay open until `close`."""
        self._open = stack

    def close(self) -> None:
        """Hang up, and delete the file."""
        self._open.close()
        self.path.unlink(missing_ok=True)

    def bring(self, number: int) -> None:
        """Fetch one block into the file, unless it is there. Raises CheckError; "network" where the site breaks off."""
        if type(number) is not int or not 0 <= number * self.block < self.size:
            raise CheckError("internal")  # who reads hostile bytes may be asking anything
        if number in self._here:
            return
        first, start = number * self.block, time.monotonic()
        try:
            data = self._read(first, min(first + self.block, self.size) - 1, start + self._seconds)
            with self.path.open("r+b") as file:
                os.pwrite(file.fileno(), data, first)
        except OSError as error:
            raise CheckError("disk_full") from error
        finally:
            self._seconds -= time.monotonic() - start
        self._here.add(number)

    def _read(self, first: int, last: int, until: float) -> bytes:
        from yt_dlp.utils import YoutubeDLError

        for _ in range(TRIES):
            try:
                version, data = self._asked.read(first, last, until)
            except Stop as stop:
                raise CheckError(stop.code) from None
            except (Unsteady, YoutubeDLError, OSError):
                continue
            if version == self._version:
                return data
        raise CheckError(self._asked.why())


def open_remote(path: Path, asked: Asked, max_bytes: int, seconds: float, duration_s: float | None) -> Remote | None:
    """A file to be read in pieces, from its first bytes; None where it has to be fetched whole, or better is.

    It has to be long, and of a kind that tells where its pictures lie (MP4, Matroska, WebM). Raises Stop.
    """
    from yt_dlp.utils import YoutubeDLError

    if duration_s and duration_s < SHORT_S:
        return None
    try:
        version, head = asked.read(0, LEAST_BLOCK - 1, time.monotonic() + seconds)
    except (Unsteady, YoutubeDLError, OSError):
        return None  # whatever is wrong, fetching it whole will tell
    has_index = head[4:8] == b"ftyp" or head.startswith(b"\x1a\x45\xdf\xa3")
    is_long = version.size >= (4 * LEAST_BLOCK if duration_s else SMALL)
    if not has_index or not is_long:
        return None
    if version.size > max_bytes:
        raise Stop("too_large")
    return Remote(path, version, asked, seconds)
