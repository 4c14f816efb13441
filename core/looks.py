"""Crops on their way through the network: one window at a time, a budget shared among the faces.

Memory does not depend on the length of the video: a window's crops and features are dropped as soon as it is judged,
and only a few numbers per frame stay.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from core.crops import crop
from core.engine import Engine
from core.errors import CheckError
from core.faces import Box, Face
from core.framing import off_frame
from core.landmarks import Landmarker
from core.movement import Movement
from core.shading import Shading
from core.tracks import Track, size
from core.usual import Usual
from core.video import Frame

BATCH = 32  # crops per pass through the encoder
MIN_SIZE = 40.0  # pixels; in smaller faces the traces are gone
MIN_FRAMES = 3  # fewer are not judged
MIN_SECONDS = 0.4  # so many frames of the default plan, if a little early or late
WATCHED = 8  # faces of one frame, the largest, whose movement is measured


@dataclass(eq=False)
class Look:
    """One face in one frame, on its way through the network."""

    place: int  # of the frame within its window
    t_s: float
    index: int
    box: Box  # pixels of the original picture
    pixels: np.ndarray | None  # (S, S, 3) uint8, until encoded
    features: Tensor | None = None
    logit: float | None = None


@dataclass(eq=False)
class Record:
    """What is kept of one face: a few numbers per frame."""

    track: Track
    looks: list[Look] = field(default_factory=list)  # the encoded ones, without pixels and features
    window_logits: list[float] = field(default_factory=list)
    corrected: list[float] = field(default_factory=list)  # frame logits moved so that each window's mean is its logit
    sizes: list[float] = field(default_factory=list)  # longer side of the box in every frame, pixels of the original
    usable: int = 0  # frames in which the face is large enough
    too_small: int = 0  # frames in which it is not
    movement: Movement = field(default_factory=Movement)
    shading: Shading = field(default_factory=Shading)
    off_frame: float | None = None  # of the first picture: how far it is cut otherwise than generators cut theirs
    usual: float = 1.0  # of its face: share of real faces at least as unusual

    @property
    def seconds(self) -> float:
        """From when the face is first seen to when it is last."""
        return self.track.last_s - self.track.first_s

    @property
    def suspicion(self) -> float:
        """Mean logit of the frames encoded so far."""
        return float(np.mean([look.logit for look in self.looks])) if self.looks else -np.inf

    @property
    def one_picture(self) -> float | None:
        """The logit of a face animated from one picture, by all that movement says; None where it says nothing, as of a
        photograph under a moving camera."""
        if not self.movement.bends:
            return None
        told = [logit for logit in (self.movement.logit, self.shading.logit) if logit is not None]
        return sum(told) if told else None


class Looks:
    """All faces of one video.

    budget: how many crops may be encoded in all, None for no limit. windows: how many are expected. `cancel` is asked
    before each batch; True raises CheckError("cancelled"). usual: what the encoder sees in real faces, where that is known.
    """

    def __init__(
        self, engine: Engine, budget: int | None, windows: int, cancel: Callable[[], bool], usual: Usual | None = None
    ):
        self.engine, self.left, self.windows_left, self.cancel, self.usual = engine, budget, windows, cancel, usual
        self.records: dict[int, Record] = {}  # by track id
        # seconds of the first and the last frame of each window that had any, and until when the last one was shown
        self.spans: list[tuple[float, float, float]] = []
        self.frames = 0
        self.frames_with_face = 0
        self._landmarker = None if engine.is_stand_in else Landmarker()
        self._times: list[float] = []  # of the open window's frames
        self._until_s = 0.0
        self._open: dict[int, list[Look]] = {}  # the open window's looks, by track id

    def add(self, frame: Frame, faces: list[Face], tracks: list[Track | None]) -> None:
        """The faces of the next frame of the open window, each with its track; those without one are left out."""
        config = self.engine.model.config
        watched = sorted(faces, key=lambda face: -size(face.box))[:WATCHED] if self._landmarker else []
        for face, track in zip(faces, tracks, strict=True):
            if track is None:
                continue
            box = face.box
            record = self.records.setdefault(track.id, Record(track))
            record.sizes.append(size(box) * frame.scale)
            if size(box) < MIN_SIZE:
                record.too_small += 1
                continue
            record.usable += 1
            if face in watched:
                self._watch(record, frame, face)
            pixels = crop(frame.rgb, box, config.size, config.margin)
            original = tuple(float(edge * frame.scale) for edge in box)
            look = Look(len(self._times), frame.t_s, frame.index, original, pixels)
            self._open.setdefault(track.id, []).append(look)
        self._times.append(frame.t_s)
        self._until_s = max(frame.t_s, frame.until_s)
        self.frames += 1
        self.frames_with_face += any(tracks)

    def _watch(self, record: Record, frame: Frame, face: Face) -> None:
        """What single crops do not tell: how the face moves, and how its picture is cut."""
        record.movement.look(frame.t_s, frame.rgb, face.box)
        mesh = self._landmarker.find(frame.rgb, face)
        record.shading.look(frame.t_s, mesh)
        if self.frames == 0 and mesh:
            height, width = frame.rgb.shape[:2]
            record.off_frame = off_frame(mesh.in_picture, width, height)

    def raise_if_cancelled(self) -> None:
        if self.cancel():
            raise CheckError("cancelled")

    def encode_full_batches(self) -> None:
        """What will be encoded anyway need not wait for the end of a window, which may have many frames of many faces."""
        if self.left is None:
            waiting = self._waiting()
            self._encode(waiting[: len(waiting) // BATCH * BATCH])

    def _waiting(self) -> list[tuple[int, Look]]:
        """Track ids and looks of the open window that are not encoded yet."""
        return [(track, look) for track, looks in self._open.items() for look in looks if look.logit is None]

    def close_window(self) -> None:
        """Encode what the budget allows of the open window, judge it and forget its pictures."""
        waiting, share = sum(map(len, self._open.values())), self._share()
        if waiting <= share:
            self._encode(self._waiting())
        else:
            self._encode_first_looks(share)
        self._judge()
        if self._times:
            self.spans.append((self._times[0], self._times[-1], self._until_s))
            for record in self.records.values():  # most of a long film's have gone
                record.movement.let_go(self._times[-1])
                record.shading.let_go(self._times[-1])
        self._times, self._open = [], {}

    def _share(self) -> float:
        """Of what is left of the budget, this window's part."""
        if self.left is None:
            return np.inf
        share = self.left // max(self.windows_left, 1)
        self.windows_left -= 1
        return share

    def _encode_first_looks(self, share: int) -> None:
        """A first look at each face, then the rest of the share to the most suspicious."""
        before = self.left
        available = {track: len(looks) for track, looks in self._open.items()}
        encoded = {track: len(self.records[track].looks) for track in available}
        sizes = {track: np.median([size(look.box) for look in looks]) for track, looks in self._open.items()}
        given = first_looks(available, encoded, sizes, share, self.left)
        self._encode([(track, look) for track, n in given.items() for look in evenly(self._open[track], n)])
        rest = share - (before - self.left)
        for track in sorted(available, key=lambda t: -self.records[t].suspicion):
            waiting = [look for look in self._open[track] if look.logit is None]
            chosen = evenly(waiting, min(max(rest, 0), len(waiting)))
            self._encode([(track, look) for look in chosen])
            rest -= len(chosen)

    def _encode(self, chosen: list[tuple[int, Look]]) -> None:
        for start in range(0, len(chosen), BATCH):
            self.raise_if_cancelled()
            batch = chosen[start : start + BATCH]
            features, logits = self.engine.encode(np.stack([look.pixels for _, look in batch]))
            for (track, look), feature, logit in zip(batch, features, logits.tolist(), strict=True):
                look.features, look.logit, look.pixels = feature, logit, None
                record = self.records[track]
                if self.usual and record.off_frame is not None and not record.looks:
                    record.usual = self.usual.share(feature.cpu().numpy())
                record.looks.append(look)
        if self.left is not None:
            self.left -= len(chosen)

    def _judge(self) -> None:
        """One logit for each face of the window that has an encoded crop."""
        judged = {t: done for t, looks in self._open.items() if (done := [k for k in looks if k.logit is not None])}
        if not judged:
            return
        shape = (len(judged), len(self._times))
        wide = self.engine.model.config.encoder.features
        features = torch.zeros(*shape, wide, dtype=torch.float32, device=self.engine.device)
        logits, mask = torch.zeros(shape, dtype=torch.float32), torch.zeros(shape, dtype=torch.bool)
        for row, looks in enumerate(judged.values()):
            for look in looks:
                features[row, look.place], logits[row, look.place], mask[row, look.place] = (
                    look.features,
                    look.logit,
                    True,
                )
                look.features = None
        times = torch.tensor(self._times, dtype=torch.float32).expand(shape)
        for (track, looks), logit in zip(judged.items(), self.engine.judge(features, logits, mask, times), strict=True):
            correction = logit - float(np.mean([look.logit for look in looks]))
            self.records[track].window_logits.append(logit)
            self.records[track].corrected += [look.logit + correction for look in looks]


def first_looks(
    available: dict[int, int], encoded: dict[int, int], sizes: dict[int, float], share: int, left: int
) -> dict[int, int]:
    """How many crops each face gets before it is known which is the most suspicious; all keyed by track.

    A face that has not had the frames it needs to be judged gets them, largest first, for as long as they fit into the
    window's share or half of what is left. Half of the share is for a look at each of the faces in later windows too.
    """
    limit = max(share, left // 2)
    given: dict[int, int] = {}
    for track in sorted(available, key=lambda t: (-sizes[t], t)):
        wanted = max(MIN_FRAMES - encoded[track], share // (2 * len(available)))
        wanted = min(wanted, available[track])
        if sum(given.values()) + wanted <= limit:
            given[track] = wanted
    return given


def evenly(looks: list[Look], count: int) -> list[Look]:
    """`count` of the looks, evenly spaced."""
    return [looks[i] for i in np.linspace(0, len(looks) - 1, count).round().astype(int)] if count else []
