"""Where the time of a check goes, as a picture: `python -m benchmarks.where docs/images/where-time-goes.png`.

A bar for each clip: processor seconds of each stage of a check in a process that has all loaded, the median of a few.
"""

import argparse
import time
from statistics import median
from unittest.mock import patch

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

from benchmarks.clips import clip
from core.detector import Detector

NAMES = {
    "10s-720p": "10 s, 720p",
    "10s-720p-five": "five faces",
    "60s-1080p": "60 s, 1080p",
    "10min-1080p": "10 min, 1080p",
}
STAGES = {
    "open": "open",
    "decode": "decode",
    "faces": "find faces",
    "tracks": "follow, crop, movement",
    "network": "network",
}
COLOURS = ("#999999", "#0072B2", "#E69F00", "#CC79A7", "#009E73")  # Okabe and Ito
ROUNDS = 3


def one_after_the_other():
    """Nothing is decoded ahead, so that what decoding takes is seen by itself; as a context."""
    return patch("core.detector.ahead", lambda frames, *_: frames)


def stages(detector: Detector, name: str) -> dict[str, float]:
    """Processor seconds of each stage; all threads count to the stage that runs meanwhile."""
    with one_after_the_other(), patch("core.detector.time.perf_counter", time.process_time):
        runs = [detector.check(clip(name)).seconds for _ in range(ROUNDS)]
    return {stage: median(run.get(stage, 0.0) for run in runs) for stage in STAGES}


def draw(found: dict[str, dict[str, float]], path: str) -> None:
    figure, axes = pyplot.subplots(figsize=(8, 2.6), layout="constrained")
    names, left = [NAMES[name] for name in found], [0.0] * len(found)
    for (stage, label), colour in zip(STAGES.items(), COLOURS, strict=True):
        widths = [parts[stage] for parts in found.values()]
        axes.barh(names, widths, left=left, label=label, color=colour)
        left = [a + b for a, b in zip(left, widths, strict=True)]
    axes.invert_yaxis()
    axes.set_xlabel("processor seconds")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=len(STAGES), frameon=False)
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", metavar="PICTURE.png", help="to write")
    picture = parser.parse_args().picture
    detector = Detector.load(device="cpu")
    found = {name: stages(detector, name) for name in NAMES}
    for name, parts in found.items():
        print(name, {stage: round(value, 2) for stage, value in parts.items()}, round(sum(parts.values()), 2))
    draw(found, picture)
