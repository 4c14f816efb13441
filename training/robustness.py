"""How much of a detector is left after what sites and people do to a video: codecs, resizing, blur, noise.

Each cell of the grid treats every file alike, real or fake, and the detector judges the copy. Printed are the AUC, its
loss, and the drift of the reals: a detector may keep its AUC and yet flag everything that was sent through a site.

    python -m training.robustness --manifest ../shared/data/dev/manifest.jsonl --out runs/robustness --limit 10

--limit is the number of items of each class and kind; each video is judged 24 times, each image 22 times. Goes on where it was
stopped. Writes figures.json, report.md and robustness.png.
"""

import argparse
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from core.detector import Detector
from core.plan import Plan
from core.video import frames, probe
from training.commands import ends_with_a_sentence
from training.figures import Judged, auc_figure, difference, share_flagged
from training.manifest import chosen, read_manifest, require_both_classes, told_apart
from training.metrics import DRAWS
from training.plots import draw_robustness
from training.report import robustness_section, without_nan
from training.scores import Score, filled, names_of, score_all

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


def noisy(sigma: float) -> Callable[[np.ndarray], np.ndarray]:
    rng = np.random.default_rng(0)
    return lambda rgb: np.clip(rgb + rng.normal(0, sigma, rgb.shape).round(), 0, 255).astype(np.uint8)


def gamma(power: float) -> Callable[[np.ndarray], np.ndarray]:
    table = (255 * (np.arange(256) / 255) ** power).round().astype(np.uint8)
    return lambda rgb: table[rgb]


def moved(pixels: int) -> Callable[[np.ndarray], np.ndarray]:
    """Moved sideways while the shutter was open."""
    return lambda rgb: cv2.blur(rgb, (pixels, 1))


def denoised(strength: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda rgb: cv2.bilateralFilter(rgb, 5, strength, 3)


def sharpened(amount: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda rgb: cv2.addWeighted(rgb, 1 + amount, cv2.GaussianBlur(rgb, (0, 0), 1.5), -amount, 0)


def widened(factor: float) -> Callable[[np.ndarray], np.ndarray]:
    """Shown at a wrong aspect."""
    return lambda rgb: cv2.resize(rgb, None, fx=factor, fy=1, interpolation=cv2.INTER_CUBIC)


GRID = (
    *(Cell(f"JPEG {q}", jpeg=q, kinds=("image",)) for q in (90, 70, 50, 30)),
    *(Cell(f"H.264 CRF {crf}", generations=((None, crf),), kinds=("video",)) for crf in (18, 23, 28, 35, 40)),
    Cell("three sites: 720p, 540p, 480p", generations=((720, 28), (540, 30), (480, 32)), kinds=("video",)),
    *(Cell(f"resized to {scale} and back", resized(scale)) for scale in (0.75, 0.5, 0.25)),
    *(Cell(f"blur {sigma}", blurred(sigma)) for sigma in (0.5, 1, 2, 3)),
    *(Cell(f"noise {sigma}", noisy(sigma)) for sigma in (2, 5, 10)),
    *(Cell(f"gamma {power}", gamma(power)) for power in (0.7, 1.4)),
    *(Cell(f"moved by {pixels} pixels", moved(pixels)) for pixels in (5, 9)),
    Cell("denoised", denoised(40)),
    Cell("sharpened", sharpened(1)),
    Cell("a fifth too wide", widened(1.2)),
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
    before, after = judged.values("probability"), filled(treated, judged.labels, "probability")
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


def judge_grid(
    detector: Detector, manifest: Path, out: Path, limit: int | None, draws: int, grid: Sequence[Cell] = GRID
) -> dict[str, dict]:
    """The cells by kind of item, written into `out` too. Raises DataError."""
    items = chosen(read_manifest(manifest).items, None, limit)
    require_both_classes(items, str(manifest))
    scores = score_all(detector, items, names_of(items, manifest), out / "scores.jsonl", progress=print)
    found = {}
    for kind, rows in told_apart(items):
        judged = Judged([items[i] for i in rows], [scores[i] for i in rows], draws)
        plain = {"as they are": cell_figures(judged, judged.scores)}
        names = names_of(judged.items, manifest)
        found[kind] = plain | robustness(detector, judged, names, out / "cells", "default", print, grid)
    info, lines = detector.info, ["# After what sites and people do to a file"]
    lines += ["", f"{info.name} {info.version}, {len(items)} items of {manifest.name}."]
    for kind, cells in found.items():
        lines += ["", f"## {kind.capitalize()}s", *robustness_section(cells)[3:]]
    (out / "figures.json").write_text(json.dumps(without_nan(found), indent=1) + "\n")
    (out / "report.md").write_text("\n".join(lines) + "\n")
    draw_robustness(out / "robustness.png", found)
    return found


@ends_with_a_sentence()
def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("runs/robustness"))
    parser.add_argument("--weights", help="a folder, a bundled variant or a Hub id; the bundled ones without it")
    parser.add_argument("--limit", type=int, default=10, help="items of each class and kind")
    parser.add_argument("--draws", type=int, default=DRAWS, help="of the bootstrap")
    args = parser.parse_args(argv)
    judge_grid(Detector.load(args.weights), args.manifest, args.out, args.limit, args.draws)
    print((args.out / "report.md").read_text())


if __name__ == "__main__":
    main()
