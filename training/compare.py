"""Several detectors under one protocol on one manifest: ours, the paper's two, Meso-4, and the recipe behind the paper.

    python -m training.compare --manifest ../shared/data/dev/manifest.jsonl --out runs/compare

All see the same frames and faces, for each takes the place of our network in the same detector. What is not in
--out yet is trained first, on the same prepared faces; sizes are set for minutes on one core. Writes figures.json and
report.md; published figures stand beside ours.
"""

import argparse
import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from core.calibration import Calibration
from core.detector import Detector
from core.pretrained import Pretrained, load_weights
from training import rivals
from training.commands import ends_with_a_sentence
from training.figures import Judged, auc_figure, by_name, difference, pairs
from training.manifest import KINDS, SAME_FOOTAGE, Item, chosen, read_manifest, require_both_classes, told_apart
from training.metrics import DRAWS
from training.recipes import train_recipe
from training.report import PEERS, number, peers_for, peers_section, table, without_nan
from training.scores import Score, names_of, score_all
from training.shards import Shards

OURS = "unmask"
ABOUT = {
    OURS: "the given weights",
    "score-lstm": "the paper's II and III: frozen encoder, two LSTM layers over frame scores",
    "feature-lstm": "the paper's IV: LSTM of 2048 over features, last stage fine-tuned",
    "meso4": "Meso-4, single frames",
    "reference": "the recipe behind the paper, with its faults",
}


def detector_of(
    name: str, out: Path, weights: str | None, shards: Callable[[], Shards], args: argparse.Namespace
) -> Detector:
    """The system in a detector of its own; trained first where `out` does not hold it."""
    folder = out / name
    if name == OURS:
        return Detector.load(weights)
    if name in ("meso4", "reference"):
        if not (folder / "config.json").exists():
            if name == "meso4":
                trained = rivals.train_meso4(shards(), args.images, args.size)
            else:
                trained = rivals.train_reference(shards(), args.clips, args.epochs)
            rivals.keep(folder, *trained)
        model, _ = rivals.load(folder, name)
        sha256 = hashlib.sha256((folder / "model.pt").read_bytes()).hexdigest()
        return Detector(Pretrained(model, Calibration(), name, "0", sha256, trained=True))
    if not (folder / "config.json").exists():
        start = load_weights(weights)
        encoder, size = start.model.encoder, start.model.config.size
        train_recipe(name, encoder, size, shards(), args.clips, out, None, args.steps, start.usual)
    return Detector.load(str(folder))


def figures_of(items: Sequence[Item], scores: dict[str, list[Score]], draws: int) -> dict[str, dict]:
    """By system and kind of item: AUC, that of the mean of frames, ours minus it, pairs in order, categories."""
    found: dict[str, dict] = {name: {} for name in scores}
    for kind, rows in told_apart(items):
        mine = [items[i] for i in rows]
        judged = {name: Judged(mine, [their[i] for i in rows], draws) for name, their in scores.items()}
        ours = judged[OURS].values("probability") if OURS in judged else None
        for name, system in judged.items():
            labels, theirs, redrawn = system.labels, system.values("probability"), system.redraw()
            found[name][kind] = {
                "auc": auc_figure(labels, theirs, redrawn),
                "mean_of_frames": auc_figure(labels, system.values("mean_logit"), redrawn),
                "abstained": sum(score.probability is None for score in system.scores),
                "same_footage": pairs(system, [i.pair_id if i.pair_kind == SAME_FOOTAGE else None for i in mine]),
                "categories": by_name(system, [item.category for item in mine]),
            }
            if ours is not None and name != OURS:
                found[name][kind]["ours_minus_it"] = difference(labels, ours, theirs, redrawn)
    return found


def markdown(result: dict) -> str:
    lines = [
        "# Detectors side by side",
        "",
        f"Manifest {result['manifest']}, {result['items']} items. All were shown the same faces of the same frames; those "
        "trained here saw the same pseudo-fakes of the same faces. What counts beside a network (movement, light, how a "
        "picture is cut) counts for ours and the paper's two; meso4 and reference are judged by their networks alone.",
        "",
        *table(["system", "what it is"], [[n, s["about"]] for n, s in result["systems"].items()]),
    ]
    for kind in KINDS:
        systems = {name: system[kind] for name, system in result["systems"].items() if kind in system}
        if not systems:
            continue
        rows = [
            [
                name,
                number(f["auc"]),
                number(f["mean_of_frames"]) if kind == "video" else "",
                number(f["ours_minus_it"], signed=True) if "ours_minus_it" in f else "",
                f"{f['same_footage']['in_order']:g} of {f['same_footage']['couples']}"
                if f["same_footage"]["couples"]
                else "n/a",
            ]
            for name, f in systems.items()
        ]
        head = ["system", "AUC", "its mean of frames", "ours minus it", "same-footage pairs in order"]
        lines += ["", f"## {kind.capitalize()}s", "", *table(head, rows)]
        names = list(next(iter(systems.values()))["categories"])
        if names:
            rows = [[s, *(number(f["categories"][n]["auc"]) for n in names)] for s, f in systems.items()]
            lines += ["", *table(["system", *names], rows)]
    if result["peers"]:
        lines += peers_section(result["peers"])
    lines += ["", "## What others report, on other data", "", result["elsewhere"]["note"], ""]
    rows = [[r["detector"], r["figure"], r["on"]] for r in result["elsewhere"]["rows"]]
    return "\n".join([*lines, *table(["detector", "reported", "on"], rows)]) + "\n"


def compare(args: argparse.Namespace) -> dict:
    """Train what is missing, judge everything, write figures.json and report.md. Raises DataError."""
    items = chosen(read_manifest(args.manifest).items, args.split, args.limit)
    require_both_classes(items, str(args.manifest))
    names, loaded = names_of(items, args.manifest), []

    def shards() -> Shards:  # read once, and only where something is to be trained
        if not loaded:
            loaded.append(Shards(args.data))
        return loaded[0]

    scores, about = {}, {}
    for name in args.systems:
        detector = detector_of(name, args.out, args.weights, shards, args)
        file = args.out / name / "scores.jsonl"
        scores[name] = score_all(detector, items, names, file, progress=lambda line, n=name: print(n, line, flush=True))
        about[name] = ABOUT[name]
        if name in ("meso4", "reference"):
            more = rivals.load(args.out / name, name)[1]
            about[name] += f"; {more['trained_on']}"
            if "own_accuracy" in more:
                about[name] += f"; by its own protocol {more['own_accuracy']:.0%} right of {more['own_accuracy_of']}"
    found = figures_of(items, scores, args.draws)
    is_whole = args.split is None and args.limit is None
    result = without_nan(
        {
            "manifest": args.manifest.name,
            "items": len(items),
            "systems": {name: {"about": about[name], **figures} for name, figures in found.items()},
            "peers": peers_for(hashlib.sha256(args.manifest.read_bytes()).hexdigest()) if is_whole else None,
            "elsewhere": json.loads(PEERS.read_text())["elsewhere"],
        }
    )
    (args.out / "figures.json").write_text(json.dumps(result, indent=1) + "\n")
    (args.out / "report.md").write_text(markdown(result))
    return result


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument(
        "--systems", nargs="+", choices=ABOUT, default=list(ABOUT), metavar="NAME", help=", ".join(ABOUT)
    )
    parser.add_argument("--weights", help="ours, and the encoder that the paper's two start from; the bundled ones")
    parser.add_argument("--data", type=Path, default=Path("data/prepared"), help="faces to train the others on")
    parser.add_argument("--out", type=Path, default=Path("runs/compare"))
    parser.add_argument("--split", help="only this split of the manifest")
    parser.add_argument("--limit", type=int, help="at most so many of each class and kind")
    parser.add_argument("--draws", type=int, default=DRAWS, help="of the bootstrap")
    parser.add_argument("--images", type=int, default=16_000, help="Meso-4 is trained on")
    parser.add_argument("--size", type=int, default=256, help="pixels, of Meso-4's crops")
    parser.add_argument("--clips", type=int, default=120, help="pairs of clips the three LSTMs are trained on")
    parser.add_argument("--epochs", type=int, default=20, help="of the reference recipe")
    parser.add_argument("--steps", type=int, default=60, help="of feature-lstm's fine-tuning")
    return parser.parse_args(argv)


@ends_with_a_sentence()
def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    compare(args)
    print((args.out / "report.md").read_text())


if __name__ == "__main__":
    main()
