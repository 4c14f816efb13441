"""What a visitor's page holds on this machine: a check that runs, and files. All of it goes when the page is closed."""

import secrets
import shutil
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from core.analysis import Analysis

KEEP_S = 1800  # as the page keeps uploads; a program may ask as a page does and never say that it leaves


@dataclass(eq=False)
class Visit:
    """One open page. A new check replaces the one before and its files."""

    folder: Path | None = None  # of the last check
    stop: threading.Event = field(default_factory=threading.Event)  # of the last check
    uploads: dict[Path, int] = field(default_factory=dict)  # with the time of their last change, in ns
    analysis: Analysis | None = None  # what the last check found
    line: float = 0.0  # the visitor's own, a probability; 0 for none


class Visits:
    """Every open page by its session. Safe to call from several threads.

    root: the folder that Gradio serves files from; the folders of checks lie in it.
    """

    def __init__(self, root: Path):
        self.root = root
        self._visits: dict[str, Visit] = {}
        self._lock = threading.Lock()

    def of(self, session: str) -> Visit:
        """The open page as it is now; a check that begins replaces it."""
        with self._lock:
            return self._visits.setdefault(session, Visit())

    def begin(self, session: str) -> Visit:
        """Stop the session's last check, drop its files, and make room for the next."""
        with self._lock:
            for forgotten in [name for name, visit in self._visits.items() if is_old(visit)]:
                self._end(forgotten)
            visit = self._visits.setdefault(session, Visit())
            visit.stop.set()
            drop_folder(visit.folder)
            # whoever knows the name can fetch what is in the folder, so it cannot be guessed
            folder = self.root / f"check-{secrets.token_hex(16)}"
            folder.mkdir(parents=True)
            # a Visit of its own, so that the check before keeps the event that stops it
            visit = Visit(folder, uploads=visit.uploads, line=visit.line)
            self._visits[session] = visit
            return visit

    def is_replaced(self, session: str, visit: Visit) -> bool:
        """Whether the page is open and another check has begun in it."""
        with self._lock:
            return self._visits.get(session, visit) is not visit

    def cancel(self, session: str) -> None:
        """Stop the session's check; it ends with CheckError("cancelled")."""
        with self._lock:
            if visit := self._visits.get(session):
                visit.stop.set()

    def empty(self, visit: Visit) -> None:
        """Delete what its check left, for one that was stopped. The folder itself tells when that was, see `is_old`."""
        with self._lock, suppress(FileNotFoundError):  # the page may have been closed meanwhile
            for path in visit.folder.iterdir():
                if path.is_dir():
                    drop_folder(path)
                else:
                    path.unlink()

    def hold(self, session: str, upload: str | Path) -> None:
        """Remember an uploaded file. The same file sent by two people lies on the disk once."""
        with self._lock:
            visit = self._visits.setdefault(session, Visit())
            visit.uploads[Path(upload)] = changed(Path(upload))

    def end(self, session: str) -> None:
        """Stop the session's check, and delete its files and the uploads that no other page holds."""
        with self._lock:
            self._end(session)

    def _end(self, session: str) -> None:
        visit = self._visits.pop(session, None)
        if visit is None:
            return
        visit.stop.set()
        drop_folder(visit.folder)
        held = {upload for other in self._visits.values() for upload in other.uploads}
        for upload, when in visit.uploads.items():
            # sent once more since, it lies there for somebody who still waits in line
            is_own = upload not in held and changed(upload) == when
            if is_own and self.root.resolve() in upload.resolve().parents:
                upload.unlink(missing_ok=True)  # not its folder, where the same bytes lie under other names


def is_old(visit: Visit) -> bool:
    """Whether its check ended, and so long ago that nobody can be counting on its files."""
    if visit.folder is None or not visit.stop.is_set():
        return False
    latest = max(changed(path) for path in (visit.folder, *visit.uploads))
    return latest / 1e9 < time.time() - KEEP_S


def changed(path: Path) -> int:
    """When, in nanoseconds; 0 where it is not there."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def drop_folder(folder: Path | None) -> None:
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
