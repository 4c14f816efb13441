"""Which moments of a video to look at."""

from dataclasses import dataclass, replace
from math import inf

import numpy as np

from core.errors import CheckError


@dataclass(frozen=True)
class Plan:
    """Windows of `length` frames at `rate_hz`, spread over the video.

    `windows` 0 means as many as the video has room for, one after the other. `rate_hz` 0 means every frame the video
    has: one window of `length` consecutive frames from the start. With `ends_early` a check ends with the first window
    after which the answer stands firm. All windows lie `shift_s` later (below 0 earlier) as far as there is room, for
    who asks how much an answer hangs on where they are.
    """

    name: str = "default"
    windows: int = 4
    length: int = 8
    rate_hz: float = 4.0
    ends_early: bool = False
    shift_s: float = 0.0

    def __post_init__(self):
        if self.length < 1 or self.windows < 0 or not 0 <= self.rate_hz < inf:
            raise ValueError(
                "a plan has windows of 1 frame or more, not fewer than 0 of them, and a rate from 0 upwards"
            )

    @property
    def is_consecutive(self) -> bool:
        return self.rate_hz == 0


PLANS: dict[str, Plan] = {
    "default": Plan(),
    "fast": Plan("fast", ends_early=True),
    "thorough": Plan("thorough", windows=0, length=16, rate_hz=8.0),
    # The paper's two: the first 100 frames, and as many as its data set has on average. It does not give that number:
    # whoever trains measures it and gives it to `plan_named`; 150 stands for 5 s at 30 Hz.
    "first100": Plan("first100", windows=1, length=100, rate_hz=0),
    "mean": Plan("mean", windows=1, length=150, rate_hz=0),
}


def plan_named(name: str, length: int | None = None) -> Plan:
    """The plan of that name; `length` replaces its frames a window. Raises CheckError("unknown_plan")."""
    if name not in PLANS:
        raise CheckError("unknown_plan", f"{name!r} is none of {', '.join(PLANS)}")
    return PLANS[name] if length is None else replace(PLANS[name], length=length)


def window_times(last_s: float, plan: Plan) -> list[np.ndarray]:
    """When the frames of each window are wanted, for a video whose last frame is shown at `last_s`.

    Returns one ascending float64 array (seconds) per window, no two windows overlapping, none reaching past `last_s`.
    A video with room for fewer windows gets fewer. Where there is no room for two, one window holds all of the video,
    shorter or longer than others. Raises ValueError for a plan of consecutive frames, which has no times of its own.
    """
    if plan.is_consecutive:
        raise ValueError(f"plan {plan.name!r} takes frames as they come")
    step = 1 / plan.rate_hz
    slot = plan.length * step
    looks = int(last_s / step + 1e-6) + 1  # that there is time for
    offsets = np.arange(min(plan.length, looks)) * step
    if plan.windows == 0:
        count = -(-looks // plan.length)
        starts = [i * slot for i in range(count)]
    elif looks < 2 * plan.length:
        offsets, starts = np.arange(looks) * step, [0.0]
    else:
        count = min(plan.windows, looks // plan.length)
        # the middles of equal slices: beginnings and ends are often titles
        starts = [max(0.0, (i + 0.5) * last_s / count - offsets[-1] / 2) for i in range(count)]
    room = max(0.0, last_s - starts[-1] - offsets[-1])
    shift = min(max(plan.shift_s, -starts[0]), room)
    windows = [start + shift + offsets for start in starts]
    return [times[times <= last_s + 1e-6] for times in windows]
