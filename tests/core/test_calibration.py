import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.calibration import Calibration, Curve

CURVE = Curve(slope=0.7, intercept=-0.2, likely_from=0.8, no_signs_until=0.3)


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_a_larger_logit_never_gives_a_smaller_probability(a, b):
    low, high = sorted((a, b))
    assert 0 <= CURVE.probability(low) <= CURVE.probability(high) <= 1


def test_the_probability_is_the_sigmoid_of_the_scaled_and_shifted_logit():
    assert CURVE.probability(2.0) == pytest.approx(1 / (1 + math.exp(-(0.7 * 2.0 - 0.2))))


def test_the_edges_part_the_three_verdicts():
    assert CURVE.verdict(0.81) == "likely_manipulated"
    assert CURVE.verdict(0.8) == CURVE.verdict(0.5) == CURVE.verdict(0.3) == "inconclusive"
    assert CURVE.verdict(0.29) == "no_signs_found"


@given(st.floats(-1e9, 1e9))
def test_without_fitted_edges_every_logit_is_inconclusive(logit):
    curve = Calibration().curve(faces=1)
    assert curve.verdict(curve.probability(logit)) == "inconclusive"


def test_each_number_of_faces_has_its_curve_and_the_last_serves_the_rest():
    curves = tuple(Curve(intercept=-float(k)) for k in range(4))
    calibration = Calibration(video=curves)
    assert [calibration.curve(k) for k in (1, 2, 3, 4, 5, 40)] == [*curves, curves[3], curves[3]]


def test_where_nobody_was_judged_the_curve_of_one_face_gives_the_bands():
    curves = tuple(Curve(intercept=-float(k)) for k in range(4))
    assert Calibration(video=curves).curve(0) == curves[0]


def test_stills_use_their_own_curves_where_there_are_any():
    still = Curve(slope=2.0)
    assert Calibration((CURVE,), (still,)).curve(1, is_still=True) == still
    assert Calibration((CURVE,), (still,)).curve(1) == CURVE


def test_stills_without_curves_of_their_own_get_no_verdict_by_the_edges_of_videos():
    curve = Calibration((replace(CURVE, alone=(0.4, 0.1)),)).curve(1, is_still=True)
    assert curve.of_alone(9.0) == 9.0  # that a picture does not move says nothing of it
    assert curve.probability(9.0) == CURVE.probability(9.0) > CURVE.likely_from
    assert {curve.verdict(curve.probability(z)) for z in (-9.0, 9.0)} == {"inconclusive"}
    assert not curve.decides


@pytest.mark.parametrize("curves", [((),), ((CURVE,) * 33,), ((CURVE,), (CURVE,) * 33)])
def test_a_calibration_without_a_curve_or_with_one_too_many_is_refused(curves):
    with pytest.raises(ValueError):
        Calibration(*curves)


def test_a_calibration_survives_its_json():
    calibration = Calibration((CURVE, Curve(alone=(0.4, 0.1))), (Curve(3.0),))
    assert Calibration.from_json(calibration.to_json()) == calibration


@pytest.mark.parametrize(
    "numbers",
    [
        {"slope": 0},
        {"slope": -1},
        {"alone": (0.0, 1.0)},
        {"alone": (1.0, math.inf)},
        {"slope": math.nan},
        {"likely_from": 0.2, "no_signs_until": 0.4},
        {"likely_from": 1.1},
        {"uncertainty": (-0.1, 0.1, 0.0)},
        {"uncertainty": (0.1, 0.1, 0.2)},
    ],
)
def test_a_curve_that_would_turn_answers_around_is_refused(numbers):
    with pytest.raises(ValueError):
        Curve(**numbers)


def test_the_interval_holds_the_probability_and_widens_with_the_spread():
    narrow, wide = CURVE.interval([0.9, 1.0, 1.1, 1.0], 1.0), CURVE.interval([-1.0, 3.0, 0.0, 2.0], 1.0)
    assert narrow[0] <= CURVE.probability(1.0) <= narrow[1] and wide[0] <= CURVE.probability(1.0) <= wide[1]
    assert wide[1] - wide[0] > 5 * (narrow[1] - narrow[0])


def test_the_interval_widens_with_what_the_calibration_does_not_know():
    vague = replace(CURVE, uncertainty=(0.01, 0.09, 0.0))
    sure, unsure = CURVE.interval([1.0, 1.1, 0.9], 1.0), vague.interval([1.0, 1.1, 0.9], 1.0)
    assert unsure[0] < sure[0] - 0.05 and unsure[1] > sure[1] + 0.05


def test_an_interval_holds_as_many_draws_as_it_says():
    curve = Curve(uncertainty=(0.0, 0.25, 0.0))  # the logit is known, the intercept has a deviation of .5
    low, high = curve.interval([0.3], 0.3)
    assert low == pytest.approx(curve.probability(0.3 - 1.645 * 0.5), abs=0.01)
    assert high == pytest.approx(curve.probability(0.3 + 1.645 * 0.5), abs=0.01)


@pytest.mark.parametrize("middle", [-3.0, 3.0])
def test_the_probability_lies_within_the_interval_even_where_no_draw_comes_near(middle):
    low, high = CURVE.interval([0.4, 0.5], middle)
    assert low <= CURVE.probability(middle) <= high


def test_slope_and_intercept_that_err_in_opposite_ways_make_up_for_each_other():
    curve = Curve(uncertainty=(0.04, 0.04, -0.04))
    assert curve.interval([1.0], 1.0) == pytest.approx([curve.probability(1.0)] * 2, abs=1e-4)
    assert curve.interval([-1.0], -1.0)[1] > curve.probability(-1.0) + 0.1


def test_the_draws_are_of_means_as_the_answer_is_one():
    few_lean = [0.0] * 90 + [10.0] * 10
    low, high = CURVE.interval(few_lean, 1.0)
    assert low > CURVE.probability(0.3) and high > CURVE.probability(1.3)


def test_a_slope_that_is_hardly_known_never_turns_an_answer_around():
    curve = Curve(slope=0.5, uncertainty=(1.0, 0.0, 0.0))
    assert curve.interval([3.0], 3.0)[0] == pytest.approx(0.5, abs=1e-6)


def test_the_same_seed_gives_the_same_interval():
    values = [0.1, 0.5, -0.3, 0.2]
    assert CURVE.interval(values, 0.1, seed=3) == CURVE.interval(values, 0.1, seed=3)
    assert CURVE.interval(values, 0.1, seed=3) != CURVE.interval(values, 0.1, seed=4)


def test_one_value_alone_has_no_spread_under_a_curve_that_is_known():
    assert CURVE.interval([0.4], 0.4) == pytest.approx([CURVE.probability(0.4)] * 2)
