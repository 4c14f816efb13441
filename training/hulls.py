"""Which part of a face a pseudo-fake replaces: soft masks from 468 landmarks."""

import cv2
import numpy as np

from core import landmarks as lm
from training.bending import smooth_field, warp

INNER = lm.RIGHT_BROW + lm.LEFT_BROW + lm.RIGHT_EYE + lm.LEFT_EYE + lm.NOSE + lm.OUTER_LIPS
LOWER_OVAL = [323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150, 136, 172, 58, 132, 93]
CHIN = [365, 379, 378, 400, 377, 152, 148, 176, 149, 150, 136]
RIGHT_HALF = [10, 109, 67, 103, 54, 21, 162, 127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 2, 168]
LEFT_HALF = [10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 2, 168]

HULLS: dict[str, list[int]] = {
    "whole": list(range(468)),
    "no_forehead": LOWER_OVAL + INNER,
    "inner": INNER,
    "below_eyes": LOWER_OVAL + lm.NOSE + lm.OUTER_LIPS,
    "mouth_chin": lm.OUTER_LIPS + CHIN,
    "mouth": lm.OUTER_LIPS,
    "eyes_brows": lm.RIGHT_BROW + lm.LEFT_BROW + lm.RIGHT_EYE + lm.LEFT_EYE,
    "nose": lm.NOSE,
    "right_half": RIGHT_HALF,
    "left_half": LEFT_HALF,
}


def hull_mask(shape: tuple[int, int], points: np.ndarray, hull: str, rng: np.random.Generator) -> np.ndarray:
    """(H, W) float32, 0 or 1: the hull of some landmarks (468, 2), grown or shrunk and bent at random."""
    chosen = points[HULLS[hull]]
    grown = chosen.mean(0) + (chosen - chosen.mean(0)) * rng.uniform(0.92, 1.2 if hull == "whole" else 1.3)
    mask = np.zeros(shape, np.float32)
    cv2.fillConvexPoly(mask, cv2.convexHull(grown.astype(np.float32)).astype(np.int32), 1.0)
    return bend(mask, rng, 0.03 * face_size(points))


def box_mask(shape: tuple[int, int], points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(H, W) float32: the upright rectangle of the lower face that lip-sync tools paste."""
    left, top = points[LOWER_OVAL + lm.OUTER_LIPS].min(0)
    right, bottom = points.max(0)
    middle, width = (left + right) / 2, (right - left) * rng.uniform(0.6, 1.1)
    top = points[2, 1] if rng.random() < 0.5 else top
    grow = rng.uniform(-0.03, 0.12) * (bottom - top)
    mask = np.zeros(shape, np.float32)
    cv2.rectangle(
        mask, (int(middle - width / 2), int(top - grow)), (int(middle + width / 2), int(bottom + grow)), 1.0, -1
    )
    return mask


def soften(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blur the edge inward, then once more, as in self-blended images (Shiohara and Yamasaki 2022).

    The kernels scale with the size of the mask, so that a mouth does not blur away.
    """
    size = float(np.sqrt(mask.sum()))
    first, second = size * rng.uniform(0.01, 0.05), size * rng.uniform(0.003, 0.03)
    blurred = cv2.GaussianBlur(mask, (0, 0), max(0.5, first))
    inner = np.clip((blurred - 0.6) / 0.4, 0, 1)  # keeps the plateau: an erosion
    return cv2.GaussianBlur(inner, (0, 0), max(0.3, second))


def bend(mask: np.ndarray, rng: np.random.Generator, strength: float) -> np.ndarray:
    """Elastic deformation by a smooth random field; `strength` in pixels."""
    return warp(mask, smooth_field(mask.shape[:2], rng, strength))


def face_size(points: np.ndarray) -> float:
    """Longer side of the landmarks' box, pixels."""
    return float(np.ptp(points, axis=0).max())
