"""Whose face is where at any time, for the annotated copy: the analysis knows only the frames it judged.

Faces are looked for through the whole video, eight times a second, and linked as for an analysis. A track then has the
verdict of the judged face that it coincides with, also before and after the moments that were judged.
"""

import threading
from bisect import bisect_right
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from core import video
from core.ahead import ahead, threads
from core.alternate import faces_of
from core.analysis import Analysis, FaceResult
from core.errors import CheckError
from core.faces import Box, FaceDetector, between, overlap
from core.plan import PLANS
from core.tracks import Tracker

MIN_OVERLAP = 0.3  # of a track's box with a judged one, to be the same face
SAME_TIME_S = 0.13  # a look is at most this far from a judged moment: looks are an eighth of a second apart
HELD_S = 0.3  # how long a box stands after the last look, should that come late

_threads = threads()


@dataclass(frozen=True)
class Sight:
    """A face at some time; `face` is None where it coincides with no judged one."""

    face: FaceResult | None
    box: Box  # pixels of the upright original


class Faces:
    """Where the faces of a video are, at any time."""

    def __init__(self, looks: list[tuple[float, dict[int, Box]]], analysis: Analysis):
        """looks: (seconds, track -> box), ascending."""
        self._looks = looks
        self._times = [t_s for t_s, _ in looks]
        self._names = names(looks, analysis)

    def at(self, t_s: float) -> list[Sight]:
        """The faces at a time; between two looks a box glides, or changes half-way where its track ends or begins.

        Where no track goes on there was a cut, and nobody knows at which frame between the two looks: until the second
        there is no box, rather than one with another person's name.
        """
        after = bisect_right(self._times, t_s)
        if after == 0:
            return []
        (before_s, before), (after_s, later) = self._looks[after - 1], self._looks[min(after, len(self._looks) - 1)]
        if t_s - before_s > HELD_S:
            return []
        share = (t_s - before_s) / (after_s - before_s) if after_s > before_s else 0.0
        boxes = before if share < 0.5 else later
        if share and before and later and not before.keys() & later.keys():
            boxes = {}
        gliding = {track: between(before[track], later[track], share) for track in before.keys() & later.keys()}
        return [Sight(self._name(track, t_s), gliding.get(track, box)) for track, box in boxes.items()]

    def _name(self, track: int, t_s: float) -> FaceResult | None:
        """The judged face nearest in time: an analysis may have parted in two what is one track here."""
        return min(self._names.get(track, []), key=lambda name: abs(name[0] - t_s), default=(t_s, None))[1]


def find_faces(
    path: Path,
    analysis: Analysis,
    progress: Callable[[float], None] = lambda t_s: None,
    cancel: Callable[[], bool] = lambda: False,
    known: video.Known | None = None,
) -> Faces:
    """Look for faces through the whole video. Raises CheckError."""
    tracker, looks, stop = Tracker(), [], threading.Event()

    def look_up() -> None:
        if cancel():
            raise CheckError("cancelled")

    frames = video.frames(path, PLANS["thorough"], [], stopped=stop.is_set, known=known)
    with (
        FaceDetector() as finder,
        _threads.lent() as thread,
        closing(ahead(frames, thread, look_up, stop.set)) as frames,
    ):
        for frame, faces, is_face in faces_of(frames, finder.search, finder.confirms):
            look_up()
            tracks = tracker.update(frame.t_s, frame.rgb, faces, is_face)
            boxes = {
                track.id: tuple(frame.scale * edge for edge in face.box)
                for track, face in zip(tracks, faces, strict=True)
                if track
            }
            looks.append((frame.t_s, boxes))
            progress(frame.t_s)
    return Faces(looks, analysis)


def names(looks: list[tuple[float, dict[int, Box]]], analysis: Analysis) -> dict[int, list[tuple[float, FaceResult]]]:
    """Track -> the judged faces that it coincides with, and when (seconds)."""
    times = [t_s for t_s, _ in looks]
    found: dict[int, list[tuple[float, FaceResult]]] = {}
    for face in analysis.faces:
        for moment in face.timeline:
            nearest = max(bisect_right(times, moment.t_s + SAME_TIME_S / 2) - 1, 0)
            if not looks or abs(times[nearest] - moment.t_s) > SAME_TIME_S:
                continue
            boxes = looks[nearest][1]
            track = max(boxes, key=lambda track: overlap(boxes[track], moment.box), default=None)
            if track is not None and overlap(boxes[track], moment.box) >= MIN_OVERLAP:
                found.setdefault(track, []).append((moment.t_s, face))
    return found
