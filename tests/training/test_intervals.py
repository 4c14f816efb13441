"""What is said of an answer's interval follows from two looks at the same videos."""

from types import SimpleNamespace

import pytest

from core.calibration import Calibration
from core.detector import Detector
from tests.media import portrait_clip
from tests.tiny import tiny_weights
from training.intervals import Looks, Starts, areas, looked_at_from, looked_at_twice, rows, rows_of_starts
from training.manifest import Item, write_manifest


def looks(is_fake, interval, default, thorough):
    return Looks(
        is_fake,
        SimpleNamespace(interval=interval, probability=default),
        SimpleNamespace(probability=thorough),
    )


def test_what_lies_outside_its_interval_is_not_held():
    found = [looks(False, (0.2, 0.5), 0.3, 0.4), looks(False, (0.2, 0.4), 0.3, 0.6), looks(True, (0.5, 0.9), 0.8, 0.9)]
    assert rows(found) == [["real", "2", "1", "0.25", "0.28"], ["forged", "1", "1", "0.40", "0.10"]]


def verdict_of(probability):
    return "likely_manipulated" if probability > 0.6 else "inconclusive" if probability > 0.4 else "no_signs_found"


def starts(is_fake, *answers):
    return Starts(
        is_fake,
        tuple(SimpleNamespace(probability=p, interval=interval, verdict=verdict_of(p)) for p, interval in answers),
    )


def test_how_often_one_starts_interval_holds_another_ones_probability():
    wide, narrow = (0.3, (0.1, 0.6)), (0.5, (0.4, 0.55))
    found = [starts(False, wide, narrow), starts(True, (0.7, (0.5, 0.8)), (0.6, (0.5, 0.7)))]
    assert rows_of_starts(found) == [
        ["real", "1", "0.50", "1", "0.50", "0.33", "1", "0.000", "0.500", "0.500"],
        ["forged", "1", "1.00", "0", "1.00", "0.25", "1", "0.500", "0.500", "0.000"],
    ]


def test_each_start_tells_forged_from_real_in_its_own_way():
    found = [starts(False, (0.3, None), (0.7, None)), starts(True, (0.6, None), (0.6, None))]
    assert areas(found).tolist() == [1, 0]


@pytest.mark.slow
def test_what_one_start_cannot_judge_is_left_out(tmp_path):
    portrait_clip(tmp_path / "a.mp4", seconds=5)
    (tmp_path / "no.mp4").write_bytes(b"no video")
    write_manifest(tmp_path / "m.jsonl", [Item(str(tmp_path / name), 1, "video") for name in ("a.mp4", "no.mp4")])
    detector = Detector.load(tiny_weights(tmp_path / "weights", Calibration()))
    (found,) = looked_at_from(detector, tmp_path / "m.jsonl", [0, 0.2])
    first, second = ([moment.t_s for moment in answer.faces[0].timeline] for answer in found.answers)
    assert first != second and found.is_fake


@pytest.mark.slow
def test_what_cannot_be_judged_is_left_out(tmp_path):
    portrait_clip(tmp_path / "a.mp4", seconds=3)
    (tmp_path / "no.mp4").write_bytes(b"no video")
    write_manifest(tmp_path / "m.jsonl", [Item(str(tmp_path / name), 0, "video") for name in ("a.mp4", "no.mp4")])
    found = looked_at_twice(Detector.load(tiny_weights(tmp_path / "weights", Calibration())), tmp_path / "m.jsonl")
    assert len(found) == 1 and found[0].thorough.coverage.frames_examined > found[0].default.coverage.frames_examined
