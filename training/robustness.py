"""How much of a detector is left after what sites and people do to a video: codecs, resizing, blur, noise.

Each cell of the grid treats every file alike, real or fake, and the detector judges the copy. Printed are the AUC, its
loss, and the drift of the reals: a detector may keep its AUC and yet flag everything that was sent through a site.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from core.detector import Detector
from core.video import Plan, frames, probe
from training.figures import Judged, auc_figure, difference, share_flagged
from training.scores import Score, filled, score_all

FRAMES = Plan("all", windows=1, length=150, rate_hz=0)  # as they come; 5 s of most videos
GOOD = 18  # CRF: what a cell costs that is not about the codec


@dataclass(frozen=True)
class Cell:
    """One treatment. picture: (H, W, 3) uint8 -> the same. generations: (shorter side in pixels or None, CRF), in turn."""

    name: str
    picture: Callable[[np.ndarray], np.ndarray] | None = None
    generations: tuple[tuple[int | None, int], ...] = ((None, GOOD),)
    jpeg: int | None = None  # quality; stills are else kept without loss
    kinds: tuple[str, ...] = ("video", "image")


def resized(scale: float) -> Callable[[np.ndarray], np.ndarray]:
    def apply(rgb: np.ndarray) -> np.ndarray:
        height, width = rgb.shape[:2]
        small = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)

    return apply


def blurred(sigma: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda rgb: cv2.GaussianBlur(rgb, (0, 0), sigma)


def noisy(sigma: float, seed: int = 0) -> Callable[[np.ndarray], np.ndarray]:
    rng = np.random.default_rng(seed)
    return lambda rgb: np.clip(rgb + rng.normal(0, sigma, rgb.shape).round(), 0, 255).astype(np.uint8)


def gamma(power: float) -> Callable[[np.ndarray], np.ndarray]:
    table = (255 * (np.arange(256) / 255) ** power).round().astype(np.uint8)
    return lambda rgb: table[rgb]


GRID = (
    *(Cell(f"JPEG {q}", jpeg=q, kinds=("image",)) for q in (90, 70, 50, 30)),
    *(Cell(f"H.264 CRF {crf}", generations=((None, crf),), kinds=("video",)) for crf in (18, 23, 28, 35, 40)),
    Cell("three sites: 720p, 540p, 480p", generations=((720, 28), (540, 30), (480, 32)), kinds=("video",)),
    *(Cell(f"resized to {scale} and back", resized(scale)) for scale in (0.75, 0.5, 0.25)),
    *(Cell(f"blur {sigma}", blurred(sigma)) for sigma in (0.5, 1, 2, 3)),
    *(Cell(f"noise {sigma}", noisy(sigma)) for sigma in (2, 5, 10)),
    *(Cell(f"gamma {power}", gamma(power)) for power in (0.7, 1.4)),
)


def treat(path: Path, kind: str, cell: Cell, folder: Path) -> Path:
    """A treated copy in `folder`: PNG or JPEG for a still, H.264 for a video. Raises CheckError."""
    pictures = (cell.picture(f.rgb) if cell.picture else f.rgb for f in frames(path, FRAMES, []))
    if kind == "image":
        copy = folder / ("copy.png" if cell.jpeg is None else "copy.jpg")
        how = [] if cell.jpeg is None else [cv2.IMWRITE_JPEG_QUALITY, cell.jpeg]
        cv2.imwrite(str(copy), next(pictures)[:, :, ::-1], how)
        return copy
    rate = Fraction(probe(path).fps or 25).limit_denominator(1001)
    for number, (lines, crf) in enumerate(cell.generations):
        copy = encode(pictures, rate, lines, crf, folder / f"copy-{number}.mp4")
        pictures = (frame.rgb for frame in frames(copy, FRAMES, []))
    return copy


def encode(pictures: Iterable[np.ndarray], rate: Fraction, lines: int | None, crf: int, path: Path) -> Path:
    """Write (H, W, 3) uint8 pictures as H.264, scaled down where the shorter side has more pixels than `lines`."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": str(crf), "preset": "veryfast"})
        stream.pix_fmt = "yuv420p"
        for number, rgb in enumerate(pictures):
            scale = min(1.0, lines / min(rgb.shape[:2])) if lines else 1.0
            height, width = (int(side * scale) // 2 * 2 for side in rgb.shape[:2])
            if number == 0:
                stream.height, stream.width = height, width
            if scale < 1:
                rgb = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb[:height, :width]), format="rgb24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def robustness(
    detector: Detector,
    judged: Judged,
    names: Sequence[str],
    out: Path,
    plan: str,
    progress: Callable[[str], None],
    grid: Sequence[Cell] = GRID,
) -> dict[str, dict]:
    """Judge items of one kind under every cell of theirs; scores are kept in `out`, one file a cell."""
    kind, found = judged.items[0].kind, {}
    for cell in grid:
        if kind not in cell.kinds:
            continue
        progress(f"{kind}s, {cell.name}")
        file = out / f"{kind}-{''.join(c if c.isalnum() else '-' for c in cell.name)}.jsonl"
        scores = score_all(
            detector, judged.items, names, file, plan, treat=lambda path, folder, c=cell: treat(path, kind, c, folder)
        )
        found[cell.name] = cell_figures(judged, scores)
    return found


def cell_figures(judged: Judged, treated: Sequence[Score]) -> dict:
    """AUC, what it lost, share of reals flagged, and how far their logits moved."""
    labels, draws = judged.labels, judged.redraw()
    before, after = filled(judged.scores, "probability"), filled(treated, "probability")
    moves = [
        b.logit - a.logit
        for a, b, label in zip(judged.scores, treated, labels, strict=True)
        if label == 0 and a.logit is not None and b.logit is not None
    ]
    return {
        "auc": auc_figure(labels, after, draws),
        "change": difference(labels, after, before, draws),
        "real_flagged": share_flagged(Judged(judged.items, treated, judged.draws), draws),
        "real_logit_drift": float(np.mean(moves)) if moves else float("nan"),
        "abstained": sum(score.probability is None for score in treated),
    }
