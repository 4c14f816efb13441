"""The whole evaluation with the real Detector on clips made of the NASA portrait, and what can go wrong with it."""

import json
from dataclasses import replace

import cv2
import pytest

from core.detector import Detector
from core.example import blend, make_example, portrait
from tests.media import grey_clip
from tests.tiny import tiny_weights
from training.evaluate import Options, evaluate, main
from training.manifest import DataError, Item, chosen, write_manifest
from training.robustness import Cell, judge_grid, robustness

FEW_DRAWS = Options(draws=50)


@pytest.fixture(scope="module")
def detector(tmp_path_factory):
    return Detector.load(tiny_weights(tmp_path_factory.mktemp("weights")), precision="fp32")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Two real clips with their self-blended copies, a real clip without a face, a text file; two stills."""
    root = tmp_path_factory.mktemp("data")
    items = []
    for n, size in enumerate([(480, 300), (400, 260)]):
        for name, blended in (("real", False), ("fake", True)):
            path = make_example(root / f"{name}{n}.mp4", seconds=1.2 + n / 5, blended=blended, size=size)
            made = {"method": "self-blend", "category": "blend"} if blended else {}
            items.append(Item(str(path), int(blended), "video", pair_id=f"p{n}", pair_kind="same footage", **made))
    items.append(Item(str(grey_clip(root / "grey.mp4", 30)), 0, "video"))
    (root / "text.mp4").write_text("no video")
    items.append(Item(str(root / "text.mp4"), 1, "video", method="self-blend"))
    for name, picture in (("real", portrait()), ("fake", blend(portrait()))):
        cv2.imwrite(str(root / f"{name}.png"), picture[:, :, ::-1])
        items.append(Item(str(root / f"{name}.png"), int(name == "fake"), "image"))
    write_manifest(root / "m.jsonl", items)
    return root


def test_two_systems_of_one_name_are_a_sentence_and_none_of_them_is_dropped(detector, data, tmp_path):
    scores = [tmp_path / owner / "eval" / "scores.jsonl" for owner in ("ann", "bob")]
    for path in scores:
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"path": "fake0.mp4", "probability": 0.9}) + "\n")
    with pytest.raises(DataError, match="one name"):
        evaluate(detector, data / "m.jsonl", tmp_path / "out", FEW_DRAWS, scores)


@pytest.mark.slow
def test_clips_are_judged_and_every_figure_and_picture_is_there(detector, data, tmp_path):
    other = tmp_path / "other" / "scores.jsonl"
    other.parent.mkdir()
    other.write_text("".join(json.dumps({"path": f"fake{n}.mp4", "probability": 0.9}) + "\n" for n in range(2)))
    result = evaluate(detector, data / "m.jsonl", tmp_path / "out", FEW_DRAWS, [other])

    video = result["kinds"]["video"]
    assert (video["real"], video["fake"]) == (3, 3)
    assert video["abstained"] == {"no_face": 1, "not_a_video": 1}
    assert video["pairs"]["same footage"]["couples"] == 2
    assert 0 <= video["ranking"]["auc"][0] <= 1
    assert video["frames"]["mean_of_frames_auc"][0] == video["ranking"]["auc"][0]  # a head that has not learned adds 0
    assert video["against"]["other"]["auc"][0] == 0.5  # all others stand at the median, which is that of the two
    assert result["kinds"]["image"]["abstained"] == {}
    assert result["peers"] is None
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"scores.jsonl", "controls.jsonl", "figures.json", "report.md", "roc.png", "reliability.png"} <= names

    # a run that was killed in the midst of a line goes on from there and comes to the same
    scores = tmp_path / "out/scores.jsonl"
    whole = scores.read_text()
    lines = whole.splitlines(keepends=True)
    scores.write_text("".join(lines[:6]) + lines[6][:40])
    again = evaluate(detector, data / "m.jsonl", tmp_path / "out", FEW_DRAWS, [other])
    assert again["kinds"] == result["kinds"]
    assert scores.read_text().splitlines()[:6] == whole.splitlines()[:6]

    with pytest.raises(DataError, match="other weights or another plan"):
        evaluate(detector, data / "m.jsonl", tmp_path / "out", Options(plan="thorough"))


@pytest.mark.slow
def test_treated_copies_are_judged_beside_the_originals(detector, data, tmp_path):
    from training.figures import Judged
    from training.scores import score_all

    items = [Item(str(data / f"{name}.png"), label, "image") for label, name in enumerate(("real", "fake"))]
    scores = score_all(detector, items, ["real", "fake"], tmp_path / "scores.jsonl")
    grid = [Cell("nothing"), Cell("JPEG 20", jpeg=20), Cell("video alone", kinds=("video",))]
    judged = Judged(items, scores, 50)
    found = robustness(detector, judged, ["real", "fake"], tmp_path / "grid", "default", lambda line: None, grid)
    assert set(found) == {"nothing", "JPEG 20"}
    assert found["nothing"]["change"][0] == 0 and found["nothing"]["real_logit_drift"] == pytest.approx(0, abs=1e-6)
    assert found["JPEG 20"]["real_logit_drift"] != 0


@pytest.mark.slow
def test_the_grid_as_a_command_writes_its_table_and_picture(detector, data, tmp_path):
    grid = [Cell("JPEG 20", jpeg=20, kinds=("image",)), Cell("blur", lambda rgb: cv2.GaussianBlur(rgb, (0, 0), 2))]
    found = judge_grid(detector, data / "m.jsonl", tmp_path / "out", 2, 20, grid)
    assert {kind: list(cells) for kind, cells in found.items()} == {
        "video": ["as they are", "blur"],
        "image": ["as they are", "JPEG 20", "blur"],
    }
    assert found["image"]["as they are"]["change"] == [0, 0, 0]
    report = (tmp_path / "out" / "report.md").read_text()
    assert "| JPEG 20 |" in report and "## Videos" in report
    assert (tmp_path / "out" / "robustness.png").stat().st_size > 5000
    json.loads((tmp_path / "out" / "figures.json").read_text(), parse_constant=pytest.fail)


def test_a_limit_takes_as_many_of_each_class_and_kind_spread_over_the_manifest():
    items = [Item(f"{n}", n % 2, "video" if n < 40 else "image", split="test") for n in range(60)]
    items.append(replace(items[0], split="train"))
    few = chosen(items, "test", 3)
    assert [(i.kind, i.label) for i in few] == [("video", 0)] * 3 + [("video", 1)] * 3 + [("image", 0)] * 3 + [
        ("image", 1)
    ] * 3
    assert few[0] == items[0] and few[2] == items[38]
    assert len(chosen(items, None, None)) == 61


def test_one_class_alone_is_a_sentence_and_no_traceback(detector, tmp_path):
    (tmp_path / "a.mp4").touch()
    write_manifest(tmp_path / "m.jsonl", [Item(str(tmp_path / "a.mp4"), 0, "video")])
    with pytest.raises(DataError, match="holds no fake items"):
        evaluate(detector, tmp_path / "m.jsonl", tmp_path / "out")


@pytest.mark.parametrize(
    ("option", "words"), [("--weights", "weights were not found"), ("--manifest", "cannot be read")]
)
def test_what_is_not_there_is_said_in_a_sentence_at_a_terminal(data, tmp_path, option, words):
    given = {"--manifest": data / "m.jsonl", "--out": tmp_path / "out", option: tmp_path / "none"}
    with pytest.raises(SystemExit, match=words):
        main([str(word) for pair in given.items() for word in pair])
