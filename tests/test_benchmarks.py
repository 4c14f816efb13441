"""The benchmarks' arithmetic; no timings."""

import pytest
from torch import nn

from benchmarks.clips import picture
from benchmarks.compare import ratios, table
from benchmarks.limit import multiplications
from benchmarks.pipelines import MARKS
from benchmarks.where import STAGES, one_after_the_other
from core.detector import Detector
from core.faces import FaceDetector
from tests.media import portrait_clip


def row(pipeline, frames, seconds):
    return {
        "clip": "10s-720p",
        "pipeline": pipeline,
        "frames": frames,
        "seconds": 2 * seconds,
        "processor_s": seconds,
        "start_processor_s": 1.0,
        "peak_mb": 100.0,
        "bytes": 1e6,
    }


ROWS = [row("unmask", 64, 2.0), row("plain", 250, 20.0)] + [row("reference", n, float(n)) for n in MARKS]


def test_ratios_say_how_many_times_as_much_the_others_take():
    found = ratios(ROWS, {"sum": 1.0})
    assert (found["reference_100_frames"], found["reference_20_frames"], found["plain"]) == (50, 10, 10)
    assert found["limit"] == 2
    assert found["by_clock"]["reference_100_frames"] == 50


def test_the_table_has_a_line_for_each_pipeline():
    text = table({"rows": ROWS, "limit": {"sum": 1.0}, "ratios": ratios(ROWS, {"sum": 1.0})})
    assert [line.count("|") for line in text.splitlines() if line.startswith("| 10s")] == [10] * len(ROWS)
    assert "reference_100_frames: 50.0" in text


def test_multiplications_are_counted_from_the_shapes():
    assert multiplications(nn.Sequential(nn.Conv2d(3, 8, 3, padding=1)), 4) == 4 * 4 * 8 * 27


@pytest.mark.parametrize("faces", [1, 5])
def test_a_clip_shows_as_many_faces_as_it_says(faces):
    with FaceDetector() as finder:
        assert len(finder.search(picture(1.0, (1280, 720), faces))) == faces


@pytest.mark.slow
def test_where_time_goes_is_told_by_stage_with_nothing_decoded_ahead(tmp_path):
    with one_after_the_other():
        spent = Detector.load(device="cpu").check(portrait_clip(tmp_path / "clip.mp4")).seconds
    assert set(STAGES) <= set(spent)
