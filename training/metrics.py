"""Figures from scores: pure functions of arrays. A score is higher the more manipulated a thing looks."""

import numpy as np


def auc(real: np.ndarray, fake: np.ndarray) -> float:
    """Probability that a fake scores above a real, ties half; nan where either is empty."""
    if not len(real) or not len(fake):
        return float("nan")
    order = np.sort(real)
    below = np.searchsorted(order, fake, "left")
    ties = np.searchsorted(order, fake, "right") - below
    return float((below + ties / 2).sum() / (len(real) * len(fake)))
