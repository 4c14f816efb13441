"""The course of a training as a picture; the trainer draws it at each validation, and it can be drawn from any log.

python -m training.curves runs/second
"""

import argparse
import json
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure


def draw_curves(run: Path) -> Path | None:
    """log.jsonl of a run -> curves.png beside it; None where nothing is logged yet."""
    log = run / "log.jsonl"
    rows = [json.loads(line) for line in log.read_text().splitlines() if line.strip()] if log.exists() else []
    if not rows:
        return None
    figure = Figure(figsize=(13, 4), layout="constrained")
    unseen, families, spread = figure.subplots(1, 3)
    images = [row["images"] / 1000 for row in rows]
    _lines(unseen, images, rows, {"auc": "AUC", "pairs": "pairs in order"})
    names = sorted({key for row in rows for key in row if key.startswith("auc_")})
    _lines(families, images, rows, {name: name.removeprefix("auc_").replace("_", " ") for name in names})
    _lines(spread, images, rows, {"loss": "training loss", "real_sd": "SD of the logits of reals"})
    for axes, title in (
        (unseen, "unseen sources, all families"),
        (families, "AUC by family"),
        (spread, "loss and spread"),
    ):
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("thousand images seen")
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize=8)
    figure.savefig(run / "curves.png", dpi=110)
    return run / "curves.png"


def _lines(axes: Axes, images: list[float], rows: list[dict], names: dict[str, str]) -> None:
    """One line a name, through the rows that have it."""
    for name, words in names.items():
        points = [(x, row[name]) for x, row in zip(images, rows, strict=True) if row.get(name) is not None]
        if points:
            axes.plot(*zip(*points, strict=True), marker="o", ms=2.5, lw=1.4, label=words)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="a folder with log.jsonl")
    picture = draw_curves(parser.parse_args().run)
    print(picture or "Nothing is logged there yet.")


if __name__ == "__main__":
    main()
