"""Faces linked over time: one track is one person's face between two cuts.

Boxes are not smoothed: a running mean lags behind a moving head, and the detector's own jitter (about 1 % of the size
from frame to frame) is less than the jitter that training adds on purpose.

The limits below were read off 114 real clips at 8 Hz (4,097 steps) and all 6,441 cuts from one of them to another: no
step is taken for a cut; 96 % of the cuts are noticed, and after another 1.5 % the face looks too different to be linked.
A stricter rule would part one person's sudden turns of the head. At 4 Hz the 37 clips of one person are one track each too.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from core.crops import crop
from core.faces import Box, Face

SAME_SCENE = 0.6  # agreement of structure or of colours at which two frames are no cut apart
SAME_LOOK = 0.45  # correlation of two face thumbnails of one person
FINE = 64  # pixels along a larger face that its thumbnail is made from, at least
ROWS = 144  # of a picture that are looked at to tell a cut
FLASH_S = 1.0  # a scene that comes back within this time was never left: a flash, a dropped picture
MAX_STEP = 1.0  # of the face's size: how far a face may be from where it was expected
MAX_SIZE_RATIO = 2.0
KEPT_LOOK = 0.06  # share of how a face looked that counts after a second: .7 from frame to frame at 8 Hz, .49 at 4 Hz
PREDICT_S = 1.0  # how long a face is expected to go on moving as it did
MAX_TRACKS = 100  # kept in mind; those unseen for longest are forgotten
NO_MATCH = 1e6


@dataclass(eq=False)
class Track:
    """One face followed through the video."""

    id: int  # 1, 2, ... in the order of appearance
    first_s: float
    last_s: float
    box: Box  # the latest, pixels
    look: np.ndarray  # (192,) float32 of length 1: what the face looked like lately
    velocity: np.ndarray = field(default_factory=lambda: np.zeros(2))  # pixels per second

    def expected_at(self, t_s: float) -> np.ndarray:
        """Where its centre should be, (x, y) pixels, if it went on moving as it did."""
        gap = t_s - self.last_s
        return centre(self.box) + self.velocity * (gap if gap <= PREDICT_S else 0)

    def follow(self, t_s: float, face: Face, look: np.ndarray) -> None:
        step = t_s - self.last_s
        if 0 < step <= PREDICT_S:
            self.velocity = 0.5 * self.velocity + 0.5 * (centre(face.box) - centre(self.box)) / step
        else:
            self.velocity = np.zeros(2)
        kept = KEPT_LOOK ** min(step, PREDICT_S)
        self.look = unit(kept * self.look + (1 - kept) * look)
        self.box, self.last_s = face.box, t_s


@dataclass(frozen=True, eq=False)
class Scene:
    """A frame reduced to what tells a cut from a movement."""

    t_s: float
    structure: np.ndarray  # (432,) float32 of length 1: the picture's light and dark, whatever its brightness
    colours: np.ndarray  # (512,) float32, sums to 1

    @classmethod
    def of(cls, t_s: float, rgb: np.ndarray) -> "Scene":
        import cv2

        rows = rgb[:: max(1, len(rgb) // ROWS)]  # of a large picture they tell as much in a fraction of the time
        small = cv2.resize(rows, (64, 36), interpolation=cv2.INTER_AREA)
        colours = cv2.calcHist([small], [0, 1, 2], None, [8, 8, 8], [0, 256] * 3).ravel()
        grey = cv2.resize(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), (24, 18), interpolation=cv2.INTER_AREA)
        structure = cv2.GaussianBlur(grey.astype(np.float32), (0, 0), 0.7).ravel()
        return cls(t_s, unit(structure - structure.mean()), colours / colours.sum())

    def is_cut_from(self, other: "Scene") -> bool:
        """Conservative: a flash keeps the structure, a pan or a shaking hand the colours."""
        same_structure = float(self.structure @ other.structure) >= SAME_SCENE
        return not same_structure and float(np.minimum(self.colours, other.colours).sum()) < SAME_SCENE


class Tracker:
    """Links the faces of one video, frame by frame in order of time."""

    def __init__(self):
        self._count = 0
        self._tracks: list[Track] = []  # of this shot; they wait here while their face is not found
        self._recent: list[tuple[Scene, list[Track]]] = []  # the last second's frames, each with its shot's tracks

    def update(
        self, t_s: float, rgb: np.ndarray, faces: list[Face], is_face: Callable[[Face], bool] = lambda face: True
    ) -> list[Track | None]:
        """The track of each face, in their order; None for what is none.

        t_s: seconds, ascending. rgb: (H, W, 3) uint8, the frame the faces were found in. Gaps of seconds between two
        calls are allowed: a face that is then where it was, and looks as it did, keeps its track. is_face: asked before
        a track begins.
        """
        self._tracks = self._tracks_of_shot(Scene.of(t_s, rgb))
        looks = [thumbnail(rgb, face.box) for face in faces]
        found: list[Track | None] = [None] * len(faces)
        for row, column in self._match(t_s, faces, looks):
            found[column] = self._tracks[row]
            self._tracks[row].follow(t_s, faces[column], looks[column])
        for i in sorted(range(len(faces)), key=lambda i: faces[i].box):  # those who appear together, from the left
            is_new = found[i] is None and not any(is_part(faces[i].box, t_s, other) for other in self._tracks)
            if is_new and is_face(faces[i]):
                self._count += 1
                found[i] = Track(self._count, t_s, t_s, faces[i].box, looks[i])
                self._tracks.append(found[i])
        self._tracks.sort(key=lambda track: track.last_s)  # in place: the last second's frames share the list
        del self._tracks[:-MAX_TRACKS]
        return found

    def _tracks_of_shot(self, scene: Scene) -> list[Track]:
        """The tracks of the latest frame that no cut parts from this one; after a cut there are none."""
        shots = (tracks for before, tracks in reversed(self._recent) if not scene.is_cut_from(before))
        tracks = next(shots, [])
        recent = [(before, kept) for before, kept in self._recent if scene.t_s - before.t_s <= FLASH_S]
        self._recent = [*recent, (scene, tracks)]
        return tracks

    def _match(self, t_s: float, faces: list[Face], looks: list[np.ndarray]) -> list[tuple[int, int]]:
        """Pairs (track, face) of the assignment with the least total cost, impossible pairs left out."""
        if not faces or not self._tracks:
            return []
        costs = link_costs(self._tracks, t_s, faces, looks)
        if costs.shape == (1, 1):  # saves most videos the half second that importing scipy's solver takes
            return [(0, 0)] if costs[0, 0] < NO_MATCH else []
        from scipy.optimize import linear_sum_assignment

        pairs = zip(*linear_sum_assignment(costs), strict=True)
        return [(row, column) for row, column in pairs if costs[row, column] < NO_MATCH]


def link_costs(tracks: list[Track], t_s: float, faces: list[Face], looks: list[np.ndarray]) -> np.ndarray:
    """How badly each face fits each track, (tracks, faces): distance in face sizes, log of the size ratio and loss of
    look; 0 is a perfect fit, NO_MATCH an impossible one."""
    gaps = np.array([t_s - track.last_s for track in tracks])
    expected = np.array([track.expected_at(t_s) for track in tracks])
    places = np.array([centre(face.box) for face in faces])
    old_sizes, new_sizes = np.array([size(t.box) for t in tracks])[:, None], np.array([size(f.box) for f in faces])
    distances = np.linalg.norm(expected[:, None] - places, axis=2) / np.maximum(old_sizes, new_sizes)
    ratios = np.abs(np.log(new_sizes / old_sizes))
    likeness = np.stack([track.look for track in tracks]) @ np.stack(looks).T
    too_far = distances > MAX_STEP * (1 + np.minimum(gaps, 1.0) / 2)[:, None]
    impossible = too_far | (ratios > np.log(MAX_SIZE_RATIO)) | (likeness < SAME_LOOK)
    return np.where(impossible, NO_MATCH, distances + ratios + 1 - likeness)


def is_part(box: Box, t_s: float, track: Track) -> bool:
    """Whether a new face would begin inside one just seen, as when the detector takes a pair of glasses for a face."""
    width = min(box[2], track.box[2]) - max(box[0], track.box[0])
    height = min(box[3], track.box[3]) - max(box[1], track.box[1])
    inside = max(width, 0) * max(height, 0) / size(box) ** 2
    return inside > 0.5 and size(box) < 0.6 * size(track.box) and t_s - track.last_s <= PREDICT_S


def thumbnail(rgb: np.ndarray, box: Box) -> np.ndarray:
    """A face as (192,) float32 of length 1: 8 x 8 pixels in colour, less their mean, so that exposure does not count."""
    every = max(1, int(size(box)) // FINE)  # of a large face's pixels they tell as much in a fraction of the time
    pixels = crop(rgb[::every, ::every], tuple(edge / every for edge in box), size=8, margin=1.0)
    pixels = pixels.astype(np.float32).ravel()
    return unit(pixels - pixels.mean())


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / (float(np.linalg.norm(vector)) + 1e-6)


def centre(box: Box) -> np.ndarray:
    return np.array([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2])


def size(box: Box) -> float:
    """The longer side of a box, at least a pixel."""
    return max(box[2] - box[0], box[3] - box[1], 1.0)
