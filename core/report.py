"""An analysis as HTML: pieces that any page can show, and a report that stands alone in one file.

Everything that is put in is escaped. The style of the pieces is `STYLE`, whose colours a page sets by the variables that
it names; `timeline` with `live` gives a slider that a page's script may bring to life (see demo/static/timeline.js).
"""

import base64
import hashlib
import io
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np
from markupsafe import Markup

from core.analysis import Analysis, FaceResult, KeyFrame
from core.container import Source
from core.draw import LOOKS, band_stretches, heat_over, most_suspicious, runs
from core.facts import facts, meaning, next_step
from core.render import MAX_FACES, Keys, is_empty
from core.words import clock, count, percent, percent_range, printable
from core.writing import written_whole

TEMPLATES = Path(__file__).parent / "templates"
STYLE = (TEMPLATES / "pieces.css").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Shot:
    """A key frame's face as pictures that stand in the page itself ("data:image/jpeg;base64,...")."""

    key: KeyFrame
    picture: str
    heat: str | None  # under its heat map
    shows_nothing: bool  # no sign stands out in the heat map


Shots = dict[int, list[Shot]]  # by the face's id, in order of time


def key_shots(keys: Keys) -> Shots:
    """The key frames of the most suspicious faces, for a page."""
    return {
        face_id: [
            Shot(key, as_data(picture), None if one is None else as_data(heat_over(picture, one)), is_empty(one))
            for key, picture, one in cut
        ]
        for face_id, cut in keys.by_face.items()
    }


def as_data(picture: np.ndarray) -> str:
    """(H, W, 3) uint8 RGB -> a data URL of a JPEG."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()


def verdict(analysis: Analysis) -> Markup:
    """The verdict in words, its probability on a scale with the bands, and why."""
    return _piece("verdict", analysis)


def timeline(analysis: Analysis, shots: Shots, live: bool = False) -> Markup:
    """The probability over time, a row for each face; "" where there is nothing over time to show."""
    if analysis.media.is_still or not most_suspicious(analysis.faces, 1):
        return Markup("")
    return _piece("timeline", analysis, shots, live)


def faces(analysis: Analysis, shots: Shots) -> Markup:
    """Every face with its verdict and its key frames, with and without heat map."""
    return _piece("faces", analysis, shots)


def facts_table(analysis: Analysis) -> Markup:
    """What was looked at and what was not, what is uncertain, and who answered."""
    return _piece("facts", analysis)


def report_page(name: str, analysis: Analysis, shots: Shots, made: datetime, sha256: str = "") -> str:
    """A whole page that loads nothing from anywhere. name: of the file, as the reader knows it; it may be any bytes.
    sha256: of the file, by which a reader can tell it from others of that name; "" where not all of it was fetched."""
    page = _templates().get_template("report.html")
    return page.render(name=printable(name), analysis=analysis, shots=shots, made=made, sha256=sha256, style=STYLE)


def sha256_of(path: Source) -> str:
    """Of a file, in hexadecimal; "" of one that is had in pieces."""
    if not isinstance(path, Path):
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def utc_now() -> datetime:
    return datetime.now(UTC)


def write_report(path: Source, analysis: Analysis, out: Path, keys: Keys, name: str | None = None) -> None:
    """Write the report of one checked file as HTML, under its own name unless another is given.

    Raises CheckError (disk_full, not_writable).
    """
    page = report_page(name or path.name, analysis, key_shots(keys), utc_now(), sha256_of(path))
    with written_whole(out) as part:
        part.write_text(page, encoding="utf-8")


def _piece(name: str, *given) -> Markup:
    return getattr(_templates().get_template("pieces.html").module, name)(*given)


@cache
def _templates():
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        clock=clock,
        count=count,
        percent=percent,
        percent_range=percent_range,
        look=LOOKS.__getitem__,
        meaning=meaning,
        next_step=next_step,
        facts=facts,
        bands=band_stretches,
        most_suspicious=lambda analysis: most_suspicious(analysis.faces, MAX_FACES),
        unjudged=lambda analysis: [face for face in analysis.faces if face.verdict is None],
        key_frames=lambda face: sorted(face.key_frames, key=lambda key: key.t_s),
        paths=line_paths,
        end=end_s,
        ticks=ticks,
    )
    return made


def end_s(analysis: Analysis) -> float:
    """Where the timeline ends, in seconds."""
    return max(analysis.media.duration_s, *(face.last_seen_s for face in analysis.faces), 0.1)


def ticks(end: float) -> list[str]:
    """Five moments in equal steps, from the beginning to the end."""
    return [clock(part / 4 * end, tenths=end < 10) for part in range(5)]


def line_paths(face: FaceResult, analysis: Analysis) -> list[str]:
    """The face's line as SVG paths, one for each stretch without a gap, on a field of 1000 by 100 with 100% at the top."""
    end = end_s(analysis)
    paths = []
    for moments in runs(face, analysis):
        points = [f"{1000 * m.t_s / end:.1f} {100 * (1 - m.probability):.1f}" for m in moments]
        # a single moment is a line of no length, which round ends make a dot
        paths.append("M" + " L".join(points if len(points) > 1 else points * 2))
    return paths
