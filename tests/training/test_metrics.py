"""Every figure against scikit-learn, a plain loop, or an answer known beforehand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    precision_recall_fscore_support,
    roc_auc_score,
)

from training import metrics


@pytest.fixture
def scored():
    """200 labels and noisy scores with ties."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 200)
    return labels, np.clip(np.round(rng.normal(0.4 + 0.2 * labels, 0.2), 2), 0, 1)


@pytest.mark.slow
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(-3, 3)), min_size=2, max_size=60))
def test_the_auc_is_that_of_scikit_learn_ties_included(rows):
    labels, scores = np.array(rows).T
    if 0 < labels.sum() < len(labels):
        assert metrics.label_auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores))


def test_the_auc_of_one_class_alone_is_not_a_number():
    assert np.isnan(metrics.label_auc(np.ones(3), np.arange(3.0)))


def test_a_perfect_order_has_perfect_figures():
    figures = metrics.ranking(np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.3, 0.9]))
    assert figures == {"auc": 1, "ap": 1, "eer": 0, "tpr_at_5fpr": 1}


def test_an_upside_down_order_errs_always():
    figures = metrics.ranking(np.array([0, 0, 1, 1]), np.array([0.8, 0.9, 0.1, 0.2]))
    assert (figures["auc"], figures["eer"], figures["tpr_at_5fpr"]) == (0, 1, 0)


def test_the_average_precision_is_that_of_scikit_learn(scored):
    assert metrics.ranking(*scored)["ap"] == pytest.approx(average_precision_score(*scored))


def test_at_the_equal_error_rate_as_many_are_flagged_as_missed():
    # a threshold between .4 and .5 flags 1 of 4 reals and misses 1 of 4 fakes
    labels = np.array([0, 0, 0, 1, 0, 1, 1, 1])
    assert metrics.equal_error_rate(labels, np.arange(8) / 10) == pytest.approx(0.25)


def test_the_equal_error_rate_of_constant_scores_is_a_half():
    assert metrics.equal_error_rate(np.array([0, 1, 0, 1]), np.full(4, 0.7)) == pytest.approx(0.5)


def test_fakes_are_caught_with_at_most_one_real_in_twenty_flagged():
    real, fake = np.arange(20) / 20, np.array([0.91, 0.96, 0.5, 0.1])
    labels, scores = np.repeat([0, 1], [20, 4]), np.concatenate([real, fake])
    # above the second highest real (.90), one real (.95) and the fakes .91 and .96 are flagged
    assert metrics.tpr_at_fpr(labels, scores) == 0.5
    assert metrics.tpr_at_fpr(labels, scores, 0.0) == 0.25


def test_figures_at_a_threshold_follow_the_four_counts():
    labels, scores = np.array([1, 1, 1, 0, 0, 0, 0, 0]), np.array([0.9, 0.5, 0.2, 0.8, 0.1, 0.1, 0.2, 0.3])
    figures = metrics.at_threshold(labels, scores, 0.5)  # 2 caught, 1 missed, 1 flagged, 4 let through
    assert figures["accuracy"] == pytest.approx(6 / 8)
    assert figures["balanced_accuracy"] == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert figures["precision"] == pytest.approx(2 / 3) and figures["recall"] == pytest.approx(2 / 3)
    assert figures["f1"] == pytest.approx(2 / 3)


def test_figures_at_a_threshold_are_those_of_scikit_learn(scored):
    labels, scores = scored
    figures = metrics.at_threshold(labels, scores, 0.55)
    precision, recall, f1, _ = precision_recall_fscore_support(labels, scores >= 0.55, average="binary")
    assert [figures["precision"], figures["recall"], figures["f1"]] == pytest.approx([precision, recall, f1])
    assert figures["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(labels, scores >= 0.55))


def test_nothing_flagged_has_no_precision():
    assert metrics.at_threshold(np.array([0, 1]), np.array([0.1, 0.2]), 0.5)["precision"] == 0


def test_probabilities_that_keep_their_word_have_no_calibration_error():
    probs = np.repeat([0.25, 0.75], 40)
    labels = np.concatenate([np.tile([1, 0, 0, 0], 10), np.tile([1, 1, 1, 0], 10)])
    assert metrics.calibration_error(labels, probs) == pytest.approx(0)
    assert metrics.brier(labels, probs) == pytest.approx(0.25 * 0.75)


def test_the_calibration_error_is_how_far_certainty_is_from_a_coin():
    assert metrics.calibration_error(np.tile([0, 1], 50), np.full(100, 0.9)) == pytest.approx(0.4)


def test_the_bins_of_the_reliability_plot_are_equally_full(scored):
    assert metrics.reliability(*scored)[:, 2].tolist() == [20] * 10


def test_fewer_things_than_bins_leave_no_empty_bin():
    assert len(metrics.reliability(np.array([0, 1]), np.array([0.2, 0.9]))) == 2


def test_the_risk_rises_as_unsure_decisions_are_covered():
    coverage, risk = metrics.risk_coverage(np.array([1, 0, 1, 0]), np.array([0.99, 0.05, 0.3, 0.6]), 0.5)
    assert coverage.tolist() == [0.25, 0.5, 0.75, 1]
    assert risk == pytest.approx([0, 0, 1 / 3, 1 / 2])


def test_a_pair_is_in_order_when_the_fake_scores_above_its_own_real():
    labels = np.array([0, 1, 1, 0, 1, 0, 1])
    scores = np.array([0.1, 0.3, 0.05, 0.5, 0.5, 0.9, 0.95])
    gaps, fakes = metrics.pair_gaps(labels, scores, ["a", "a", "a", "b", "b", None, None])
    assert gaps == pytest.approx([0.2, -0.05, 0])
    assert fakes.tolist() == [1, 2, 4]
    assert metrics.share_in_order(gaps) == pytest.approx(0.5)


def test_a_pair_without_a_real_is_no_pair():
    gaps, _ = metrics.pair_gaps(np.array([1, 1]), np.array([0.1, 0.2]), ["a", "a"])
    assert len(gaps) == 0 and np.isnan(metrics.share_in_order(gaps))


def test_things_that_share_a_name_through_others_stand_in_one_group():
    groups = metrics.groups_of([["ann"], ["bob"], ["ann", "pair 1"], [], ["pair 1"], []])
    assert groups[0] == groups[2] == groups[4]
    assert len(set(groups.tolist())) == 4


def test_a_bootstrap_draw_takes_whole_groups():
    groups = np.array([7, 7, 7, 3, 3, 9])
    for draw in metrics.cluster_draws(groups, draws=50):
        counts = np.bincount(draw, minlength=6)
        assert counts[0] == counts[1] == counts[2] and counts[3] == counts[4]
        assert counts[0] + counts[3] + counts[5] == 3


def test_copies_of_the_same_people_do_not_narrow_the_interval(scored):
    labels, scores = (x[:60] for x in scored)
    groups = np.arange(60)

    def width(labels, scores, groups):
        low, high = metrics.interval(lambda i: metrics.label_auc(labels[i], scores[i]), metrics.cluster_draws(groups))
        return high - low

    once = width(labels, scores, groups)
    copied = width(np.tile(labels, 4), np.tile(scores, 4), np.tile(groups, 4))
    as_if_new = width(np.tile(labels, 4), np.tile(scores, 4), np.arange(240))
    assert copied == pytest.approx(once, rel=0.1)
    assert as_if_new < 0.7 * once


def test_the_interval_of_a_mean_is_near_that_of_theory():
    values = np.random.default_rng(1).normal(0, 1, 400)
    low, high = metrics.interval(lambda i: float(values[i].mean()), metrics.cluster_draws(np.arange(400)))
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.1)


def test_the_same_draws_make_a_system_equal_to_itself(scored):
    labels, scores = scored
    draws = metrics.cluster_draws(np.arange(len(labels)), draws=100)
    assert metrics.interval(
        lambda i: metrics.label_auc(labels[i], scores[i]) - metrics.label_auc(labels[i], 3 * scores[i]), draws
    ) == [0, 0]


def test_draws_without_a_class_are_left_out_of_the_interval():
    labels, scores = np.array([0, 1]), np.array([0.2, 0.1])
    draws = metrics.cluster_draws(np.arange(2), draws=40)
    assert metrics.interval(lambda i: metrics.label_auc(labels[i], scores[i]), draws) == [0, 0]


def test_things_of_one_probability_give_the_same_figures_in_any_order():
    labels, probs = np.repeat([0, 1], 50), np.full(100, 0.5)
    assert metrics.calibration_error(labels, probs) == pytest.approx(0)
    for ordered in (labels, labels[::-1], np.tile([0, 1], 50)):
        assert metrics.risk_coverage(ordered, probs, 0.4)[1] == pytest.approx(np.full(100, 0.5))


@pytest.mark.parametrize("groups", (1, 5, 34))
def test_the_end_of_a_share_that_was_never_seen_is_that_of_clopper_and_pearson(groups):
    from scipy.stats import binomtest

    exact = binomtest(0, groups).proportion_ci(0.95, "exact").high
    assert metrics.end_of_all_alike(groups) == pytest.approx(exact)
