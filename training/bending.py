"""Pictures bent by smooth fields: at random, or so that the landmarks of one face come to lie at those of another."""

import cv2
import numpy as np


def places(shape: tuple[int, int]) -> np.ndarray:
    """Every pixel's own place, x and y: (H, W, 2) float32."""
    return np.stack(np.meshgrid(*(np.arange(n, dtype=np.float32) for n in shape[::-1])), 2)


def smooth_field(shape: tuple[int, int], rng: np.random.Generator, strength: float) -> np.ndarray:
    """A smooth random displacement (H, W, 2) float32 in pixels."""
    coarse = rng.normal(0, strength, (6, 6, 2)).astype(np.float32)
    return cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)


def warp(image: np.ndarray, field: np.ndarray, how: int = cv2.INTER_LINEAR) -> np.ndarray:
    """Sample `image` at every pixel's own place plus `field` (H, W, 2); as large as the field."""
    return cv2.remap(image, places(field.shape[:2]) + field, None, how, borderMode=cv2.BORDER_REFLECT)


def landmark_field(
    shape: tuple[int, int], here: np.ndarray, there: np.ndarray, size: float, anchored: bool = False
) -> np.ndarray:
    """How far from its own place each pixel lies in a picture with landmarks `there`, if they are to lie at `here`.

    (H, W, 2) float32, pixels, as `warp` takes it. Similarity transform plus a smooth remainder (kernel regression over
    the landmarks); `anchored` lets the remainder fade to nothing away from the face, and leaves the similarity out.
    """
    affine = np.eye(2, 3) if anchored else cv2.estimateAffinePartial2D(here, there, method=cv2.LMEDS)[0]
    rest = there - (here @ affine[:, :2].T + affine[:, 2])
    centres = ((np.arange(28) + 0.5) * n / 28 - 0.5 for n in shape[::-1])  # where resizing takes the values to stand
    grid = np.stack(np.meshgrid(*centres), 2).reshape(-1, 2)
    distance = ((grid[:, None] - here[None, ::3]) ** 2).sum(2)
    weights = np.exp(-distance / (2 * (0.07 * size) ** 2))
    moved = weights @ rest[::3] / (weights.sum(1, keepdims=True) + (0.5 if anchored else 1e-3))
    field = cv2.resize(moved.reshape(28, 28, 2).astype(np.float32), shape[::-1], interpolation=cv2.INTER_LINEAR)
    turned = places(shape) @ (affine[:, :2] - np.eye(2)).T + affine[:, 2]
    return turned.astype(np.float32) + field


def expression(theirs: np.ndarray, ours: np.ndarray) -> np.ndarray:
    """What would move our landmarks towards their expression, head pose and place taken out: (468, 2)."""
    affine = cv2.estimateAffinePartial2D(theirs, ours, method=cv2.LMEDS)[0]
    return theirs @ affine[:, :2].T + affine[:, 2] - ours


def lips_field(shape: tuple[int, int], landmarks: np.ndarray, size: float, opening: float) -> np.ndarray:
    """What draws the lips of a face of `size` pixels apart by `opening` pixels, and nothing else: as `landmark_field`."""
    mouth = landmarks[[13, 14]].mean(0)
    ys, xs = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    bump = np.exp(-(((xs - mouth[0]) / (0.22 * size)) ** 2) - ((ys - mouth[1]) / (0.18 * size)) ** 2)
    field = np.stack([0 * bump, -bump * np.tanh((ys - mouth[1]) / (0.06 * size)) * opening], 2)
    return field.astype(np.float32)
