"""How often the 90 % interval of an answer holds the probability that a thorough look at the same video comes to.

    python -m training.intervals --manifest ../shared/data/dev/manifest.jsonl --weights core/weights
    python -m training.intervals --shifts -0.4 -0.2 -0.1 0.1 0.2 0.4

The interval allows for other frames and for another calibration. Here only the frames are others, so it should hold more
than nine in ten; that it does for forged and real videos alike is what is looked at. --shifts: the other looks are by the
default plan as well, its windows so many seconds later, and how well each tells forged from real is printed too.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import Path

import numpy as np

from core.analysis import VERDICT_WORDS, Analysis
from core.detector import Detector
from core.errors import CheckError
from core.plan import PLANS
from training.commands import ends_with_a_sentence
from training.manifest import DataError, read_manifest
from training.metrics import label_auc
from training.report import table


@dataclass(frozen=True)
class Looks:
    """One video, looked at twice."""

    is_fake: bool
    default: Analysis
    thorough: Analysis

    @property
    def is_held(self) -> bool:
        low, high = self.default.interval
        return low <= self.thorough.probability <= high

    @property
    def width(self) -> float:
        return self.default.interval[1] - self.default.interval[0]

    @property
    def gap(self) -> float:
        return abs(self.default.probability - self.thorough.probability)


def looked_at_twice(detector: Detector, manifest: Path) -> list[Looks]:
    """The videos of which the thorough plan sees more than the default one, if both judge a face. Raises DataError."""
    found = []
    for item in read_manifest(manifest).items:
        if item.kind != "video":
            continue
        try:
            default, thorough = (detector.check(item.path, plan) for plan in ("default", "thorough"))
        except CheckError:
            continue
        is_more = thorough.coverage.frames_examined > default.coverage.frames_examined
        if is_more and None not in (default.interval, thorough.probability):
            found.append(Looks(bool(item.label), default, thorough))
    return found


@dataclass(frozen=True)
class Starts:
    """One video, looked at from several starts of the same windows."""

    is_fake: bool
    answers: tuple[Analysis, ...]

    @property
    def held(self) -> float:
        """The share of other answers' probabilities that the interval of one holds."""
        pairs = permutations(self.answers, 2)
        return float(np.mean([one.interval[0] <= other.probability <= one.interval[1] for one, other in pairs]))

    @property
    def width(self) -> float:
        return float(np.median([high - low for low, high in (answer.interval for answer in self.answers)]))

    def share(self, verdict: str) -> float:
        """Of the starts, those from which the answer is this one."""
        return float(np.mean([answer.verdict == verdict for answer in self.answers]))


def looked_at_from(detector: Detector, manifest: Path, shifts_s: Sequence[float]) -> list[Starts]:
    """The videos of which every start judges a face. Raises DataError."""
    found = []
    for item in read_manifest(manifest).items:
        if item.kind != "video":
            continue
        try:
            answers = tuple(detector.check(item.path, replace(PLANS["default"], shift_s=shift)) for shift in shifts_s)
        except CheckError:
            continue
        if all(answer.interval for answer in answers):
            found.append(Starts(bool(item.label), answers))
    return found


def rows_of_starts(found: Sequence[Starts]) -> list[list[str]]:
    """Of real and of forged videos: how many, the share held, how many are held in under nine of ten, the lowest, the
    interval's width, of how many the verdict hangs on the start, and how often it is which."""
    said = []
    for name, is_fake in (("real", False), ("forged", True)):
        mine = [starts for starts in found if starts.is_fake == is_fake]
        if mine:
            held, width = (np.array([getattr(x, what) for x in mine]) for what in ("held", "width"))
            figures = [f"{held.mean():.2f}", str((held < 0.9).sum()), f"{held.min():.2f}", f"{np.median(width):.2f}"]
            shares = np.array([[starts.share(verdict) for verdict in VERDICT_WORDS] for starts in mine])
            figures.append(str((shares.max(axis=1) < 1).sum()))
            said.append([name, str(len(mine)), *figures, *(f"{share:.3f}" for share in shares.mean(axis=0))])
    return said


def areas(found: Sequence[Starts]) -> np.ndarray:
    """The AUC of every start, (S,) float64; nan where all are real or all are forged."""
    labels = np.array([starts.is_fake for starts in found], np.int64)
    scores = np.array([[answer.probability for answer in starts.answers] for starts in found])
    return np.array([label_auc(labels, by_start) for by_start in scores.T])


def rows(found: Sequence[Looks]) -> list[list[str]]:
    """Of real and of forged videos: how many, the share held, the interval's width and how far both looks are apart."""
    said = []
    for name, is_fake in (("real", False), ("forged", True)):
        mine = [looks for looks in found if looks.is_fake == is_fake]
        if mine:
            held, width, gap = (np.array([getattr(x, what) for x in mine]) for what in ("is_held", "width", "gap"))
            said.append(
                [name, str(len(mine)), f"{held.sum()}", f"{np.median(width):.2f}", f"{np.quantile(gap, 0.9):.2f}"]
            )
    return said


@ends_with_a_sentence()
def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--manifest", type=Path, default=Path("../shared/data/dev/manifest.jsonl"))
    parser.add_argument("--weights", type=Path, default=Path("core/weights"))
    parser.add_argument("--shifts", type=float, nargs="+", metavar="S", help="seconds that the windows begin later")
    args = parser.parse_args(argv)
    detector = Detector.load(args.weights)
    if args.shifts:
        starts = looked_at_from(detector, args.manifest, [0.0, *args.shifts])
        if not starts:
            raise DataError("Of no video was a face judged from every start.")
        heads = ["videos", f"looked at from {1 + len(args.shifts)} starts", "held", "in under nine of ten", "lowest"]
        heads += ["width, in the middle", "of several verdicts", *VERDICT_WORDS.values()]
        print("\n".join(table(heads, rows_of_starts(starts))))
        told = areas(starts)
        print(f"\nAUC of each start {told.min():.3f} to {told.max():.3f}, in the middle {np.median(told):.3f}")
        return
    found = looked_at_twice(detector, args.manifest)
    heads = [
        "videos",
        "looked at twice",
        "held by the interval",
        "its width, in the middle",
        "apart: nine in ten within",
    ]
    print("\n".join(table(heads, rows(found))))


if __name__ == "__main__":
    main()
