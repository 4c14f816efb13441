"""What cameras and sites do to both members of a pair alike."""

import cv2
import numpy as np
import pytest

from training import degrade
from training.pseudo import make_pair

TREATMENTS = [treatment for _, treatment in degrade.TREATMENTS]


@pytest.mark.parametrize("treatment", TREATMENTS)
def test_a_treatment_is_a_pure_function_that_changes_the_picture_and_not_its_light(treatment, sample):
    image = sample.rgb.astype(np.float32)
    for seed in range(4):
        one, other = (treatment(image.copy(), np.random.default_rng(seed)) for _ in range(2))
        assert np.array_equal(one, other)
        assert one.shape == image.shape and one.dtype == np.float32
        assert one.min() >= 0 and one.max() <= 255
        assert 0.02 < np.abs(one - image).mean() < 12
        assert abs(one.mean() - image.mean()) < 1


def test_compression_keeps_less_of_blue_than_of_red_as_in_all_files():
    image = np.random.default_rng(0).uniform(60, 200, (64, 64, 3)).astype(np.float32)
    for seed in range(6):
        lost = ((degrade.codec(image, np.random.default_rng(seed)) - image) ** 2).mean((0, 1))
        assert lost[2] > 1.1 * lost[0] > 0


def test_the_frames_of_a_clip_are_treated_alike_and_each_has_a_noise_of_its_own():
    grey = np.full((64, 64, 3), 128, np.float32)
    after = []
    for moment, image in ((0, grey), (1, grey), (2, grey[:40, :50])):
        rng = np.random.default_rng(3)
        after.append((degrade.noise(image, rng, moment) - 128, rng.random()))
    (first, a), (second, b), (_, c) = after
    assert a == b == c
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.1
    assert 0.9 < first.std() / second.std() < 1.1


def test_without_a_video_encoder_the_same_pictures_are_compressed_by_another(monkeypatch, sample):
    image = sample.rgb.astype(np.float32)
    encoded = [degrade.sent_through_the_world(image, np.random.default_rng(seed)) for seed in range(24)]
    monkeypatch.setattr(degrade, "has_h264", lambda: False)
    otherwise = [degrade.sent_through_the_world(image, np.random.default_rng(seed)) for seed in range(24)]
    frames = [n for n in range(24) if not np.array_equal(encoded[n], otherwise[n])]
    assert 3 <= len(frames) <= 14
    assert all(np.abs(otherwise[n].astype(float) - encoded[n]).mean() < 12 for n in frames)


def test_a_blur_leaves_a_picture_where_it_was(sample):
    image = cv2.GaussianBlur(sample.rgb.astype(np.float32), (0, 0), 2)
    for seed in range(12):
        (dx, dy), _ = cv2.phaseCorrelate(
            image.mean(2).astype(np.float64),
            degrade.blur(image, np.random.default_rng(seed)).mean(2).astype(np.float64),
        )
        assert np.hypot(dx, dy) < 0.2


def test_pixels_beyond_the_range_leave_no_specks(sample):
    """A bent picture overshoots its range; its real twin does not, so nothing may come of it."""
    rng = np.random.default_rng(0)
    over = sample.rgb + rng.choice([-60.0, 0.0, 60.0], sample.rgb.shape).astype(np.float32)
    for seed in range(60):
        inside, outside = (
            degrade.camera(image, np.random.default_rng(seed)) for image in (np.clip(over, 0, 255), over)
        )
        assert np.array_equal(inside, outside)
        assert np.isfinite(inside).all()


def test_the_face_stays_in_the_middle_of_a_picture_at_a_wrong_aspect(monkeypatch, sample, partner):
    """The mask of a whole face lies around the middle of the crop, stretched or not."""
    monkeypatch.setattr(degrade, "sent_through_the_world", lambda image, rng: np.clip(image, 0, 255).astype(np.uint8))
    for seed in range(24):
        where = make_pair(sample, partner, np.random.default_rng(seed), "swap").where
        ys, xs = np.nonzero(where > 0.5)
        assert np.hypot(ys.mean() - 6.5, xs.mean() - 6.5) < 2.5


def test_a_picture_of_any_size_can_have_a_caption_or_a_sticker():
    for width in (16, 32, 33, 64):
        grey = np.full((width, width, 3), 128, np.float32)
        labelled = [degrade.label(grey, np.random.default_rng(seed)) for seed in range(20)]
        assert all(image.shape == grey.shape for image in labelled)
        assert sum(not np.array_equal(image, grey) for image in labelled) > 10
