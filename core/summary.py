"""From what is known of each face to the FaceResults, the verdict and their words. Pure functions."""

from dataclasses import replace
from itertools import pairwise
from math import inf

import numpy as np

from core.analysis import Coverage, FaceResult, KeyFrame, Media, Moment, Verdict, Warning
from core.calibration import Calibration, Curve
from core.framing import framing_logit
from core.looks import MIN_FRAMES, MIN_SECONDS, MIN_SIZE, Look, Looks, Record
from core.words import clock, count

Logits = float | np.ndarray  # one, or several at once

KEY_FRAMES = 3
KEY_FRAME_GAP_S = 0.5
LOW_RESOLUTION = 80.0  # pixels; below, compression has taken much of what there was to see
MIN_WINDOWS = 3  # with fewer, the interval is drawn over frames
HELD_S = 0.5  # a picture that is shown for longer counts for as long
# The least logit of a face with a sign of its own: the network says as much of fewer than one in a hundred real faces.
SIGN_LOGIT = 3.0
SIGNS = {
    "mouth_alone": "Only the mouth moves and the rest of the face stands still, as in a photograph made to speak.",
    "one_picture": "The face keeps its texture or its light while it moves, as one animated from a single picture.",
    "framed": "The picture is cut exactly as those that face generators draw, and as the photographs they learn from.",
}

WARNINGS = {
    "no_face": "No face was found in what was looked at, so there is nothing to judge.",
    "face_too_small": "Not judged, being under 40 pixels: {n} of {faces}.",
    "few_frames": "Not judged, being seen in fewer than 3 of the frames looked at or for under half a second: {n} of {faces}.",
    "many_faces": "Not judged, as larger ones among so many came first: {n} of {faces}.",
    "low_resolution": "The judged face is only {n} pixels tall, so signs may be missed.",
    "single_frame": "A single picture was judged. Movement, which a video would show, could not be looked at.",
    "untrained_weights": "The weights are untrained: the numbers mean nothing, and the verdict is always inconclusive.",
}
UNJUDGED = {
    "face_too_small": f"Not judged: the face is under {MIN_SIZE:.0f} pixels.",
    "few_frames": f"Not judged: the face is seen in fewer than {MIN_FRAMES} of the frames looked at, or for under half a second.",
    "many_faces": "Not judged: there are many faces, and larger ones came first.",
}
UNTRAINED = "The weights are untrained, so the number means nothing."


def warn(code: str, **values) -> Warning:
    return Warning(code, WARNINGS[code].format(**values))


def face_results(
    records: list[Record], calibration: Calibration, is_still: bool, trained: bool
) -> tuple[FaceResult, ...]:
    """One result per face in the order of appearance, numbered 1, 2, ..."""
    judged = judged_of(records, is_still)
    curve = calibration.curve(len(judged), is_still)
    results = [
        judged_face(i, r, curve, is_still) if r in judged else unjudged_face(i, r, is_still)
        for i, r in enumerate(records, 1)
    ]
    if not trained:
        results = [replace(f, verdict="inconclusive", reason=UNTRAINED) if f.verdict else f for f in results]
    return tuple(results)


def is_settled(records: list[Record], calibration: Calibration) -> bool:
    """Whether more windows would hardly change the answer: there are faces, each is judged, all of its interval lies
    within the band of its verdict, and of none it may still be found that its mouth alone moves."""
    faces = face_results(records, calibration, is_still=False, trained=True)
    curve = calibration.curve(len(faces))
    return (
        bool(faces)
        and all(face.interval and {curve.verdict(p) for p in face.interval} == {face.verdict} for face in faces)
        and not any(record.movement.is_undecided for record in records)
    )


def judged_of(records: list[Record], is_still: bool) -> list[Record]:
    """Those who are judged: who was seen often enough, and not for a mere moment, as where a sudden move parts a track in
    two. Where nobody is seen for long, a moment is enough."""
    if is_still:
        return [record for record in records if record.looks]
    least = min(MIN_SECONDS, max((record.seconds for record in records), default=0.0) / 2)
    return [record for record in records if len(record.looks) >= MIN_FRAMES and record.seconds >= least]


def judged_face(number: int, record: Record, curve: Curve, is_still: bool) -> FaceResult:
    looks = sorted(record.looks, key=lambda look: look.t_s)
    values = record.window_logits if len(record.window_logits) >= MIN_WINDOWS else record.corrected
    logit = looks[0].logit if is_still else float(np.mean(record.window_logits))
    # each window counts alike, however many of its frames show the face; frames drawn anew are to vary about that
    values = [value - np.mean(values) + logit for value in values]
    movement = record.one_picture
    framing = framing_logit(record.off_frame, record.usual) if is_still and record.off_frame is not None else None
    signs = signs_of(record, movement, framing, logit)
    other, doubt = (framing, 0.0) if movement is None else (movement, record.movement.doubt)
    logit = with_other(logit, other, signs, curve)
    probability = curve.probability(logit)
    verdict = curve.verdict(probability)

    def judged(means: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """What counts beside the network counts once, with the mean: with each frame, it would lift the mean of
        scattered ones."""
        return with_other(means, other if other is None else random.normal(other, doubt, len(means)), signs, curve)

    moments = [(look, curve.probability(with_other(look.logit, other, (), curve))) for look in looks]
    return FaceResult(
        id=number,
        verdict=verdict,
        probability=probability,
        interval=curve.interval(values, logit, judged),
        timeline=tuple(Moment(look.t_s, p, look.box) for look, p in moments),
        key_frames=key_frames(moments),
        reason=reason(verdict, moments, signs, curve.decides),
        signs=signs,
        movement_logit=movement,
        framing_logit=framing,
        **seen(record),
    )


def signs_of(record: Record, movement: float | None, framing: float | None, logit: float) -> tuple[str, ...]:
    """What speaks for manipulation beside the network's logit, and louder."""
    holds = {
        "mouth_alone": record.movement.is_mouth_alone,
        "one_picture": (movement or 0) > max(logit, 0),
        "framed": (framing or 0) > max(logit, 0),
    }
    return tuple(sign for sign in SIGNS if holds[sign])


def with_other(logit: Logits, other: Logits | None, signs: tuple[str, ...], curve: Curve) -> Logits:
    """The network's logit and that of a face animated from one picture, or drawn as a whole, in one: a face is manipulated
    in the one way or in the other, so the odds add up. A photograph made to speak has at least SIGN_LOGIT. Where there is no
    other (None), the network's is put on the curve's scale."""
    logit = curve.of_alone(logit) if other is None else np.logaddexp(logit, other)
    return np.maximum(logit, SIGN_LOGIT) if "mouth_alone" in signs else logit


def unjudged_face(number: int, record: Record, is_still: bool) -> FaceResult:
    """A face without a verdict, with the reason."""
    words = UNJUDGED[why_not(record, is_still)]
    return FaceResult(number, None, None, None, timeline=(), key_frames=(), reason=words, **seen(record))


def why_not(record: Record, is_still: bool) -> str:
    """The code of the warning that fits an unjudged face."""
    if len(record.looks) < (1 if is_still else MIN_FRAMES) <= record.usable:
        return "many_faces"
    return "face_too_small" if record.too_small > record.usable else "few_frames"


def unjudged_because(records: list[Record], is_still: bool) -> list[str]:
    """`why_not` of each face that is not judged."""
    judged = judged_of(records, is_still)
    return [why_not(record, is_still) for record in records if record not in judged]


def seen(record: Record) -> dict:
    track = record.track
    return {
        "first_seen_s": track.first_s,
        "last_seen_s": track.last_s,
        "size_px": float(np.median(record.sizes)),
        "frames": len(record.looks),
    }


def key_frames(moments: list[tuple[Look, float]]) -> tuple[KeyFrame, ...]:
    """The most suspicious moments, most suspicious first, not all of the same blink."""
    chosen: list[tuple[Look, float]] = []
    for look, p in sorted(moments, key=lambda m: (-m[0].logit, m[0].t_s)):
        if len(chosen) < KEY_FRAMES and all(abs(look.t_s - other.t_s) >= KEY_FRAME_GAP_S for other, _ in chosen):
            chosen.append((look, p))
    return tuple(KeyFrame(look.t_s, look.index, look.box, p) for look, p in chosen)


def reason(verdict: Verdict, moments: list[tuple[Look, float]], signs: tuple[str, ...], may_decide: bool = True) -> str:
    """Why this verdict, in plain words. may_decide: False where another one than inconclusive could not be."""
    high = sum(p > 0.5 for _, p in moments)
    share = f"{high} of {len(moments)} frames {'leans' if high == 1 else 'lean'} towards manipulation"
    if len(moments) == 1:
        share = f"it {'leans' if high else 'does not lean'} towards manipulation"
    peak, _ = max(moments, key=lambda m: m[1])
    if high and len(moments) > 1:  # a verdict is of all frames together; where a few stand out, it says which
        share += f", most at {clock(peak.t_s)}"
    if "framed" in signs:
        return SIGNS["framed"]
    if signs and (verdict == "likely_manipulated" or "mouth_alone" in signs):
        return f"{SIGNS[signs[0]]} By single frames: {share}."
    if verdict == "likely_manipulated":
        return f"Signs that fit manipulation: {share}."
    if verdict == "no_signs_found":
        together = "Taken together, nothing" if high else "Nothing"
        return f"{together} that fits manipulation was found: {share}."
    if not may_decide:
        return f"{share[0].upper()}{share[1:]}, but no number is enough here."
    but = ", but" if len(moments) == 1 else "; taken together"
    return f"{share[0].upper()}{share[1:]}{but} not clearly enough to say either way."


def top_face(faces: tuple[FaceResult, ...]) -> FaceResult | None:
    """The judged face with the highest probability, the first of equals; it speaks for the video."""
    judged = [face for face in faces if face.verdict]
    return max(judged, key=lambda face: face.probability) if judged else None


def nothing_judged(faces: tuple[FaceResult, ...], is_still: bool) -> str:
    enough = "large enough" if is_still else "large and long enough"
    return f"No face was {enough} to be judged." if faces else "No face was found."


def face_warnings(records: list[Record], faces: tuple[FaceResult, ...], is_still: bool, trained: bool) -> list[Warning]:
    """What is uncertain about the faces and about who judged them."""
    found = [] if records else [warn("no_face")]
    reasons = unjudged_because(records, is_still)
    found += [
        warn(code, n=reasons.count(code), faces=count(len(records), "face")) for code in UNJUDGED if code in reasons
    ]
    top = top_face(faces)
    if top and top.size_px < LOW_RESOLUTION:
        found.append(warn("low_resolution", n=round(top.size_px)))
    if top and is_still:
        found.append(warn("single_frame"))
    if not trained:
        found.append(warn("untrained_weights"))
    return found


def coverage(media: Media, plan: str, looks: Looks, is_still: bool) -> Coverage:
    """What was looked at, and what was not."""
    records = list(looks.records.values())
    reasons = unjudged_because(records, is_still)
    return Coverage(
        plan=plan,
        windows=len(looks.spans),
        frames_examined=looks.frames,
        frames_with_face=looks.frames_with_face,
        seconds_examined=seconds_examined(looks.spans, looks.frames),
        seconds_total=media.duration_s,
        faces_found=len(records),
        faces_judged=len(records) - len(reasons),
        faces_too_small=reasons.count("face_too_small"),
        faces_too_short=reasons.count("few_frames"),
        audio="not_examined" if media.has_audio else "absent",
    )


def seconds_examined(spans: list[tuple[float, float, float]], frames: int) -> float:
    """How much of the video so many frames in windows speak for: each window from its first frame to its last, or to the
    first of the next one where that follows as frames within a window do; and for as long as a last one is held.

    spans: first and last second of each window, and until when its last frame is shown, in order of time.
    """
    within = sum(last - first for first, last, _ in spans)
    step = within / max(1, frames - len(spans))
    total = within
    for (_, last, until), (start, _, _) in pairwise([*spans, (inf, inf, inf)]):
        # a frame is taken early where the video has none at its time, so that two can be almost two steps apart
        held = min(until, start) - last
        total += start - last if start - last < 2 * step else held if held > HELD_S else 0.0
    return total
