"""Uploads: streamed to disk as they arrive, hashed on the way, and recognised by what they begin with."""

import hashlib
import os
from pathlib import Path
from typing import BinaryIO

from flask import Request, current_app

from core.container import recognise
from core.errors import CheckError

HEAD = 1024  # bytes that tell what a file is


class HashedFile:
    """What the form parser writes into: a file in the data folder, with its digest and its first bytes.

    The rest of what is no video is read and dropped: hanging up in the middle would cost the client our answer.
    """

    def __init__(self, path: Path):
        self.path = path
        self.file: BinaryIO = path.open("w+b")
        self.digest = hashlib.sha256()
        self.head = b""
        self.refusal: CheckError | None = None

    def write(self, chunk: bytes) -> int:
        if len(self.head) < HEAD:
            self.head += chunk[: HEAD - len(self.head)]
            if len(self.head) == HEAD:
                self.refusal = refusal(self.head)
        if self.refusal is None:
            self.digest.update(chunk)
            self.file.write(chunk)
        return len(chunk)

    def __getattr__(self, name: str):
        return getattr(self.file, name)

    def keep(self, target: Path) -> None:
        """Move it to its place, complete and on the disk before anybody is told of it. Raises CheckError."""
        if refused := self.refusal or refusal(self.head):
            raise refused
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(self.path, target)


def refusal(head: bytes) -> CheckError | None:
    """Why a file that begins so will not be looked at."""
    if not head:
        return CheckError("damaged")
    kind = recognise(head) if len(head) >= 12 else None
    if kind is None:
        return CheckError("not_a_video")
    return CheckError("no_video_stream") if kind == "audio" else None


class UploadRequest(Request):
    """Spools the one field `file` into the data folder; files in other fields get no room."""

    def _get_file_stream(self, total_content_length, content_type, filename=None, content_length=None):
        folder = Path(current_app.config["UPLOADS"])
        if self.spooled:
            raise CheckError("bad_request", "one file a request")
        self.spooled.append(HashedFile(folder / f"{os.urandom(16).hex()}"))
        return self.spooled[-1]

    @property
    def spooled(self) -> list[HashedFile]:
        return self.environ.setdefault("unmask.spooled", [])


def discard(request: UploadRequest) -> None:
    """After every request: what was not kept goes."""
    for upload in request.environ.get("unmask.spooled", []):
        upload.file.close()
        upload.path.unlink(missing_ok=True)
