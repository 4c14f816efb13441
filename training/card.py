"""The model card that ships beside the weights: what they are, what they were measured to do, what they cannot see.

    python -m training.card --weights core/weights --about training/bundled.md --licence unmask-weights-research

What they were trained on, and what they are known to get wrong, no figure tells: that is --about.
"""

import argparse
import json
from pathlib import Path

from core.facts import where_fewer
from core.pretrained import load_weights
from core.words import count
from training.calibrate import LEVEL
from training.commands import ends_with_a_sentence
from training.manifest import DataError
from training.metrics import end_of_all_alike

FRONT = """---
{licence}
library_name: pytorch
pipeline_tag: video-classification
tags: [deepfake-detection, face-manipulation, resnext, lstm]
metrics: [roc_auc]
---
"""

TEXT = """
# {name} {version}

Looks at face crops ({size} px, the face box times {margin_of_crops:g}) and says how much each looks manipulated; a temporal head may correct
the mean of a window of frames (trained on 16 at 8 Hz; a check takes 8 at 4 Hz). SHA-256 of `model.safetensors`: `{sha256}`.

- Encoder: {encoder}.
- Temporal head: `{head}`, {head_words}.
- Logits become probabilities by `calibration.json`: two numbers and two band edges for each number of faces,
  and two more for a face of which the network alone speaks.

{about}
## What was measured

Other people's forgeries, never trained on: {files}. 95 %
intervals in brackets, by a bootstrap over people and pairs; one without width, as [1.00, 1.00], says that there were too few to
draw anything else. Regenerate with `python -m training.evaluate`.

| | AUC |
| --- | --- |
{rows}
{thorough}
Controls that know nothing of forgery (size, sharpness, bit rate, ...): the best alone is worth {control} on videos; the
detector minus that: {margin}.{below}
{pairs}
Verdicts on videos, each source judged by a calibration fitted without it, by {starts} of the windows: of {real} real ones {real_flagged}
are called `likely_manipulated` and {real_cleared} `no_signs_found`; of {fake} forged ones {fake_flagged} and {fake_cleared}. The rest is `inconclusive`.{none}

A probability is worded as if half of all videos were manipulated. Where fewer are, it is to be taken for less: 75% here is
3% where one video in a hundred is.{right}

## What it cannot see

{stills}- Sound, words, scene, identity. Faces under 40 pixels. Much of what strong compression removes.

A probability is a measure of signs, not of guilt. Let no decision about a person rest on it alone.
"""

NO_EDGE = "- Single pictures well enough for a verdict: they are always called `inconclusive`.\n"
NOT_TOLD = "## What it was trained on\n\nWhoever trained these weights has not told.\n"

STEMS = {
    "conv": "ResNeXt",
    "lite0": "EfficientNet-Lite0's first eleven blocks, then two ResNeXt stages",
    "lite0-whole": "EfficientNet-Lite0's sixteen blocks, then one ResNeXt stage",
}


def interval(value: list[float], sign: bool = False) -> str:
    return "{:{f}} [{:{f}}, {:{f}}]".format(*value, f="+.2f" if sign else ".2f")


def card(
    config: dict,
    figures: dict,
    calibration: dict,
    stills_decided: bool,
    thorough: dict | None = None,
    about: str = NOT_TOLD,
    licence: str | None = None,
) -> str:
    """The text, from config.json, evaluate's figures.json and calibrate's report; whether a still can get a verdict.

    thorough: figures.json of the plan that looks all through each video. about: Markdown on what no figure tells. licence:
    its name, None where it was not told. Videos are needed; where pictures were judged too, their rows are added.
    """
    kinds, rows, files = figures["kinds"], [], []
    for kind, words in (("video", "videos"), ("image", "images")):
        if (found := kinds.get(kind)) is None:
            continue
        files.append(f"{found['fake']} manipulated and {found['real']} real {words}")
        rows.append(f"| **all {words}** ({found['fake']} forged) | {interval(found['ranking']['auc'])} |")
        for name, row in {**found["categories"], **(found["generators"] if kind == "image" else {})}.items():
            rows.append(f"| {words}: {name} ({row['fake']}) | {interval(row['auc'])} |")
    video, controls = kinds["video"], kinds["video"]["controls"]
    same = video["pairs"].get("same footage", {"couples": 0})
    pairs = ""
    if same["couples"]:
        pairs = (
            f"Of {same['couples']} couples of a forgery and its own footage, {interval(same['share'])} are in order.\n"
        )
    encoder, fitted = config["encoder"], calibration["video"]
    depths = "-".join(map(str, encoder["depths"]))
    shape = f"{STEMS[encoder['stem']]} ({encoder['groups']}x{encoder['width_per_group']}d, depths {depths})"
    licence = f"license: other\nlicense_name: {licence}" if licence else "license: unknown"
    return FRONT.format(licence=licence) + TEXT.format(
        about=about,
        files=", ".join(files),
        **{key: config[key] for key in ("name", "version", "sha256", "size")},
        margin_of_crops=config["margin"],
        encoder=shape,
        head=config["head"]["kind"],
        head_words="trained on pseudo-fake clips"
        if config.get("head_adds", True)  # those of `training.recipes` say nothing of it
        else "at zero: it adds nothing to the mean of frames",
        rows="\n".join(rows),
        thorough=other_plan(thorough["kinds"]["video"]) if thorough else "",
        control=f"{controls['best_auc']:.2f} ({controls['best'].replace('_', ' ')})",
        margin=interval(controls["detector_minus_best"], sign=True),
        below=" **The detector is not shown to be above it.**" if controls["detector_minus_best"][1] <= 0 else "",
        pairs=pairs,
        stills="" if stills_decided else NO_EDGE,
        real=video["real"],
        fake=video["fake"],
        starts=count(round(fitted["looks"] / fitted["files"]), "start"),
        real_flagged=f"{fitted['real likely_manipulated']:.0%}",
        real_cleared=f"{fitted['real no_signs_found']:.0%}",
        none="" if fitted["real likely_manipulated"] else none_flagged(video["real"], fitted["real sources"]),
        fake_flagged=f"{fitted['fake likely_manipulated']:.0%}",
        fake_cleared=f"{fitted['fake no_signs_found']:.0%}",
        right=right_of_flagged(fitted["fake likely_manipulated"]),
    )


def right_of_flagged(caught: float) -> str:
    """How many of the flagged videos are forged, if as many real ones are flagged as the edge is set for; "" where none is."""
    caught = round(100 * caught) / 100  # as it is printed
    if not caught:
        return ""
    half, ten, hundred = (where_fewer(caught / (caught + LEVEL), one_in) for one_in in (2, 10, 100))
    return (
        f" If one real video in twenty is called `likely_manipulated`, as the edge\nis set for, and {caught:.0%} of forged ones, then of the "
        f"videos so called {half:.0%} are forged where half of all are,\n{ten:.0%} where one in ten is, and {hundred:.0%} where one in a hundred is."
    )


def other_plan(video: dict) -> str:
    return (
        f"\nLooked at all through (`--thorough`), the same videos give {interval(video['ranking']['auc'])}, and of the real ones"
        f" {video['real_flagged'][0]:.0%} are called\n`likely_manipulated`: how much such figures hang on which frames are looked at."
        " Other videos may give anything in either interval.\n"
    )


def none_flagged(reals: int, sources: int) -> str:
    return (
        f"\nThe upper edge is set for one real video in twenty; that none is flagged of {reals} fits any share up to "
        f"{end_of_all_alike(sources):.0%}."
    )


@ends_with_a_sentence()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, default=Path("core/weights"))
    parser.add_argument("--figures", type=Path, default=Path("runs/eval/figures.json"))
    parser.add_argument("--thorough", type=Path, help="figures.json of evaluate --plan thorough")
    parser.add_argument("--calibration", type=Path, default=Path("runs/calibrate.json"))
    parser.add_argument("--about", type=Path, help="Markdown: what they were trained on, and are known to get wrong")
    parser.add_argument("--licence", metavar="NAME", help="of the weights")
    args = parser.parse_args()
    (args.weights / "README.md").write_text(written(args))
    print(args.weights / "README.md")


def written(args: argparse.Namespace) -> str:
    """The card of these files. Raises DataError where they are not of these weights, or do not judge videos."""
    weights = load_weights(args.weights)
    paths = (args.weights / "config.json", args.figures, args.calibration)
    config, figures, calibration = (json.loads(path.read_text()) for path in paths)
    thorough = json.loads(args.thorough.read_text()) if args.thorough else None
    of = {args.figures: figures["model"], args.calibration: calibration}
    if thorough:
        of[args.thorough] = thorough["model"]
    for path, told in of.items():
        if told["sha256"] != weights.sha256:
            raise DataError(f"{path} is of other weights than {args.weights}; make it anew.")
    if "video" not in figures["kinds"] or "video" not in calibration:
        raise DataError("The card tells how videos are judged; evaluate and calibrate on some.")
    if "looks" not in calibration["video"]:
        raise DataError(f"{args.calibration} is of an earlier version of training.calibrate; make it anew.")
    decided = weights.calibration.curve(1, is_still=True).decides
    about = args.about.read_text() if args.about else NOT_TOLD
    return card(config, figures, calibration, decided, thorough, about, args.licence)


if __name__ == "__main__":
    main()
