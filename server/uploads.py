"""Uploads: streamed to disk as they arrive, hashed on the way, and recognised by what they begin with."""

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from flask import Request, current_app

from core.errors import CheckError
from core.signatures import HEAD, recognise
from server.disk import leave_some, room


class HashedFile:
    """What the form parser writes into: a file in the data folder, with its digest and its first bytes.

    The rest of what is no video, or has no room, is read and dropped: hanging up in the middle would cost the client our
    answer. Raises CheckError disk_full where not even an empty file has room.
    """

    def __init__(self, path: Path):
        self.path = path
        with room():
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
            try:
                leave_some(self.path.parent)
                with room():
                    self.file.write(chunk)
            except CheckError as error:
                self.refusal = error
        return len(chunk)

    def seek(self, *_place: int) -> int:
        """The parser's, at the end, for a reader that there is none of here: what is held is written by `keep`."""
        return 0

    def __getattr__(self, name: str):
        return getattr(self.file, name)

    def keep(self, target: Path) -> None:
        """Move it to its place, complete and on the disk before anybody is told of it. Raises CheckError."""
        if refused := self.refusal or refusal(self.head):
            raise refused
        with room():
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

    def get_data(self, *args, **kwargs):
        data = super().get_data(*args, **kwargs)
        # of a body that comes in chunks werkzeug takes what is allowed, and says only to who reads on that there is more
        self.stream.read(1)
        return data

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
        with suppress(OSError):  # on a full disk it tries to write what it holds
            upload.file.close()
        upload.path.unlink(missing_ok=True)
