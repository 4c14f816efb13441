import numpy as np
import pytest

from core.crops import CROP_MARGIN, CROP_SIZE, crop, crop_square


def ramp(height=200, width=300):
    """Red grows to the right, green downwards: a pixel tells where it was."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x / width * 255, y / height * 255, np.zeros_like(x)], axis=2).astype(np.uint8)


def test_a_crop_is_square_and_holds_the_face_with_its_margin():
    assert crop_square((100, 50, 160, 150)) == (130, 100, 100 * CROP_MARGIN)
    cut = crop(ramp(), (100, 50, 160, 150))
    assert cut.shape == (CROP_SIZE, CROP_SIZE, 3) and cut.dtype == np.uint8
    left, right = cut[:, 0, 0].mean() * 300 / 255, cut[:, -1, 0].mean() * 300 / 255
    assert (left, right) == (pytest.approx(65, abs=3), pytest.approx(195, abs=3))


def test_the_order_of_colours_stays():
    picture = np.full((100, 100, 3), (200, 100, 50), np.uint8)
    assert crop(picture, (30, 30, 70, 70)).mean(axis=(0, 1)).tolist() == [200, 100, 50]


def test_what_lies_outside_the_picture_is_mirrored_not_black():
    picture = np.full((100, 100, 3), 90, np.uint8)
    for box in ((-30, 20, 30, 80), (70, 70, 130, 130), (-50, -50, 150, 150)):
        assert crop(picture, box).min() == 90


def test_a_box_outside_the_picture_is_a_callers_mistake():
    with pytest.raises(ValueError, match="outside"):
        crop(np.zeros((50, 50, 3), np.uint8), (200, 200, 240, 240))


def test_fine_stripes_are_averaged_rather_than_aliased():
    stripes = np.zeros((448, 448, 3), np.uint8)
    stripes[:, ::2] = 255
    cut = crop(stripes, (0, 0, 448, 448), margin=1.0)
    assert cut.std() < 5


def test_a_box_of_no_size_still_gives_a_crop():
    assert crop(ramp(), (50, 50, 50, 50)).shape == (CROP_SIZE, CROP_SIZE, 3)
