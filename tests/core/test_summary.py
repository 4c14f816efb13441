"""What is said of the faces, as pure functions of what is known of them."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from core.analysis import Media
from core.calibration import Calibration, Curve
from core.looks import Look, Record
from core.movement import Movement
from core.plan import PLANS, window_times
from core.summary import (
    SIGNS,
    coverage,
    face_results,
    face_warnings,
    is_settled,
    judged_face,
    key_frames,
    nothing_judged,
    reason,
    seconds_examined,
    signs_of,
    top_face,
)
from core.tracks import Track
from tests.samples import a_face, an_unjudged_face


@pytest.mark.parametrize("t_s, shown", [(7.96, "0:08"), (3723, "1:02:03")])
def test_a_reason_names_the_time_as_the_pictures_do(t_s, shown):
    moments = [(a_look(0.0), 0.2), (a_look(t_s), 0.999)]
    assert reason("likely_manipulated", moments, ()).endswith(f"most at {shown}.")


def test_the_reason_of_a_single_picture_counts_no_frames():
    leans = reason("inconclusive", [(a_look(0.0), 0.98)], ())
    assert leans == "It leans towards manipulation, but not clearly enough to say either way."
    undecided = reason("inconclusive", [(a_look(0.0), 0.02)], (), may_decide=False)
    assert undecided == "It does not lean towards manipulation, but no number is enough here."


def test_no_face_of_a_picture_is_called_too_brief():
    face = an_unjudged_face()
    assert nothing_judged((face,), is_still=True) == "No face was large enough to be judged."
    assert nothing_judged((face,), is_still=False) == "No face was large and long enough to be judged."


@pytest.mark.parametrize(
    ("verdict", "signs", "begins"),
    [
        ("likely_manipulated", (), "Signs that fit manipulation: "),
        ("no_signs_found", (), "Taken together, nothing that fits manipulation was found: "),
        (
            "inconclusive",
            (),
            "1 of 2 frames leans towards manipulation, most at 0:00; taken together not clearly enough",
        ),
        (
            "inconclusive",
            ("one_picture",),
            "1 of 2 frames leans towards manipulation, most at 0:00; taken together not",
        ),
        ("likely_manipulated", ("one_picture",), SIGNS["one_picture"]),
        ("inconclusive", ("mouth_alone",), SIGNS["mouth_alone"]),
        ("inconclusive", ("framed",), SIGNS["framed"]),
    ],
)
def test_a_reason_says_what_its_verdict_says(verdict, signs, begins):
    assert reason(verdict, [(a_look(0.0), 0.9), (a_look(1.0), 0.2)], signs).startswith(begins)


def test_one_frame_leans_and_two_lean():
    def told(high):
        return reason("inconclusive", [(a_look(0.0), 0.9)] * high + [(a_look(0.0), 0.1)] * 3, ())

    assert "1 of 4 frames leans towards" in told(1) and "2 of 5 frames lean towards" in told(2)


@pytest.mark.parametrize("verdict", ["no_signs_found", "inconclusive"])
def test_a_reason_names_the_moment_that_stands_out_where_all_of_it_together_does_not(verdict):
    calm = [(a_look(t / 8), 0.05) for t in range(480)]
    forged = [(look, 0.81 if look.t_s == 32.5 else 0.6 if 31 <= look.t_s < 33 else p) for look, p in calm]
    assert (
        reason(verdict, forged, ())
        .removesuffix(".")
        .removesuffix("; taken together not clearly enough to say either way")
        .endswith("16 of 480 frames lean towards manipulation, most at 0:32")
    )
    assert "Nothing that fits manipulation was found" not in reason(verdict, forged, ())
    assert (
        reason(verdict, calm, ())
        .removesuffix(".")
        .removesuffix("; taken together not clearly enough to say either way")
        .endswith("0 of 480 frames lean towards manipulation")
    )


def test_where_nobody_is_seen_that_is_the_warning():
    assert [warning.code for warning in face_warnings([], (), False, True)] == ["no_face"]


def test_a_warning_counts_faces_without_calling_one_many():
    record = Record(Track(1, 0.0, 0.0, (0, 0, 30, 30), np.zeros(192)), too_small=3)
    assert face_warnings([record], (), False, True)[0].message == "Not judged, being under 40 pixels: 1 of 1 face."
    assert face_warnings([record] * 2, (), False, True)[0].message == "Not judged, being under 40 pixels: 2 of 2 faces."


def test_a_face_that_a_picture_with_many_has_no_room_for_is_not_called_brief():
    left_out = Record(Track(1, 0.0, 0.0, (0, 0, 90, 90), np.zeros(192)), usable=1)
    told = [face_warnings([left_out], (), is_still, trained=True)[0].code for is_still in (True, False)]
    assert told == ["many_faces", "few_frames"]


@pytest.mark.parametrize(("usable", "too_small", "code"), [(2, 1, "few_frames"), (1, 2, "face_too_small")])
def test_a_face_is_called_too_small_that_is_so_in_most_frames(usable, too_small, code):
    record = Record(Track(1, 0.0, 0.2, (0, 0, 40, 40), np.zeros(192)), usable=usable, too_small=too_small)
    assert [warning.code for warning in face_warnings([record], (), is_still=False, trained=True)] == [code]


@pytest.mark.parametrize("fps", [8.5, 10, 15, 24, 30])
def test_all_of_a_video_is_looked_at_where_one_window_follows_the_other(fps):
    shown = [times_shown(window, fps) for window in window_times(24 - 1 / fps, PLANS["thorough"])]
    spans = [(times[0], times[-1], times[-1] + 1 / fps) for times in shown]
    assert seconds_examined(spans, sum(map(len, shown))) == pytest.approx(24, abs=0.25)


def test_what_lies_between_windows_that_stand_apart_was_not_looked_at():
    spans = [(0.0, 1.75, 1.79), (5.0, 6.75, 6.79)]
    assert seconds_examined(spans, 16) == pytest.approx(3.5)
    assert seconds_examined([], 0) == seconds_examined([(0.0, 0.0, 0.04)], 1) == 0


def test_a_picture_that_was_looked_at_counts_for_as_long_as_it_is_held():
    slides = [(start, start, start + 5) for start in (0, 5, 10)]
    assert seconds_examined(slides, 3) == 15
    assert seconds_examined([(0.0, 0.2, 8.2)], 3) == 8.2


@pytest.mark.parametrize(
    ("windows", "movement"),
    [
        (
            [[-3.0, -2.5, -2.0, 1.5, 2.0, -2.5, -3.0, 1.0] * 2],
            Movement(kept=[0.68] * 7, bent=[0.5] * 7, gone=[2.0] * 7),
        ),
        ([[1.0, 1.2, 0.8, 1.1, 0.9, 1.0, 1.1, 0.9], [-1.0, -0.8]], Movement()),
    ],
    ids=["movement counts beside scattered frames", "a window has few of the frames"],
)
def test_the_interval_lies_about_the_probability(windows, movement):
    logits = sum(windows, [])
    looks = [replace(a_look(t / 4), logit=logit) for t, logit in enumerate(logits)]
    means = [np.mean(window) for window in windows]
    track = SimpleNamespace(first_s=0.0, last_s=4.0)
    face = judged_face(1, Record(track, looks, means, logits, sizes=[60.0], movement=movement), Curve(), is_still=False)
    low, middle, high = (np.log(p / (1 - p)) for p in (face.interval[0], face.probability, face.interval[1]))
    assert 0.4 < (high - middle) / (middle - low) < 2.5


DECIDED = Curve(likely_from=0.75, no_signs_until=0.35)


@pytest.mark.parametrize(("seconds", "is_judged"), [(0.4, True), (0.39, False)])
def test_who_is_seen_for_under_half_a_second_beside_others_is_not_judged(seconds, is_judged):
    faces = face_results([a_record(seconds=8), a_record(seconds=seconds)], Calibration(), is_still=False, trained=True)
    assert [face.verdict is not None for face in faces] == [True, is_judged]


@pytest.mark.parametrize(("frames", "is_judged"), [(3, True), (2, False)])
def test_three_frames_are_enough_to_be_judged(frames, is_judged):
    record = a_record()
    record.looks = record.looks[::8][:frames]
    (face,) = face_results([record], Calibration(), is_still=False, trained=True)
    assert (face.verdict is not None) == is_judged


def test_all_windows_of_a_face_count_alike_and_of_a_picture_its_one_look():
    record = a_record(1.0, spread=3.0)
    assert judged_face(1, record, Curve(), is_still=False).probability == pytest.approx(Curve().probability(1.0))
    assert judged_face(1, record, Curve(), is_still=True).probability == pytest.approx(Curve().probability(-2.0))


def test_where_movement_was_not_compared_the_network_alone_says_less():
    curve = Curve(likely_from=0.7, alone=(0.25, 0.1))
    face = judged_face(1, a_record(2.0, spread=1.0), curve, is_still=False)
    assert face.probability == pytest.approx(Curve().probability(0.25 * 2.0 + 0.1))
    assert face.interval[0] > Curve().probability(0.25 * 1.0)  # by so much less as it says less
    moving = a_record(2.0)
    moving.movement = Movement(kept=[0.9] * 7, bent=[0.5] * 7, gone=[2.0] * 7)
    assert judged_face(1, moving, curve, False).probability > Curve().probability(2.0) > face.probability


def test_a_picture_is_judged_by_the_curve_of_pictures():
    of_pictures = Calibration((Curve(),), (Curve(intercept=-5.0),))
    for is_still, logit in ((True, -4.0), (False, 1.0)):
        (face,) = face_results([a_record(1.0)], of_pictures, is_still, trained=True)
        assert face.probability == pytest.approx(Curve().probability(logit))


def test_a_video_is_judged_by_what_moves_and_a_picture_by_how_it_is_cut():
    record = a_record(-4.0)
    record.off_frame = 0.0
    face = judged_face(1, record, Curve(), is_still=True)
    assert (face.signs, face.movement_logit, face.framing_logit) == (("framed",), None, 3.0)
    record.movement = Movement(kept=[0.9] * 7, bent=[0.5] * 7, gone=[2.0] * 7)
    face = judged_face(1, record, Curve(), is_still=False)
    assert (face.signs, face.movement_logit, face.framing_logit) == (("one_picture",), record.movement.logit, None)


def test_a_faces_frames_are_told_in_order_of_time_however_they_were_looked_at():
    record = a_record(1.0, spread=3.0)
    usual = judged_face(1, record, Curve(), is_still=False)
    record.looks = record.looks[5:] + record.looks[:5]
    assert judged_face(1, record, Curve(), is_still=False) == usual


def test_a_face_is_as_large_as_it_is_half_of_the_time_and_has_the_frames_that_were_judged():
    record = a_record(seconds=8.0)
    record.sizes, record.usable = [50.0] * 13 + [400.0] * 11, 90
    face = judged_face(1, record, Curve(), is_still=False)
    assert (face.size_px, face.frames, face.first_seen_s, face.last_seen_s) == (50.0, 24, 0.0, 8.0)


def test_who_is_not_judged_is_no_further_chance_of_a_mistake():
    alone, two = DECIDED, Curve(intercept=-5.0)
    left_out = Record(Track(2, 0.0, 4.0, (0, 0, 30, 30), np.zeros(192)), too_small=3, sizes=[30.0])
    first, second = face_results([a_record(4.0), left_out], Calibration((alone, two)), False, trained=True)
    assert (first.verdict, second.verdict) == ("likely_manipulated", None)
    assert face_results([a_record(4.0)] * 2, Calibration((alone, two)), False, trained=True)[0].probability < 0.5


def test_untrained_weights_give_no_word_on_who_was_not_judged():
    left_out = Record(Track(2, 0.0, 4.0, (0, 0, 30, 30), np.zeros(192)), too_small=3, sizes=[30.0])
    first, second = face_results([a_record(4.0), left_out], Calibration((DECIDED,)), False, trained=False)
    assert (first.verdict, second.verdict) == ("inconclusive", None)
    assert "untrained" in first.reason and "40 pixels" in second.reason


def test_the_face_with_the_highest_probability_speaks_for_the_video():
    low, high, as_high = a_face(1, (0.2,)), a_face(2, (0.9,)), a_face(3, (0.9,))
    assert top_face((low, an_unjudged_face(4), high, as_high)) is high
    assert top_face((an_unjudged_face(),)) is None


@pytest.mark.parametrize(
    ("records", "settled"),
    [
        ([], False),
        (["flagged"], True),
        (["clear"], True),
        (["scattered"], False),
        (["clear on the whole"], False),
        (["flagged on the whole"], False),
        (["flagged", "scattered"], False),
        (["flagged", "brief"], False),
    ],
    ids=lambda value: " and ".join(value) if isinstance(value, list) else "",
)
def test_an_answer_is_settled_once_no_face_may_still_change_sides(records, settled):
    kinds = {
        "flagged": a_record(4.0),
        "clear": a_record(-4.0),
        "scattered": a_record(0.5, spread=2.0),
        "clear on the whole": a_record(-1.0, spread=1.5),
        "flagged on the whole": a_record(1.5, spread=1.5),
        "brief": a_record(4.0, seconds=0.2),
    }
    assert is_settled([kinds[kind] for kind in records], Calibration((DECIDED,))) == settled


@pytest.mark.parametrize(
    ("kept", "comparisons", "network", "settled"),
    ((0.9, 6, -4.0, False), (0.1, 6, -4.0, True), (0.9, 6, 5.0, True), (0.95, 6, -4.0, False), (0.95, 60, -4.0, True)),
    ids=("it may go either way", "like a real mouth", "flagged anyhow", "seen too briefly", "seen for long enough"),
)
def test_no_answer_is_settled_while_movement_may_change_the_verdict(kept, comparisons, network, settled):
    record = replace(a_record(network), movement=a_mouth(kept, comparisons))
    assert is_settled([record], Calibration((DECIDED,))) == settled


def test_the_interval_of_a_face_allows_for_movement_that_was_not_looked_at():
    briefly, longer = (
        judged_face(1, replace(a_record(-4.0), movement=a_mouth(0.9, n)), DECIDED, False) for n in (6, 24)
    )
    assert briefly.probability == longer.probability
    (low, high), (lower, higher) = longer.interval, briefly.interval
    assert lower + 0.05 < low < longer.probability < high < higher - 0.05


def test_whether_an_answer_is_settled_goes_by_the_bands_for_so_many_faces():
    stricter = Curve(likely_from=0.9, no_signs_until=0.1)
    assert is_settled([a_record(1.5)], Calibration((DECIDED, stricter)))
    assert is_settled([a_record(1.5, spread=0.5)] * 2, Calibration((DECIDED, stricter)))
    assert not is_settled([a_record(2.2, spread=0.2)] * 2, Calibration((DECIDED, stricter)))


@pytest.mark.parametrize(("other", "logit", "named"), [(1.0, -2.0, True), (1.0, 2.0, False), (-1.0, -2.0, False)])
def test_a_sign_is_named_where_it_speaks_for_manipulation_and_louder_than_the_network(other, logit, named):
    record = a_record(logit)
    assert signs_of(record, other, None, logit) == (("one_picture",) if named else ())
    assert signs_of(record, None, other, logit) == (("framed",) if named else ())


def test_key_frames_are_the_three_most_suspicious_half_a_second_apart():
    logits = {0.0: 1.0, 0.25: 3.0, 0.5: 2.5, 0.75: 2.0, 1.5: 0.0, 4.0: 3.0, 6.0: -1.0}
    moments = [(replace(a_look(t_s), logit=logit), 0.5) for t_s, logit in logits.items()]
    assert [frame.t_s for frame in key_frames(moments)] == [0.25, 4.0, 0.75]


@pytest.mark.parametrize(("size", "warned"), [(79.9, True), (80.0, False)])
def test_a_face_whose_signs_compression_may_hide_is_warned_of(size, warned):
    face = replace(a_face(), size_px=size)
    found = face_warnings([a_record(1.0)], (face,), is_still=False, trained=True)
    assert ["low_resolution"] * warned == [warning.code for warning in found]


@pytest.mark.parametrize(("has_audio", "told"), [(True, "not_examined"), (False, "absent")])
def test_a_sound_that_nobody_listened_to_is_told(has_audio, told):
    media = Media(8.0, 640, 360, 25.0, "h264", "mov", has_audio, False)
    small = Record(Track(2, 0.0, 8.0, (0, 0, 30, 30), np.zeros(192)), too_small=3)
    seen = SimpleNamespace(
        records={1: a_record(0.0), 2: small, 3: a_record(0.0, seconds=0.2)},
        spans=[(0.0, 1.75, 1.79)],
        frames=8,
        frames_with_face=7,
    )
    found = coverage(media, "default", seen, is_still=False)
    assert (found.audio, found.windows, found.frames_examined, found.frames_with_face) == (told, 1, 8, 7)
    assert (found.faces_found, found.faces_judged, found.faces_too_small, found.faces_too_short) == (3, 1, 1, 1)
    assert (found.seconds_examined, found.seconds_total) == (1.75, 8.0)


def test_one_look_is_enough_in_a_picture():
    media = Media(0.0, 640, 360, None, "png", "png_pipe", False, True)
    record = Record(Track(1, 0.0, 0.0, (0, 0, 90, 90), np.zeros(192)), [a_look(0.0)], sizes=[90.0], usable=1)
    seen = SimpleNamespace(records={1: record}, spans=[(0.0, 0.0, 0.0)], frames=1, frames_with_face=1)
    found = coverage(media, "default", seen, is_still=True)
    assert (found.faces_found, found.faces_judged, found.faces_too_short) == (1, 1, 0)
    assert [w.code for w in face_warnings([record], (a_face(),), is_still=True, trained=True)] == [
        "low_resolution",
        "single_frame",
    ]


def a_record(logit: float = 0.0, seconds: float = 8.0, spread: float = 0.0) -> Record:
    """Somebody who was looked at 24 times, in three windows."""
    logits = [logit - spread, logit, logit + spread]
    looks = [replace(a_look(seconds * i / 23), logit=logits[i % 3]) for i in range(24)]
    track = Track(1, 0.0, seconds, (0, 0, 90, 90), np.zeros(192))
    return Record(track, looks, logits, logits * 8, sizes=[90.0] * 24, usable=24)


def a_mouth(kept: float, comparisons: int) -> Movement:
    """One that keeps so much of its texture."""
    return Movement(kept=[kept] * comparisons, bent=[0.5] * comparisons, gone=[1.0] * comparisons)


def times_shown(window: np.ndarray, fps: float) -> list[float]:
    """When the frames are shown that a video has at these times."""
    return sorted({int(t * fps + 1e-6) / fps for t in window})


def a_look(t_s: float) -> Look:
    return Look(place=0, t_s=t_s, index=0, box=(0, 0, 60, 60), pixels=None)
