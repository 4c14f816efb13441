"""Items and scores -> every figure of the evaluation, as plain values. A figure with its interval is [value, low, high].

Videos and images are judged apart. Intervals are 95 % bootstraps in which things that share a person or a pair move
together.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np

from core.analysis import Verdict
from training import metrics
from training.controls import Controls, judge, turned
from training.manifest import SAME_FOOTAGE, Item
from training.metrics import label_auc
from training.scores import SURE, Score, filled

VERDICTS = get_args(Verdict)
NO_VERDICT = "not judged"


@dataclass(frozen=True, eq=False)
class Judged:
    """Items of one kind with their scores, row by row."""

    items: Sequence[Item]
    scores: Sequence[Score]
    draws: int = metrics.DRAWS

    @property
    def labels(self) -> np.ndarray:
        return np.array([item.label for item in self.items])

    def values(self, field: str) -> np.ndarray:
        """(N,) one figure of each score, abstentions `filled`."""
        return filled(self.scores, self.labels, field)

    def subset(self, keep: np.ndarray) -> "Judged":
        chosen = np.flatnonzero(keep)
        return Judged([self.items[i] for i in chosen], [self.scores[i] for i in chosen], self.draws)

    def redraw(self) -> list[np.ndarray]:
        """The bootstrap's draws; the same ones whenever the items are the same."""
        return metrics.cluster_draws(cluster_numbers(self.items), self.draws)


def cluster_numbers(items: Sequence[Item]) -> np.ndarray:
    """(N,) what moves together: things that share a person or a pair, or a pair alone where that would join most."""
    ties = [{name for name in (item.identity, item.pair_id) if name} for item in items]
    groups = metrics.groups_of(ties)
    if len(items) > 2 and np.bincount(groups).max() > len(items) / 2:
        return metrics.groups_of([{item.pair_id} - {None} for item in items])
    return groups


def with_intervals(
    figures: Callable[[np.ndarray, np.ndarray], dict[str, float]],
    labels: np.ndarray,
    scores: np.ndarray,
    draws: list[np.ndarray],
) -> dict[str, list[float]]:
    """Each of `figures(labels, scores)` with its interval; draws that hold one class alone are left out."""
    drawn = [figures(labels[d], scores[d]) for d in draws if len(set(labels[d])) == 2]
    found = {}
    for name, value in figures(labels, scores).items():
        low, high = np.quantile([f[name] for f in drawn], [0.025, 0.975]) if drawn else (np.nan, np.nan)
        found[name] = [value, float(low), float(high)]
    return found


def all_figures(judged: Judged, threshold: float, measured: Sequence[Controls] | None = None) -> dict:
    """Everything about one kind of item; there must be real and fake ones."""
    labels, probs, draws = judged.labels, judged.values("probability"), judged.redraw()
    groups = cluster_numbers(judged.items)
    figures = {
        "real": int((labels == 0).sum()),
        "fake": int((labels == 1).sum()),
        "clusters": len(set(groups.tolist())),
        "abstained": dict(Counter(s.why_not for s in judged.scores if s.probability is None)),
        "ranking": with_intervals(metrics.ranking, labels, probs, draws),
        "decision": decision(labels, probs, draws, threshold),
        "calibration": calibration(judged, threshold),
        "frames": frame_figures(judged, draws),
        "categories": by_name(judged, [item.category for item in judged.items]),
        "generators": (generators := by_name(judged, [item.method for item in judged.items])),
        "generator_auc": least_and_median([row["auc"][0] for row in generators.values()]),
        "same_source": same_source(labels, probs, [item.source for item in judged.items]),
        "pairs": {
            SAME_FOOTAGE: pairs(judged, [i.pair_id if i.pair_kind == SAME_FOOTAGE else None for i in judged.items]),
            "all": pairs(judged, [item.pair_id for item in judged.items]),
        },
        "real_logits": real_spread(judged),
        "verdicts": verdict_table(judged),
        "real_flagged": share_flagged(judged, draws),
    }
    if measured is not None:
        figures["controls"] = control_figures(judged, measured, draws)
    return figures


def least_and_median(values: Sequence[float]) -> dict[str, float]:
    return {"min": float(np.min(values)), "median": float(np.median(values))} if values else {}


def decision(labels: np.ndarray, probs: np.ndarray, draws: list, threshold: float) -> dict[str, list[float]]:
    return with_intervals(lambda y, p: metrics.at_threshold(y, p, threshold), labels, probs, draws)


def calibration(judged: Judged, threshold: float) -> dict[str, float | list[float]]:
    """ECE, Brier and AURC of what was judged; abstentions gave no probability to be held to.

    The ECE has no interval: files drawn twice make shares more extreme, so that most draws lie above what they are of.
    """
    given = judged.subset(np.array([s.probability is not None for s in judged.scores]))
    labels, probs = given.labels, given.values("probability")
    if len(set(labels)) < 2:
        return {}

    def figures(labels: np.ndarray, probs: np.ndarray) -> dict[str, float]:
        risk = metrics.risk_coverage(labels, probs, threshold)[1]
        return {"brier": metrics.brier(labels, probs), "aurc": float(risk.mean())}

    error = metrics.calibration_error(labels, probs)
    return {"ece": error} | with_intervals(figures, labels, probs, given.redraw())


def frame_figures(judged: Judged, draws: list[np.ndarray]) -> dict:
    """The mean of frames beside the temporal head, their difference, and the AUC of single frames."""
    if not any(len(score.frame_logits) > 1 for score in judged.scores):
        return {}  # stills have no temporal head
    labels, head, mean = judged.labels, judged.values("logit"), judged.values("mean_logit")
    counts = [len(score.frame_logits) for score in judged.scores]
    return {
        "mean_of_frames_auc": auc_figure(labels, mean, draws),
        "head_minus_mean": difference(labels, head, mean, draws),
        "single_frame_auc": label_auc(
            np.repeat(labels, counts), np.concatenate([np.array(score.frame_logits) for score in judged.scores])
        ),
    }


def by_name(judged: Judged, names: Sequence[str | None]) -> dict[str, dict]:
    """The fakes of each name against all reals, the worst first."""
    labels, probs, found = judged.labels, judged.values("probability"), {}
    for name in sorted({n for n, label in zip(names, labels, strict=True) if n and label}):
        keep = (labels == 0) | np.array([n == name for n in names])
        mine = judged.subset(keep)
        found[name] = {"fake": int(mine.labels.sum()), "auc": auc_figure(mine.labels, probs[keep], mine.redraw())}
    return dict(sorted(found.items(), key=lambda row: row[1]["auc"][0]))


def same_source(labels: np.ndarray, scores: np.ndarray, sources: Sequence[str | None]) -> dict[str, float]:
    """AUC over couples of one source: what is left when differences between sources cannot help."""
    wins, couples, fakes = 0.0, 0, 0
    for source in {s for s in sources if s}:
        mine = np.array([s == source for s in sources])
        real, fake = scores[mine & (labels == 0)], scores[mine & (labels == 1)]
        if len(real) and len(fake):
            wins += metrics.auc(real, fake) * len(real) * len(fake)
            couples += len(real) * len(fake)
            fakes += len(fake)
    return {"auc": wins / couples if couples else float("nan"), "couples": couples, "fake": fakes}


def pairs(judged: Judged, names: Sequence[str | None]) -> dict:
    """Fakes with their own reals, in order or not; gaps in calibrated logits. Every fake counts with every real of its
    pair (couples); `by_pair` gives each pair the same weight, because one person may stand in many couples."""
    probs = np.clip(judged.values("probability"), SURE, 1 - SURE)
    gaps, fakes = metrics.pair_gaps(judged.labels, np.log(probs / (1 - probs)), names)
    if not len(gaps):
        return {"couples": 0}
    groups = cluster_numbers(judged.items)[fakes]
    found = metrics.share_interval(
        lambda d: metrics.share_in_order(gaps[d]), metrics.cluster_draws(groups, judged.draws), len(set(groups))
    )
    tied = np.array([names[fake] for fake in fakes])
    return {
        "couples": len(gaps),
        "in_order": metrics.share_in_order(gaps) * len(gaps),
        "share": [metrics.share_in_order(gaps), *found],
        "by_pair": float(np.mean([metrics.share_in_order(gaps[tied == name]) for name in set(tied)])),
        "mean_gap": float(gaps.mean()),
        "sd_gap": float(gaps.std()),
    }


def real_spread(judged: Judged) -> dict[str, float]:
    """SD of the logits of reals, and of the means of their sources: the offset that drowns a signal."""
    by_source: dict[str, list[float]] = {}
    for item, score in zip(judged.items, judged.scores, strict=True):
        if item.label == 0 and score.logit is not None:
            by_source.setdefault(item.source or item.path, []).append(score.logit)
    if not by_source:
        return {}
    means = [np.mean(logits) for logits in by_source.values()]
    return {"sd": float(np.std(np.concatenate(list(by_source.values())))), "sd_of_sources": float(np.std(means))}


def verdict_table(judged: Judged) -> dict[str, dict[str, int]]:
    table = {}
    for name, label in (("real", 0), ("fake", 1)):
        counts = Counter(
            s.verdict or NO_VERDICT for i, s in zip(judged.items, judged.scores, strict=True) if i.label == label
        )
        table[name] = {verdict: counts[verdict] for verdict in (*VERDICTS, NO_VERDICT)}
    return table


def share_flagged(judged: Judged, draws: list[np.ndarray]) -> list[float]:
    """Of all reals, those that are `likely_manipulated`."""
    real, flagged = judged.labels == 0, np.array([s.verdict == VERDICTS[0] for s in judged.scores])

    def share(d: np.ndarray) -> float:
        return float(flagged[d][real[d]].mean()) if real[d].any() else float("nan")

    groups = len(set(cluster_numbers(judged.items)[real]))
    return [share(np.arange(len(real))), *metrics.share_interval(share, draws, groups)]


def control_figures(judged: Judged, measured: Sequence[Controls], draws: list[np.ndarray]) -> dict:
    """The AUC of fake over real of each control, the most telling first, and how far the detector is above that one."""
    labels = judged.labels
    controls = judge(labels, measured, [item.source for item in judged.items])
    worth = {name: label_auc(labels, turned(name, labels, scores)) for name, scores in controls.items()}
    ordered = sorted(controls, key=lambda name: -worth[name])
    if not ordered:
        return {"auc": {}}
    best, ours = ordered[0], judged.values("probability")
    return {
        "auc": {name: label_auc(labels, controls[name]) for name in ordered},
        "best": best,
        "best_auc": worth[best],
        "detector_minus_best": difference(labels, ours, turned(best, labels, controls[best]), draws),
    }


def auc_figure(labels: np.ndarray, scores: np.ndarray, draws: list[np.ndarray]) -> list[float]:
    return [label_auc(labels, scores), *metrics.interval(lambda d: label_auc(labels[d], scores[d]), draws)]


def difference(labels: np.ndarray, ours: np.ndarray, theirs: np.ndarray, draws: list[np.ndarray]) -> list[float]:
    """AUC of `ours` minus AUC of `theirs`, both on the same draws."""

    def gain(d: np.ndarray) -> float:
        return label_auc(labels[d], ours[d]) - label_auc(labels[d], theirs[d])

    return [gain(np.arange(len(labels))), *metrics.interval(gain, draws)]
