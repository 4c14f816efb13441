"""From the network's logits to a probability, its interval and a verdict. Pure functions.

A curve is a logistic map of two parameters (Platt 1999) and two band edges. There is one for each number of faces,
because the largest of k logits is large by chance more often than a single one.
"""

import math
from dataclasses import asdict, dataclass

import numpy as np

from core.analysis import Verdict

MAX_FACES = 4  # the last curve serves this many faces and more


@dataclass(frozen=True)
class Curve:
    """p = sigmoid(slope * logit + intercept), and where the verdicts begin and end.

    The default maps a logit to its plain sigmoid and says `inconclusive` whatever the probability.
    """

    slope: float = 1.0  # above 0, so that the order of faces never changes
    intercept: float = 0.0
    likely_from: float = 1.0  # probabilities above this edge are `likely_manipulated`
    no_signs_until: float = 0.0  # probabilities below this edge are `no_signs_found`

    def __post_init__(self):
        numbers = (self.slope, self.intercept, self.likely_from, self.no_signs_until)
        if not all(isinstance(n, int | float) and math.isfinite(n) for n in numbers):
            raise ValueError("the numbers of a curve must be finite")
        if self.slope <= 0:
            raise ValueError("the slope of a curve must be above 0")
        if not 0 <= self.no_signs_until <= self.likely_from <= 1:
            raise ValueError("the edges of a curve must be in order, between 0 and 1")

    def probability(self, logit: float) -> float:
        """0 to 1, rising with the logit."""
        x = self.slope * logit + self.intercept
        return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))

    def verdict(self, probability: float) -> Verdict:
        if probability > self.likely_from:
            return "likely_manipulated"
        return "no_signs_found" if probability < self.no_signs_until else "inconclusive"


@dataclass(frozen=True)
class Calibration:
    """Curves for 1, 2, ... judged faces, for videos and, where they were fitted, for stills."""

    video: tuple[Curve, ...] = (Curve(),)
    frame: tuple[Curve, ...] = ()

    def __post_init__(self):
        if not self.video or max(len(self.video), len(self.frame)) > MAX_FACES:
            raise ValueError(f"a calibration has 1 to {MAX_FACES} curves")

    def curve(self, faces: int, is_still: bool = False) -> Curve:
        """The curve for this number of judged faces; the last one serves all larger numbers."""
        curves = self.frame if is_still and self.frame else self.video
        return curves[min(max(faces, 1), len(curves)) - 1]

    def to_json(self) -> dict:
        return asdict(self)

    @classmethod
    def from_json(cls, given: dict) -> "Calibration":
        """Raises ValueError, KeyError or TypeError where this is no calibration."""
        return cls(*(tuple(Curve(**curve) for curve in given[kind]) for kind in ("video", "frame")))


def bootstrap_interval(values: list[float], seed: int = 0, level: float = 0.9) -> tuple[float, float]:
    """The interval in which the mean of `values` falls when they are drawn anew with replacement (Efron 1979).

    values: at least one. One value alone has no spread and gives itself twice. The same seed gives the same interval.
    """
    draws = np.random.default_rng(seed).choice(np.asarray(values, np.float64), (1000, len(values)))
    low, high = np.quantile(draws.mean(axis=1), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
