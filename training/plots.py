"""The pictures of an evaluation: ROC, reliability, risk against coverage; videos and images side by side."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training import metrics
from training.figures import Judged

BLUE, GREY = "#1f5f8b", "#9a9a9a"


def draw_all(out: Path, kinds: dict[str, Judged], threshold: float, others: dict[str, dict[str, np.ndarray]]) -> None:
    """Write roc.png, reliability.png and risk.png. others: scores (N,) of other systems, by kind and name."""
    for name, draw in (("roc", roc), ("reliability", reliability), ("risk", risk)):
        figure = Figure(figsize=(4.6 * len(kinds), 4.4), layout="constrained")
        for axes, (kind, judged) in zip(figure.subplots(1, len(kinds), squeeze=False)[0], kinds.items(), strict=True):
            draw(axes, judged, threshold, others.get(kind, {}))
            reals = int((judged.labels == 0).sum())
            axes.set_title(f"{kind}s: {len(judged.items) - reals} fake, {reals} real", fontsize=10)
            axes.spines[["top", "right"]].set_visible(False)
            axes.grid(alpha=0.25)
        figure.savefig(out / f"{name}.png", dpi=110)


def draw_calibration(path: Path, kinds: dict[str, tuple[np.ndarray, np.ndarray]]) -> None:
    """Reliability by kind: whether each file is fake (N,) bool, and the probability given (N,)."""
    figure = Figure(figsize=(4.6 * len(kinds), 4.4), layout="constrained")
    for axes, (kind, (fakes, probs)) in zip(
        figure.subplots(1, len(kinds), squeeze=False)[0], kinds.items(), strict=True
    ):
        plot_reliability(axes, fakes.astype(float), probs)
        axes.set_title(f"{kind}s, cross-fitted: {fakes.sum()} fake, {(~fakes).sum()} real", fontsize=10)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
    figure.savefig(path, dpi=110)


def draw_robustness(path: Path, kinds: dict[str, dict[str, dict]]) -> None:
    """The cells of `training.robustness` by kind: the AUC with its interval, and the share of reals flagged."""
    rows = max(len(cells) for cells in kinds.values())
    figure = Figure(figsize=(7 * len(kinds), 1.2 + 0.26 * rows), layout="constrained")
    for axes, (kind, cells) in zip(figure.subplots(1, len(kinds), squeeze=False)[0], kinds.items(), strict=True):
        places = np.arange(len(cells))[::-1]
        values = np.array([cell["auc"] for cell in cells.values()], np.float64)
        flagged = [cell["real_flagged"][0] for cell in cells.values()]
        axes.hlines(places, values[:, 1], values[:, 2], color=BLUE, lw=1.2)
        axes.plot(values[:, 0], places, "o", color=BLUE, ms=4, label="AUC")
        axes.plot(flagged, places, "x", color="#b3541e", ms=5, label="reals flagged")
        axes.axvline(0.5, color=GREY, lw=1, ls=":")
        axes.set_yticks(places, list(cells), fontsize=8)
        axes.set(xlim=(-0.02, 1.02), title=f"{kind}s")
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="x", alpha=0.25)
        axes.legend(fontsize=8, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False)
    figure.savefig(path, dpi=110)


def roc(axes: Axes, judged: Judged, threshold: float, others: dict[str, np.ndarray]) -> None:
    from sklearn.metrics import roc_curve

    labels, probs = judged.labels, judged.values("probability")
    for name, scores in {**others, "Unmask": probs}.items():
        flagged, caught, _ = roc_curve(labels, scores)
        colour = {"color": BLUE, "lw": 2} if name == "Unmask" else {"lw": 1, "alpha": 0.8}
        axes.plot(flagged, caught, label=f"{name} {metrics.label_auc(labels, scores):.2f}", **colour)
    axes.plot([0, 1], [0, 1], color=GREY, lw=1, ls=":")
    axes.plot((probs >= threshold)[labels == 0].mean(), (probs >= threshold)[labels == 1].mean(), "o", color=BLUE)
    axes.set(xlabel="share of reals flagged", ylabel="share of fakes caught", aspect="equal")
    axes.legend(loc="lower right", fontsize=8, title="AUC", title_fontsize=8)


def reliability(axes: Axes, judged: Judged, threshold: float, others: dict[str, np.ndarray]) -> None:
    given = _given(judged)
    plot_reliability(axes, given.labels, given.values("probability"))


def plot_reliability(axes: Axes, labels: np.ndarray, probs: np.ndarray) -> None:
    mean, share, size = metrics.reliability(labels, probs).T
    error = np.sqrt(np.maximum(share * (1 - share), 0.02) / size)  # one standard error, never quite nothing
    axes.plot([0, 1], [0, 1], color=GREY, lw=1, ls=":")
    axes.errorbar(mean, share, yerr=error, color=BLUE, marker="o", ms=4, lw=1.2, capsize=2)
    axes.set(xlabel="probability given", ylabel="share of fakes", xlim=(0, 1), ylim=(0, 1), aspect="equal")


def risk(axes: Axes, judged: Judged, threshold: float, others: dict[str, np.ndarray]) -> None:
    given = _given(judged)
    coverage, wrong = metrics.risk_coverage(given.labels, given.values("probability"), threshold)
    coverage = coverage * len(given.items) / len(judged.items)  # abstentions are never covered
    axes.plot(coverage, wrong, color=BLUE, lw=2)
    axes.set(xlabel="share of items decided, surest first", ylabel="share of them wrong", xlim=(0, 1), ylim=(0, 1))


def _given(judged: Judged) -> Judged:
    return judged.subset(np.array([score.probability is not None for score in judged.scores]))
