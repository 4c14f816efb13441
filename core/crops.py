"""The one crop function, for training and inference alike. Two crop functions would be two models."""

import numpy as np

from core.faces import Box

CROP_SIZE = 224  # pixels; what the encoder was trained at
CROP_MARGIN = 1.3  # of the longer side of the box: jaw and forehead, where swaps end, stay in


def crop_square(box: Box, margin: float = CROP_MARGIN) -> tuple[float, float, float]:
    """Centre x, centre y and side (pixels) of the square that `crop` cuts around a box."""
    x0, y0, x1, y1 = box
    return (x0 + x1) / 2, (y0 + y1) / 2, max(x1 - x0, y1 - y0) * margin


def crop(rgb: np.ndarray, box: Box, size: int = CROP_SIZE, margin: float = CROP_MARGIN) -> np.ndarray:
    """Cut the square around a face and resize it.

    rgb: (H, W, 3) uint8, RGB order. box: x0, y0, x1, y1 in pixels, may reach outside the frame.
    Returns (size, size, 3) uint8. What lies outside the frame is mirrored, as black bars would be a sign of their own.
    """
    import cv2  # brought by mediapipe; costs 0.1 s to import

    height, width = rgb.shape[:2]
    centre_x, centre_y, side = crop_square(box, margin)
    side = max(2, round(side))
    left, top = round(centre_x - side / 2), round(centre_y - side / 2)
    right, bottom = left + side, top + side
    inside = rgb[max(top, 0) : min(bottom, height), max(left, 0) : min(right, width)]
    if inside.size == 0:
        raise ValueError(f"box {box} lies outside the {width} x {height} frame")
    if inside.shape[:2] != (side, side):
        pads = (max(-top, 0), max(bottom - height, 0), max(-left, 0), max(right - width, 0))
        inside = cv2.copyMakeBorder(inside, *pads, borderType=cv2.BORDER_REFLECT)
    # area averaging for shrinking keeps what a plain bilinear would alias away
    how = cv2.INTER_AREA if side > size else cv2.INTER_CUBIC
    return cv2.resize(inside, (size, size), interpolation=how)
