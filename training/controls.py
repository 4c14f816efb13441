"""Controls that know nothing of forgery: what size, bit rate, sharpness and the like alone would tell.

A detector that does not beat the best of them is a detector of bit rate or blur. Each is one number of a file; `judge`
gives the AUC of each, and of a logistic regression on all of them that never saw the source it judges.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from core.crops import crop
from core.errors import CheckError
from core.faces import FaceDetector
from core.plan import Plan
from core.video import frames, probe
from training.manifest import Item, drop_cut_line, local_file, read_rows
from training.metrics import label_auc

PLAN = Plan("controls", windows=4, length=3, rate_hz=8)
ALL = "all of them, leave one source out"
SMALL = 96  # pixels a side, where sharpness no longer depends on the size of the face


@dataclass(frozen=True)
class Controls:
    """Of one file, nan where it has none. Those of pictures are means over the frames looked at."""

    width: float = np.nan
    height: float = np.nan
    bytes: float = np.nan
    seconds: float = np.nan
    fps: float = np.nan
    bitrate: float = np.nan  # bits a second
    bits_per_pixel: float = np.nan  # of every picture shown
    face_rate: float = np.nan  # share of frames with a face
    face_px: float = np.nan  # longer side of the box
    box_jitter: float = np.nan  # movement of the box from frame to frame, in its own widths
    sharpness: float = np.nan  # variance of the Laplacian of the face's luma, native size
    sharpness_small: float = np.nan  # the same at SMALL pixels
    luma: float = np.nan
    saturation: float = np.nan
    noise: float = np.nan
    blockiness: float = np.nan


def measure(path: Path, kind: str, detector: FaceDetector) -> Controls:
    """Raises CheckError where the file cannot be read."""
    media, size = probe(path), path.stat().st_size
    file = {"width": media.width, "height": media.height, "bytes": size}
    if kind == "video":
        rate = 8 * size / media.duration_s if media.duration_s else np.nan
        pixels = media.width * media.height * media.fps
        file |= {"seconds": media.duration_s, "fps": media.fps, "bitrate": rate}
        file |= {"bits_per_pixel": rate / pixels if pixels else np.nan}
    boxes, looks, seen_frames = [], [], 0
    for frame in frames(path, PLAN, []):
        seen_frames += 1
        found = detector.search(frame.rgb)
        if found:
            box = found[0].box
            boxes.append((frame.window, np.array(box)))
            side = max(box[2] - box[0], box[3] - box[1])
            looks.append({"face_px": side * frame.scale} | of_face(crop(frame.rgb, box, max(8, round(side)), 1.0)))
    seen = {name: float(np.mean([look[name] for look in looks])) for name in looks[0]} if looks else {}
    if kind == "video":
        seen |= {"face_rate": len(looks) / seen_frames, "box_jitter": jitter(boxes)}
    return Controls(**file | seen)


def of_face(rgb: np.ndarray) -> dict[str, float]:
    """Of a face cut at its native size, (S, S, 3) uint8."""
    luma = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    small = cv2.resize(luma, (SMALL, SMALL), interpolation=cv2.INTER_AREA)
    return {
        "sharpness": float(cv2.Laplacian(luma, cv2.CV_32F).var()),
        "sharpness_small": float(cv2.Laplacian(small, cv2.CV_32F).var()),
        "luma": float(luma.mean()),
        "saturation": float(cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV)[..., 1].mean()),
        "noise": noise(luma),
        "blockiness": blockiness(luma),
    }


def noise(luma: np.ndarray) -> float:
    """Standard deviation of the noise, by the median of the finest diagonal wavelets (Donoho and Johnstone 1994)."""
    even = luma[: luma.shape[0] // 2 * 2, : luma.shape[1] // 2 * 2]
    diagonal = (even[::2, ::2] - even[1::2, ::2] - even[::2, 1::2] + even[1::2, 1::2]) / 2
    return float(np.median(np.abs(diagonal)) / 0.6745)


def blockiness(luma: np.ndarray) -> float:
    """How much the steps between columns are larger every eighth time than else, at the worst offset; 1: no blocks."""
    steps = np.abs(np.diff(luma, axis=1)).mean(0)
    means = [steps[offset::8].mean() for offset in range(min(8, len(steps)))]
    return float(max(means) / (np.median(means) + 1e-3))


def jitter(boxes: Sequence[tuple[int, np.ndarray]]) -> float:
    """Mean movement of a box's centre between neighbours of one window, in widths of the box; nan without any."""
    moves = []
    for (window, a), (next_window, b) in pairwise(boxes):
        if window == next_window:
            centre_a, centre_b = (a[:2] + a[2:]) / 2, (b[:2] + b[2:]) / 2
            moves.append(np.linalg.norm(centre_b - centre_a) / (a[2] - a[0]))
    return float(np.mean(moves)) if moves else np.nan


def measure_all(
    items: Sequence[Item], names: Sequence[str], out: Path, folder: Path, progress: Callable[[str], None] = print
) -> list[Controls]:
    """Measure what `out` does not hold yet, and append it there; one record per item. Unreadable files have none."""
    drop_cut_line(out)
    known = {row.pop("path"): Controls(**row) for row in read_rows(out)} if out.exists() else {}
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("a") as file, FaceDetector() as detector:
        for item, name in zip(items, names, strict=True):
            if name in known:
                continue
            try:
                known[name] = measure(local_file(item, folder), item.kind, detector)
            except CheckError as error:
                progress(f"no controls of {name}: {error.code}")
                known[name] = Controls()
            file.write(json.dumps({"path": name} | asdict(known[name])) + "\n")
            file.flush()
    return [known[name] for name in names]


def judge(labels: np.ndarray, measured: Sequence[Controls], sources: Sequence[str | None]) -> dict[str, np.ndarray]:
    """Each control as a score (N,), and ALL of them together.

    A control that is the same everywhere, or missing, is left out. What is missing in one file is the median.
    """
    table = {name: np.array([getattr(m, name) for m in measured], np.float64) for name in asdict(Controls())}
    table = {name: np.where(np.isnan(v), np.nanmedian(v), v) for name, v in table.items() if not np.isnan(v).all()}
    table = {name: values for name, values in table.items() if np.ptp(values) > 0}
    if table:
        table[ALL] = leave_one_source_out(labels, np.stack(list(table.values()), axis=1), sources)
    return table


def turned(name: str, labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """The control's score on the side where its AUC is above .5, for it may tell by being low as well as by being high.

    ALL stays as it is, because it never saw what it judges.
    """
    return -scores if name != ALL and label_auc(labels, scores) < 0.5 else scores


def leave_one_source_out(labels: np.ndarray, features: np.ndarray, sources: Sequence[str | None]) -> np.ndarray:
    """(N,) logistic scores of features (N, F), each from a fit on the other sources; nameless items are their own."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    groups = np.array([source or f"item {i}" for i, source in enumerate(sources)])
    scores = np.full(len(labels), float(labels.mean()))
    for group in np.unique(groups):
        mine = groups == group
        if len(set(labels[~mine])) == 2:
            model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
            model.fit(np.log1p(np.abs(features[~mine])), labels[~mine])
            scores[mine] = model.predict_proba(np.log1p(np.abs(features[mine])))[:, 1]
    return scores
