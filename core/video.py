"""A file in, upright frames out: probe, sampling plan, decode (PyAV)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.analysis import Media, Warning

PLANS = ("default", "thorough", "first100", "mean")


@dataclass(frozen=True, eq=False)
class Frame:
    """One decoded picture, upright, as shown."""

    rgb: np.ndarray  # (H, W, 3) uint8
    t_s: float  # presentation time, seconds from the start of the video
    index: int  # in the order of presentation; an estimate from time and rate where the file was not read whole
    window: int  # which window of the plan it belongs to


@dataclass(frozen=True)
class Plan:
    """Which frames to look at: windows of `length` frames at `rate_hz`, spread over the video."""

    name: str = "default"
    windows: int = 4
    length: int = 16
    rate_hz: float = 8.0


def probe(path: Path) -> Media:
    """What the file says of itself, without decoding it. Raises CheckError."""
    raise NotImplementedError


def window_times(duration_s: float, plan: Plan) -> list[np.ndarray]:
    """The times (seconds, ascending) wanted in each window; short videos get fewer or overlapping-free windows."""
    raise NotImplementedError


def frames(path: Path, plan: Plan, warnings: list[Warning]) -> Iterator[Frame]:
    """Decode the frames of the plan, window by window, in order of time. Raises CheckError."""
    raise NotImplementedError
