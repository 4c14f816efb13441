"""Scores are kept, read back and brought into order; those of other systems too."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from core.calibration import Curve
from core.detector import Detector
from core.pretrained import USUAL
from core.summary import with_other
from core.usual import Usual
from tests.tiny import CONFIG, tiny_weights
from training.manifest import DataError, Item, drop_cut_line
from training.scores import Score, filled, frame_logits, logit_of, names_of, read_scores, score_all


def test_the_logit_behind_a_calibrated_probability_is_found_again():
    curve = Curve(slope=0.4, intercept=-0.7)
    for logit in (-12.0, -0.3, 0.0, 5.0):
        assert logit_of(curve.probability(logit), curve) == pytest.approx(logit, abs=1e-6)
    assert np.isfinite(logit_of(1.0, curve)) and np.isfinite(logit_of(0.0, curve))


@pytest.mark.parametrize("texture", (None, -1.5, 0.7))
def test_the_network_s_logits_of_the_frames_are_found_again_behind_the_movement(texture):
    curve, logits = Curve(slope=0.4, intercept=-0.7), [-6.0, -0.3, 2.0]
    timeline = [SimpleNamespace(probability=curve.probability(with_other(z, texture, ()))) for z in logits]
    face = SimpleNamespace(timeline=timeline, other_logit=texture)
    assert frame_logits(face, curve) == pytest.approx(logits, abs=1e-6)


def test_an_abstention_stands_at_the_median_of_the_others():
    assert filled([Score("a", 0.1), Score("b", None), Score("c", 0.3), Score("d", 0.9)], "probability")[1] == 0.3


def test_where_all_abstain_all_are_alike():
    assert filled([Score("a", None), Score("b", None)], "probability").tolist() == [0, 0]


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


def test_items_are_named_as_their_manifest_writes_them(tmp_path):
    items = [Item(str(tmp_path / "videos/a.mp4"), 0, "video"), Item("/elsewhere/b.mp4", 1, "video")]
    assert names_of(items, tmp_path / "m.jsonl") == ["videos/a.mp4", "/elsewhere/b.mp4"]
