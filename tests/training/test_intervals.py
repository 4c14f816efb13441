"""What is said of an answer's interval follows from two looks at the same videos."""

from types import SimpleNamespace

import pytest

from core.calibration import Calibration
from core.detector import Detector
from tests.media import portrait_clip
from tests.tiny import tiny_weights
from training.intervals import Looks, looked_at_twice, rows
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


@pytest.mark.slow
def test_what_cannot_be_judged_is_left_out(tmp_path):
    portrait_clip(tmp_path / "a.mp4", seconds=3)
    (tmp_path / "no.mp4").write_bytes(b"no video")
    write_manifest(tmp_path / "m.jsonl", [Item(str(tmp_path / name), 0, "video") for name in ("a.mp4", "no.mp4")])
    found = looked_at_twice(Detector.load(tiny_weights(tmp_path / "weights", Calibration())), tmp_path / "m.jsonl")
    assert len(found) == 1 and found[0].thorough.coverage.frames_examined > found[0].default.coverage.frames_examined
