"""An analysis for people at a terminal. It reads without colour, in a narrow window, and where only ASCII can be shown."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from core.analysis import VERDICT_WORDS, Analysis, FaceResult, Media, Provenance
from core.draw import LOOKS, chance, runs
from core.errors import CheckError
from core.facts import facts, meaning, next_step
from core.words import clock, count, percent, percent_range, printable

STYLES = {"likely_manipulated": "bold red", "inconclusive": "bold yellow", "no_signs_found": "bold blue", None: "bold"}
BARS = "▁▂▃▄▅▆▇█"
PLAIN = str.maketrans("▁▂▃▄▅▆▇█·─━●▲◆○├┤", "_.-=+*%#.-=o^<~||")
MAX_FACES = 8
MAX_WIDTH = 100


def show(console: Console, name: str, analysis: Analysis) -> None:
    """Print what was found in one file."""
    width = min(console.width, MAX_WIDTH)
    blocks = [Text(printable(name), "bold"), *verdict_block(analysis, width), Text("")]
    faces = sorted(analysis.faces, key=lambda face: -(face.probability if face.probability is not None else -1))
    for face in faces[:MAX_FACES]:
        blocks += face_block(face, analysis, width)
    if len(faces) > MAX_FACES:
        blocks += [Text(f"and {count(len(faces) - MAX_FACES, 'more face')}; --json names them all"), Text("")]
    _print(console, Group(*blocks, table(facts(analysis, "--thorough looks all through it")), Text("")), width)


def show_error(console: Console, name: str, error: CheckError) -> None:
    """Print why one file could not be checked, or its pictures not be written."""
    text = Text.assemble(
        (printable(name), "bold"), "\n", ("Failed: ", "bold"), printable(error.message), " ", error.next_step
    )
    text.append(f"  [{error.code}]", "dim")
    _print(console, Group(text, Text("")), min(console.width, MAX_WIDTH))


def show_media(console: Console, name: str, media: Media, provenance: Provenance | None) -> None:
    """Print what `info` says of one file."""
    if media.is_still:
        shown = f"a still picture, {media.width} x {media.height}, {media.codec}"
    else:
        rate = f"{media.fps:.5g} {'frame' if media.fps == 1 else 'frames'} a second"
        shown = f"{clock(media.duration_s, True)}, {media.width} x {media.height}, {rate}"
    rows = [("Picture", shown), ("File", f"{media.container}, {media.codec}")]
    if not media.is_still:
        rows.append(("Sound", "yes" if media.has_audio else "none"))
    if provenance:
        rows.append(("Origin", provenance.summary))
    _print(console, Group(Text(printable(name), "bold"), table(rows)), min(console.width, MAX_WIDTH))


def show_folder(console: Console, folder: Path) -> None:
    """Print where the pictures of one file were written: in one line, however long, as it is there to be copied."""
    _print(console, Text(f"Pictures and report: {printable(str(folder))}\n"), console.width, soft_wrap=True)


def show_summary(console: Console, came_to: Mapping[str | None, int]) -> None:
    """Print how many files came to which verdict, None for none, or "failed" to be checked."""
    words = {verdict: f"{LOOKS[verdict].mark} {said.lower()}" for verdict, said in VERDICT_WORDS.items()}
    words |= {None: "○ no verdict", "failed": "could not be checked"}
    told = ", ".join(f"{came_to[kind]} {said}" for kind, said in words.items() if came_to.get(kind))
    files = count(sum(came_to.values()), "file")
    _print(console, Text(f"{files}: {told}"), min(console.width, MAX_WIDTH))


def _print(console: Console, what: Group | Text, width: int, soft_wrap: bool = False) -> None:
    if "utf" in console.encoding.lower():
        console.print(what, width=width, soft_wrap=soft_wrap)
        return
    with console.capture() as capture:
        console.print(what, width=width, soft_wrap=soft_wrap)
    plain = capture.get().translate(PLAIN).encode(console.encoding, "replace").decode(console.encoding)
    console.file.write(plain)


def verdict_block(analysis: Analysis, width: int) -> list:
    """The verdict in words, the probability, and its interval as a band on a scale from 0 to 1."""
    if analysis.verdict is None:
        return [Text("○ No verdict", "bold"), Text(f"{analysis.reason} {next_step(analysis)}")]
    look, style = LOOKS[analysis.verdict], STYLES[analysis.verdict]
    told = f"   {chance(analysis)}, 90% interval {percent_range(analysis.interval)}" if analysis.model.trained else ""
    head = Text.assemble((f"{look.mark} {look.words}", style), told)
    band = Text.assemble("0% ", scale(analysis, max(10, min(50, width - 12)), style), " 100%")
    return [head, band, Text(meaning(analysis))]


def scale(analysis: Analysis, width: int, style: str) -> Text:
    """├──────━━━●━━──┤ with the interval thick and the probability as a mark."""
    low, high = (round(edge * (width - 1)) for edge in analysis.interval)
    at = round(analysis.probability * (width - 1))
    line = ["━" if low <= i <= high else "─" for i in range(width)]
    line[at] = "●"
    text = Text("├" + "".join(line) + "┤")
    text.stylize(style, 1 + low, 2 + high)
    return text


def face_block(face: FaceResult, analysis: Analysis, width: int) -> list:
    """A face: its verdict, when it is seen, its probability over time, and why."""
    look = LOOKS[face.verdict]
    head = Text.assemble((f"{look.mark} Face {face.id}", STYLES[face.verdict]), f"  {look.words}")
    if face.probability is not None:
        head.append(f" {percent(face.probability)} ({percent_range(face.interval)})")
    if not analysis.media.is_still:
        head.append(f", seen {clock(face.first_seen_s, True)} to {clock(face.last_seen_s, True)}", "dim")
    head.append(f", {face.size_px:.0f} pixels tall", "dim")
    lines = [head]
    if len(face.timeline) > 1:
        end = max(analysis.media.duration_s, face.timeline[-1].t_s, 0.1)
        start, stop = clock(0), clock(end, tenths=end < 10)
        bars = sparkline(face, analysis, end, max(10, min(64, width - len(start) - len(stop) - 6)))
        lines.append(Padding(Text(f"{start} {bars} {stop}"), (0, 0, 0, 2)))
    if analysis.model.trained or face.verdict is None:  # that weights are untrained is said once, at the top
        lines.append(Padding(Text(face.reason), (0, 0, 0, 2)))
    return [*lines, Text("")]


def sparkline(face: FaceResult, analysis: Analysis, end_s: float, width: int) -> str:
    """A column for each stretch of time, as high as its most suspicious frame; a dot where nothing was judged."""
    heights = np.full(width, -1.0)
    for moments in runs(face, analysis):
        times = [moment.t_s / end_s * width for moment in moments]
        values = [moment.probability for moment in moments]
        for i in range(int(times[0]), min(width - 1, int(times[-1])) + 1):
            inside = [value for time, value in zip(times, values, strict=True) if int(time) == i]
            heights[i] = max(inside, default=float(np.interp(i + 0.5, times, values)))
    return "".join("·" if p < 0 else BARS[min(7, int(p * 8))] for p in heights)


def table(rows: list[tuple[str, str]]) -> Table:
    """Facts with their titles down the left side. The words may be from outside, as the name of a signer is."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column()
    for title, words in rows:
        grid.add_row(title, Text(printable(words)))
    return grid
