"""What is said of the faces, as pure functions of what is known of them."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from core.calibration import Curve
from core.looks import Look, Record
from core.movement import Movement
from core.plan import PLANS, window_times
from core.summary import face_warnings, judged_face, nothing_judged, reason, seconds_examined
from core.tracks import Track
from tests.samples import an_unjudged_face


@pytest.mark.parametrize("t_s, shown", [(7.96, "0:08"), (3723, "1:02:03")])
def test_a_reason_names_the_time_as_the_pictures_do_and_is_never_certain(t_s, shown):
    moments = [(a_look(0.0), 0.2), (a_look(t_s), 0.999)]
    assert reason("likely_manipulated", moments, ()).endswith(f"most at {shown} (99%).")


def test_the_reason_of_a_single_picture_counts_no_frames():
    assert "it leans towards manipulation" in reason("inconclusive", [(a_look(0.0), 0.98)], ())
    undecided = reason("inconclusive", [(a_look(0.0), 0.02)], (), may_decide=False)
    assert undecided == "It does not lean towards manipulation, but no number is enough here."


def test_no_face_of_a_picture_is_called_too_brief():
    face = an_unjudged_face()
    assert nothing_judged((face,), is_still=True) == "No face was large enough to be judged."
    assert nothing_judged((face,), is_still=False) == "No face was large and long enough to be judged."


def test_one_frame_leans_and_two_lean():
    def told(high):
        return reason("inconclusive", [(a_look(0.0), 0.9)] * high + [(a_look(0.0), 0.1)] * 3, ())

    assert "1 of 4 frames leans towards" in told(1) and "2 of 5 frames lean towards" in told(2)


@pytest.mark.parametrize("verdict", ["no_signs_found", "inconclusive"])
def test_a_reason_names_the_moment_that_stands_out_where_all_of_it_together_does_not(verdict):
    calm = [(a_look(t / 8), 0.05) for t in range(480)]
    forged = [(look, 0.81 if look.t_s == 32.5 else 0.6 if 31 <= look.t_s < 33 else p) for look, p in calm]
    assert reason(verdict, forged, ()).endswith("16 of 480 frames lean towards manipulation, most at 0:32 (81%).")
    assert "Nothing that fits manipulation was found" not in reason(verdict, forged, ())
    assert reason(verdict, calm, ()).endswith(": 0 of 480 frames lean towards manipulation.")


def test_a_warning_counts_faces_without_calling_one_many():
    record = Record(Track(1, 0.0, 0.0, (0, 0, 30, 30), np.zeros(192)), too_small=3)
    assert face_warnings([record], (), False, True)[0].message == "Not judged, being under 40 pixels: 1 of 1 face."
    assert face_warnings([record] * 2, (), False, True)[0].message == "Not judged, being under 40 pixels: 2 of 2 faces."


def test_a_face_that_a_picture_with_many_has_no_room_for_is_not_called_brief():
    left_out = Record(Track(1, 0.0, 0.0, (0, 0, 90, 90), np.zeros(192)), usable=1)
    told = [face_warnings([left_out], (), is_still, trained=True)[0].code for is_still in (True, False)]
    assert told == ["many_faces", "few_frames"]


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


def times_shown(window: np.ndarray, fps: float) -> list[float]:
    """When the frames are shown that a video has at these times."""
    return sorted({int(t * fps + 1e-6) / fps for t in window})


def a_look(t_s: float) -> Look:
    return Look(place=0, t_s=t_s, index=0, box=(0, 0, 60, 60), pixels=None)
