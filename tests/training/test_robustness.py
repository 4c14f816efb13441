"""Treated copies are what the cell says, and the figures compare a detector with itself."""

import cv2
import numpy as np
import pytest

from core.example import portrait
from core.plan import Plan
from core.video import frames, probe
from tests.media import grey_clip, portrait_clip
from training.figures import Judged
from training.manifest import Item
from training.robustness import GRID, Cell, cell_figures, gamma, noisy, resized, treat
from training.scores import Score

CELLS = {cell.name: cell for cell in GRID}


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return portrait_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", seconds=1.0)


def first_frame(path) -> np.ndarray:
    return next(frames(path, Plan("one", 1, 1, 0), [])).rgb


@pytest.mark.slow
def test_a_coarse_codec_makes_a_smaller_copy_of_the_same_length(clip, tmp_path):
    fine = treat(clip, "video", CELLS["H.264 CRF 18"], tmp_path).stat().st_size
    copy = treat(clip, "video", CELLS["H.264 CRF 40"], tmp_path)
    assert copy.stat().st_size < fine / 3
    assert probe(copy).duration_s == pytest.approx(probe(clip).duration_s, abs=0.05)
    assert probe(copy).fps == pytest.approx(25)


@pytest.mark.slow
def test_three_sites_leave_a_video_no_higher_than_the_last(tmp_path):
    grey_clip(tmp_path / "high.mp4", count=10, size=(900, 800))
    copy = treat(tmp_path / "high.mp4", "video", CELLS["three sites: 720p, 540p, 480p"], tmp_path)
    assert probe(copy).height == 480
    assert probe(copy).width == pytest.approx(540, abs=2)


def test_odd_sides_lose_a_line_rather_than_the_copy(tmp_path):
    cv2.imwrite(str(tmp_path / "odd.png"), portrait()[:201, :175, ::-1])
    assert first_frame(treat(tmp_path / "odd.png", "image", CELLS["blur 2"], tmp_path)).shape == (201, 175, 3)
    copy = treat(tmp_path / "odd.png", "video", CELLS["H.264 CRF 18"], tmp_path)
    assert (probe(copy).width, probe(copy).height) == (174, 200)


def test_a_wrong_aspect_changes_the_width_and_motion_only_what_lies_sideways(tmp_path):
    stripes = np.zeros((80, 80, 3), np.uint8)
    stripes[::2] = 255
    cv2.imwrite(str(tmp_path / "a.png"), stripes)
    assert first_frame(treat(tmp_path / "a.png", "image", CELLS["a fifth too wide"], tmp_path)).shape == (80, 96, 3)
    assert np.array_equal(
        first_frame(treat(tmp_path / "a.png", "image", CELLS["moved by 9 pixels"], tmp_path)), stripes
    )


def test_a_still_without_a_codec_in_its_cell_is_kept_without_loss(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), portrait()[:, :, ::-1])
    copy = treat(tmp_path / "a.png", "image", Cell("nothing"), tmp_path)
    assert np.array_equal(first_frame(copy), portrait())


def test_a_jpeg_of_low_quality_is_smaller(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), portrait()[:, :, ::-1])
    sizes = [treat(tmp_path / "a.png", "image", CELLS[f"JPEG {q}"], tmp_path).stat().st_size for q in (90, 30)]
    assert sizes[1] < sizes[0] / 2


def test_pictures_are_changed_as_named():
    picture = portrait()
    assert resized(0.25)(picture).shape == picture.shape
    assert cv2.Laplacian(resized(0.25)(picture), cv2.CV_64F).var() < 0.3 * cv2.Laplacian(picture, cv2.CV_64F).var()
    assert np.std(noisy(5)(np.full((99, 99, 3), 128, np.uint8))) == pytest.approx(5, rel=0.05)
    assert gamma(1.4)(picture).mean() < picture.mean() < gamma(0.7)(picture).mean()


def test_a_detector_that_flags_whatever_was_treated_keeps_its_auc_but_drifts():
    items = [Item(str(n), n % 2, "video") for n in range(20)]
    scores = [Score(str(n), 0.2 + n % 2 / 10, -1.0 + n % 2, verdict="inconclusive") for n in range(20)]
    treated = [Score(s.path, s.probability + 0.5, s.logit + 2, verdict="likely_manipulated") for s in scores]
    figures = cell_figures(Judged(items, scores, 50), treated)
    assert figures["change"] == [0, 0, 0] and figures["auc"][0] == 1
    assert figures["real_flagged"][0] == 1 and figures["real_logit_drift"] == pytest.approx(2)
