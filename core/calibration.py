"""From the network's logits to a probability, its interval and a verdict. Pure functions.

A curve is a logistic map of two parameters (Platt 1999) and two band edges. There is one for each number of faces,
because the largest of k logits is large by chance more often than a single one: the same logit means less.
"""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

import numpy as np

from core.analysis import Verdict

MAX_FACES = 32  # the last curve serves this many faces and more
LARGEST = 1e9  # no curve has a number near it, and the squares of far larger ones cannot be computed with


@dataclass(frozen=True)
class Curve:
    """p = sigmoid(slope * logit + intercept), and where the verdicts begin and end.

    The default maps a logit to its plain sigmoid and says `inconclusive` whatever the probability.
    """

    slope: float = 1.0  # above 0, so that the order of faces never changes
    intercept: float = 0.0
    likely_from: float = 1.0  # probabilities above this edge are `likely_manipulated`
    no_signs_until: float = 0.0  # probabilities below this edge are `no_signs_found`
    # how well the two parameters are known: variances of slope and intercept, and their covariance
    uncertainty: tuple[float, float, float] = (0.0, 0.0, 0.0)
    # slope and intercept that put on this scale what the network alone says, where movement could not be compared: a face
    # seen for a second is known less of
    alone: tuple[float, float] = (1.0, 0.0)

    def __post_init__(self):
        own = (self.slope, self.intercept, self.likely_from, self.no_signs_until)
        numbers = (*own, *self.uncertainty, *self.alone)
        if not all(isinstance(n, int | float) and abs(n) < LARGEST for n in numbers):  # never true of NaN
            raise ValueError("the numbers of a curve must be finite, and none as large as a billion")
        if min(self.slope, self.alone[0]) <= 0:
            raise ValueError("the slopes of a curve must be above 0")
        if not 0 <= self.no_signs_until <= self.likely_from <= 1:
            raise ValueError("the edges of a curve must be in order, between 0 and 1")
        of_slope, of_intercept, of_both = self.uncertainty
        if min(of_slope, of_intercept) < 0 or of_both**2 > of_slope * of_intercept * (1 + 1e-6):
            raise ValueError("the uncertainty of a curve must be two variances and a covariance that fits them")

    def of_alone(self, logit: float | np.ndarray) -> float | np.ndarray:
        """What the network alone says of a face, one logit or many, on the scale of this curve."""
        return self.alone[0] * logit + self.alone[1]

    def probability(self, logit: float) -> float:
        """0 to 1, rising with the logit."""
        return self._sigmoid(self.slope * logit + self.intercept)

    @staticmethod
    def _sigmoid(x: float) -> float:
        return float(1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x)))

    def interval(
        self,
        logits: list[float],
        middle: float,
        judged: Callable[[np.ndarray, np.random.Generator], np.ndarray] = lambda means, random: means,
        seed: int = 0,
    ) -> tuple[float, float]:
        """Where the probability may lie, given that other windows might have been seen and other files calibrated on.

        logits: one per window (or frame), at least one, drawn anew with replacement (Efron 1979), while the curve's
        parameters are drawn from a normal distribution with their `uncertainty`. judged: from the mean logit of a draw to
        the one that would be judged, with more drawn at random where that is in doubt too. middle: the one that was, whose
        probability always lies within. The same seed gives the same interval, which holds 90 % of the draws.
        """
        random = np.random.default_rng(seed)
        values = np.asarray(logits, np.float64)
        means = random.choice(values, (1000, len(values))).mean(axis=1)
        of_slope, of_intercept, of_both = self.uncertainty
        covariance = [[of_slope, of_both], [of_both, of_intercept]]
        slopes, intercepts = random.multivariate_normal((self.slope, self.intercept), covariance, 1000, method="eigh").T
        x = np.maximum(slopes, 0) * judged(means, random) + intercepts
        low, high = (self._sigmoid(v) for v in np.quantile(x, [0.05, 0.95]))
        return min(low, self.probability(middle)), max(high, self.probability(middle))

    @property
    def decides(self) -> bool:
        """Whether any probability at all leads to another verdict than `inconclusive`."""
        return (self.no_signs_until, self.likely_from) != (0, 1)

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
        """The curve for this number of judged faces; the last one serves all larger numbers.

        Where none was fitted for stills, the videos' serves without its edges, and without what it knows of faces that do
        not move: nobody measured whom they would flag.
        """
        curves = self.frame if is_still and self.frame else self.video
        curve = curves[min(max(faces, 1), len(curves)) - 1]
        if is_still and not self.frame:
            return replace(curve, likely_from=1.0, no_signs_until=0.0, alone=(1.0, 0.0))
        return curve

    def to_json(self) -> dict:
        return asdict(self)

    @classmethod
    def from_json(cls, given: dict) -> "Calibration":
        """Raises ValueError, KeyError or TypeError where this is no calibration."""
        return cls(*(tuple(map(_curve, given[kind])) for kind in ("video", "frame")))


def _curve(given: dict) -> Curve:
    curve = Curve(**given)
    return replace(curve, uncertainty=tuple(curve.uncertainty), alone=tuple(curve.alone))  # lists, fresh from JSON
