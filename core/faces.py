"""Every face in a frame, by MediaPipe's full-range BlazeFace."""

import atexit
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np

from core.errors import CheckError
from core.pool import Pool

Box = tuple[float, float, float, float]  # x0, y0, x1, y1 in pixels

DETECTOR_MODEL = Path(__file__).parent / "assets" / "face_detection_full_range_sparse.tflite"
MIN_SCORE = 0.5
BORDER = 0.2  # of the side, on each side
TILE = 0.57  # of the side: two tiles of it overlap by a quarter of their own
TILE_FROM = 768  # pixels; in smaller pictures tiles would only find faces too small to judge
CLOSE_UP = 3.0  # face widths
FAR = 0.125  # of the longer side: a larger face means that people are near

_quiet_lock = threading.Lock()


@dataclass(frozen=True, eq=False)
class Face:
    """One detected face of one frame."""

    box: Box  # pixels, may reach outside the frame
    score: float  # 0 to 1
    keypoints: np.ndarray  # (6, 2) float32, pixels: right eye, left eye, nose, mouth, right ear, left ear

    @property
    def width(self) -> float:
        return self.box[2] - self.box[0]

    def moved(self, x: float, y: float) -> "Face":
        x0, y0, x1, y1 = self.box
        return Face((x0 + x, y0 + y, x1 + x, y1 + y), self.score, self.keypoints + np.float32((x, y)))

    @property
    def centre(self) -> tuple[float, float]:
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2

    def is_centred_in(self, width: int, height: int) -> bool:
        x, y = self.centre
        return 0 <= x < width and 0 <= y < height

    def holds_centre_of(self, other: "Face") -> bool:
        x, y = other.centre
        return self.box[0] <= x <= self.box[2] and self.box[1] <= y <= self.box[3]


class FaceDetector:
    """Finds faces. One per thread: MediaPipe's graph is not shared between threads.

    A context manager; `close` leaves the graph to the next detector, as making one shuts standard error for a moment.
    One that was in use when something unforeseen was raised is not used again.
    """

    def __init__(self):
        self._graph = _graphs.take()

    def detect(self, rgb: np.ndarray) -> list[Face]:
        """Faces in an upright frame, (H, W, 3) uint8 RGB, best first. Those centred outside of it are left out."""
        height, width = rgb.shape[:2]
        faces = []
        for found in self._detect(rgb).detections:
            b = found.bounding_box
            points = [(p.x * width, p.y * height) for p in found.keypoints]
            box = (float(b.origin_x), float(b.origin_y), float(b.origin_x + b.width), float(b.origin_y + b.height))
            faces.append(Face(box, float(found.categories[0].score), np.array(points, np.float32)))
        return sorted((face for face in faces if face.is_centred_in(width, height)), key=lambda face: -face.score)

    def search(self, rgb: np.ndarray) -> list[Face]:
        """As `detect`, and where that sees little, once more closer and from further away.

        The model reads 192 x 192 pixels, so that it misses faces under a twentieth of a picture's width; it was made
        for faces at some distance, so that it also misses one that fills the picture.
        """
        faces = self.detect(rgb)
        longer = max(rgb.shape[:2])
        if longer > TILE_FROM and all(face.width < FAR * longer for face in faces):
            faces = without_doubles(faces + self._detect_in_tiles(rgb))
        return faces or self._detect_with_border(rgb)

    def confirms(self, rgb: np.ndarray, face: Face) -> bool:
        """Whether a face is still one when looked at closely.

        A texture that passes for a small face hardly ever does so at another scale; faces do. One that takes a third
        of the picture was looked at closely enough.
        """
        height, width = rgb.shape[:2]
        if face.width * CLOSE_UP > min(height, width):
            return True
        (x, y), half = face.centre, face.width * CLOSE_UP / 2
        left, top = max(round(x - half), 0), max(round(y - half), 0)
        close = rgb[top : round(y + half), left : round(x + half)]
        return any(face.holds_centre_of(found.moved(left, top)) for found in self.detect(close))

    def _detect_in_tiles(self, rgb: np.ndarray) -> list[Face]:
        """Faces in the four overlapping corners of a picture."""
        height, width = rgb.shape[:2]
        tile_height, tile_width = round(height * TILE), round(width * TILE)
        faces = []
        for y in (0, height - tile_height):
            for x in (0, width - tile_width):
                tile = rgb[y : y + tile_height, x : x + tile_width]
                faces += [face.moved(x, y) for face in self.detect(tile)]
        return faces

    def _detect_with_border(self, rgb: np.ndarray) -> list[Face]:
        """Faces in a picture with a grey border of a fifth on every side."""
        height, width = rgb.shape[:2]
        y, x = round(height * BORDER), round(width * BORDER)
        bordered = np.full((height + 2 * y, width + 2 * x, 3), 128, np.uint8)
        bordered[y : y + height, x : x + width] = rgb
        found = [face.moved(-x, -y) for face in self.detect(bordered)]
        return [face for face in found if face.is_centred_in(width, height)]

    def _detect(self, rgb: np.ndarray):
        return _found_by(self._graph, rgb)

    def close(self) -> None:
        if graph := self._taken():
            _graphs.give(graph)

    def _taken(self):
        """The graph, once: after that it may serve another detector."""
        graph, self._graph = self._graph, None
        return graph

    def __enter__(self) -> "FaceDetector":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_) -> None:
        if kind and not issubclass(kind, CheckError) and (graph := self._taken()):
            _end(graph)
        self.close()


def _new_graph():
    """MediaPipe's graph, quietly."""
    with quiet_stderr(), _without_plotting():
        from mediapipe.tasks import python as tasks
        from mediapipe.tasks.python import vision

        options = vision.FaceDetectorOptions(
            base_options=tasks.BaseOptions(model_asset_buffer=DETECTOR_MODEL.read_bytes()),
            min_detection_confidence=MIN_SCORE,
        )
        graph = vision.FaceDetector.create_from_options(options)
        _found_by(graph, np.zeros((64, 64, 3), np.uint8))  # it logs at its first frame too
    return graph


_graphs = Pool(_new_graph)  # some 12 MB each


@atexit.register  # left to the very end, MediaPipe is heard to fail at it
def _end_idle() -> None:
    for graph in _graphs.emptied():
        _end(graph)


def _end(graph) -> None:
    with quiet_stderr():
        graph.close()


def _found_by(graph, rgb: np.ndarray):
    import mediapipe

    return graph.detect(mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(rgb)))


def overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes, 0 to 1."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def between(a: Box, b: Box, share: float) -> Box:
    """The box at a share (0 to 1) of the way from one to the other."""
    return tuple((1 - share) * x + share * y for x, y in zip(a, b, strict=True))


def without_doubles(faces: list[Face]) -> list[Face]:
    """Best first; a face whose centre lies in a better one, or the other way round, is the same face."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.score):
        if not any(face.holds_centre_of(other) or other.holds_centre_of(face) for other in kept):
            kept.append(face)
    return kept


@contextmanager
def _without_plotting() -> Iterator[None]:
    """MediaPipe loads pyplot, a fifth of a second, for a function that nobody calls here; an empty module will do.

    Once MediaPipe is there it stays away: others may be loading pyplot just then.
    """
    if "mediapipe" in sys.modules:
        yield
        return
    name = "matplotlib.pyplot"
    empty = ModuleType(name)
    sys.modules.setdefault(name, empty)
    try:
        yield
    finally:
        if sys.modules[name] is empty:
            del sys.modules[name]


class quiet_stderr:
    """MediaPipe's C++ logs 65 lines for each graph and heeds no log level, LiteRT's one at the first; only the file descriptor
    silences them."""

    def __enter__(self):
        _quiet_lock.acquire()
        try:
            self._kept = os.dup(2)
            null = os.open(os.devnull, os.O_WRONLY)
        except OSError:  # it is closed, or there are no more files to be had
            _quiet_lock.release()
            raise
        os.dup2(null, 2)
        os.close(null)

    def __exit__(self, *exc):
        os.dup2(self._kept, 2)
        os.close(self._kept)
        _quiet_lock.release()
