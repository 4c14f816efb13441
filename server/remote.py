"""The analyst's side of the shared network: a Detector whose encoder is in another process."""

from dataclasses import replace
from multiprocessing.connection import Connection

import numpy as np
import torch
from torch import Tensor

from core.detector import Detector
from core.errors import CheckError
from core.pretrained import load_weights


class RemoteEncoder:
    """Features and logits from the network process, as `core.engine.Engine.encode` has them. Not for several threads.

    Raises EOFError or OSError where that process is gone, which ends the analyst: the worker then repeats its check.
    """

    def __init__(self, line: Connection, features: int):
        self.line = line
        self.features = features

    def __call__(self, crops: np.ndarray) -> tuple[Tensor, Tensor]:
        """(N, S, S, 3) uint8 RGB, N up to core.looks.BATCH -> features (N, D), logits (N,), float32."""
        self.line.send_bytes(crops.tobytes())
        count = len(crops)
        answer = np.frombuffer(bytearray(self.line.recv_bytes()), np.float32)  # a copy, as tensors are writable
        features, logits = np.split(answer, [count * self.features])
        return torch.from_numpy(features.reshape(count, self.features)), torch.from_numpy(logits.reshape(count))


def load_remote(weights: str | None, line: int, device: str, precision: str, sha256: str) -> Detector:
    """A Detector that asks over the socket `line`; the head and the heat maps are on the processor here.

    device, precision, sha256: what the network process says of itself. Raises CheckError weights_*.
    """
    pretrained = load_weights(weights)
    if pretrained.sha256 != sha256:
        raise CheckError("weights_mismatch", "they were replaced while the worker ran")
    encode = RemoteEncoder(Connection(line), pretrained.model.config.encoder.features)
    detector = Detector(pretrained, "cpu", precision, encode)
    detector.info = replace(detector.info, device=device)
    return detector
