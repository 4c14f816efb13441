"""The process that holds the one network of a worker and answers all its analysts, in batches across their checks.

An analyst reads strangers' files and may be taken over by one, so what it sends is bytes and nothing else: crops, whose
number follows from the length. Each has a line of its own, a pair of sockets that the worker makes. Who sends anything
else is hung up on; the others do not notice.

    analyst -> network  N crops (S, S, 3) uint8 RGB, 1 <= N <= core.looks.BATCH
    network -> analyst  N feature vectors, then N logits, all float32
"""

import os
import queue as queues
import signal
import threading
import traceback
from collections import Counter
from concurrent.futures import Future
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle

import numpy as np

from core.device import pick_device, pick_precision
from core.engine import Engine
from core.errors import CheckError
from core.fused import Encode
from core.looks import BATCH
from core.pretrained import load_weights
from server.wire import Wire

LIMIT = 4 * BATCH  # crops per pass; more hardly fill a graphics card better, and take its memory
HANGS_S = 120  # seconds; a pass takes a fraction of one, or a few on a slow processor

Request = tuple[np.ndarray, Future]  # crops, and where features (N, D) and logits (N,) are to go


def serve_analysts(wire: Wire, weights: str | None, device: str | None, gpu_only: bool) -> None:
    """Until the worker hangs up: {"line": true} and a socket is a new analyst, {"tell": true} asks for numbers.

    The numbers are [checks in a pass, how many such passes, crops in them] since the last time. Raises CheckError where
    there are no weights, or no such device.
    """
    device = pick_device(device)
    if gpu_only and device == "cpu":
        raise CheckError("device_unavailable", "no graphics card")
    pretrained = load_weights(weights)
    engine = Engine(pretrained.model, device, pick_precision(device))
    passes = Passes(engine.encode)
    threading.Thread(target=passes.run, daemon=True).start()
    wire.send(ready={"device": device, "precision": engine.precision, "sha256": pretrained.sha256})
    while True:
        if wire.receive().get("line"):
            line = Connection(recv_handle(wire.connection))
            threading.Thread(target=serve_line, args=(line, passes, engine.model.config.size), daemon=True).start()
        else:
            wire.send(result=passes.told())


def serve_line(line: Connection, passes: "Passes", size: int) -> None:
    """One analyst, until it hangs up or says what it should not."""
    with line:
        try:
            while True:
                features, logits = passes.ask(as_crops(line.recv_bytes(BATCH * size * size * 3), size))
                line.send_bytes(features.tobytes() + logits.tobytes())
        except (EOFError, OSError, ValueError, CheckError):
            return


def as_crops(data: bytes, size: int) -> np.ndarray:
    """(N, S, S, 3) uint8 RGB, N at least 1. Raises ValueError."""
    if not data:
        raise ValueError("no crops")
    return np.frombuffer(data, np.uint8).reshape(-1, size, size, 3)


class Passes:
    """Requests that wait while the network is busy go through it together at its next pass."""

    def __init__(self, encode: Encode):
        self._encode = encode
        self._waiting: queues.SimpleQueue[Request] = queues.SimpleQueue()
        self._lock = threading.Lock()
        self._passes, self._crops = Counter(), Counter()  # by how many checks took part

    def ask(self, crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Features and logits of one request. Safe to call from several threads; blocks until its pass is over."""
        answer: Future = Future()
        self._waiting.put((crops, answer))
        return answer.result()

    def run(self) -> None:
        """Pass after pass. A network that failed or hangs is not worth trusting: the process ends, and is replaced."""
        try:
            while True:
                self.one()
        except BaseException:
            traceback.print_exc()
            os._exit(1)

    def one(self) -> None:
        """Wait for a request, and answer it with all that came meanwhile and fit."""
        batch = [self._waiting.get()]
        while sum(len(crops) for crops, _ in batch) <= LIMIT - BATCH:
            try:
                batch.append(self._waiting.get_nowait())
            except queues.Empty:
                break
        together = np.concatenate([crops for crops, _ in batch])
        signal.alarm(HANGS_S)
        try:
            features, logits = (found.cpu().numpy() for found in self._encode(together))
        except CheckError as error:  # of these crops: who asks later is none the worse
            for _, answer in batch:
                answer.set_exception(error)
            return
        finally:
            signal.alarm(0)
        with self._lock:
            self._passes[len(batch)] += 1
            self._crops[len(batch)] += len(together)
        start = 0
        for crops, answer in batch:
            end = start + len(crops)
            answer.set_result((features[start:end], logits[start:end]))
            start = end

    def told(self) -> list[list[int]]:
        """[checks, passes, crops], and count anew."""
        with self._lock:
            rows = [[checks, passes, self._crops[checks]] for checks, passes in sorted(self._passes.items())]
            self._passes.clear()
            self._crops.clear()
        return rows
