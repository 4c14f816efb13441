"""Analyses for the tests of whatever shows one, without the cost of a network."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from core import video
from core.analysis import Analysis, Coverage, FaceResult, KeyFrame, ModelInfo, Moment, Verdict, Warning
from core.faces import Box, FaceDetector
from core.plan import Plan

BANDS = (0.35, 0.75)
TRAINED = ModelInfo("residual-lstm", "1.0", "ab" * 32, True, "cpu", "fp32")


def a_face(
    number: int = 1,
    probabilities: tuple[float, ...] = (0.8, 0.9, 0.95, 0.9),
    boxes: tuple[Box, ...] = ((10, 10, 60, 60),),
    times: tuple[float, ...] | None = None,
) -> FaceResult:
    """A judged face; its times are an eighth of a second apart unless given, its last box stands for the rest."""
    times = times or tuple(i / 8 for i in range(len(probabilities)))
    boxes = boxes + boxes[-1:] * (len(times) - len(boxes))
    moments = tuple(Moment(t, p, box) for t, p, box in zip(times, probabilities, boxes, strict=True))
    worst = sorted(moments, key=lambda moment: -moment.probability)[:3]
    mean = float(np.mean(probabilities))
    return FaceResult(
        id=number,
        verdict=verdict_at(mean),
        probability=mean,
        interval=(max(0.0, mean - 0.1), min(1.0, mean + 0.05)),
        first_seen_s=times[0],
        last_seen_s=times[-1],
        size_px=boxes[0][2] - boxes[0][0],
        frames=len(moments),
        timeline=moments,
        key_frames=tuple(KeyFrame(m.t_s, round(25 * m.t_s), m.box, m.probability) for m in worst),
        reason=f"Some words on face {number}.",
    )


def verdict_at(probability: float) -> Verdict:
    if probability > BANDS[1]:
        return "likely_manipulated"
    return "no_signs_found" if probability < BANDS[0] else "inconclusive"


def an_unjudged_face(number: int = 2) -> FaceResult:
    return FaceResult(number, None, None, None, 0.0, 0.5, 20.0, 0, (), (), "Not judged: the face is under 40 pixels.")


def an_analysis(*faces: FaceResult, path: Path | None = None, **changes) -> Analysis:
    """An analysis with these faces; its media are those of `path`, or of a clip of two seconds."""
    judged = [face for face in faces if face.verdict]
    top = max(judged, key=lambda face: face.probability, default=None)
    media = video.probe(path) if path else video.Media(2.0, 640, 360, 25.0, "h264", "mov", True, False)
    analysis = Analysis(
        verdict=top and top.verdict,
        probability=top and top.probability,
        interval=top and top.interval,
        face_id=top and top.id,
        reason=top.reason if top else "No face was found.",
        faces=faces,
        media=media,
        coverage=Coverage("default", 1, 16, 16, 1.9, media.duration_s, len(faces), len(judged), 0, 0, "not_examined"),
        warnings=(Warning("low_resolution", "The judged face is small."),),
        provenance=None,
        model=TRAINED,
        seconds={"decode": 0.5, "network": 1.0},
        bands=BANDS,
    )
    return replace(analysis, **changes)


@cache
def analysis_of(path: Path, probability: float = 0.9) -> Analysis:
    """An analysis of a clip with one face, found in it; every frame has the same probability."""
    times, boxes = [], []
    with FaceDetector() as finder:
        for frame in video.frames(path, Plan(), []):
            if found := finder.search(frame.rgb):
                times.append(frame.t_s)
                boxes.append(tuple(edge * frame.scale for edge in found[0].box))
    return an_analysis(a_face(1, (probability,) * len(times), tuple(boxes), tuple(times)), path=path)
