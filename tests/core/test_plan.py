import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import CheckError
from core.plan import PLANS, Plan, plan_named, window_times


def test_a_minute_gets_four_windows_of_eight_frames_at_four_hertz():
    windows = window_times(60, PLANS["default"])
    assert [len(times) for times in windows] == [8] * 4
    assert all(np.allclose(np.diff(times), 0.25) for times in windows)


def test_windows_are_spread_over_the_whole_video():
    middles = [times.mean() for times in window_times(80, PLANS["default"])]
    assert np.allclose(middles, [10, 30, 50, 70])


@pytest.mark.parametrize(("last_s", "count"), [(1.0, 1), (3.7, 1), (3.8, 2), (5.8, 3), (7.8, 4), (100, 4)])
def test_short_videos_get_fewer_windows(last_s, count):
    assert len(window_times(last_s, PLANS["default"])) == count


@pytest.mark.parametrize(("last_s", "looks"), [(0.5, 3), (1.74, 7), (1.75, 8), (2.9, 12), (3.7, 15)])
def test_a_video_without_room_for_two_windows_is_looked_at_from_end_to_end(last_s, looks):
    (times,) = window_times(last_s, PLANS["default"])
    assert np.allclose(times, 0.25 * np.arange(looks)) and last_s - times[-1] < 0.25


def test_a_single_frame_is_one_window_of_one_moment():
    assert [times.tolist() for times in window_times(0, PLANS["default"])] == [[0]]


def test_thorough_windows_follow_each_other_without_a_gap():
    times = np.concatenate(window_times(21.3, PLANS["thorough"]))
    assert np.allclose(np.diff(times), 0.125)
    assert times[0] == 0
    assert 21.3 - times[-1] < 0.125


@settings(deadline=None)
@given(
    st.floats(0, 900), st.integers(0, 9), st.integers(1, 40), st.sampled_from([0.5, 3, 8, 29.97]), st.floats(-900, 900)
)
def test_no_window_overlaps_another_or_reaches_past_the_end(last_s, windows, length, rate_hz, shift_s):
    times = window_times(last_s, Plan("any", windows, length, rate_hz, shift_s=shift_s))
    flat = np.concatenate(times)
    assert all(len(window) for window in times)
    assert (np.diff(flat) > 0).all()
    assert flat[0] >= 0
    assert flat[-1] <= last_s + 1e-6


def test_windows_are_moved_by_the_same_and_no_further_than_there_is_room():
    plain = window_times(20, PLANS["default"])
    first, last = plain[0][0], plain[-1][-1]
    for wanted, shift in [(0.2, 0.2), (-0.2, -0.2), (9.0, 20 - last), (-9.0, -first)]:
        moved = window_times(20, Plan(shift_s=wanted))
        assert np.allclose(moved, np.array(plain) + shift)


def test_a_window_longer_than_any_video_costs_no_more_than_the_video():
    (times,) = window_times(10, plan_named("default", length=10**12))
    assert len(times) == 41


def test_consecutive_plans_have_no_times_of_their_own():
    with pytest.raises(ValueError, match="first100"):
        window_times(10, PLANS["first100"])


@pytest.mark.parametrize(
    "wrong", [{"length": 0}, {"length": -8}, {"windows": -1}, {"rate_hz": -1}, {"rate_hz": np.nan}]
)
def test_a_plan_that_cannot_be_is_refused_when_it_is_made(wrong):
    with pytest.raises(ValueError, match="a plan has"):
        Plan(**wrong)


def test_a_plan_is_found_by_name_and_its_length_may_be_given():
    assert plan_named("mean", length=30).length == 30
    assert plan_named("default") is PLANS["default"]


def test_an_unknown_plan_is_reported_with_the_known_ones():
    with pytest.raises(CheckError, match="thorough") as caught:
        plan_named("quick")
    assert caught.value.code == "unknown_plan"
