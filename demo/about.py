"""The words of the second tab, and the measured figures that came with the weights."""

import json
import re
from pathlib import Path

from core.analysis import VERDICT_MEANING
from core.calibration import Calibration
from core.draw import LOOKS
from core.words import percent

NO_FIGURES = "No measured figures came with the installed weights, so none are shown."


def about(weights: Path) -> str:
    """Markdown: how it works, what it cannot see, the figures of these weights, privacy. weights: their folder."""
    from core.looks import MIN_FRAMES, MIN_SIZE

    words = (Path(__file__).parent / "about.md").read_text(encoding="utf-8")
    for name, text in (
        ("VERDICTS", verdicts()),
        ("BANDS", bands(weights)),
        ("MIN_SIZE", f"{MIN_SIZE:.0f}"),
        ("MIN_FRAMES", str(MIN_FRAMES)),
        ("FIGURES", card(weights) or NO_FIGURES),
    ):
        words = words.replace(name, text)
    return words


def verdicts() -> str:
    """The rows of the table of verdicts."""
    return "\n".join(f"| {LOOKS[one].mark} | {LOOKS[one].words} | {means} |" for one, means in VERDICT_MEANING.items())


def bands(weights: Path) -> str:
    """Where the verdicts begin, by the calibration of these weights; "" where none was fitted."""
    try:
        curve = Calibration.from_json(json.loads((weights / "calibration.json").read_text(encoding="utf-8"))).curve(1)
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    if not curve.decides:
        return ""
    return (
        f"For a video with one judged face, *{LOOKS['likely_manipulated'].words}* begins above {percent(curve.likely_from)} "
        f"and *{LOOKS['no_signs_found'].words}* below {percent(curve.no_signs_until)}."
    )


def card(weights: Path) -> str | None:
    """The card beside the weights, without its front matter, its headings below those of the page; None without one."""
    path = weights / "README.md"
    if not path.is_file():
        return None
    text = path.read_text(encoding="utf-8")
    text = text.split("\n---\n", 1)[-1] if text.startswith("---\n") else text
    return re.sub(r"^#+ ", "### ", text, flags=re.MULTILINE)
