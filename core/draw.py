"""How a verdict looks: its mark, its colour, its words; and text on pictures.

A verdict is never told by colour alone: each has a mark, a line style and words of its own. The colours are from the
palette of Okabe and Ito (2008), which people with any common colour vision can tell apart.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from core.analysis import VERDICT_WORDS, Analysis, FaceResult, Moment
from core.words import percent, percent_range, printable

Rgb = tuple[int, int, int]

WHITE, INK, PAPER, DIM = (255, 255, 255), (24, 26, 30), (250, 250, 248), (98, 102, 108)


@dataclass(frozen=True)
class Look:
    """How one verdict is shown."""

    mark: str
    colour: Rgb
    words: str


LOOKS: dict[str | None, Look] = {
    "likely_manipulated": Look("▲", (213, 94, 0), VERDICT_WORDS["likely_manipulated"]),
    "inconclusive": Look("◆", (204, 121, 167), VERDICT_WORDS["inconclusive"]),
    "no_signs_found": Look("●", (86, 180, 233), VERDICT_WORDS["no_signs_found"]),
    None: Look("○", DIM, "Not judged"),
}


def short(name: str, most: int = 60) -> str:
    """A file's name in one line, a long one with its middle left out."""
    name, half = printable(name), most // 2
    return name if len(name) <= most else f"{name[:half]} … {name[-half:]}"


def headline(analysis: Analysis) -> str:
    """The verdict of the whole video in one line."""
    if analysis.verdict is None:
        return f"No verdict. {analysis.reason}"
    look = LOOKS[analysis.verdict]
    if not analysis.model.trained:
        return f"{look.mark} {look.words}: the weights are untrained, so no number here means anything"
    return f"{look.mark} {look.words}: {chance(analysis)}, 90% interval {percent_range(analysis.interval)}"


def chance(analysis: Analysis) -> str:
    """The probability, and of what: beside "No signs found" a bare 8% would be read as that of being right."""
    return f"{percent(analysis.probability)} probability of manipulation"


def number(probability: float | None, analysis: Analysis) -> str:
    """A probability as pictures show it; "" of untrained weights, whose numbers mean nothing."""
    return percent(probability) if analysis.model.trained else ""


def band_stretches(analysis: Analysis) -> list[tuple[float, float, str]]:
    """The bands as (from, to, verdict); empty where the weights have none."""
    if not analysis.bands:
        return []
    low, high = analysis.bands
    bands = [(0, low, "no_signs_found"), (low, high, "inconclusive"), (high, 1, "likely_manipulated")]
    return [(start, stop, verdict) for start, stop, verdict in bands if start < stop]


def most_suspicious(faces: tuple[FaceResult, ...], count: int) -> list[FaceResult]:
    """At most `count` judged faces, highest probability first."""
    judged = [face for face in faces if face.probability is not None]
    return sorted(judged, key=lambda face: -face.probability)[:count]


def runs(face: FaceResult, analysis: Analysis) -> list[list[Moment]]:
    """The face's timeline in stretches without a gap: between them nothing was judged, so no line goes there."""
    looked_at = sorted({moment.t_s for face in analysis.faces for moment in face.timeline})
    pauses = [at for at, gap in zip(looked_at, _gaps(looked_at), strict=False) if gap]
    own_gaps = _gaps([moment.t_s for moment in face.timeline])
    stretches: list[list[Moment]] = []
    for i, moment in enumerate(face.timeline):
        before = face.timeline[i - 1]
        if i == 0 or own_gaps[i - 1] or any(before.t_s <= at < moment.t_s for at in pauses):
            stretches.append([])
        stretches[-1].append(moment)
    return stretches


def _gaps(times: list[float]) -> list[bool]:
    """For each step between ascending times, whether it is longer than two of the others, or than a second if they are short."""
    steps = np.diff(times)
    middle = float(np.median(steps)) if len(steps) else 0.0
    return list(steps > max(0.3, min(2.1 * middle, 1.0), 1.1 * middle))


@cache
def font(size: int, bold: bool = False):
    """DejaVu Sans, as matplotlib brings it: it has the marks and most alphabets."""
    from matplotlib import get_data_path
    from PIL import ImageFont

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(f"{get_data_path()}/fonts/ttf/{name}", size)


def label(parts: list[tuple[str, Rgb]], size: int) -> np.ndarray:
    """A line of text on a plate, each part in its colour: (h, w, 3) uint8."""
    from PIL import Image, ImageDraw

    typeface, pad = font(size, bold=True), max(3, size // 3)
    ascent, descent = typeface.getmetrics()
    widths = [typeface.getlength(text) for text, _ in parts]
    plate = Image.new("RGB", (round(sum(widths)) + 2 * pad, ascent + descent + pad), INK)
    draw, x = ImageDraw.Draw(plate), float(pad)
    for (text, colour), width in zip(parts, widths, strict=True):
        draw.text((x, pad // 2), text, colour, typeface)
        x += width
    return np.asarray(plate)


def heat_over(crop: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """A heat map laid over its crop, clear where it is 0.

    crop: (H, W, 3) uint8. heat: (H, W) 0 to 1. Returns (H, W, 3) uint8. Inferno rises in brightness as well as in hue.
    """
    from matplotlib import colormaps

    colours = colormaps["inferno"](0.25 + 0.75 * heat)[..., :3] * 255
    weight = (0.75 * np.clip(heat, 0, 1) ** 0.7)[..., None]
    grey = crop.mean(axis=2, keepdims=True)  # the colours of the picture would mix with those of the map
    return (grey * (1 - weight) + colours * weight).astype(np.uint8)
