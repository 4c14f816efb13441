"""Judge a detector on labelled videos and images: every figure with its interval, the controls beside it.

    python -m training.evaluate --manifest ../shared/data/dev/manifest.jsonl --out runs/eval
    python -m training.evaluate --manifest m.jsonl --weights runs/mine --out runs/mine-eval --against runs/eval/scores.jsonl

Writes scores.jsonl and controls.jsonl as it goes (a run that was killed goes on from there), then figures.json,
report.md, roc.png, reliability.png and risk.png. --against: scores of other systems on the same manifest, JSON lines
with `path` and `probability` (null where it abstained). --robustness judges treated copies too: re-encoded, resized, ...
"""

import argparse
import hashlib
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from core.detector import Detector
from training.commands import ends_with_a_sentence
from training.controls import measure_all
from training.figures import Judged, all_figures, auc_figure, difference
from training.manifest import KINDS, DataError, chosen, read_manifest, require_both_classes, told_apart
from training.metrics import DRAWS
from training.plots import draw_all, draw_robustness
from training.report import markdown, peers_for, without_nan
from training.robustness import robustness
from training.scores import Score, filled, names_of, read_scores, score_all


@dataclass(frozen=True)
class Options:
    """What of a manifest is judged, and how."""

    split: str | None = None  # only this one
    limit: int | None = None  # items of each class and kind
    plan: str = "default"
    threshold: float = 0.5  # of the decision
    draws: int = DRAWS  # of the bootstrap
    robust: int = 0  # items of each class and kind that are judged as treated copies too


DEFAULTS = Options()


def evaluate(
    detector: Detector, manifest: Path, out: Path, options: Options = DEFAULTS, against: Sequence[Path] = ()
) -> dict:
    """Run everything and write it into `out`; returns the figures. Raises DataError."""
    given = read_manifest(manifest)
    items = chosen(given.items, options.split, options.limit)
    require_both_classes(items, str(manifest))
    names = names_of(items, manifest)
    others = {path.parent.name: by_path(path, names) for path in against}
    if len(others) < len(against):
        raise DataError("A system is called after the folder of its scores, and two of these folders have one name.")
    scores = score_all(detector, items, names, out / "scores.jsonl", options.plan, _say)
    with tempfile.TemporaryDirectory() as folder:
        measured = measure_all(items, names, out / "controls.jsonl", Path(folder), _say)

    kinds, figures, their_scores = {}, {}, {}
    for kind, rows in told_apart(items):
        judged = kinds[kind] = Judged([items[i] for i in rows], [scores[i] for i in rows], options.draws)
        theirs = {
            name: filled([their[i] for i in rows], judged.labels, "probability") for name, their in others.items()
        }
        their_scores[kind] = theirs
        figures[kind] = all_figures(judged, options.threshold, [measured[i] for i in rows])
        figures[kind]["against"] = beside(judged, theirs)
        if options.robust:
            figures[kind]["robustness"] = robust_figures(detector, judged, manifest, out, options)
    for kind in KINDS:
        if kind not in kinds:
            _say(f"No figures of {kind}s: both real and fake ones are needed.")
    if not kinds:
        raise DataError(f"{manifest} holds neither videos nor images of both classes.")

    is_whole = options.split is None and options.limit is None
    result = without_nan(
        {
            "manifest": manifest.name,
            "items": len(items),
            "skipped": dict(given.skipped),
            "options": asdict(options),
            "model": asdict(detector.info),
            "seconds_per_item": float(np.mean([score.seconds for score in scores])),
            "kinds": figures,
            "peers": peers_for(hashlib.sha256(manifest.read_bytes()).hexdigest()) if is_whole else None,
        }
    )
    (out / "figures.json").write_text(json.dumps(result, indent=1) + "\n")
    (out / "report.md").write_text(markdown(result))
    draw_all(out, kinds, options.threshold, their_scores)
    if options.robust:
        draw_robustness(out / "robustness.png", {kind: f["robustness"] for kind, f in figures.items()})
    return result


def robust_figures(detector: Detector, judged: Judged, manifest: Path, out: Path, options: Options) -> dict[str, dict]:
    """The grid of `training.robustness` on a part of the items."""
    few = set(chosen(judged.items, None, options.robust))
    part = judged.subset(np.array([item in few for item in judged.items]))
    return robustness(detector, part, names_of(part.items, manifest), out / "robustness", options.plan, _say)


def by_path(path: Path, names: list[str]) -> list[Score]:
    """Another system's scores in the order of `names`; what it does not name, it abstained from."""
    known = {score.path: score for score in read_scores(path)}
    if not known.keys() & set(names):
        raise DataError(f"{path} names none of the items of the manifest.")
    return [known.get(name, Score(name, None, why_not="not in the file")) for name in names]


def beside(judged: Judged, others: dict[str, np.ndarray]) -> dict[str, dict]:
    """Each other system's AUC, and how far ours is above it, on the same draws."""
    labels, ours, draws = judged.labels, judged.values("probability"), judged.redraw()
    return {
        name: {"auc": auc_figure(labels, theirs, draws), "difference": difference(labels, ours, theirs, draws)}
        for name, theirs in others.items()
    }


def _say(line: str) -> None:
    print(line, flush=True)


@ends_with_a_sentence()
def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("runs/eval"))
    parser.add_argument("--weights", help="a folder, a bundled variant or a Hub id; the bundled ones without it")
    parser.add_argument("--plan", default="default")
    parser.add_argument("--split", help="only this split of the manifest")
    parser.add_argument("--limit", type=int, help="at most so many of each class and kind")
    parser.add_argument("--threshold", type=float, default=0.5, help="of the decision; fix it before you look")
    parser.add_argument("--against", type=Path, nargs="+", default=[], help="scores.jsonl of other systems")
    parser.add_argument("--robustness", type=int, default=0, metavar="N", help="of N of each class and kind")
    parser.add_argument("--draws", type=int, default=DRAWS, help="of the bootstrap")
    args = parser.parse_args(argv)
    options = Options(args.split, args.limit, args.plan, args.threshold, args.draws, args.robustness)
    evaluate(Detector.load(args.weights), args.manifest, args.out, options, args.against)
    print((args.out / "report.md").read_text())


if __name__ == "__main__":
    main()
