"""The faces of every frame, looked for in every other one.

Looking costs several times what following does, and between two looks a quarter of a second apart a face that has hardly
moved is where one expects it. Where the two looks do not agree, the frame between them is looked at as well; so is every
frame where they come at 4 Hz, as in the default plan.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial

import numpy as np

from core.faces import Face, between, overlap
from core.video import Frame

STEADY = 0.9  # overlap of a face's boxes in two looks at which the frame between them is not looked at
NEAR_S = 0.3  # two looks further apart say nothing about what lies between

Search = Callable[[np.ndarray], list[Face]]  # (H, W, 3) uint8 RGB -> its faces
IsFace = Callable[[Face], bool]
Looked = tuple[Frame, list[Face]]


def faces_of(
    frames: Iterable[Frame], search: Search, confirms: Callable[[np.ndarray, Face], bool]
) -> Iterator[tuple[Frame, list[Face], IsFace]]:
    """Each frame with its faces and with what `Tracker.update` asks before a track begins.

    frames: ascending in time. search, confirms: those of a FaceDetector. A box that was not looked for lies between that
    of the look before and that of the look after, never of another window; it begins a track only where looking finds a
    face there after all, so that neither a cut nor a picture put in between passes unseen. Holds three frames at most.
    """
    before: Looked | None = None
    waiting: Frame | None = None
    for frame in frames:
        if waiting is None and before and before[0].window == frame.window:
            waiting = frame
            continue
        after = frame, search(frame.rgb)
        if before and waiting:
            yield _middle(before, waiting, after, search, confirms)
        yield *after, partial(confirms, frame.rgb)
        before, waiting = after, None
    if waiting:
        yield waiting, search(waiting.rgb), partial(confirms, waiting.rgb)


def _middle(before: Looked, frame: Frame, after: Looked, search: Search, confirms) -> tuple[Frame, list[Face], IsFace]:
    """The frame between two looks."""
    if before[0].window == after[0].window and after[0].t_s - before[0].t_s <= NEAR_S:
        share = (frame.t_s - before[0].t_s) / (after[0].t_s - before[0].t_s)
        if faces := faces_between(before[1], after[1], share):
            return frame, faces, lambda face: found_in(search(frame.rgb), face) and confirms(frame.rgb, face)
    return frame, search(frame.rgb), partial(confirms, frame.rgb)


def faces_between(before: list[Face], after: list[Face], share: float) -> list[Face]:
    """The faces at a share (0 to 1) of the way from one look to the next; none unless both see the same, unmoved."""
    pairs = [(a, b) for a in before for b in after if overlap(a.box, b.box) >= STEADY]
    if not len(pairs) == len(before) == len(after):  # faces in one frame do not overlap by so much
        return []
    return [
        Face(between(a.box, b.box, share), min(a.score, b.score), (1 - share) * a.keypoints + share * b.keypoints)
        for a, b in pairs
    ]


def found_in(faces: list[Face], face: Face) -> bool:
    return any(face.holds_centre_of(other) for other in faces)
