"""How often the 90 % interval of an answer holds the probability that a thorough look at the same video comes to.

    python -m training.intervals --manifest ../shared/data/dev/manifest.jsonl --weights core/weights

The interval allows for other frames and for another calibration. Here only the frames are others, so it should hold more
than nine in ten; that it does for forged and real videos alike is what is looked at.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.analysis import Analysis
from core.detector import Detector
from core.errors import CheckError
from training.commands import ends_with_a_sentence
from training.manifest import read_manifest
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
    args = parser.parse_args(argv)
    found = looked_at_twice(Detector.load(args.weights), args.manifest)
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
