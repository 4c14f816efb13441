"""What the page says while a check runs, when it fails, and around the pieces of an answer: HTML, everything escaped."""

from pathlib import Path
from urllib.parse import quote

from markupsafe import Markup

from core import report
from core.analysis import VERDICT_WORDS, Analysis
from core.errors import CheckError
from core.words import percent
from demo.work import Answer, Copy, Step

STYLE = report.STYLE
TITLE = "<h1>Unmask</h1><p>Does this video show signs that a face was manipulated?</p>"
EXAMPLES = (
    "Two clips made by Unmask from a public-domain NASA portrait under a virtual camera. In the second, the face is "
    "blended with a changed copy of itself, which is a mild manipulation."
)
LINE_INFO = (
    "Names the faces whose probability is above it. The verdicts keep their own limits, which were measured. 0 is none."
)

PLAN_WORDS = {
    "default": "Samples: four windows spread over the video",
    "fast": "Fast: ends as soon as the answer stands firm, and may miss faces that come later",
    "thorough": "Thorough: all of the video, which takes longer",
    "first100": "The first 100 frames",
    "mean": "The first 150 frames",
}
WAITING = "Waiting for a free place"
STEPS = ("Getting the file", "Looking at the faces", "Weighing what was found", "Drawing the annotated copy")
# stage -> its step, and the stretch of the bar that it fills
STAGES: dict[str, tuple[int, float, float]] = {
    "wait": (0, 0.0, 0.0),
    "make": (0, 0.0, 0.05),
    "fetch": (0, 0.0, 0.1),
    "load": (0, 0.1, 0.12),
    "open": (0, 0.12, 0.14),
    "look": (1, 0.14, 0.58),
    "judge": (2, 0.58, 0.6),
    "pictures": (2, 0.6, 0.64),
    "annotate": (3, 0.64, 1.0),
}


def busy(step: Step, found: str = "") -> str:
    """The steps of a check with the present one marked, and how far it is. found: what a screen reader says before."""
    at, start, stop = STAGES[step.stage]
    steps = (WAITING, *STEPS) if step.stage == "wait" else STEPS
    done = start + (stop - start) * step.part
    items = Markup("").join(
        Markup('<li class="{}"{}>{}</li>').format(
            "done" if i < at else "now" if i == at else "later",
            Markup(' aria-current="step"') if i == at else "",
            words,
        )
        for i, words in enumerate(steps)
    )
    shown = Markup(
        '<div class="um-busy"><progress max="1" value="{:.3f}" aria-label="Progress of the check"></progress>'
        "<ol>{}</ol></div>"
    ).format(done, items)
    return said(f"{found} {steps[at]}".strip(), shown)


def said(words: str, shown: str = "") -> str:
    """For a screen reader alone. It stands first, so that Gradio changes its text: of a new element none tells."""
    return Markup('<div class="um"><p class="um-now" role="status">{}</p>{}</div>').format(words, shown)


def told(analysis: Analysis) -> str:
    """The verdict in a sentence."""
    if analysis.verdict is None:
        return "No verdict."
    number = f", probability of manipulation {percent(analysis.probability)}" if analysis.model.trained else ""
    return f"{VERDICT_WORDS[analysis.verdict]}{number}."


def problem(error: CheckError) -> str:
    """What went wrong in a sentence, and what to do next."""
    if error.code == "cancelled":
        return Markup('<div class="um"><p class="um-note" role="status">Stopped. Nothing of it was kept.</p></div>')
    return inert(
        Markup(
            '<div class="um um-problem" role="alert"><h2>{}</h2><p>{}</p><p class="um-dim um-small">{}</p></div>'
        ).format(error.message, error.next_step, error.code)
    )


def verdict(answer: Answer) -> str:
    return inert(report.verdict(answer.analysis))


def above(analysis: Analysis | None, line: float) -> str:
    """Which faces are above the visitor's own limit, and where it is drawn; "" without a line or a number to hold to it."""
    judged = [face for face in analysis.faces if face.verdict] if analysis and analysis.model.trained else []
    if not judged or not line:
        return ""
    flagged = [face for face in judged if face.probability > line]
    names = ", ".join(f"face {face.id} ({percent(face.probability)})" for face in flagged)
    # a style of its own, as the timelines are in another component; only numbers and our own words are in here
    return Markup(
        "<style>#details {{ --um-own: {:.0f}% }}</style>"
        '<p class="um um-note um-above" role="status"><strong>{} of {} judged {} above your limit of {:.0f}%{}</strong> '
        "The verdict keeps its own limits, which were measured.</p>"
    ).format(
        100 * (1 - line),
        len(flagged),
        len(judged),
        "face is" if len(judged) == 1 else "faces are",
        100 * line,
        f": {names}." if names else ".",
    )


def details(answer: Answer) -> str:
    """Timeline, downloads, faces, and what was looked at."""
    analysis, shots = answer.analysis, answer.shots
    downloads = Markup('<nav class="um um-downloads" aria-label="Downloads">{}{}</nav>').format(
        download(answer.report, "Report (HTML)"), download(answer.json, "Analysis (JSON)")
    )
    return inert(
        report.timeline(analysis, shots, live=True)
        + downloads
        + report.faces(analysis, shots)
        + report.facts_table(analysis)
    )


def copy(made: Copy) -> str:
    """The annotated copy with its download, or why there is none."""
    if made.path is None:
        return inert(Markup('<p class="um um-note">{}</p>').format(made.why_not))
    if made.path.suffix == ".png":
        shown = Markup('<img src="{}" alt="The picture with a box around every face">').format(address(made.path))
    else:
        shown = Markup(
            '<video src="{}" controls playsinline preload="auto" aria-label="The video with a box around every face and'
            ' a timeline below"></video>'
        ).format(address(made.path))
    nav = Markup('<nav class="um um-downloads">{}</nav>').format(download(made.path, "Annotated copy"))
    return inert(Markup('<div class="um um-copy">{}{}</div>').format(shown, nav))


def download(path: Path, words: str) -> Markup:
    return Markup('<a href="{}" download="{}">{}</a>').format(address(path), path.name, words)


def address(path: Path) -> str:
    """Where Gradio serves a file of its folder, relative to the page, so that it may be mounted anywhere."""
    return f"gradio_api/file={quote(str(path))}"


def inert(html: str) -> str:
    """Gradio takes HTML for a template; this leaves it nothing to fill in."""
    return str(html).replace("{", "&#123;").replace("}", "&#125;").replace("$", "&#36;")
