"""Whether a face keeps its light while it moves, as one that is drawn from a single picture does.

Light falls on a real face from where the lamps are: turning the head, speaking or smiling moves light and shadow over the
skin. A face that is bent to each new pose from one picture takes light and shadow along. So the brightness at the points of
the face mesh is compared between looks of one window, and how far the mesh itself has changed. Both are correlations, so
that neither exposure nor size counts. `python -m training.sticking` fits the numbers.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np

from core.landmarks import OVAL, Mesh
from core.tracks import unit

BLUR = 5.0  # pixels of the face as the mesh model sees it, 192 wide: light and shadow, not texture
INSIDE = 20.0  # of these pixels, between a point that counts and the outline, behind which hair and background begin
LEAST_POINTS = 40  # that two looks have in common; a profile has fewer
LEAST_GAP_S, MOST_GAP_S = 0.19, 2.1  # between two looks that are compared: within one window
LEAST_COMPARED = 20  # seven looks of one window
LEAST_MOVED = 0.02  # of the mesh's own size; the mesh of a photograph that a camera moves over trembles by less
OF_KEPT, OF_MOVED, OF_NOTHING = 3.129, 1.378, -3.293  # what the logit is made of


@dataclass(frozen=True, eq=False)
class Seen:
    """One look at a face."""

    t_s: float
    light: np.ndarray  # (468,) float32: logarithm of the brightness at the points of its mesh
    inside: np.ndarray  # (468,) bool: those well within the outline
    mesh: np.ndarray  # (468,) complex64: the points but for place and size, x + iy


@dataclass(eq=False)
class Shading:
    """What is known of one face; it keeps the looks of two seconds and two numbers for each comparison."""

    kept: list[float] = field(default_factory=list)  # of light and shadow, -1 to 1
    moved: list[float] = field(default_factory=list)  # of the mesh, 0 to 1: what no shift, turn and scale explains
    _recent: list[Seen] = field(default_factory=list)

    def look(self, t_s: float, mesh: Mesh | None) -> None:
        """The face in a later frame; None where its mesh was not found."""
        if mesh is None:
            return
        now = Seen(t_s, light_at(mesh), inside(mesh.points), centred(mesh.points @ np.complex64([1, 1j])))
        self.let_go(t_s)
        for before in self._recent:
            if t_s - before.t_s >= LEAST_GAP_S:
                self._compare(before, now)
        self._recent.append(now)

    def let_go(self, now_s: float) -> None:
        """Forget the looks that are too old to be compared with any to come."""
        self._recent = [look for look in self._recent if now_s - look.t_s <= MOST_GAP_S]

    def _compare(self, before: Seen, after: Seen) -> None:
        both = before.inside & after.inside
        if both.sum() < LEAST_POINTS:
            return
        self.kept.append(float(centred(before.light[both]) @ centred(after.light[both])))
        self.moved.append(float(np.sqrt(max(0.0, 1 - abs(np.vdot(before.mesh, after.mesh)) ** 2))))

    @property
    def logit(self) -> float | None:
        """Above 0 where the face is lit like one drawn from one picture, below 0 where like a real one; None where it
        moves too little, or too little was compared."""
        if len(self.kept) < LEAST_COMPARED or not self.moves:
            return None
        kept, moved = measures(self.kept, self.moved)
        return OF_KEPT * kept + OF_MOVED * moved + OF_NOTHING

    @property
    def moves(self) -> bool:
        """Whether the face turns or speaks enough for its light to tell anything."""
        return bool(self.moved) and bool(np.median(self.moved) >= LEAST_MOVED)


def light_at(mesh: Mesh) -> np.ndarray:
    """Logarithm of how bright a face is around the points of its mesh: (468,) float32."""
    grey = cv2.GaussianBlur(cv2.cvtColor(mesh.patch, cv2.COLOR_RGB2GRAY).astype(np.float32), (0, 0), BLUR)
    here = cv2.remap(grey, *mesh.points.T[:, None], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.log(here[0] + 2)


def inside(points: np.ndarray) -> np.ndarray:
    """Which of the mesh's points (468, 2) lie well within its outline: (468,) bool."""
    x, y = (points[:, None] - points[OVAL]).transpose(2, 0, 1)
    return (x**2 + y**2).min(1) > INSIDE**2


def centred(x: np.ndarray) -> np.ndarray:
    """Its mean taken away, and of length 1."""
    return unit(x - x.mean())


def measures(kept: list[float], moved: list[float]) -> tuple[float, float]:
    """The two numbers that make the logit, from all comparisons of a face."""
    return float(np.arctanh(np.clip(np.median(kept), -0.9, 0.9995))), float(np.log(np.median(moved)))
