"""The road from file to Analysis; the only module that knows all of it.

torch and mediapipe load with `Detector.load`, not with this module.
"""

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from core import video
from core.ahead import ahead, threads
from core.analysis import Analysis, Media, ModelInfo, Provenance, Warning
from core.container import Source
from core.pieces import Pieces
from core.plan import Plan, plan_named, window_times
from core.provenance import read_provenance
from core.timeline import Timeline
from core.video import Frame

if TYPE_CHECKING:
    from core.fused import Encode
    from core.looks import Looks
    from core.pretrained import Pretrained

ONE_EACH = "This Detector belongs to the process that loaded it: load one in each process, started with spawn."
Progress = Callable[[int, int, str], None]  # done, total, stage: "open", "look", "judge"


class Detector:
    """A loaded model with everything around it. Safe to call from several threads.

    model: the DeepfakeModel, in evaluation mode on `device` ("cpu", "cuda", "mps"). info: its ModelInfo.
    `encode` takes the place of the model's own encoder, for who runs that elsewhere. Each process loads its own: one that
    was forked lacks the threads that it would wait for, torch's among them.
    """

    def __init__(
        self,
        pretrained: "Pretrained",
        device: str | None = None,
        precision: str | None = None,
        encode: "Encode | None" = None,
    ):
        from core.device import pick_device, pick_precision
        from core.engine import Engine
        from core.faces import FaceDetector
        from core.landmarks import Landmarker

        FaceDetector().close()  # loads mediapipe now rather than in the first check,
        Landmarker()  # and LiteRT
        if precision not in (None, "fp32", "bf16"):
            raise ValueError(f'precision is "fp32" or "bf16", not {precision!r}')
        self.device = pick_device(device)
        self._process = os.getpid()
        self.engine = Engine(pretrained.model, self.device, precision or pick_precision(self.device), encode)
        self._threads = threads()
        self.model = self.engine.model
        self.calibration, self.usual = pretrained.calibration, pretrained.usual
        self.info = ModelInfo(
            name=pretrained.name,
            version=pretrained.version,
            sha256=pretrained.sha256,
            trained=pretrained.trained,
            device=self.device,
            precision=self.engine.precision,
        )

    def __reduce__(self):
        raise TypeError(ONE_EACH)

    @classmethod
    def load(
        cls, weights: str | Path | None = None, device: str | None = None, precision: str | None = None
    ) -> "Detector":
        """Find and verify weights, and put them on a device.

        weights: None for the bundled ones, the name of a bundled variant, a folder, or a Hub id "owner/name@commit".
        device: "cpu", "cuda", "cuda:1", "mps"; None takes the best there is. precision: "fp32", "bf16"; None takes
        bf16 where the processor computes in it. Raises CheckError (weights_*, device_unavailable).
        """
        from core.pretrained import load_weights

        return cls(load_weights(weights), device, precision)

    def check(
        self,
        path: str | Source,
        plan: Plan | str = "default",
        progress: Progress | None = None,
        cancel: Callable[[], bool] | None = None,
    ) -> Analysis:
        """Judge one local file, or one whose pieces come as they are read.

        `progress` is called with rising numbers, stage by stage. `cancel` is asked at every frame and every batch; True
        ends with CheckError("cancelled"). Raises CheckError for whatever keeps the file from being looked at. A stranger's
        file may take much memory to open: `core.trial` first.
        """
        from core import summary
        from core.looks import Looks

        if os.getpid() != self._process:
            raise RuntimeError(ONE_EACH)
        plan = plan_named(plan) if isinstance(plan, str) else plan
        progress, cancel = progress or (lambda done, total, stage: None), cancel or (lambda: False)
        clock = Clock()
        progress(0, 1, "open")
        with clock.stage("open"):
            known = video.look_into(path)
            media = known.media
        progress(1, 1, "open")

        warnings: list[Warning] = []
        wanted = frames_wanted(known.timeline, plan)
        total = sum(wanted)
        looks = Looks(self.engine, crop_budget(plan), len(wanted), cancel, self.usual)

        def is_settled() -> bool:
            return plan.ends_early and summary.is_settled(list(looks.records.values()), self.calibration)

        stop = threading.Event()
        frames = video.frames(path, plan, warnings, stopped=stop.is_set, known=known)
        with self._threads.lent() as thread:
            if not isinstance(path, Pieces):  # who brings those may not be asked from another thread
                frames = ahead(frames, thread, looks.raise_if_cancelled, stop.set)
            with closing(frames):
                timed = clock.each("decode", frames)
                look_at(timed, looks, clock, lambda done: progress(min(done, total), total, "look"), is_settled)
        progress(total, total, "look")

        progress(0, 1, "judge")
        with clock.stage("provenance"):
            provenance = read_provenance(path)
        answer = self._answer(media, plan, looks, warnings, provenance, clock.seconds)
        progress(1, 1, "judge")
        return answer

    def _answer(
        self,
        media: Media,
        plan: Plan,
        looks: "Looks",
        warnings: list[Warning],
        provenance: Provenance | None,
        seconds: dict[str, float],
    ) -> Analysis:
        """What was seen, put into words."""
        from core import summary

        records = sorted(looks.records.values(), key=lambda record: record.track.id)
        is_still = media.is_still or looks.frames == 1
        faces = summary.face_results(records, self.calibration, is_still, self.info.trained)
        warnings += summary.face_warnings(records, faces, is_still, self.info.trained)
        top = summary.top_face(faces)
        coverage = summary.coverage(media, plan.name, looks, is_still)
        curve = self.calibration.curve(coverage.faces_judged, is_still)
        return Analysis(
            verdict=top and top.verdict,
            probability=top and top.probability,
            interval=top and top.interval,
            face_id=top and top.id,
            reason=top.reason if top else summary.nothing_judged(faces, is_still),
            faces=faces,
            media=media,
            coverage=coverage,
            warnings=tuple(warnings),
            provenance=provenance,
            model=self.info,
            seconds=seconds,
            bands=(curve.no_signs_until, curve.likely_from) if self.info.trained else None,
        )


def look_at(
    frames: Iterable[Frame],
    looks: "Looks",
    clock: "Clock",
    progress: Callable[[int], None],
    is_settled: Callable[[], bool],
) -> None:
    """Find, follow and encode the faces of every frame, until a window settles it; the results lie in `looks`."""
    from core.alternate import faces_of
    from core.faces import FaceDetector
    from core.tracks import Tracker

    tracker = Tracker()
    window = 0
    with FaceDetector() as detector:
        search = clock.stage("faces")(detector.search)  # each call is timed
        for frame, faces, is_face in faces_of(frames, search, detector.confirms):
            if frame.window != window:
                window = frame.window
                with clock.stage("network"):
                    looks.close_window()
                if is_settled():
                    return
            looks.raise_if_cancelled()
            with clock.stage("tracks"):
                tracks = tracker.update(frame.t_s, frame.rgb, faces, is_face)
                looks.add(frame, faces, tracks)
            with clock.stage("network"):
                looks.encode_full_batches()
            progress(looks.frames)
        with clock.stage("network"):
            looks.close_window()


def frames_wanted(timeline: Timeline, plan: Plan) -> list[int]:
    """How many frames each window is expected to have; at least one."""
    if plan.is_consecutive:
        return [plan.length]
    return [max(len(times), 1) for times in window_times(timeline.moving_ms / 1000, plan)]


def crop_budget(plan: Plan) -> int | None:
    """Twice as many crops as the plan has frames, so that many faces cost no more than two; None where all is looked at."""
    return None if plan.is_consecutive or plan.windows == 0 else 2 * plan.windows * plan.length


class Clock:
    """Seconds by stage."""

    def __init__(self):
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start

    def each(self, name: str, items: Iterable) -> Iterator:
        """The items, with the time it takes to get them under `name`."""
        items = iter(items)
        while True:
            with self.stage(name):
                item = next(items, None)
            if item is None:
                return
            yield item
