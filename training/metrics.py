"""Figures from scores: pure functions of arrays. A score is higher the more manipulated a thing looks.

Labels are 1 for manipulated and 0 for real. What scikit-learn has comes from there, but for the few that
the bootstrap asks for thousands of times; those are held against it in the tests.
"""

from collections.abc import Callable, Sequence

import numpy as np

BINS = 10  # of the reliability plot, equally full
DRAWS = 2000  # of the bootstrap


def auc(real: np.ndarray, fake: np.ndarray) -> float:
    """Probability that a fake scores above a real, ties half; nan where either is empty."""
    if not len(real) or not len(fake):
        return float("nan")
    order = np.sort(real)
    below = np.searchsorted(order, fake, "left")
    ties = np.searchsorted(order, fake, "right") - below
    return float((below + ties / 2).sum() / (len(real) * len(fake)))


def label_auc(labels: np.ndarray, scores: np.ndarray) -> float:
    """`auc` of scores in one array, told apart by their labels."""
    return auc(scores[labels == 0], scores[labels == 1])


def equal_error_rate(labels: np.ndarray, scores: np.ndarray) -> float:
    """Where as many reals are flagged as fakes are missed, on the straight lines between the points of the ROC."""
    from sklearn.metrics import roc_curve

    flagged, caught, _ = roc_curve(labels, scores, drop_intermediate=False)
    gap = flagged - (1 - caught)  # rises from -1 to 1
    after = int(np.argmax(gap >= 0))
    share = -gap[after - 1] / (gap[after] - gap[after - 1])
    return float(flagged[after - 1] + share * (flagged[after] - flagged[after - 1]))


def tpr_at_fpr(labels: np.ndarray, scores: np.ndarray, fpr: float = 0.05) -> float:
    """The largest share of fakes caught by a threshold that flags at most `fpr` of the reals."""
    from sklearn.metrics import roc_curve

    flagged, caught, _ = roc_curve(labels, scores, drop_intermediate=False)
    return float(caught[flagged <= fpr].max())


def at_threshold(labels: np.ndarray, scores: np.ndarray, threshold: float) -> dict[str, float]:
    """What a decision at a threshold fixed beforehand is worth; a score on the threshold counts as manipulated.

    Both classes must be there. Without anything flagged, precision and F1 are 0.
    """
    said, fake = scores >= threshold, labels == 1
    caught, flagged = int((said & fake).sum()), int(said.sum())
    recall, passed = caught / fake.sum(), (~said & ~fake).sum() / (~fake).sum()
    return {
        "threshold": threshold,
        "accuracy": float((said == fake).mean()),
        "balanced_accuracy": float((recall + passed) / 2),
        "precision": caught / flagged if flagged else 0.0,
        "recall": float(recall),
        "f1": float(2 * caught / (flagged + fake.sum())),
    }


def ranking(labels: np.ndarray, scores: np.ndarray) -> dict[str, float]:
    """Figures of the order alone, which no calibration changes."""
    from sklearn.metrics import average_precision_score

    return {
        "auc": label_auc(labels, scores),
        "ap": float(average_precision_score(labels, scores)),
        "eer": equal_error_rate(labels, scores),
        "tpr_at_5fpr": tpr_at_fpr(labels, scores),
    }


def reliability(labels: np.ndarray, probs: np.ndarray) -> np.ndarray:
    """(B, 3): mean probability, share of fakes and size of each of BINS equally full bins; empty ones are left out.

    Things of one probability are alike, so that the order they are given in changes nothing.
    """
    order, shares = np.argsort(probs, kind="stable"), mean_of_ties(labels, probs)
    parts = [part for part in np.array_split(order, BINS) if len(part)]
    return np.array([(probs[part].mean(), shares[part].mean(), len(part)) for part in parts])


def mean_of_ties(values: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """(N,) float64: each value as the mean of all that have the same key."""
    _, numbers = np.unique(keys, return_inverse=True)
    return (np.bincount(numbers, values) / np.bincount(numbers))[numbers]


def calibration_error(labels: np.ndarray, probs: np.ndarray) -> float:
    """ECE: how far probability and share of fakes lie apart, on average (Naeini et al. 2015, equal-count bins)."""
    mean, share, size = reliability(labels, probs).T
    return float(np.average(np.abs(mean - share), weights=size))


def brier(labels: np.ndarray, probs: np.ndarray) -> float:
    """Mean square of how far each probability is from what was so (Brier 1950)."""
    return float(((probs - labels) ** 2).mean())


def risk_coverage(labels: np.ndarray, probs: np.ndarray, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Coverage (N,) and the share of wrong decisions among what is covered (N,), the surest decisions first.

    Sure is what lies far from the threshold (El-Yaniv and Wiener 2010). The mean of the risks is the AURC. What is
    equally sure is wrong by the same share, so that the order things are given in changes nothing.
    """
    unsure = -np.abs(probs - threshold)
    order = np.argsort(unsure, kind="stable")
    wrong = mean_of_ties((probs >= threshold) != labels, unsure)[order]
    count = np.arange(1, len(wrong) + 1)
    return count / len(wrong), np.cumsum(wrong) / count


def pair_gaps(labels: np.ndarray, scores: np.ndarray, pairs: Sequence[str | None]) -> tuple[np.ndarray, np.ndarray]:
    """Score of a fake minus score of a real, for every fake with every real of its pair.

    Returns the gaps (C,) float64 and the index (C,) of the fake of each.
    """
    found = [
        (scores[fake] - scores[real], fake)
        for fake in np.flatnonzero(labels == 1)
        for real in np.flatnonzero(labels == 0)
        if pairs[fake] is not None and pairs[fake] == pairs[real]
    ]
    gaps, fakes = zip(*found, strict=True) if found else ((), ())
    return np.array(gaps, np.float64), np.array(fakes, int)


def share_in_order(gaps: np.ndarray) -> float:
    """How often the fake scores above its real, ties half; nan without any."""
    return float(((gaps > 0) + (gaps == 0) / 2).mean()) if len(gaps) else float("nan")


def groups_of(names: Sequence[Sequence[str]]) -> np.ndarray:
    """Number the groups of things that share a name, directly or through others: (N,) int. Nameless things stand alone.

    names: for each thing, whatever ties it to others (its person, its pair).
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    known: dict[str, int] = {}
    edges = [(i, len(names) + known.setdefault(name, len(known))) for i, own in enumerate(names) for name in own]
    size = len(names) + len(known)
    ends = np.array(edges, int).reshape(-1, 2).T
    graph = coo_array((np.ones(len(edges)), tuple(ends)), shape=(size, size))
    return connected_components(graph, directed=False)[1][: len(names)]


def cluster_draws(groups: np.ndarray, draws: int = DRAWS) -> list[np.ndarray]:
    """Indices of each bootstrap draw: whole groups with replacement, as many as there are (Field and Welsh 2007).

    The same draws for two systems give the interval of their difference.
    """
    _, numbers = np.unique(groups, return_inverse=True)
    members = np.split(np.argsort(numbers, kind="stable"), np.cumsum(np.bincount(numbers))[:-1])
    chosen = np.random.default_rng(0).integers(len(members), size=(draws, len(members)))
    return [np.concatenate([members[g] for g in draw]) for draw in chosen]


def interval(figure: Callable[[np.ndarray], float], draws: list[np.ndarray]) -> list[float]:
    """95 % percentile interval [low, high] of `figure(indices)`; draws without one of the classes (nan) are left out."""
    values = np.array([figure(draw) for draw in draws])
    values = values[np.isfinite(values)]
    if not len(values):
        return [float("nan")] * 2
    return [float(v) for v in np.quantile(values, [0.025, 0.975])]


def share_interval(share: Callable[[np.ndarray], float], draws: list[np.ndarray], groups: int) -> list[float]:
    """`interval` of a share among so many groups. Where it is 0 or 1 in every draw, the other end is the exact one."""
    low, high = interval(share, draws)
    if low == high == 0:
        return [0.0, end_of_all_alike(groups)]
    return [1 - end_of_all_alike(groups), 1.0] if low == high == 1 else [low, high]


def end_of_all_alike(groups: int) -> float:
    """The largest share of which none in so many groups may be seen (Clopper and Pearson 1934): a bootstrap sees no such."""
    return 1 - 0.025 ** (1 / groups)
