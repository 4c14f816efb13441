"""A detector for tests of the server: answers at once, and does what the file tells it to.

The file is an MP4 by its first bytes; after them comes one word: "sleep", "nap", "hang", "crash", "memory", "bug", "damaged",
"network", "half", "deaf", "lie", "environment", or anything else for a result.
"""

import dataclasses
import os
import signal
import socket
import struct
import time
from pathlib import Path

from core.analysis import Analysis, Coverage, Media, ModelInfo
from core.errors import CheckError

HEAD = b"\x00\x00\x00\x18ftypmp42"
INFO = ModelInfo("stand-in", "0", "0" * 64, False, "cpu", "fp32")


def video(word: str, size: int = 2048) -> bytes:
    return (HEAD + b" " + word.encode() + b" ").ljust(size, b"\0")


class Detector:
    info = INFO

    @classmethod
    def load(cls, weights=None, device=None) -> "Detector":
        if weights == "missing":
            raise CheckError("weights_not_found")
        if weights == "slow":
            time.sleep(1)
        return cls()

    def check(self, path, plan="default", progress=None, cancel=None) -> Analysis:
        word, _, rest = Path(path).read_bytes()[len(HEAD) + 1 :].partition(b" ")
        progress(0, 1, "open")
        getattr(self, f"_{word.decode()}", lambda *_: None)(progress, cancel, rest)
        verdict = "likely_manipulated" if word == b"flagged" else "no_signs_found"
        return dataclasses.replace(result(verdict, 0.97 if word == b"flagged" else 0.1), seconds={"pid": os.getpid()})

    def _sleep(self, progress, cancel, _rest):
        for step in range(600):
            progress(step, 600, "look")
            if cancel():
                raise CheckError("cancelled")
            time.sleep(0.05)

    def _nap(self, *_):
        time.sleep(0.3)

    def _hang(self, *_):
        time.sleep(60)

    def _half(self, progress, *_):
        """The head of a message to the worker, and no more."""
        os.write(progress.__self__.connection.fileno(), struct.pack("!i", 100))
        time.sleep(60)

    def _deaf(self, progress, *_):
        """Asks for pieces of the file and never reads an answer."""
        signal.alarm(60)  # where nobody else ends it
        while True:
            progress.__self__.send(want=0)

    def _lie(self, progress, *_):
        progress.__self__.send(error=["made up", ""])

    def _crash(self, *_):
        os.kill(os.getpid(), signal.SIGSEGV)

    def _memory(self, *_):
        bytearray(64 * 2**30)

    def _bug(self, *_):
        raise ZeroDivisionError(".".join(("https://secret", "example")))  # a traceback shows this line

    def _damaged(self, *_):
        raise CheckError("damaged")

    def _environment(self, *_):
        raise CheckError("damaged", " ".join(os.environ.values()))

    def _network(self, _progress, _cancel, rest):
        host, port = rest.split(b"\0")[0].decode().split(":")
        socket.create_connection((host, int(port)), timeout=2).close()


def result(verdict: str, probability: float) -> Analysis:
    return Analysis(
        verdict=verdict,
        probability=probability,
        interval=(max(0.0, probability - 0.05), min(1.0, probability + 0.02)),
        face_id=None,
        reason="A stand-in.",
        faces=(),
        media=Media(1.0, 320, 320, 10.0, "h264", "mov", False, False),
        coverage=Coverage("default", 1, 8, 8, 1.0, 1.0, 1, 1, 0, 0, "absent"),
        warnings=(),
        provenance=None,
        model=INFO,
    )
