"""Controls measure what they say, and a fit on them never sees the source it judges."""

import cv2
import numpy as np
import pytest

from core.example import portrait
from core.faces import FaceDetector
from tests.media import grey_clip, portrait_clip
from training import controls
from training.controls import Controls, judge, leave_one_source_out, turned
from training.manifest import Item


def test_noise_is_found_at_its_strength():
    rng = np.random.default_rng(0)
    luma = np.tile(np.linspace(50, 200, 128, dtype=np.float32), (128, 1))
    assert controls.noise(luma + rng.normal(0, 4, luma.shape).astype(np.float32)) == pytest.approx(4, rel=0.1)
    assert controls.noise(luma) < 0.1


def test_a_hard_jpeg_is_blockier_than_a_mild_one():
    grey = cv2.cvtColor(portrait(), cv2.COLOR_RGB2GRAY)

    def coded(quality: int) -> float:
        data = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        return controls.blockiness(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE).astype(np.float32))

    assert coded(10) > 1.3 * coded(95)


def test_blur_lowers_sharpness_at_both_sizes():
    face = portrait()[70:190, 165:285]
    sharp, soft = controls.of_face(face), controls.of_face(cv2.GaussianBlur(face, (0, 0), 2))
    assert soft["sharpness"] < 0.5 * sharp["sharpness"] and soft["sharpness_small"] < 0.8 * sharp["sharpness_small"]
    assert soft["luma"] == pytest.approx(sharp["luma"], rel=0.05)


def test_jitter_is_movement_in_widths_of_the_box_within_a_window():
    boxes = [(0, np.array([0, 0, 10, 10])), (0, np.array([3, 4, 13, 14])), (1, np.array([90, 0, 100, 10]))]
    assert controls.jitter(boxes) == pytest.approx(0.5)


@pytest.mark.slow
def test_a_clip_is_measured_by_its_file_and_its_face(tmp_path):
    clip = portrait_clip(tmp_path / "a.mp4", seconds=1.5)
    with FaceDetector() as detector:
        found = controls.measure(clip, "video", detector)
    assert (found.width, found.height, found.fps) == (640, 360, 25)
    assert found.seconds == pytest.approx(1.5, abs=0.05)
    assert found.bitrate == pytest.approx(8 * clip.stat().st_size / found.seconds)
    assert found.face_rate == 1 and 80 < found.face_px < 250 and found.sharpness > 0


def test_controls_are_kept_and_measured_once_and_an_unreadable_file_has_none(tmp_path):
    grey_clip(tmp_path / "grey.mp4", count=30)
    (tmp_path / "text.mp4").write_text("no video")
    items = [Item(str(tmp_path / name), 0, "video") for name in ("grey.mp4", "text.mp4")]
    out, said = tmp_path / "controls.jsonl", []
    first = controls.measure_all(items, ["grey", "text"], out, tmp_path, said.append)
    assert first[0].face_rate == 0 and np.isnan(first[0].face_px) and np.isnan(first[1].width)
    assert said == ["no controls of text: not_a_video"]
    (tmp_path / "grey.mp4").unlink()
    again = controls.measure_all(items, ["grey", "text"], out, tmp_path, said.append)
    np.testing.assert_equal([vars(c) for c in again], [vars(c) for c in first])


def test_a_control_that_tells_only_the_source_does_not_help_across_sources():
    rng = np.random.default_rng(0)
    sources = np.repeat(["a", "b", "c", "d"], 30)
    labels = np.tile([0, 1], 60)
    honest = labels + rng.normal(0, 0.5, 120)
    leaky = np.where(labels == 1, 1.0, -1.0) * np.repeat([1, 1, -1, -1], 30)  # each way in half of the sources
    assert judge_auc(labels, leave_one_source_out(labels, 5 + honest[:, None], sources)) > 0.8
    assert judge_auc(labels, leave_one_source_out(labels, 5 + leaky[:, None], sources)) < 0.5


def judge_auc(labels, scores) -> float:
    return controls.label_auc(labels, scores)


def test_a_control_that_is_low_in_fakes_is_turned_and_the_fit_is_not():
    labels, scores = np.array([0, 0, 1, 1]), np.array([4.0, 3.0, 2.0, 1.0])
    assert judge_auc(labels, turned("luma", labels, scores)) == 1
    assert judge_auc(labels, turned(controls.ALL, labels, scores)) == 0


def test_what_is_the_same_or_missing_everywhere_is_no_control():
    labels = np.array([0, 1, 0, 1])
    table = judge(labels, [Controls(width=640, bytes=b) for b in (1.0, 2.0, np.nan, 4.0)], ["a", "a", "b", "b"])
    assert set(table) == {"bytes", controls.ALL}
    assert table["bytes"][2] == 2.0
