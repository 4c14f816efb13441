"""How a face moves from look to look, which no single frame shows. Two things are told by it.

Whether all of it but the mouth stands still, as in a photograph made to speak: whoever talks blinks and moves the head, if
only by a hair. How far a part moves is estimated from two looks at the same place of the picture, as the change of light
over its slope (Horn and Schunck 1981). The limits lie between real clips, encoded well and badly, and stills with moved
lips; `python -m training.stillness` prints both.

Whether the mouth keeps its texture while it moves, as in a face that is drawn from one picture again and again: real lips
stretch and wrinkle, teeth and tongue come and go. Two looks half a second apart are laid over one another by dense optical
flow (Kroeger et al. 2016), and what is fine in the mouth is correlated. `python -m training.sticking` fits the numbers, on
real clips and on the same clips drawn by the networks of training.animator.
"""

from dataclasses import dataclass, field

import numpy as np

from core.crops import CROP_MARGIN, crop
from core.faces import Box

SIDE = 128  # pixels of the crop in which movement is measured
LEAST_GAP_S, MOST_GAP_S = 0.19, 0.6  # between two looks that are compared
TEXTURE_GAP_S, LEAST_TEXTURE_GAP_S = 0.5, 0.4  # between two whose texture is: about, and at least
LEAST_COMPARED = 14  # two windows of the default plan
UPPER_STILL = 0.25  # pixels of the crop; the most that eyes and forehead move in nine of ten comparisons
MOUTH_MOVES = 0.3  # pixels of the crop; the least that a fifth of the mouth's region moves in half of them
SLOPED, LEAST_SLOPED = 4.0, 100  # grey levels a pixel; how many such pixels there must be, as flat places show nothing
LEAST_TEXTURES = 5  # comparisons of the mouth's texture; one window of the default plan has six
# How far a mouth must bend, in pixels of the crop and in shares of the way the face goes: optical flow is off by less where a
# camera moves over a photograph, and of what stands still nothing can be told.
MOUTH_BENDS, OF_WAY = 0.15, 0.1
OF_KEPT, OF_BENT, OF_NOTHING = 3.184, 0.768, -3.254  # what the logit is made of
# Standard deviation of all that movement tells, light included, by one comparison: by a window of six it is 1.2 from one window
# of a face to another.
DOUBT = 3.0

_ys, _xs = np.mgrid[:SIDE, :SIDE].astype(np.float32) / SIDE
UPPER = (_ys > 0.12) & (_ys < 0.5) & (_xs > 0.2) & (_xs < 0.8)
MOUTH = (_ys > 0.62) & (_ys < 0.86) & (_xs > 0.32) & (_xs < 0.68)
_FACE = np.hypot((_xs - 0.5) / 0.36, (_ys - 0.5) / 0.45) < 1 / CROP_MARGIN  # an ellipse within the box
_LOWER = _FACE & (_ys > 0.59) & (abs(_xs - 0.5) < 0.19)  # mouth and what moves with it
_REST = _FACE & ~_LOWER
_AFFINE = np.stack([np.ones_like(_xs), _xs, _ys], axis=-1)
_FIT = np.linalg.pinv(_AFFINE[_REST])  # flow of the rest of the face -> what of it is shift, turn and scale


@dataclass(eq=False)
class Movement:
    """What is known of one face; it keeps the small pictures of half a second and a few numbers for each comparison."""

    upper: list[float] = field(default_factory=list)  # pixels of the crop
    mouth: list[float] = field(default_factory=list)
    kept: list[float] = field(default_factory=list)  # of the mouth's texture, -1 to 1
    bent: list[float] = field(default_factory=list)  # how far the mouth moves against the face, pixels of the crop
    gone: list[float] = field(default_factory=list)  # how far all of the crop moves, in its pixels
    _recent: list[tuple[float, Box, np.ndarray]] = field(default_factory=list)  # looks to compare: time, box, grey crop

    def look(self, t_s: float, rgb: np.ndarray, box: Box) -> None:
        """The face in a later frame (H, W, 3) uint8, `box` in its pixels."""
        if self._recent and t_s - self._recent[-1][0] < LEAST_GAP_S:
            return
        now = grey(rgb, box)
        self.let_go(t_s)
        if self._recent:
            _, place, before = self._recent[-1]
            self._compare(before, grey(rgb, place))
        if earlier := [look for look in self._recent if t_s - look[0] >= LEAST_TEXTURE_GAP_S]:
            *_, before = min(earlier, key=lambda look: abs(t_s - look[0] - TEXTURE_GAP_S))
            kept, bent, gone = texture_kept(before, now)
            self.kept.append(kept)
            self.bent.append(bent)
            self.gone.append(gone)
        self._recent.append((t_s, box, now))

    def let_go(self, now_s: float) -> None:
        """Forget the pictures that are too old to be compared with any to come."""
        self._recent = [look for look in self._recent if now_s - look[0] <= MOST_GAP_S]

    def _compare(self, before: np.ndarray, after: np.ndarray) -> None:
        if found := moved(before.astype(np.float32), after.astype(np.float32)):
            self.upper.append(found[0])
            self.mouth.append(found[1])

    @property
    def logit(self) -> float | None:
        """Above 0 where the mouth moves like one drawn from one picture, below 0 where like a real one; None where it
        does not bend, or too little was compared."""
        if len(self.kept) < LEAST_TEXTURES or not self.bends:
            return None
        kept, bent = measures(self.kept, self.bent)
        return OF_KEPT * kept + OF_BENT * bent + OF_NOTHING

    @property
    def bends(self) -> bool:
        """Whether the mouth moves against the face, and not only the face as a whole."""
        return bool(self.bent) and bool(np.median(self.bent) >= MOUTH_BENDS + OF_WAY * np.median(self.gone))

    @property
    def doubt(self) -> float:
        """How far the logit of a face animated from one picture would be off, had other moments been looked at, as a
        standard deviation."""
        return DOUBT / max(len(self.kept), 1) ** 0.5

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
        """Whether more looks may tell that the mouth is alone: it seems to be, and too little was compared."""
        return 0 < len(self.upper) < LEAST_COMPARED and self._fits()

    def _fits(self) -> bool:
        return self.of_upper < UPPER_STILL and self.of_mouth > MOUTH_MOVES


def grey(rgb: np.ndarray, box: Box) -> np.ndarray:
    """The luma of the square around `box`: (SIDE, SIDE) uint8."""
    import cv2

    return cv2.cvtColor(crop(rgb, box, SIDE), cv2.COLOR_RGB2GRAY)


def moved(before: np.ndarray, after: np.ndarray) -> tuple[float, float] | None:
    """How far the upper face and the mouth moved between two crops of one place (SIDE, SIDE) float32, in their pixels; None
    where the upper face is too dark or too blurred to tell."""
    import cv2

    slope = np.hypot(cv2.Sobel(before, cv2.CV_32F, 1, 0), cv2.Sobel(before, cv2.CV_32F, 0, 1)) / 8
    change = np.abs(after - before)
    upper = UPPER & (slope > SLOPED)
    if upper.sum() < LEAST_SLOPED:
        return None
    mouth = np.quantile(change[MOUTH], 0.8) / max(slope[MOUTH].mean(), 1)
    return float(change[upper].mean() / slope[upper].mean()), float(mouth)


def texture_kept(before: np.ndarray, after: np.ndarray) -> tuple[float, float, float]:
    """How much of the mouth's fine texture is still there, as a correlation, how far the mouth moved against the face, and
    how far all moved, in pixels, between two crops of one face (SIDE, SIDE) uint8."""
    import cv2

    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST).calc(before, after, None)
    laid_over = cv2.remap(after, SIDE * _xs + flow[..., 0], SIDE * _ys + flow[..., 1], cv2.INTER_CUBIC)
    one, other = (fine(picture)[_LOWER] for picture in (before, laid_over))
    with_the_head = _AFFINE[_LOWER] @ (_FIT @ flow[_REST])
    bent = np.linalg.norm(flow[_LOWER] - with_the_head, axis=1).mean()
    kept = (one * other).mean() / np.sqrt((one**2).mean() * (other**2).mean() + 1e-6)
    return float(kept), float(bent), float(np.linalg.norm(flow, axis=2).mean())


def fine(picture: np.ndarray) -> np.ndarray:
    """What a blur of 1.5 pixels takes away, float32."""
    import cv2

    picture = picture.astype(np.float32)
    return picture - cv2.GaussianBlur(picture, (0, 0), 1.5)


def measures(kept: list[float], bent: list[float]) -> tuple[float, float]:
    """The two numbers that make the logit, from all comparisons of a face."""
    return float(np.arctanh(np.clip(np.median(kept), -0.9, 0.985))), float(np.log(np.median(bent) + 0.1))
