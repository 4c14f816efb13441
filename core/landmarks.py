"""468 dense face landmarks, by MediaPipe's face_landmark.tflite run directly through LiteRT.

MediaPipe's own task refuses the bare model file. Point numbers are those of its canonical face mesh.
"""

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from core.faces import Face, quiet_stderr

MODEL = Path(__file__).parent / "assets" / "face_landmark.tflite"
SIDE = 192  # pixels, the model's input
MIN_PRESENCE = 0.5

OVAL = [10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377]
OVAL += [152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109]
OUTER_LIPS = [61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185]
INNER_LIPS = [78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191]
RIGHT_EYE = [33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246]
LEFT_EYE = [263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466]
RIGHT_BROW = [70, 63, 105, 66, 107, 55, 65, 52, 53, 46]
LEFT_BROW = [300, 293, 334, 296, 336, 285, 295, 282, 283, 276]
NOSE = [168, 6, 197, 195, 5, 4, 1, 19, 94, 2, 98, 97, 326, 327, 294, 278, 344, 440, 275, 45, 220, 115, 48, 64]


@dataclass(frozen=True, eq=False)
class Mesh:
    """A face as the model sees it, its eyes level."""

    patch: np.ndarray  # (SIDE, SIDE, 3) uint8
    points: np.ndarray  # (468, 2) float32, pixels of the patch
    transform: np.ndarray  # (2, 3), from the picture to the patch

    @property
    def in_picture(self) -> np.ndarray:
        """The points in pixels of the picture, (468, 2) float32."""
        back = cv2.invertAffineTransform(self.transform)
        return (self.points @ back[:, :2].T + back[:, 2]).astype(np.float32)


class Landmarker:
    """Finds the mesh of a detected face. One per thread."""

    def __init__(self):
        _start()
        self._net = _interpreter()
        self._input = self._net.get_input_details()[0]["index"]
        outputs = sorted(self._net.get_output_details(), key=lambda o: int(np.prod(o["shape"])))
        self._presence, self._points = outputs[0]["index"], outputs[-1]["index"]

    def find(self, rgb: np.ndarray, face: Face) -> Mesh | None:
        """The mesh of a face in a picture (H, W, 3) uint8, or None where the model sees no face."""
        transform = _level_square(face)
        patch = cv2.warpAffine(rgb, transform, (SIDE, SIDE), flags=cv2.INTER_LINEAR)
        self._net.set_tensor(self._input, patch[None].astype(np.float32) / 255)
        self._net.invoke()
        presence = 1 / (1 + math.exp(-float(self._net.get_tensor(self._presence).ravel()[0])))
        if presence < MIN_PRESENCE:
            return None
        return Mesh(patch, self._net.get_tensor(self._points).reshape(468, 3)[:, :2], transform)


@cache
def _start() -> None:
    """LiteRT logs a line when it runs its first model, and none after: standard error need not be shut again."""
    with quiet_stderr():
        _interpreter()


def _interpreter():
    from ai_edge_litert.interpreter import Interpreter

    net = Interpreter(model_path=str(MODEL), num_threads=1)
    net.allocate_tensors()
    return net


def _level_square(face: Face) -> np.ndarray:
    """The (2, 3) transform that takes a square of 1.5 x the box, its eyes level, to the model's input."""
    x0, y0, x1, y1 = face.box
    (right_x, right_y), (left_x, left_y) = face.keypoints[:2]
    angle = math.degrees(math.atan2(left_y - right_y, left_x - right_x))
    scale = SIDE / (1.5 * max(x1 - x0, y1 - y0))
    transform = cv2.getRotationMatrix2D(((x0 + x1) / 2, (y0 + y1) / 2), angle, scale)
    transform[:, 2] += SIDE / 2 - np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    return transform
