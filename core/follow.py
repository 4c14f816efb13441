"""Whose face is where in every frame, for the annotated copy: the analysis knows only the frames it judged.

Faces are looked for at a fixed rate through the whole video and take the name of the judged face they continue.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from core.analysis import Analysis, FaceResult
from core.faces import Box, FaceDetector
from core.tracks import Scene

LOOK_EVERY_S = 1 / 8  # the rate of the default plan; in between boxes glide
MAX_HELD = 16  # frames kept while waiting for the next look; bounds the memory of a high-speed video
ANCHOR_S = 1.0  # how long a box stands for where a face is, without a new sight of it
MIN_OVERLAP = 0.3  # of a found face with a judged one's place, to be the same


@dataclass(frozen=True)
class Sight:
    """A face in a frame; `face` is None where it continues no judged one."""

    face: FaceResult | None
    box: Box  # pixels of the frame


def follow(
    frames: Iterator[tuple[float, np.ndarray]], analysis: Analysis, finder: FaceDetector
) -> Iterator[tuple[float, np.ndarray, list[Sight]]]:
    """Every (time in seconds, (H, W, 3) uint8 frame), with the faces seen in it."""
    names = Names(analysis)
    held: list[tuple[float, np.ndarray]] = []
    before: list[Sight] = []
    scene = None
    for t_s, rgb in frames:
        previous, scene = scene, Scene.of(t_s, rgb)
        is_cut = previous is not None and scene.is_cut_from(previous)
        if not held or is_cut or t_s - held[0][0] >= LOOK_EVERY_S - 1e-3 or len(held) == MAX_HELD:
            if is_cut:
                names.forget()
            found = [face.box for face in finder.detect_tight(rgb)]
            now = names.give(t_s, found, rgb.shape[1])
            yield from _glide(held, before, before if is_cut else now, t_s)
            held, before = [], now
        held.append((t_s, rgb))
    if held:
        yield from _glide(held, before, before, held[-1][0] + LOOK_EVERY_S)


class Names:
    """Gives found boxes the names of judged faces."""

    def __init__(self, analysis: Analysis):
        self._faces = [face for face in analysis.faces if face.timeline]
        self._width = analysis.media.width
        self._times = {face.id: [moment.t_s for moment in face.timeline] for face in self._faces}
        self._seen: dict[int, tuple[float, Box]] = {}

    def forget(self) -> None:
        """After a cut nothing follows from where a face was."""
        self._seen.clear()

    def give(self, t_s: float, boxes: list[Box], frame_width: int) -> list[Sight]:
        scale = frame_width / self._width
        places = {face.id: place for face in self._faces if (place := self._place(face, t_s, scale))}
        pairs = [(overlap(box, place), i, face_id) for i, box in enumerate(boxes) for face_id, place in places.items()]
        named: dict[int, int] = {}
        for share, i, face_id in sorted(pairs, reverse=True):
            if share >= MIN_OVERLAP and i not in named and face_id not in named.values():
                named[i] = face_id
                self._seen[face_id] = (t_s, boxes[i])
        faces = {face.id: face for face in self._faces}
        return [Sight(faces.get(named.get(i, 0)), box) for i, box in enumerate(boxes)]

    def _place(self, face: FaceResult, t_s: float, scale: float) -> Box | None:
        """Where the face was last known to be, or will be: the nearest sight or judged moment."""
        if not face.first_seen_s - 0.2 <= t_s <= face.last_seen_s + ANCHOR_S:
            return None
        times = self._times[face.id]
        after = bisect_left(times, t_s)
        moments = [face.timeline[i] for i in (after - 1, after) if 0 <= i < len(times)]
        known = [(abs(t_s - m.t_s), tuple(scale * side for side in m.box)) for m in moments]
        if face.id in self._seen:
            known.append((t_s - self._seen[face.id][0], self._seen[face.id][1]))
        distance, box = min(known)
        return box if distance <= ANCHOR_S else None


def overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes, 0 to 1."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def _glide(held, before: list[Sight], now: list[Sight], now_s: float):
    """Frames between two looks, each box on its way from where it was to where it is."""
    for t_s, rgb in held:
        share = (t_s - held[0][0]) / max(now_s - held[0][0], 1e-6)
        yield t_s, rgb, [_between(sight, now, share) for sight in before]


def _between(sight: Sight, now: list[Sight], share: float) -> Sight:
    later = max((s for s in now if s.face is sight.face), key=lambda s: overlap(s.box, sight.box), default=None)
    if later is None or overlap(later.box, sight.box) == 0:
        return sight
    box = tuple((1 - share) * a + share * b for a, b in zip(sight.box, later.box, strict=True))
    return Sight(sight.face, box)
