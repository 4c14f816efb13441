"""The figures of an evaluation as a page of Markdown."""

import json
import math
from pathlib import Path

from core.analysis import VERDICT_WORDS
from training.figures import NO_VERDICT, VERDICTS

PEERS = Path(__file__).parent / "peers.json"
NAMES = {
    "auc": "AUC",
    "ap": "average precision",
    "eer": "equal error rate",
    "tpr_at_5fpr": "fakes caught with 5 % of reals flagged",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "ece": "calibration error (ECE, 10 bins)",
    "brier": "Brier score",
    "aurc": "area under risk-coverage",
}


def markdown(result: dict) -> str:
    """`result` as `evaluate.evaluate` makes it."""
    model = result["model"]
    state = "trained" if model["trained"] else "UNTRAINED: every figure is that of chance"
    lines = [
        f"# Evaluation of {model['name']} {model['version']} ({state})",
        "",
        f"Manifest {result['manifest']}, plan `{result['options']['plan']}`, weights `{model['sha256'][:12] or 'none'}`, "
        f"{result['seconds_per_item']:.1f} s an item on {model['device']} ({model['precision']}).",
        "",
        "A figure in brackets is the 95 % interval of a bootstrap in which things that share a person or a pair move "
        "together; an AUC of 1.00 [1.00, 1.00] says that there were too few to draw anything else. What was not judged stands at "
        "the median score. Where the calibration was fitted on this very manifest, "
        "verdicts, calibration error and Brier score flatter it; `training.calibrate` prints them cross-fitted.",
    ]
    for reason, count in result["skipped"].items():
        lines.append(f"Left out: {count} ({reason}).")
    for kind, figures in result["kinds"].items():
        lines += kind_section(kind, figures, result["options"]["threshold"])
    if result["peers"]:
        lines += peers_section(result["peers"])
    return "\n".join(lines) + "\n"


def kind_section(kind: str, f: dict, threshold: float) -> list[str]:
    lines = ["", f"## {kind.capitalize()}s: {f['fake']} fake, {f['real']} real, {f['clusters']} groups", ""]
    for code, count in f["abstained"].items():
        lines.append(f"Not judged: {count} ({code}).")
    if f["abstained"]:
        lines.append("")
    rows = [[NAMES[name], number(value)] for name, value in f["ranking"].items()]
    rows += [[f"{NAMES[n]} at {threshold:g}", number(v)] for n, v in f["decision"].items() if n in NAMES]
    rows += [[NAMES[name], number(value)] for name, value in f["calibration"].items()]
    rows.append([f"reals flagged {VERDICT_WORDS[VERDICTS[0]].lower()}", number(f["real_flagged"])])
    if f["frames"]:
        rows.append(["AUC of the mean of frames", number(f["frames"]["mean_of_frames_auc"])])
        rows.append(["temporal head minus mean of frames", number(f["frames"]["head_minus_mean"], signed=True)])
        rows.append(["AUC of single frames", number(f["frames"]["single_frame_auc"])])
    if f["same_source"]["couples"]:
        same = f["same_source"]
        rows.append([f"AUC within one source ({same['fake']} fakes)", number(same["auc"])])
    if f["real_logits"]:
        rows.append(["SD of the logits of reals", number(f["real_logits"]["sd"])])
        rows.append(["SD of the means of their sources", number(f["real_logits"]["sd_of_sources"])])
    lines += table(["figure", "value"], rows)
    for name in ("categories", "generators"):
        if f[name]:
            lines += ["", f"### By {name.removesuffix('s').replace('ie', 'y')}, against all reals", ""]
            lines += table(["", "fakes", "AUC"], [[n, row["fake"], number(row["auc"])] for n, row in f[name].items()])
    if f["generator_auc"]:
        low, middle = (number(f["generator_auc"][name]) for name in ("min", "median"))
        lines += ["", f"Generators: minimum {low}, median {middle}."]
    lines += pairs_section(f["pairs"]) + verdicts_section(f["verdicts"])
    if "controls" in f:
        lines += controls_section(f["controls"])
    if f.get("against"):
        lines += ["", "### Against other systems, on the same draws", ""]
        rows = [[n, number(r["auc"]), number(r["difference"], signed=True)] for n, r in f["against"].items()]
        lines += table(["system", "its AUC", "ours minus its"], rows)
    if f.get("robustness"):
        lines += robustness_section(f["robustness"])
    return lines


def pairs_section(pairs: dict) -> list[str]:
    rows = [
        [name, f"{p['in_order']:g} of {p['couples']}", number(p["share"]), number(p["by_pair"]), _gap(p)]
        for name, p in pairs.items()
        if p["couples"]
    ]
    if not rows:
        return []
    head = ["pairs", "in order", "share", "mean over pairs", "gap in logits, mean and SD"]
    return ["", "### Fakes beside their own reals", "", *table(head, rows)]


def _gap(pair: dict) -> str:
    return f"{pair['mean_gap']:+.2f}, {pair['sd_gap']:.2f}"


def verdicts_section(verdicts: dict) -> list[str]:
    names = [*VERDICTS, NO_VERDICT]
    rows = [[label, *(counts[name] for name in names)] for label, counts in verdicts.items()]
    return ["", "### Verdicts", "", *table(["", *(VERDICT_WORDS.get(n, n) for n in names)], rows)]


def controls_section(controls: dict) -> list[str]:
    if not controls["auc"]:
        return []
    rows = [[name.replace("_", " "), number(value)] for name, value in controls["auc"].items()]
    margin = number(controls["detector_minus_best"], signed=True)
    return [
        "",
        "### Controls that know nothing of forgery",
        "",
        "AUC of fake over real; what is far below .5 tells as much as what is far above. The most telling is "
        f"{controls['best'].replace('_', ' ')}, worth {number(controls['best_auc'])}; detector minus that: {margin}.",
        "",
        *table(["control", "AUC"], rows),
    ]


def robustness_section(cells: dict) -> list[str]:
    rows = [
        [
            name,
            number(c["auc"]),
            number(c["change"], signed=True),
            number(c["real_flagged"]),
            number(c["real_logit_drift"], signed=True),
            c["abstained"],
        ]
        for name, c in cells.items()
    ]
    head = ["treated", "AUC", "change", "reals flagged", "drift of their logits", "not judged"]
    return ["", "### After what sites and people do to a file", "", *table(head, rows)]


def peers_section(peers: dict) -> list[str]:
    rows = [
        [r["detector"], number(r["video"]), number(r["image"]), r.get("judged", "nearly all")] for r in peers["rows"]
    ]
    return [
        "",
        "## Published detectors",
        "",
        peers["note"],
        "",
        *table(["detector", "videos", "images", "judged"], rows),
    ]


def peers_for(manifest_sha256: str) -> dict | None:
    """The table of published detectors, if it was measured on this very manifest."""
    peers = json.loads(PEERS.read_text())
    return peers if peers["manifest_sha256"] == manifest_sha256 else None


def without_nan(value):
    """The same with None for every nan, which JSON does not know."""
    if isinstance(value, dict):
        return {name: without_nan(v) for name, v in value.items()}
    if isinstance(value, list):
        return [without_nan(v) for v in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def number(value: float | list[float] | None, signed: bool = False) -> str:
    """.xx, or .xx [low, high]."""
    if isinstance(value, list):
        middle, low, high = (number(v, signed) for v in value)
        return f"{middle} [{low}, {high}]"
    return "n/a" if value is None else f"{value:+.2f}" if signed else f"{value:.2f}"


def table(head: list[str], rows: list[list]) -> list[str]:
    return [
        "| " + " | ".join(head) + " |",
        "| " + " | ".join("---" for _ in head) + " |",
        *("| " + " | ".join(map(str, row)) + " |" for row in rows),
    ]
