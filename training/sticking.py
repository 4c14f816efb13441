"""Fits the numbers by which core.movement and core.shading tell a face animated from one picture: its mouth keeps its
texture, all of it keeps its light. Prints how well they do.

    python -m training.sticking --data data/prepared

Every real clip stands against itself as drawn by the networks of training.animator (first `python -m training.act`), from its
first frame and from its middle one: the same person, the same speech, the same encoder. Photographs under a moving camera are
real too: they keep everything, but nothing in them moves. What is printed is judged by numbers fitted without that clip.
"""

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from pathlib import Path

import av
import numpy as np
from sklearn.linear_model import LogisticRegression

from core import landmarks as lm
from core import movement, shading
from core.faces import Face
from core.landmarks import Landmarker
from core.movement import Movement
from core.shading import Shading
from training.act import trained
from training.animator import SIDE, Animator, between, draw, squared
from training.clips import RATE, unbroken, under_camera
from training.commands import ends_with_a_sentence
from training.metrics import auc
from training.report import table
from training.robustness import encode
from training.shards import Sample, Shards

MOST = 34  # frames of a clip
CRF = (18, 24, 30, 36)
FOLDS = 6
DRAWN, AREA = "drawn", "AUC of drawn over it"


def runs(shards: Shards) -> list[list[int]]:
    """Of each clip the numbers of its longest run of frames without a gap, at least a second long."""
    longest: dict[str, list[int]] = {}
    for run in unbroken(shards, np.arange(len(shards))):
        clip = shards.sources[run[0]].id
        longest[clip] = max(longest.get(clip, []), run, key=len)
    return [run[:MOST] for run in longest.values() if len(run) >= RATE]


@dataclass(frozen=True, eq=False)
class Seen:
    """What was measured in one video."""

    kind: str
    face: int  # its number: one clip and all drawings of it
    crf: int
    movement: Movement
    shading: Shading


def drawings(clip: list[tuple[np.ndarray, np.ndarray]], nets: list[Animator]) -> list[list[np.ndarray]]:
    """A clip of pictures and landmarks as `squared` gives them, drawn by each network from its first and its middle frame."""
    sources = [clip[0], clip[len(clip) // 2]]
    return [[draw(net, between(*source, *frame)) for frame in clip] for net in nets for source in sources]


def watched(pictures: list[np.ndarray], faces: list[Face], crf: int, path: Path) -> tuple[Movement, Shading]:
    """What moves in a video of the pictures (SIDE, SIDE, 3) uint8."""
    mouth, light, landmarker = Movement(), Shading(), Landmarker()
    with av.open(str(encode(pictures, Fraction(RATE), None, crf, path))) as video:
        for number, (frame, face) in enumerate(zip(video.decode(video=0), faces, strict=True)):
            rgb = frame.to_ndarray(format="rgb24")
            mouth.look(number / RATE, rgb, face.box)
            light.look(number / RATE, landmarker.find(rgb, face))
    return mouth, light


def as_found(samples: list[Sample]) -> tuple[list[tuple[np.ndarray, np.ndarray]], list[Face]]:
    """The pictures and landmarks of a clip as `squared` gives them, and its faces in them."""
    clip = [squared(sample) for sample in samples]
    return clip, [face_of(sample, points) for sample, (_, points) in zip(samples, clip, strict=True)]


def face_of(sample: Sample, points: np.ndarray) -> Face:
    """The face of a sample as a detector finds it in the picture in which its landmarks are `points`."""
    scale = SIDE / max(sample.rgb.shape[:2])
    eyes = np.stack([points[eye].mean(0) for eye in (lm.RIGHT_EYE, lm.LEFT_EYE)])
    return Face(tuple(scale * edge for edge in sample.box), 1.0, eyes)


def fit(x: np.ndarray, is_fake: np.ndarray, weights: np.ndarray, strength: float = 0.05) -> np.ndarray:
    """Logistic regression: (N, 2) measures -> (3,), the last for the constant."""
    mean, deviation = x.mean(0), x.std(0)
    regression = LogisticRegression(C=1 / (strength * weights.sum()), solver="newton-cholesky", tol=1e-10)
    found = regression.fit((x - mean) / deviation, is_fake, weights)
    slopes = found.coef_[0] / deviation
    return np.r_[slopes, found.intercept_[0] - slopes @ mean]


@ends_with_a_sentence()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data/prepared"))
    parser.add_argument("--photographs", type=int, default=160)
    args = parser.parse_args()
    shards, seen = Shards(args.data), []
    try:
        nets = trained(args.data)
    except FileNotFoundError:
        raise SystemExit("No network draws faces yet. Run: python -m training.act") from None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        for number, run in enumerate(runs(shards)):
            samples = [shards[i] for i in run]
            clip, faces = as_found(samples)
            for member, pictures in enumerate([[rgb for rgb, _ in clip], *drawings(clip, nets)]):
                kind = DRAWN if member else "real clips"
                seen += [Seen(kind, number, crf, *watched(pictures, faces, crf, path)) for crf in CRF]
            print(f"{samples[0].source.id} done", flush=True)
        stills = [i for i, source in enumerate(shards.sources) if source.kind == "still"]
        rng = np.random.default_rng(5)
        for face, i in enumerate(rng.choice(stills, args.photographs, replace=False), number + 1):
            clip, faces = as_found(under_camera(shards[i], rng))
            for crf in CRF:
                found = watched([rgb for rgb, _ in clip], faces, crf, path)
                seen.append(Seen("photographs under a camera", face, crf, *found))
    show(seen)


def show(seen: list[Seen]) -> None:
    """Fit each of the two, and print how far apart what was seen lies by each, and by the sum of what they tell."""
    mouths = [(s.movement.kept, s.movement.bent, s.movement.bends) for s in seen]
    faces = [(s.shading.kept, s.shading.moved, s.movement.bends and s.shading.moves) for s in seen]
    by_mouth, of_mouth = judged(seen, mouths, movement.measures)
    by_light, of_light = judged(seen, faces, shading.measures)
    both = np.where(np.isnan(by_mouth) & np.isnan(by_light), np.nan, np.nan_to_num(by_mouth) + np.nan_to_num(by_light))
    for name, logits in (("the mouth's texture", by_mouth), ("the face's light", by_light), ("both", both)):
        print(
            f"\n{name}\n",
            *table(["", "told of", "logit: 5 %", "half", "95 %", "most", AREA], rows(seen, logits)),
            sep="\n",
        )
    for module, numbers, names in (
        (movement, of_mouth, "OF_KEPT, OF_BENT, OF_NOTHING"),
        (shading, of_light, "OF_KEPT, OF_MOVED, OF_NOTHING"),
    ):
        print(f"{module.__name__}: {names} =", ", ".join(f"{value:.3f}" for value in numbers))


def judged(seen: list[Seen], comparisons: list[tuple], measures: Callable) -> tuple[np.ndarray, np.ndarray]:
    """A logit of each video by numbers that were fitted without its face, nan where it moves too little to be told of; and
    the numbers fitted to all. comparisons: of each video how much was kept, how far it moved, and whether that is enough."""
    told = np.array([moves for *_, moves in comparisons])
    x = np.array([measures(kept, moved) for kept, moved, moves in comparisons if moves])
    drawn, faces = (np.array([of(s) for s in seen])[told] for of in (lambda s: s.kind == DRAWN, lambda s: s.face))
    weights = np.where(drawn, 1 / drawn.sum(), 1 / (~drawn).sum())
    fold = np.random.default_rng(0).permutation(faces.max() + 1)[faces] % FOLDS
    logits, inner = np.full(len(seen), np.nan), np.zeros(len(x))
    for k in range(FOLDS):
        *slopes, constant = fit(x[fold != k], drawn[fold != k], weights[fold != k])
        inner[fold == k] = x[fold == k] @ slopes + constant
    logits[told] = inner
    return logits, fit(x, drawn, weights)


def rows(seen: list[Seen], logits: np.ndarray) -> list[list[str]]:
    """A row of the table for each kind and quality."""
    out = []
    told = ~np.isnan(logits)
    for kind, quality in product(("real clips", "photographs under a camera", DRAWN), CRF):
        of_kind, drawn = (np.array([s.kind == k and s.crf == quality for s in seen]) for k in (kind, DRAWN))
        here = logits[of_kind & told]
        quantiles = [f"{q:+.2f}" for q in np.quantile(here, (0.05, 0.5, 0.95, 1))] if len(here) else ["-"] * 4
        area = f"{auc(here, logits[drawn & told]):.2f}" if kind == "real clips" else ""
        out.append([f"{kind}, CRF {quality}", f"{len(here)} of {of_kind.sum()}", *quantiles, area])
    return out


if __name__ == "__main__":
    main()
