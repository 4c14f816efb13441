"""Figures of items and scores, with people and pairs that move together; the page and the pictures made of them."""

import json
from dataclasses import replace

import numpy as np
import pytest

from training.controls import ALL, Controls
from training.figures import (
    Judged,
    all_figures,
    calibration,
    cluster_numbers,
    difference,
    pairs,
    same_source,
    share_flagged,
)
from training.manifest import SAME_FOOTAGE, Item
from training.plots import draw_all
from training.report import PEERS, markdown, peers_for
from training.scores import Score


def scored(item: Item, logit: float | None) -> Score:
    if logit is None:
        return Score(item.path, None, why_not="no_face")
    p = float(1 / (1 + np.exp(-logit)))
    verdict = "likely_manipulated" if p > 0.8 else "inconclusive" if p > 0.2 else "no_signs_found"
    return Score(item.path, p, logit, logit - 0.1, (logit - 1, logit + 0.8), verdict, faces=1)


@pytest.fixture(scope="module")
def judged() -> Judged:
    """40 reals of 20 people, each with a fake of the same footage; swaps score 2 higher than their reals, lip-sync 0."""
    rng = np.random.default_rng(0)
    items, scores = [], []
    for n in range(40):
        who = {"identity": f"p{n % 20}", "source": f"site{n % 8}", "pair_id": f"f{n}", "pair_kind": SAME_FOOTAGE}
        method, shift = ("swapper", 2.0) if n % 2 else ("lips", 0.0)
        base = rng.normal()
        real = Item(f"r{n}.mp4", 0, "video", **who)
        fake = Item(f"f{n}.mp4", 1, "video", method, {"swapper": "face-swap", "lips": "lip-sync"}[method], **who)
        items += [real, fake]
        scores += [scored(real, base), scored(fake, base + shift + rng.normal(0, 0.1))]
    return Judged(items, scores, draws=200)


@pytest.fixture(scope="module")
def figures(judged):
    rng = np.random.default_rng(1)
    measured = [Controls(width=640, bytes=rng.normal(1e5, 1e4), sharpness=50 - 5 * i.label) for i in judged.items]
    return all_figures(judged, 0.5, measured)


def test_categories_and_generators_are_each_judged_against_all_reals(figures):
    swap, lips = figures["generators"]["swapper"], figures["generators"]["lips"]
    assert swap["fake"] == lips["fake"] == 20
    assert swap["auc"][0] > 0.85 > 0.6 > lips["auc"][0] > 0.4
    assert swap["auc"][1] < swap["auc"][0] < swap["auc"][2]
    assert figures["categories"]["face-swap"]["auc"] == swap["auc"]
    assert figures["generator_auc"] == {
        "min": lips["auc"][0],
        "median": pytest.approx((swap["auc"][0] + lips["auc"][0]) / 2),
    }


def test_pairs_show_a_signal_that_offsets_between_people_hide(figures):
    pairs = figures["pairs"][SAME_FOOTAGE]
    assert pairs["couples"] == 40 and pairs["in_order"] >= 25
    assert pairs["mean_gap"] == pytest.approx(1.0, abs=0.1)


def test_a_person_who_stands_in_many_couples_weighs_once_by_pair():
    items = [
        Item("r", 0, "video", pair_id="a"),
        Item("r2", 0, "video", pair_id="b"),
        Item("g", 1, "video", pair_id="b"),
    ]
    items += [Item(f"f{n}", 1, "video", pair_id="a") for n in range(9)]
    logits = [0.0, 0.0, -1.0] + [1.0] * 9
    found = pairs(
        Judged(items, [scored(i, z) for i, z in zip(items, logits, strict=True)], 50), [i.pair_id for i in items]
    )
    assert (found["in_order"], found["couples"], found["by_pair"]) == (9, 10, 0.5)


def test_every_couple_of_one_source_weighs_the_same():
    labels, scores = np.array([0, 1, 0, 1, 1, 1]), np.array([0.1, 0.9, 0.15, 0.1, 0.2, 0.3])
    found = same_source(labels, scores, ["a"] * 2 + ["b"] * 4)
    assert found == {"auc": 0.75, "couples": 4, "fake": 4}  # one of one, and two of three


def test_the_spread_of_reals_is_taken_of_logits(judged, figures):
    logits = [s.logit for i, s in zip(judged.items, judged.scores, strict=True) if not i.label]
    assert figures["real_logits"]["sd"] == pytest.approx(np.std(logits))


def test_every_item_stands_in_the_table_of_verdicts(figures):
    for counts in figures["verdicts"].values():
        assert sum(counts.values()) == 40
    real = figures["verdicts"]["real"]
    assert figures["real_flagged"][0] == pytest.approx(real["likely_manipulated"] / 40)


def test_none_flagged_among_a_few_people_does_not_mean_never(judged):
    calm = [replace(score, verdict="inconclusive") for score in judged.scores]
    share = share_flagged(Judged(judged.items, calm, 50), judged.redraw()[:50])
    assert share == pytest.approx([0, 0, 0.168], abs=1e-3)  # 20 people
    few = Judged(judged.items, calm, 50).subset((judged.labels == 1) | (np.arange(80) < 20))
    assert share_flagged(few, few.redraw())[2] == pytest.approx(0.308, abs=1e-3)  # 10 of whom there are reals
    alarmed = [replace(score, verdict="likely_manipulated") for score in judged.scores]
    assert share_flagged(Judged(judged.items, alarmed, 50), judged.redraw()[:50])[1] == pytest.approx(0.832, abs=1e-3)


def test_no_figure_lies_outside_its_own_interval_however_true_the_probabilities_are():
    rng = np.random.default_rng(0)
    for _ in range(6):
        probs = rng.uniform(0.05, 0.95, 150)
        items = [Item(f"{n}", int(rng.random() < p), "video") for n, p in enumerate(probs)]
        scores = [Score(item.path, float(p)) for item, p in zip(items, probs, strict=True)]
        for figure in calibration(Judged(items, scores, 100), 0.5).values():
            middle, low, high = figure if isinstance(figure, list) else [figure] * 3
            assert low <= middle <= high


def test_three_pairs_in_order_do_not_mean_always():
    items = [Item(f"{label}{n}", label, "video", pair_id=str(n)) for n in range(3) for label in (0, 1)]
    found = pairs(Judged(items, [scored(i, i.label) for i in items], 50), [i.pair_id for i in items])
    assert found["share"] == pytest.approx([1, 0.292, 1], abs=1e-3)


def test_the_mean_of_frames_is_shown_beside_the_temporal_head(figures):
    # the mean of frames is .1 below the head everywhere: no difference in order
    assert figures["frames"]["head_minus_mean"] == pytest.approx([0, 0, 0])
    assert 0.5 < figures["frames"]["single_frame_auc"] < figures["ranking"]["auc"][0]


def test_abstentions_are_counted_and_stand_at_the_median_of_the_other_class(judged):
    scores = [
        replace(s, probability=None, logit=None, why_not="no_face") if n < 6 else s for n, s in enumerate(judged.scores)
    ]
    some = Judged(judged.items, scores, 50)
    figures = all_figures(some, 0.5)
    assert figures["abstained"] == {"no_face": 6}
    real, fake = (np.median([s.probability for s in scores[6 + label :: 2]]) for label in (0, 1))
    assert some.values("probability")[:6] == pytest.approx([fake, real] * 3)
    assert figures["calibration"] == calibration(Judged(judged.items[6:], scores[6:], 50), 0.5)


def test_the_detector_is_measured_against_the_most_telling_control(figures):
    controls = figures["controls"]
    assert controls["best"] == "sharpness" and controls["best_auc"] == 1.0
    assert controls["auc"]["sharpness"] == 0.0  # fakes are the softer ones here
    assert "width" not in controls["auc"] and ALL in controls["auc"]
    assert controls["detector_minus_best"][2] < 0


def test_a_system_is_no_better_than_itself_on_the_same_draws(judged):
    probs = judged.values("probability")
    assert difference(judged.labels, probs, probs, judged.redraw()) == [0, 0, 0]


def test_the_interval_of_a_difference_is_narrower_than_those_of_the_two(judged, figures):
    labels, ours = judged.labels, judged.values("probability")
    theirs = ours + np.random.default_rng(2).normal(0, 0.02, len(ours))
    _, low, high = difference(labels, ours, theirs, judged.redraw())
    _, auc_low, auc_high = figures["ranking"]["auc"]
    assert high - low < 0.3 * (auc_high - auc_low)


def test_where_everybody_is_tied_to_everybody_pairs_alone_move_together():
    items = [Item(f"{n}", n % 2, "video", identity="one person", pair_id=f"f{n // 2}") for n in range(12)]
    assert len(set(cluster_numbers(items))) == 6


@pytest.mark.slow
def test_the_page_names_every_figure_and_the_pictures_are_drawn(judged, figures, tmp_path):
    peers = json.loads(PEERS.read_text())
    figures = figures | {"against": {"other": {"auc": [0.6, 0.5, 0.7], "difference": [0.1, 0.0, 0.2]}}}
    model = {"name": "m", "version": "1", "sha256": "ab" * 32, "trained": True, "device": "cpu", "precision": "fp32"}
    result = {
        "manifest": "m.jsonl", "options": {"plan": "default", "threshold": 0.5}, "seconds_per_item": 1.0, "model": model,
        "skipped": {"file is missing": 3}, "kinds": {"video": figures}, "peers": peers,
    }  # fmt: skip
    page = markdown(result)
    for words in ("Videos: 40 fake, 40 real, 20 groups", "| AUC | 0.", "lip-sync", "same footage", "file is missing",
                  "Controls that know nothing", "ours minus its", "+0.10 [+0.00, +0.20]", "MesoNet"):  # fmt: skip
        assert words in page
    assert "UNTRAINED" in markdown(result | {"model": model | {"trained": False}}) and "UNTRAINED" not in page
    draw_all(tmp_path, {"video": judged}, 0.5, {"video": {"other": np.zeros(80)}})
    assert sorted(p.name for p in tmp_path.iterdir()) == ["reliability.png", "risk.png", "roc.png"]


def test_published_figures_stand_only_beside_the_set_they_were_measured_on():
    assert peers_for("0" * 64) is None
    assert peers_for(json.loads(PEERS.read_text())["manifest_sha256"])["rows"]
