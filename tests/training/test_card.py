import json
import sys

import pytest

from core.calibration import Calibration, Curve
from core.pretrained import load_weights
from tests.tiny import DECIDED, tiny_weights
from training.card import card, main

CONFIG = {
    "name": "net",
    "version": "7",
    "sha256": "ab" * 32,
    "head_adds": False,
    "encoder": {"stem": "lite0", "depths": [2, 2], "groups": 32, "width_per_group": 4},
    "head": {"kind": "residual-lstm"},
    "size": 112,
    "margin": 1.3,
}
CALIBRATION = {
    "video": {
        "files": 39,
        "looks": 195,
        "real sources": 32,
        "real likely_manipulated": 0.04,
        "real no_signs_found": 0.09,
        "fake likely_manipulated": 0.3,
        "fake no_signs_found": 0.06,
    },
}


def figures(margin: list[float]) -> dict:
    kind = {
        "fake": 5,
        "real": 34,
        "real_flagged": [0.0, 0.0, 0.11],
        "ranking": {"auc": [0.71, 0.6, 0.8]},
        "categories": {"face-swap": {"fake": 3, "auc": [0.75, 0.5, 0.9]}},
        "generators": {"dfdc": {"fake": 2, "auc": [0.8, 0.7, 0.9]}},
        "pairs": {"same footage": {"couples": 4, "share": [0.75, 0.5, 1.0]}},
        "controls": {"best": "sharpness_small", "best_auc": 0.66, "detector_minus_best": margin},
    }
    return {"kinds": {"video": kind, "image": kind}}


def test_a_card_says_each_figure_with_its_interval_and_which_weights_they_are_of():
    text = card(CONFIG, figures([0.05, 0.01, 0.09]), CALIBRATION, True)
    for words in (
        "0.71 [0.60, 0.80]",
        "face-swap (3) | 0.75 [0.50, 0.90]",
        "dfdc (2)",
        "0.75 [0.50, 1.00] are in order",
        "ab" * 32,
        "112 px, the face box times 1.3",
    ):
        assert words in text
    assert "not shown to be above" not in text


def test_a_card_admits_when_a_control_does_as_well():
    assert "not shown to be above" in card(CONFIG, figures([0.05, -0.02, 0.1]), CALIBRATION, True)


def test_a_card_says_whether_a_single_picture_can_get_a_verdict():
    decided, not_decided = (card(CONFIG, figures([0.05, 0.01, 0.09]), CALIBRATION, stills) for stills in (True, False))
    assert "always called `inconclusive`" in not_decided
    assert "always called" not in decided


@pytest.mark.parametrize(("stills", "decided"), (((), False), ((Curve(likely_from=0.6),), True)))
def test_the_card_of_weights_that_know_nothing_of_pictures_says_that_these_get_no_verdict(
    tmp_path, monkeypatch, stills, decided
):
    weights = tiny_weights(tmp_path / "weights", Calibration(DECIDED.video, stills))
    monkeypatch.setattr(sys, "argv", command(tmp_path, weights, load_weights(weights).sha256))
    main()
    assert ("always called `inconclusive`" not in (weights / "README.md").read_text()) is decided


def command(folder, weights, figures_of=None, calibration_of=None):
    """The command line for these weights, with figures and a calibration of those with a sha256."""
    (folder / "figures.json").write_text(json.dumps({"model": {"sha256": figures_of}} | figures([0.05, 0.01, 0.09])))
    (folder / "calibrate.json").write_text(json.dumps({"sha256": calibration_of or figures_of} | CALIBRATION))
    given = {"weights": weights, "figures": folder / "figures.json", "calibration": folder / "calibrate.json"}
    return ["card", *(f"--{name}={path}" for name, path in given.items())]


def test_figures_of_other_weights_are_not_written_beside_these(tmp_path, monkeypatch):
    weights = tiny_weights(tmp_path / "weights")
    mine = load_weights(weights).sha256
    for of, file in ((("ab" * 32,), "figures.json"), ((mine, "ab" * 32), "calibrate.json")):
        monkeypatch.setattr(sys, "argv", command(tmp_path, weights, *of))
        with pytest.raises(SystemExit, match=f"{file} is of other weights"):
            main()
    assert not (weights / "README.md").exists()


def test_a_missing_file_is_named(tmp_path, monkeypatch):
    argv = command(tmp_path, tiny_weights(tmp_path / "weights"))
    (tmp_path / "calibrate.json").unlink()
    monkeypatch.setattr(sys, "argv", argv)
    with pytest.raises(SystemExit, match="calibrate.json cannot be read"):
        main()


def test_a_card_of_videos_alone_says_nothing_of_pictures():
    of_videos = {"kinds": {"video": figures([0.05, 0.01, 0.09])["kinds"]["video"]}}
    text = card(CONFIG, of_videos, CALIBRATION, True)
    assert "never trained on: 5 manipulated and 34 real videos." in text and "| images" not in text


def test_a_card_says_of_their_origin_and_licence_what_it_was_told_and_nothing_else():
    told = card(CONFIG, figures([0.05, 0.01, 0.09]), CALIBRATION, True, about="## Faces\n\nMine.\n", licence="mine")
    assert "\n## Faces\n\nMine.\n\n## What was measured" in told and "license: other\nlicense_name: mine\n" in told
    untold = card(CONFIG, figures([0.05, 0.01, 0.09]), CALIBRATION, True)
    assert "has not told" in untold and "license: unknown\n" in untold and "stills" not in untold


def test_a_card_tells_what_other_frames_of_the_same_videos_give():
    one, other = figures([0.05, 0.01, 0.09]), figures([0.05, 0.01, 0.09])
    other["kinds"]["video"] = {**other["kinds"]["video"], "ranking": {"auc": [0.64, 0.55, 0.74]}}
    assert "the same videos give 0.64 [0.55, 0.74]" in card(CONFIG, one, CALIBRATION, True, other)


def test_a_card_says_how_many_real_and_forged_videos_get_each_verdict_and_what_none_can_mean():
    text = card(CONFIG, figures([0.05, 0.01, 0.09]), CALIBRATION, True)
    assert (
        "by 5 starts of the windows: of 34 real ones 4%\nare called `likely_manipulated` and 9% `no_signs_found`; of 5 forged ones 30% and 6%"
        in text
    )
    assert "none is flagged" not in text
    never = {"video": CALIBRATION["video"] | {"real likely_manipulated": 0.0}}
    assert "none is flagged of 34 fits any share up to 11%" in card(CONFIG, figures([0.05, 0.01, 0.09]), never, True)


def test_the_example_of_how_a_probability_is_to_be_taken_follows_from_its_odds():
    odds = 0.75 / 0.25 * (0.01 / 0.99)
    assert f"75% here is\n{odds / (1 + odds):.0%} where" in card(CONFIG, figures([0.05, 0.01, 0.09]), CALIBRATION, True)


def test_a_card_says_how_many_flagged_videos_are_forged_where_few_are():
    text = " ".join(card(CONFIG, figures([0.05, 0.01, 0.09]), CALIBRATION, True).split())
    told = "86% are forged where half of all are, 40% where one in ten is, and 6% where one in a hundred is"
    assert told in text  # .3 of forged ones and .05 of real ones: .3 / .35, .03 / .075 and .003 / .0525
    never = {"video": {**CALIBRATION["video"], "fake likely_manipulated": 0.0}}
    assert "videos so called" not in card(CONFIG, figures([0.05, 0.01, 0.09]), never, True)
