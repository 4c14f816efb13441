"""Scores are kept, read back and brought into order; those of other systems too."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from core.calibration import Calibration, Curve
from core.detector import Detector
from core.pretrained import USUAL
from core.summary import with_other
from core.usual import Usual
from tests.tiny import CONFIG, tiny_weights
from training.manifest import DataError, Item, drop_cut_line
from training.metrics import label_auc
from training.scores import Score, filled, frame_logits, logit_of, names_of, read_scores, recalibrated, score_all


def test_the_logit_behind_a_calibrated_probability_is_found_again():
    curve = Curve(slope=0.4, intercept=-0.7)
    for logit in (-12.0, -0.3, 0.0, 5.0):
        assert logit_of(curve.probability(logit), curve) == pytest.approx(logit, abs=1e-6)
    assert np.isfinite(logit_of(1.0, curve)) and np.isfinite(logit_of(0.0, curve))


@pytest.mark.parametrize("texture", (None, -1.5, 0.7))
def test_the_network_s_logits_of_the_frames_are_found_again_behind_the_movement(texture):
    curve, logits = Curve(slope=0.4, intercept=-0.7, alone=(0.5, 0.1)), [-6.0, -0.3, 2.0]
    timeline = [SimpleNamespace(probability=curve.probability(with_other(z, texture, (), curve))) for z in logits]
    face = SimpleNamespace(timeline=timeline, other_logit=texture)
    assert frame_logits(face, curve) == pytest.approx(logits, abs=1e-6)


def test_a_score_of_the_network_alone_is_worded_by_another_calibration_on_its_scale():
    score = Score("a.mp4", 0.5, logit=9.0, mean_logit=9.0, frame_logits=(1.0, 3.0), alone_logit=2.5, faces=1)
    curve = Curve(slope=2.0, intercept=-1.0, alone=(0.4, 0.1))
    worded = recalibrated(score, Item("a.mp4", label=0, kind="video"), Calibration((curve,)))
    assert (worded.logit, worded.mean_logit) == pytest.approx((1.1, 0.9))
    assert worded.probability == curve.probability(worded.logit)


def test_an_abstention_stands_at_the_median_of_the_other_class():
    scores = [Score(str(p), p) for p in (0.1, None, 0.3, 0.2, None, 0.9, 0.8)]
    values = filled(scores, np.array([0, 0, 0, 0, 1, 1, 1]), "probability")
    assert values == pytest.approx([0.1, 0.85, 0.3, 0.2, 0.2, 0.9, 0.8])


def test_abstaining_on_fakes_earns_half_of_what_telling_them_does_also_where_most_files_are_fake():
    labels = np.array([0] * 10 + [1] * 50)
    scores = [Score(str(n), None if n >= 30 else 0.9 if label else 0.1) for n, label in enumerate(labels)]
    assert label_auc(labels, filled(scores, labels, "probability")) == pytest.approx((20 + 30 / 2) / 50)


@pytest.mark.parametrize("labels", [[0, 1], [0, 0], [1, 1]])
def test_where_all_abstain_all_are_alike(labels):
    assert filled([Score("a", None), Score("b", None)], np.array(labels), "probability").tolist() == [0, 0]


def test_where_a_whole_class_abstains_nothing_is_told_apart():
    labels = np.array([0, 0, 1, 1])
    scores = [Score("a", 0.1), Score("b", 0.2), Score("c", None), Score("d", None)]
    assert label_auc(labels, filled(scores, labels, "probability")) == 0.5


def test_a_line_that_a_kill_cut_short_is_dropped(tmp_path):
    out = tmp_path / "scores.jsonl"
    out.write_text('{"path": "a", "probability": 0.5}\n{"path": "b", "prob')
    drop_cut_line(out)
    assert [s.path for s in read_scores(out)] == ["a"]


def test_scores_of_another_system_need_a_path_and_a_probability_alone(tmp_path):
    out = tmp_path / "scores.jsonl"
    out.write_text('{"path": "a", "probability": null, "their": 1}\n{"path": "b", "probability": 3}\n')
    assert read_scores(out) == [Score("a", None), Score("b", 3)]


@pytest.mark.parametrize("row", [{"path": "a"}, {"probability": 0.5}, {"path": "a", "probability": "high"}])
def test_a_score_without_path_or_number_is_refused(tmp_path, row):
    (tmp_path / "s.jsonl").write_text(json.dumps(row) + "\n")
    with pytest.raises(DataError, match="Line 1"):
        read_scores(tmp_path / "s.jsonl")


def test_scores_made_with_something_else_beside_the_weights_are_refused(tmp_path):
    folder, item = tiny_weights(tmp_path / "weights"), Item(str(tmp_path / "none.png"), 0, "image")

    def judge(out, left=None):
        if left is not None:
            wide = CONFIG.encoder.features
            usual = Usual(np.ones(wide), np.ones(wide), np.zeros((1, wide)), np.full(9, left))
            (folder / USUAL).write_bytes(usual.to_bytes())
        return score_all(Detector.load(folder), [item], ["none.png"], tmp_path / out)

    assert judge("without.jsonl") == judge("without.jsonl")
    assert judge("with.jsonl", 0.1) == judge("with.jsonl")
    for out, left in (("without.jsonl", 0.1), ("with.jsonl", 0.2)):
        with pytest.raises(DataError, match="other weights"):
            judge(out, left)


def test_scores_of_another_manifest_whose_files_have_the_same_names_are_refused(tmp_path):
    detector, out = Detector.load(tiny_weights(tmp_path / "weights")), tmp_path / "scores.jsonl"
    for folder, words in (("a", b"no picture"), ("b", b"no picture either")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "1.png").write_bytes(words)
    first, second = (Item(str(tmp_path / folder / "1.png"), 0, "image") for folder in "ab")
    found = score_all(detector, [first], ["1.png"], out)
    assert score_all(detector, [first], ["1.png"], out) == found
    with pytest.raises(DataError, match="of other files, 1.png"):
        score_all(detector, [second], ["1.png"], out)


def test_items_are_named_as_their_manifest_writes_them(tmp_path):
    items = [Item(str(tmp_path / "videos/a.mp4"), 0, "video"), Item("/elsewhere/b.mp4", 1, "video")]
    assert names_of(items, tmp_path / "m.jsonl") == ["videos/a.mp4", "/elsewhere/b.mp4"]
