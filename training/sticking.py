"""Fits the numbers by which core.movement tells a mouth that keeps its texture, and prints how well they do.

    python -m training.sticking --data data/prepared

Every real clip stands against itself as drawn by the networks of training.animator (first `python -m training.act`), all of
one clip from one of its frames: the same person, the same speech, the same encoder. Photographs under a moving camera are
real too: they keep their texture, but no mouth moves. What is printed is judged by numbers fitted without that clip.
"""

import argparse
import tempfile
from fractions import Fraction
from itertools import pairwise, product
from pathlib import Path

import av
import cv2
import numpy as np

from core.movement import MOUTH_BENDS, Movement, measures
from training.clips import frames_of_clips, under_camera
from training.metrics import auc
from training.prepare import Shards
from training.report import table
from training.robustness import encode

RATE, SIDE, MOST = 8, 256, 34  # frames a second, as they are prepared; pixels; frames of a clip
CRF = (18, 24, 30, 36)
FOLDS = 6


def runs(shards: Shards) -> list[list[int]]:
    """Of each clip the numbers of its longest run of frames without a gap, at least a second long."""
    longest = []
    for frames in frames_of_clips(shards, np.arange(len(shards))):
        parts = [[frames[0]]]
        for one, other in pairwise(frames):
            if shards.sources[other].t_s - shards.sources[one].t_s > 1.4 / RATE:
                parts.append([])
            parts[-1].append(other)
        longest.append(max(parts, key=len)[:MOST])
    return [part for part in longest if len(part) >= RATE]


def watched(pictures: list[np.ndarray], boxes: list, crf: int, path: Path) -> Movement:
    """The movement in a video of the pictures (H, W, 3) uint8, with the face at `boxes`."""
    sides = [max(picture.shape[:2]) for picture in pictures]
    boxes = [tuple(SIDE / side * np.array(box)) for side, box in zip(sides, boxes, strict=True)]
    pictures = [cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for picture in pictures]
    movement = Movement()
    with av.open(str(encode(pictures, Fraction(RATE), None, crf, path))) as video:
        for number, (frame, box) in enumerate(zip(video.decode(video=0), boxes, strict=True)):
            movement.look(number / RATE, frame.to_ndarray(format="rgb24"), box)
    return movement


def fit(x: np.ndarray, is_fake: np.ndarray, weights: np.ndarray, strength: float = 0.05) -> np.ndarray:
    """Logistic regression by Newton's method: (N, 2) measures -> (3,), the last for the constant."""
    mean, deviation = x.mean(0), x.std(0)
    z, b = np.c_[(x - mean) / deviation, np.ones(len(x))], np.zeros(x.shape[1] + 1)
    ridge = strength * np.r_[np.ones(x.shape[1]), 0]
    for _ in range(50):
        p = 1 / (1 + np.exp(-z @ b))
        slope = z.T @ (weights * (p - is_fake)) / weights.sum() + ridge * b
        bend = (z.T * (weights * p * (1 - p))) @ z / weights.sum() + np.diag(ridge)
        b -= np.linalg.solve(bend, slope)
    return np.r_[b[:-1] / deviation, b[-1] - (b[:-1] * mean / deviation).sum()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data/prepared"))
    parser.add_argument("--photographs", type=int, default=40)
    args = parser.parse_args()
    shards, seen = Shards(args.data), []  # kind, number of the face, CRF, movement
    if not shards.acted:
        raise SystemExit("No faces are drawn yet. Run: python -m training.act")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        for number, run in enumerate(runs(shards)):
            samples, boxes = [shards[i] for i in run], [shards.boxes[i] for i in run]
            drawings = [[shards.sample(i, k).acted for i in run] for k in range(len(shards.acted[run[0]]))]
            for member, pictures in enumerate([[s.rgb for s in samples], *drawings]):
                kind = "drawn" if member else "real clips"
                seen += [(kind, number, crf, watched(pictures, boxes, crf, path)) for crf in CRF]
            print(f"{samples[0].source.id} done", flush=True)
        stills = [i for i, source in enumerate(shards.sources) if source.kind == "still"]
        rng = np.random.default_rng(5)
        for face, i in enumerate(rng.choice(stills, args.photographs, replace=False), number + 1):
            frames = under_camera(shards[i], rng)
            for crf in CRF:
                movement = watched([f.rgb for f in frames], [f.box for f in frames], crf, path)
                seen.append(("photographs under a camera", face, crf, movement))
    show(seen)


def show(seen: list[tuple[str, int, int, Movement]]) -> None:
    """Fit, and print how far apart what was seen lies. Only mouths that move are told of."""
    moving = [row for row in seen if np.median(row[3].bent) >= MOUTH_BENDS]
    kinds, faces, crf = (np.array(column) for column in list(zip(*moving, strict=True))[:3])
    x = np.array([measures(m.kept, m.bent) for *_, m in moving])
    drawn = kinds == "drawn"
    weights = np.where(drawn, 1 / drawn.sum(), 1 / (~drawn).sum())
    fold = np.random.default_rng(0).permutation(faces.max() + 1)[faces] % FOLDS
    logits = np.zeros(len(x))
    for k in range(FOLDS):
        *slopes, constant = fit(x[fold != k], drawn[fold != k], weights[fold != k])
        logits[fold == k] = x[fold == k] @ slopes + constant
    rows = []
    for kind, quality in product(("real clips", "photographs under a camera", "drawn"), CRF):
        here, all_here = (kinds == kind) & (crf == quality), sum(row[0] == kind and row[2] == quality for row in seen)
        quantiles = [f"{q:+.2f}" for q in np.quantile(logits[here], (0.05, 0.5, 0.95, 1))] if here.any() else ["-"] * 4
        area = f"{auc(logits[here], logits[drawn & (crf == quality)]):.2f}" if kind == "real clips" else ""
        rows.append([f"{kind}, CRF {quality}", f"{here.sum()} of {all_here}", *quantiles, area])
    print("\n".join(table(["", "told of", "logit: 5 %", "half", "95 %", "most", "AUC of drawn over it"], rows)))
    print("OF_KEPT, OF_BENT, OF_NOTHING =", *(f"{value:.3f}" for value in fit(x, drawn, weights)))


if __name__ == "__main__":
    main()
