"""Where the time of a check goes, call by call, as a flame graph: `python -m benchmarks.flame docs/images/flame.png`.

What the main thread is doing is looked at a thousand times a second, over several checks of the 10 s clip in a process that
has all loaded. As wide as a box is, as often was that function running or waiting for what stands above it (Gregg 2016).
Only our own functions are drawn, and which library the topmost of them is waiting for.
"""

import argparse
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot
from matplotlib.colors import to_rgb

from benchmarks.clips import clip
from benchmarks.where import one_after_the_other
from core.detector import Detector

ROOT = Path(__file__).parents[1]
EVERY_S = 0.001
CHECKS = 5
NARROWEST = 0.004  # of the whole; narrower boxes are left out
COLOURS = {  # Okabe and Ito
    "video": "#0072B2",
    "faces": "#E69F00",
    "alternate": "#E69F00",
    "tracks": "#CC79A7",
    "crops": "#CC79A7",
    "looks": "#009E73",
    "fused": "#009E73",
}
OTHER = "#BBBBBB"

Stack = tuple[str, ...]  # "module.function", outermost first


def stack_of(frame) -> Stack:
    """Our own functions, from `Detector.check` on, and the library in which the innermost of them stands still."""
    names: list[str] = []
    while frame:
        path, function = Path(frame.f_code.co_filename), frame.f_code.co_name
        if path.is_relative_to(ROOT / "core"):
            names.append(f"{path.stem}.{function}")
        elif not names and "site-packages" in path.parts:
            names.append(path.parts[path.parts.index("site-packages") + 1])
        frame = frame.f_back
    return tuple(reversed(names))


def sample(work) -> Counter[Stack]:
    """How often each stack of the calling thread was seen while `work` ran."""
    found: Counter[Stack] = Counter()
    main, over = threading.get_ident(), threading.Event()

    def look() -> None:
        while not over.wait(EVERY_S):
            found[stack_of(sys._current_frames()[main])] += 1

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        work()
    finally:
        over.set()
        watcher.join()
    return found


def draw(stacks: Counter[Stack], path: str) -> None:
    whole, deepest = stacks.total(), max(map(len, stacks))
    figure, axes = pyplot.subplots(figsize=(10, 0.3 * deepest + 0.6), layout="constrained")

    def boxes(inside: Counter[Stack], left: float, depth: int) -> None:
        for name in sorted({stack[depth] for stack in inside if len(stack) > depth}):
            mine = Counter({s: n for s, n in inside.items() if len(s) > depth and s[depth] == name})
            width = mine.total() / whole
            if width >= NARROWEST:
                colour = COLOURS.get(name.split(".")[0], OTHER)
                axes.barh(depth, width, 0.92, left, color=colour, edgecolor="white", linewidth=0.5)
                words = f"{name} {width:.0%}"
                if width > 0.006 * len(words):
                    dark = sum(to_rgb(colour)) < 1.4
                    how = {"size": 7, "ha": "center", "va": "center", "color": "white" if dark else "black"}
                    axes.text(left + width / 2, depth, words, **how)
                boxes(mine, left, depth + 1)
            left += width

    boxes(stacks, 0.0, 0)
    axes.set_xlim(0, 1)
    axes.axis("off")
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", metavar="PICTURE.png", help="to write")
    picture = parser.parse_args().picture
    detector = Detector.load(device="cpu")
    detector.check(clip("10s-720p"))
    started = time.perf_counter()
    with one_after_the_other():
        stacks = sample(lambda: [detector.check(clip("10s-720p")) for _ in range(CHECKS)])
    inner = Counter({stack: n for stack, n in stacks.items() if stack and stack[0] == "detector.check"})
    print(f"{inner.total()} looks at {CHECKS} checks in {time.perf_counter() - started:.1f} s")
    draw(inner, picture)
