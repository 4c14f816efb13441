"""What is told beside a verdict, as words: what it means, what was looked at and what was not, and who answered."""

from core.analysis import VERDICT_MEANING, Analysis
from core.calibration import MAX_FACES
from core.words import count, percent


def meaning(analysis: Analysis) -> str:
    """What the verdict means and what it does not; the analysis must have one."""
    if not analysis.model.trained:
        return "The weights are untrained: the number means nothing, and the verdict is always inconclusive."
    kind = "picture" if analysis.media.is_still else "video"
    if analysis.bands == (0, 1):
        # of a very short video no more either
        looked_at = "picture" if analysis.coverage.frames_examined == 1 else kind
        return (
            f"The answer is inconclusive whatever the number, as these weights cannot tell manipulated {looked_at}s from real ones "
            f"well enough. This is not a sign that the {kind} is real."
        )
    words = VERDICT_MEANING[analysis.verdict].replace("video", kind)
    if analysis.coverage.faces_judged > MAX_FACES:  # the upper edge rises no further, and each face is one more chance
        words = words.replace("by mistake.", "by mistake, and more of those with so many faces.")
    return words


def next_step(analysis: Analysis) -> str:
    """What to do where no face was judged."""
    if analysis.media.is_still:
        return "Choose a picture in which a face is larger and in focus, and check that."
    return (
        "Choose a part of the video in which a face is larger, in focus and seen for at least a second, and check that."
    )


def where_fewer(probability: float, one_in: int) -> float:
    """What a probability becomes that presumes one half, where one video in `one_in` is manipulated (Bayes)."""
    return probability / (probability + (1 - probability) * (one_in - 1))


def rare(probability: float) -> str:
    """As `percent`, but for what is less than any label says: where few are manipulated, 1% may be more than there was."""
    return percent(probability) if probability >= 0.005 else "under 1%"


def facts(analysis: Analysis, look_at_all: str = "the thorough plan looks all through it") -> list[tuple[str, str]]:
    """(title, words) of the coverage, the warnings, the origin and the model.

    look_at_all: how the reader can have the rest of the video looked at.
    """
    seen, model = analysis.coverage, analysis.model
    between = seen.seconds_total - seen.seconds_examined
    looked_at = f"{count(seen.frames_examined, 'frame')}, {seen.seconds_examined:.1f} of {seen.seconds_total:.1f} s"
    looked_at += f" (plan {seen.plan}); a face in {seen.frames_with_face}"
    rows = [("Looked at", "one still picture" if analysis.media.is_still else looked_at)]
    how = "" if seen.plan == "thorough" else f" ({look_at_all})"  # what is damaged it leaves out as well
    left_out = [f"{between:.1f} s of the video{how}"] if between > 1 else []
    left_out += ["the sound"] if seen.audio == "not_examined" else []
    if left_out:
        rows.append(("Not looked at", ", ".join(left_out)))
    unjudged = [f"{count(seen.faces_too_small, 'face')} too small"] if seen.faces_too_small else []
    unjudged += [f"{count(seen.faces_too_short, 'face')} seen too briefly"] if seen.faces_too_short else []
    if unjudged:
        rows.append(("Not judged", ", ".join(unjudged)))
    # that the weights are untrained stands at the top, where nobody misses it
    notes = [warning for warning in analysis.warnings if warning.code != "untrained_weights"]
    rows += [("Note", f"{note.message} [{note.code}]") for note in notes]
    if analysis.provenance and analysis.provenance.state != "none":
        rows.append(("Origin", analysis.provenance.summary))
    if analysis.verdict and model.trained:
        kind = "pictures" if analysis.media.is_still else "videos"
        ten, hundred = (where_fewer(analysis.probability, one_in) for one_in in (10, 100))
        words = f"if half of the {kind} that are checked are manipulated; it is {rare(ten)} if 1 in 10 is, and {rare(hundred)} if 1 in 100 is"
        rows.append((f"{percent(analysis.probability)} holds", words))
        rows.append(("Please note", "Signs are no proof. Let no decision about a person rest on this alone."))
    who = f"{model.name} {model.version} ({model.sha256[:12]})" if model.trained else "untrained weights"
    rows.append(("Model", f"{who} on {model.device} in {model.precision}, {sum(analysis.seconds.values()):.1f} s"))
    return rows
