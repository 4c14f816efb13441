"""Whether a single picture is cut just as those that face generators learn from, and so give.

Generators such as StyleGAN learn from photographs that were turned, scaled and cut by one recipe, that of FFHQ (Karras et al.
2019, as for CelebA-HQ in 2018), and everything they draw has its eyes and mouth where the recipe puts them, to less than a
hundredth of the picture. Hardly any other picture has. The recipe's own photographs do, of course, and cutting or turning a drawn
face hides it.
"""

import numpy as np

from core.landmarks import LEFT_EYE, RIGHT_EYE

MOUTH_CORNERS = (61, 291)
OF_EYES, OF_HEIGHT = 2.0, 1.8  # half the side is the larger of so many times eye to eye, and eyes to mouth
DOWN = 0.1  # of the way from eyes to mouth: where the picture's middle lies
LEAST_SQUARE = 0.99  # of the longer side
EXACT = 0.004  # of the side: `python -m training.framing` finds framed pictures within this, half of the time
FRAMED_LOGIT = 3.0  # of a picture framed to the pixel, as much as of any other sign


def recipe_frame(points: np.ndarray) -> tuple[complex, complex]:
    """Where the recipe cuts: the middle of the square, and the way from there to the middle of its right edge, x + iy.

    points: the face mesh, (468, 2) float32 in pixels.
    """
    eyes, corners = _eyes_and_mouth(points)
    across, down = eyes[1] - eyes[0], corners.mean() - eyes.mean()
    right = across - 1j * down  # the recipe levels a face by both
    half = max(OF_EYES * abs(across), OF_HEIGHT * abs(down))
    return complex(eyes.mean() + DOWN * down), complex(right / abs(right) * half)


def off_frame(points: np.ndarray, width: int, height: int) -> float | None:
    """How far eyes and mouth lie from where the recipe puts them, root mean square, as a share of the picture's side.

    points: as in `recipe_frame`, of a face in a picture of that size. None where the picture is not square.
    """
    if min(width, height) < LEAST_SQUARE * max(width, height):
        return None
    middle, half = recipe_frame(points)
    side = (width + height) / 2
    seen = np.concatenate(_eyes_and_mouth(points))
    wanted = (seen - middle) / half * side / 2 + (width + 1j * height) / 2
    return float(np.sqrt((np.abs(seen - wanted) ** 2).mean()) / side)


def _eyes_and_mouth(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Right and left eye, and both corners of the mouth, x + iy."""
    to_complex = np.complex64([1, 1j])
    return points[[RIGHT_EYE, LEFT_EYE]].mean(1) @ to_complex, points[list(MOUTH_CORNERS)] @ to_complex


def framing_logit(off: float, usual: float = 1.0) -> float:
    """Above 0 where a picture is framed as a generator's, far below where it is not.

    usual: share of real faces at least as unusual as its face, as `core.usual` has it. What a generator would rarely draw
    is a photograph of the same frame.
    """
    return FRAMED_LOGIT - (off / EXACT) ** 2 / 2 + float(np.log(usual))
