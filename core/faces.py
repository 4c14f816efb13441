"""Every face in a frame, by MediaPipe's full-range BlazeFace."""

import os
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np

Box = tuple[float, float, float, float]  # x0, y0, x1, y1 in pixels

DETECTOR_MODEL = Path(__file__).parent / "assets" / "face_detection_full_range_sparse.tflite"
MIN_SCORE = 0.5
BORDER = 0.2  # of the side, on each side

_quiet_lock = threading.Lock()


@dataclass(frozen=True, eq=False)
class Face:
    """One detected face of one frame."""

    box: Box  # pixels, may reach outside the frame
    score: float  # 0 to 1
    keypoints: np.ndarray  # (6, 2) float32, pixels: right eye, left eye, nose, mouth, right ear, left ear

    def moved(self, x: float, y: float) -> "Face":
        x0, y0, x1, y1 = self.box
        return Face((x0 + x, y0 + y, x1 + x, y1 + y), self.score, self.keypoints + np.float32((x, y)))


class FaceDetector:
    """Finds faces. One per thread: MediaPipe's graph is not shared between threads.

    A context manager; `close` frees the graph.
    """

    def __init__(self, min_score: float = MIN_SCORE):
        with _quiet_stderr():
            from mediapipe.tasks import python as tasks
            from mediapipe.tasks.python import vision

            options = vision.FaceDetectorOptions(
                base_options=tasks.BaseOptions(model_asset_buffer=DETECTOR_MODEL.read_bytes()),
                min_detection_confidence=min_score,
            )
            self._detector = vision.FaceDetector.create_from_options(options)
            self._detect(np.zeros((64, 64, 3), np.uint8))  # the graph logs at its first frame too

    def detect(self, rgb: np.ndarray) -> list[Face]:
        """Faces in an upright frame, (H, W, 3) uint8 RGB, best first."""
        height, width = rgb.shape[:2]
        faces = []
        for found in self._detect(rgb).detections:
            b = found.bounding_box
            points = [(p.x * width, p.y * height) for p in found.keypoints]
            box = (float(b.origin_x), float(b.origin_y), float(b.origin_x + b.width), float(b.origin_y + b.height))
            faces.append(Face(box, float(found.categories[0].score), np.array(points, np.float32)))
        return sorted(faces, key=lambda face: -face.score)

    def detect_tight(self, rgb: np.ndarray) -> list[Face]:
        """As `detect`; where that finds nothing, once more with a grey border of a fifth on every side.

        The full-range model was made for faces at some distance and misses one that fills the picture.
        """
        if found := self.detect(rgb):
            return found
        height, width = rgb.shape[:2]
        y, x = round(height * BORDER), round(width * BORDER)
        bordered = np.full((height + 2 * y, width + 2 * x, 3), 128, np.uint8)
        bordered[y : y + height, x : x + width] = rgb
        return [face.moved(-x, -y) for face in self.detect(bordered)]

    def _detect(self, rgb: np.ndarray):
        import mediapipe

        image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(rgb))
        return self._detector.detect(image)

    def close(self) -> None:
        with _quiet_stderr():
            self._detector.close()

    def __enter__(self) -> "FaceDetector":
        return self

    def __exit__(self, *exc) -> None:
        self.close()


class _quiet_stderr:
    """MediaPipe's C++ logs 65 lines at start-up and heeds no log level; only the file descriptor silences it."""

    def __enter__(self):
        _quiet_lock.acquire()
        self._kept = os.dup(2)
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 2)
        os.close(null)

    def __exit__(self, *exc):
        os.dup2(self._kept, 2)
        os.close(self._kept)
        _quiet_lock.release()
