"""Two numbers and two band edges for each number of faces, and two for where the network alone speaks, on real forgeries and
real videos.

    python -m training.calibrate --manifest ../shared/data/dev/manifest.jsonl --weights runs/published --scores runs/eval/scores.jsonl

The files are judged once: logits that --scores holds, from an evaluation or an earlier run, are taken from there, and
missing ones are added. `training.evaluate` with the same folder then words them by the new calibration. Videos are looked at from
further --starts of the windows as well, and those logits kept beside the others: where real ones lie hangs on the start.

Nothing else is ever fitted on these files. A kind of them, videos or pictures, of which there are none keeps the curves
that the weights have. How well they fix the two numbers is kept beside them, and widens the
interval of every answer. What is reported is cross-fitted: each source's files are judged by a calibration that never
saw that source. Writes calibration.json beside the weights, the report to --out, and beside that
its reliability as a picture.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import NormalDist

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from core.calibration import MAX_FACES, Calibration, Curve
from core.detector import Detector
from core.plan import PLANS
from training.commands import ends_with_a_sentence
from training.manifest import Item, chosen, read_manifest, require_both_classes
from training.metrics import calibration_error
from training.plots import draw_calibration
from training.scores import Score, names_of, score_all

LEVEL = 0.05  # of real videos above the upper edge, of forged ones below the lower
LEAST_SOURCES = 10  # fewer do not say where one in twenty of other people's files will lie
STARTS_S = (-0.4, -0.2, 0.2, 0.4)  # by how much later the windows of the further looks begin
LEAST_SLOPE = 1e-3  # keeps the order of faces where the logits tell nothing


@dataclass(frozen=True)
class Scored:
    """One file of the manifest after the network."""

    path: str
    is_fake: bool
    is_still: bool
    source: str
    logit: float
    faces: int = 1  # judged ones, of which the logit is the largest
    network: float | None = None  # what the network alone says of that face; None of stills, and where it is not known
    is_alone: bool = False  # whether nothing else counts of it


def scored(items: Sequence[Item], scores: Sequence[Score]) -> list[Scored]:
    """The raw logit of the most suspicious face of every file that has one."""
    return [
        Scored(
            path=s.path,
            is_fake=bool(item.label),
            is_still=(is_still := s.is_still or item.kind == "image"),
            source=item.source or s.path,
            logit=s.logit,
            faces=s.faces,
            network=None if is_still else network_logit(s),
            is_alone=s.alone_logit is not None,
        )
        for item, s in zip(items, scores, strict=True)
        if s.logit is not None
    ]


def looked_at(
    detector: Detector, items: Sequence[Item], manifest: Path, kept: Path, starts_s: Sequence[float]
) -> list[Scored]:
    """Every file, and the videos from every further start of the windows as well. kept: where logits lie."""
    files = scored(items, score_all(detector, items, names_of(items, manifest), kept, progress=print))
    videos = [item for item in items if item.kind == "video"]
    for start in starts_s if videos else ():
        plan = replace(PLANS["default"], name=f"default{start:+g}", shift_s=start)
        out = kept.with_name(f"{kept.stem}{start:+g}.jsonl")
        files += scored(videos, score_all(detector, videos, names_of(videos, manifest), out, plan, print))
    return files


def network_logit(score: Score) -> float | None:
    if score.alone_logit is not None:
        return score.alone_logit
    return float(np.mean(score.frame_logits)) if score.frame_logits else None


def has_enough_sources(files: list[Scored]) -> bool:
    """Whether they may have band edges."""
    return len({f.source for f in files}) >= LEAST_SOURCES


def fit(files: list[Scored], draws: int = 500, is_enough: bool | None = None) -> tuple[Curve, ...]:
    """Platt's logistic map, the classes weighing the same, and band edges for 1 to MAX_FACES faces.

    A video's logit is the largest of its k faces', which is large by chance more often than a single one: the intercept
    allows for it (`of_many`), and the upper edge lies at the level that keeps the false alarms of the whole at LEVEL.
    The edges assume that a class ends as a normal distribution does where they cut it off (`upper_quantile`; counting
    thirty files off is too rough). Where the slope is no larger than its own standard deviation, or the
    sources are few, or a class has a single file, no edge means anything: the curves keep none, and every answer is
    `inconclusive`. is_enough: whether the sources are many, where that was asked of more files than these.
    """
    plain, logits = scale(files, draws)
    fakes = np.array([f.is_fake for f in files])
    real, fake = logits[~fakes], logits[fakes]
    is_flat = plain.slope <= max(LEAST_SLOPE, plain.uncertainty[0] ** 0.5)
    is_enough = has_enough_sources(files) if is_enough is None else is_enough
    curves = [plain, *(of_many(plain, real, fake, k) for k in range(2, MAX_FACES + 1))]
    fewest = min(len({f.path for f in files if f.is_fake == is_fake}) for is_fake in (False, True))
    if is_flat or not is_enough or fewest < 2:
        return tuple(curves)
    least = -upper_quantile(-fake, 1 - LEVEL)
    for k, curve in enumerate(curves, 1):
        lower, upper = curve.probability(least), curve.probability(upper_quantile(real, (1 - LEVEL) ** (1 / k)))
        curves[k - 1] = replace(curve, likely_from=max(upper, lower), no_signs_until=lower)
    return tuple(curves)


def scale(files: list[Scored], draws: int) -> tuple[Curve, np.ndarray]:
    """The curve without edges, and each file's logit on its scale (N,).

    Two maps are fitted: of the logits with all that counts beside the network, where something does, and of what the
    network alone says of all files. The second is told by the first's scale (`Curve.alone`): less is known of a face of which the
    network alone speaks, and it would else be flagged and cleared too often.
    """
    told = [f for f in files if not f.is_alone]
    if len(told) < len(files) and len({f.is_fake for f in told}) < 2:
        # nothing counts beside the network anywhere, as with one that is no detector of ours
        bare = [replace(f, logit=f.network if f.is_alone else f.logit, network=None, is_alone=False) for f in files]
        return scale(bare, draws)
    plain = Curve(*platt(*of_class(told)), uncertainty=uncertainty(told, draws))
    networks = [replace(f, logit=f.network) for f in files if f.network is not None]
    if len({f.is_fake for f in networks}) == 2:
        slope, intercept = platt(*of_class(networks))
        plain = replace(plain, alone=(slope / plain.slope, (intercept - plain.intercept) / plain.slope))
    return plain, np.array([plain.of_alone(f.network) if f.is_alone else f.logit for f in files])


def of_class(files: list[Scored]) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and which of them are fakes (N,)."""
    return np.array([f.logit for f in files]), np.array([f.is_fake for f in files])


def of_many(plain: Curve, real: np.ndarray, fake: np.ndarray, faces: int) -> Curve:
    """The curve of one face with the intercept for the largest logit of several.

    Of videos with as many faces, drawn from these logits (N,) of either class, half show no manipulated face and half one
    of them; the mean probability is to be one half, as it is of one face.
    """
    logits = np.sort(np.concatenate([real, fake]))
    reals, fakes = (np.searchsorted(np.sort(own), logits, "right") / len(own) for own in (real, fake))
    # shares of videos whose largest logit is no larger than each of these, and from those, equal to it
    weights = np.diff(reals**faces + fakes * reals ** (faces - 1), prepend=0) / 2

    def excess(intercept: float) -> float:
        return weights @ expit(plain.slope * logits + intercept) - 0.5

    widest = plain.slope * float(np.abs(logits).max()) + 1
    return replace(plain, intercept=float(brentq(excess, -widest, widest)))


def upper_quantile(logits: np.ndarray, share: float) -> float:
    """Below which that share of a class lies whose logits (N,) are these: that of the normal distribution about their median
    that is as wide as those above it are spread. Real logits trail off downwards and forged ones upwards, and that end says
    nothing of the other one."""
    median = float(np.median(logits))
    above = logits[logits > median] - median
    spread = float(np.sqrt((above**2).mean())) if len(above) else 0.0
    return median + NormalDist().inv_cdf(share) * spread


def platt(logits: np.ndarray, fakes: np.ndarray) -> tuple[float, float]:
    """Slope, kept above 0, and intercept of the logistic map."""
    found = LogisticRegression(C=10.0, class_weight="balanced").fit(logits[:, None], fakes)
    return max(float(found.coef_[0, 0]), LEAST_SLOPE), float(found.intercept_[0])


def uncertainty(files: list[Scored], draws: int) -> tuple[float, float, float]:
    """Variances of slope and intercept and their covariance, when the sources are drawn anew with replacement."""
    by_source: dict[str, list[Scored]] = {}
    for file in files:
        by_source.setdefault(file.source, []).append(file)
    groups, random, found = list(by_source.values()), np.random.default_rng(0), []
    for _ in range(draws):
        drawn = [file for i in random.integers(len(groups), size=len(groups)) for file in groups[i]]
        fakes = np.array([file.is_fake for file in drawn])
        if 0 < fakes.sum() < len(fakes):
            found.append(platt(*of_class(drawn)))
    if len(found) < 2:
        return 0.0, 0.0, 0.0
    (of_slope, of_both), (_, of_intercept) = np.cov(np.array(found).T).tolist()
    return of_slope, of_intercept, of_both


def cross_fitted(files: list[Scored]) -> tuple[np.ndarray, np.ndarray]:
    """Probability and verdict of each file (N,), by a fit that never saw its source."""
    sources = np.array([f.source for f in files])
    probabilities, verdicts = np.zeros(len(files)), np.empty(len(files), object)
    is_enough = has_enough_sources(files)  # a fold has one less, and is to stand for what ships
    for source in set(sources):
        fitted = Calibration(fit([f for f in files if f.source != source], 100, is_enough))
        for i in np.flatnonzero(sources == source):
            curve = fitted.curve(files[i].faces)
            own = files[i]
            probabilities[i] = curve.probability(curve.of_alone(own.network) if own.is_alone else own.logit)
            verdicts[i] = curve.verdict(probabilities[i])
    return probabilities, verdicts


def figures(files: list[Scored], probabilities: np.ndarray, verdicts: np.ndarray) -> dict:
    """Flagged and cleared shares, over all looks, and how far the probabilities can be taken at their word."""
    fakes = np.array([f.is_fake for f in files])
    shares = {
        f"{name} {verdict}": round(float((verdicts[group] == verdict).mean()), 3)
        for name, group in (("real", ~fakes), ("fake", fakes))
        for verdict in ("likely_manipulated", "inconclusive", "no_signs_found")
    }
    weights = np.where(fakes, 0.5 / fakes.sum(), 0.5 / (~fakes).sum())
    brier = round(float((weights * (probabilities - fakes) ** 2).sum()), 4)
    error = round(calibration_error(fakes.astype(float), probabilities), 3)
    counts = {
        "files": len({f.path for f in files}),
        "fakes": len({f.path for f in files if f.is_fake}),
        "looks": len(files),
        "real sources": len({f.source for f in files if not f.is_fake}),
    }
    return {**counts, "brier_balanced": brier, "ece": error, **shares}


@ends_with_a_sentence()
def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--manifest", type=Path, default=Path("../shared/data/dev/manifest.jsonl"))
    parser.add_argument("--split", help="only this split of the manifest")
    parser.add_argument("--weights", type=Path, required=True, help="a folder of published weights")
    parser.add_argument("--scores", type=Path, default=Path("runs/eval/scores.jsonl"), help="where logits are kept")
    parser.add_argument(
        "--starts", type=float, nargs="*", metavar="S", default=STARTS_S, help="seconds; none: one look"
    )
    parser.add_argument("--out", type=Path, default=Path("runs/calibrate.json"))
    args = parser.parse_args(argv)
    items = chosen(read_manifest(args.manifest).items, args.split, None)
    require_both_classes(items, str(args.manifest))
    detector = Detector.load(args.weights)
    files = looked_at(detector, items, args.manifest, args.scores, args.starts)
    curves, report, judged = {}, {}, {}
    for kind, is_still in (("video", False), ("frame", True)):
        mine = [f for f in files if f.is_still == is_still]
        if min(len({f.source for f in mine if f.is_fake == is_fake}) for is_fake in (False, True)) < 2:
            print(
                f"{kind.capitalize()}s keep what they have: judged real and fake ones are needed, of two sources each."
            )
            continue
        curves[kind] = fit(mine)
        probabilities, verdicts = cross_fitted(mine)
        judged["picture" if is_still else "video"] = np.array([f.is_fake for f in mine]), probabilities
        report[kind] = figures(mine, probabilities, verdicts)
    if not curves:
        raise SystemExit(f"{args.weights} keeps the calibration it has: {args.manifest} gave none.")
    calibration = replace(detector.calibration, **curves)
    (args.weights / "calibration.json").write_text(json.dumps(calibration.to_json(), indent=2) + "\n")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps({"sha256": detector.info.sha256} | report, indent=1) + "\n")
    draw_calibration(args.out.with_suffix(".png"), judged)
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
