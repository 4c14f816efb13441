"""The network on its device, in the form that is quickest there."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from copy import deepcopy
from functools import partial

import numpy as np
import torch
from torch import Tensor

from core.device import autocast
from core.errors import CheckError
from core.fused import Encode, compiled, fused, has_openvino
from core.model import DeepfakeModel, normalise


class Engine:
    """The network on its device, the encoder in the form that is quickest there, or `encode` in its stead."""

    def __init__(self, model: DeepfakeModel, device: str, precision: str, encode: Encode | None = None):
        # a copy where it moves, as others may use the same weights on another device
        self.model = (model if device == "cpu" else deepcopy(model)).to(device, memory_format=torch.channels_last)
        self.device = device
        self.precision = precision  # "fp32" or "bf16"; of the encoder, the head always runs in float32
        # as training.rivals has them: judged by what they say alone
        self.is_stand_in = not isinstance(model, DeepfakeModel)
        self._encode = encode or self._quickest()

    def _quickest(self) -> Encode:
        if self.is_stand_in:
            return partial(by_torch, self.model.encode, self.device, self.precision)
        if self.device == "cpu" and has_openvino():
            with suppress(ImportError):  # it is there, but does not fit this system
                return compiled(self.model.encoder, self.model.config.size, self.precision)
        return partial(by_torch, fused(self.model.encoder), self.device, self.precision)

    @torch.inference_mode()
    def encode(self, crops: np.ndarray) -> tuple[Tensor, Tensor]:
        """(N, S, S, 3) uint8 RGB -> features (N, 2048) float32 on the device, logits (N,) float32 on the processor.

        In halves where a graphics card has no room for all. Raises MemoryError where there is none for one either.
        """
        try:
            with told_as_memory_error():
                features, logits = self._encode(crops)
                return features, numbers(logits)
        except MemoryError:
            if not self.device.startswith("cuda") or len(crops) == 1:
                raise
        torch.cuda.empty_cache()
        half = len(crops) // 2
        features, logits = zip(self.encode(crops[:half]), self.encode(crops[half:]), strict=True)
        return torch.cat(features), torch.cat(logits)

    @torch.inference_mode()
    def judge(self, features: Tensor, logits: Tensor, mask: Tensor, times: Tensor) -> list[float]:
        """Windows (B, T, ...) as in `Head.forward` -> B logits."""
        on_device = (x.to(self.device) for x in (features, logits, mask, times))
        return numbers(self.model.judge(*on_device).cpu()).tolist()


@contextmanager
def told_as_memory_error() -> Iterator[None]:
    """torch says that memory is short in errors of its own, on a processor in words alone."""
    try:
        yield
    except RuntimeError as error:
        if any(words in str(error) for words in ("out of memory", "allocate memory", "create a primitive")):
            raise MemoryError(str(error)) from error
        raise


def numbers(logits: Tensor) -> Tensor:
    """As they are. Raises CheckError where one is none: nothing that is said of a face may rest on it."""
    if not torch.isfinite(logits).all():
        raise CheckError("internal", "the network gave no number")
    return logits


def by_torch(encoder: Callable, device: str, precision: str, crops: np.ndarray) -> tuple[Tensor, Tensor]:
    """As `Engine.encode`, in one pass; no method, lest an engine that nobody holds waits for the collector with its card."""
    pixels = normalise(torch.from_numpy(crops).to(device))
    with autocast(device, precision):
        features, logits, _ = encoder(pixels)
    return features.float(), logits.float().cpu()
