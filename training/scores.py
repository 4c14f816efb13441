"""What the detector says of every item of a manifest, one JSON object a line, kept as it comes so that a run resumes."""

import json
import math
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from core.analysis import Analysis, FaceResult
from core.calibration import Calibration, Curve
from core.detector import Detector
from core.errors import CheckError
from core.plan import Plan
from core.summary import with_other
from training.manifest import IN_TAR, DataError, Item, drop_cut_line, local_file, read_rows

SURE = 1e-12  # a probability of 0 or 1 is taken as this far from it: its logit was lost to rounding


@dataclass(frozen=True)
class Score:
    """What a detector said of one item. Other systems need give no more than path and probability."""

    path: str  # as in the manifest, from its folder
    probability: float | None  # None: abstained
    logit: float | None = None  # before the calibration, of the most suspicious face
    mean_logit: float | None = None  # the same by the mean of its frames, without the temporal head
    frame_logits: tuple[float, ...] = ()  # of the most suspicious face, by the network alone
    alone_logit: float | None = None  # the network's, where nothing else counts of that face in a video
    verdict: str | None = None
    faces: int = 0  # judged ones
    is_still: bool = False  # a video of one frame is one too
    why_not: str | None = None  # a code, where there is no probability
    seconds: float = 0.0
    plan: str = ""  # of sampling
    model: str = ""  # sha256 of the weights
    usual: str = ""  # sha256 of usual.safetensors, by which pictures are judged too; "" where there is none
    bytes: int | None = None  # of the file, or of the tar it is in


def made_by(detector: Detector, plan: Plan | str) -> dict[str, str]:
    """What a score says of who made it: those of others are not reused."""
    plan = plan if isinstance(plan, str) else plan.name
    return {"plan": plan, "model": detector.info.sha256, "usual": detector.usual.sha256 if detector.usual else ""}


def score_item(detector: Detector, path: Path, name: str, plan: Plan | str = "default") -> Score:
    """Judge one file; what cannot be judged is an abstention with its code."""
    by = made_by(detector, plan)
    try:
        analysis = detector.check(path, plan)
    except CheckError as error:
        return Score(name, None, why_not=error.code, **by)
    seconds = round(sum(analysis.seconds.values()), 3)
    if analysis.probability is None:
        codes = [warning.code for warning in analysis.warnings if warning.code != "untrained_weights"]
        return Score(name, None, why_not=codes[0] if codes else "not_judged", seconds=seconds, **by)
    curve = curve_of(detector, analysis)
    judged = [face for face in analysis.faces if face.probability is not None]
    top = next(face for face in judged if face.id == analysis.face_id)
    logit = logit_of(analysis.probability, curve)
    is_alone = top.other_logit is None and not top.signs and not is_still(analysis)
    return Score(
        path=name,
        probability=analysis.probability,
        logit=logit,
        alone_logit=without_scale(logit, curve) if is_alone else None,
        mean_logit=max(
            with_other(float(np.mean(frame_logits(face, curve))), face.other_logit, face.signs, curve)
            for face in judged
        ),
        frame_logits=tuple(round(z, 4) for z in frame_logits(top, curve)),
        verdict=analysis.verdict,
        faces=len(judged),
        is_still=is_still(analysis),
        seconds=seconds,
        **by,
    )


def curve_of(detector: Detector, analysis: Analysis) -> Curve:
    """The curve that turned this analysis's logits into probabilities."""
    return detector.calibration.curve(analysis.coverage.faces_judged, is_still(analysis))


def is_still(analysis: Analysis) -> bool:
    return any(warning.code == "single_frame" for warning in analysis.warnings)


def recalibrated(score: Score, item: Item, calibration: Calibration) -> Score:
    """The score as another calibration words it: the network need not look again."""
    if score.probability is None or score.logit is None:
        return score
    curve = calibration.curve(score.faces, score.is_still or item.kind == "image")
    if score.alone_logit is not None:
        mean = float(np.mean(score.frame_logits))
        score = replace(score, logit=curve.of_alone(score.alone_logit), mean_logit=curve.of_alone(mean))
    probability = curve.probability(score.logit)
    return replace(score, probability=probability, verdict=curve.verdict(probability))


def logit_of(probability: float, curve: Curve) -> float:
    """The network's logit behind a calibrated probability."""
    p = min(max(probability, SURE), 1 - SURE)
    return (math.log(p / (1 - p)) - curve.intercept) / curve.slope


def without_scale(logit: float, curve: Curve) -> float:
    """What the network alone said of a face of which nothing else is known."""
    return (logit - curve.alone[1]) / curve.alone[0]


def frame_logits(face: FaceResult, curve: Curve) -> list[float]:
    """What the network alone says of each frame: the odds of all else are taken out again."""
    logits = [logit_of(moment.probability, curve) for moment in face.timeline]
    if face.other_logit is None:
        return [without_scale(z, curve) for z in logits]
    return [z + math.log(max(-math.expm1(face.other_logit - z), SURE)) for z in logits]


def score_all(
    detector: Detector,
    items: Sequence[Item],
    names: Sequence[str],
    out: Path,
    plan: Plan | str = "default",
    progress: Callable[[str], None] = lambda line: None,
    treat: Callable[[Path, Path], Path] = lambda path, folder: path,
) -> list[Score]:
    """Judge what `out` does not hold yet, and append it there; one score per item, in their order.

    What `out` holds is worded by the detector's calibration of today. treat: (file, folder for copies) -> the file to
    judge in its place. Raises DataError where `out` was made with other weights, another plan, or of other files.
    """
    drop_cut_line(out)
    known = {score.path: score for score in read_scores(out)} if out.exists() else {}
    by = made_by(detector, plan)
    if any(getattr(score, name) != value for score in known.values() for name, value in by.items()):
        raise DataError(f"{out} holds the scores of other weights or another plan; delete it, or name another.")
    sizes = {name: _bytes_of(item) for item, name in zip(items, names, strict=True)}
    for name in known.keys() & sizes.keys():
        if known[name].bytes is not None and known[name].bytes != sizes[name]:
            raise DataError(
                f"{out} holds the scores of other files, {name} is not the same; delete it, or name another."
            )
    todo = [(item, name) for item, name in zip(items, names, strict=True) if name not in known]
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("a") as file, tempfile.TemporaryDirectory() as folder:
        for number, (item, name) in enumerate(todo, 1):
            try:
                file_judged = treat(local_file(item, Path(folder)), Path(folder))
                score = score_item(detector, file_judged, name, plan)
            except CheckError as error:  # of the treatment, which has to read the file too
                score = Score(name, None, why_not=error.code, **by)
            known[name] = score = replace(score, bytes=sizes[name])
            file.write(json.dumps(asdict(score)) + "\n")
            file.flush()
            progress(f"{number} of {len(todo)}  {name}  {score.verdict or score.why_not}")
    if not detector.info.trained:
        return [known[name] for name in names]
    return [recalibrated(known[name], item, detector.calibration) for item, name in zip(items, names, strict=True)]


def _bytes_of(item: Item) -> int | None:
    try:
        return Path(item.path.partition(IN_TAR)[0]).stat().st_size
    except OSError:  # it was there when the manifest was read; judging it says what is wrong
        return None


def read_scores(path: Path) -> list[Score]:
    """The scores of this system or another."""
    scores = []
    for number, row in enumerate(read_rows(path), 1):
        probability = row.get("probability", row)
        is_number = isinstance(probability, int | float) and math.isfinite(probability)
        if not isinstance(row.get("path"), str) or not (probability is None or is_number):
            raise DataError(f"Line {number} of {path} lacks a path or a probability (a number or null).")
        known = {name: value for name, value in row.items() if name in Score.__dataclass_fields__}
        scores.append(Score(**known | {"frame_logits": tuple(row.get("frame_logits", ()))}))
    return scores


def names_of(items: Iterable[Item], manifest: Path) -> list[str]:
    """The paths of items as the manifest writes them."""
    folder = manifest.parent
    return [str(Path(i.path).relative_to(folder)) if Path(i.path).is_relative_to(folder) else i.path for i in items]


def filled(scores: Sequence[Score], labels: np.ndarray, field: str) -> np.ndarray:
    """(N,) one figure of each score. An abstention stands at the median of the other class (0 real, 1 fake), which it is
    above as often as below: a median of all would take it for a fake wherever most files are."""
    values = np.array([np.nan if getattr(s, field) is None else getattr(s, field) for s in scores], np.float64)
    missing = np.isnan(values)
    known = values[~missing] if not missing.all() else np.zeros(1)
    others = [values[~missing & (labels != label)] for label in (0, 1)]
    middles = [np.median(other if len(other) else known) for other in others]
    return np.where(missing, np.where(labels == 0, *middles), values)
