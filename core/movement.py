"""How a face moves from look to look: whether all of it but the mouth stands still, as in a photograph made to speak.

Whoever talks blinks and moves the head, if only by a hair; a photograph whose lips alone were drawn anew does not. No
single frame shows that. How far a part moves is estimated from two looks at the same place of the picture, as the change
of light over its slope (Horn and Schunck 1981). The limits lie between real clips, encoded well and badly, and stills with
moved lips; `python -m training.stillness` prints both.
"""

from dataclasses import dataclass, field

import numpy as np

from core.crops import crop
from core.faces import Box

SIDE = 128  # pixels of the crop in which movement is measured
LEAST_GAP_S, MOST_GAP_S = 0.19, 0.6  # between two looks that are compared
LEAST_COMPARED = 14  # two windows of the default plan
UPPER_STILL = 0.25  # pixels of the crop; the most that eyes and forehead move in nine of ten comparisons
MOUTH_MOVES = 0.3  # pixels of the crop; the least that a fifth of the mouth's region moves in half of them
SLOPED, LEAST_SLOPED = 4.0, 100  # grey levels a pixel; how many such pixels there must be, as flat places show nothing

_ys, _xs = np.mgrid[:SIDE, :SIDE] / SIDE
UPPER = (_ys > 0.12) & (_ys < 0.5) & (_xs > 0.2) & (_xs < 0.8)
MOUTH = (_ys > 0.62) & (_ys < 0.86) & (_xs > 0.32) & (_xs < 0.68)


@dataclass(eq=False)
class Movement:
    """What is known of one face; it keeps one small picture and two numbers for each comparison."""

    upper: list[float] = field(default_factory=list)  # pixels of the crop
    mouth: list[float] = field(default_factory=list)
    _last: tuple[float, Box, np.ndarray] | None = None  # the look to compare with: time, box and grey crop

    def look(self, t_s: float, rgb: np.ndarray, box: Box) -> None:
        """The face in a later frame (H, W, 3) uint8, `box` in its pixels."""
        if self._last:
            before_s, place, before = self._last
            if t_s - before_s < LEAST_GAP_S:
                return
            if t_s - before_s <= MOST_GAP_S and (found := moved(before, grey(rgb, place))):
                self.upper.append(found[0])
                self.mouth.append(found[1])
        self._last = t_s, box, grey(rgb, box)

    @property
    def of_upper(self) -> float:
        """How far eyes and forehead move at most in nine of ten comparisons."""
        return float(np.quantile(self.upper, 0.9))

    @property
    def of_mouth(self) -> float:
        """How far the mouth moves at least in half of the comparisons."""
        return float(np.median(self.mouth))

    @property
    def is_mouth_alone(self) -> bool:
        """Whether the mouth moves and the eyes and forehead do not; False too where too little was compared."""
        return len(self.upper) >= LEAST_COMPARED and self._fits()

    @property
    def is_undecided(self) -> bool:
        """Whether it would be the mouth alone, had more been compared."""
        return 0 < len(self.upper) < LEAST_COMPARED and self._fits()

    def _fits(self) -> bool:
        return self.of_upper < UPPER_STILL and self.of_mouth > MOUTH_MOVES


def grey(rgb: np.ndarray, box: Box) -> np.ndarray:
    """The luma of the square around `box`: (SIDE, SIDE) float32, 0 to 255."""
    import cv2

    return cv2.cvtColor(crop(rgb, box, SIDE), cv2.COLOR_RGB2GRAY).astype(np.float32)


def moved(before: np.ndarray, after: np.ndarray) -> tuple[float, float] | None:
    """How far the upper face and the mouth moved between two crops of one place (SIDE, SIDE), in their pixels; None where
    the upper face is too dark or too blurred to tell."""
    import cv2

    slope = np.hypot(cv2.Sobel(before, cv2.CV_32F, 1, 0), cv2.Sobel(before, cv2.CV_32F, 0, 1)) / 8
    change = np.abs(after - before)
    upper = UPPER & (slope > SLOPED)
    if upper.sum() < LEAST_SLOPED:
        return None
    mouth = np.quantile(change[MOUTH], 0.8) / max(slope[MOUTH].mean(), 1)
    return float(change[upper].mean() / slope[upper].mean()), float(mouth)
