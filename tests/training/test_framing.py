import numpy as np
import pytest

from core.faces import FaceDetector
from core.landmarks import Landmarker
from training.framing import SIDE, cut, measure


@pytest.fixture(scope="module")
def off():
    with FaceDetector() as detector:
        landmarker = Landmarker()
        yield lambda picture: measure(picture, detector, landmarker)


def test_a_face_cut_by_the_recipe_is_found_in_its_frame_and_one_cut_by_hand_is_not(sample, off):
    assert cut(sample).shape == (SIDE, SIDE, 3) and off(cut(sample)) < 0.01
    assert min(off(cut(sample, np.random.default_rng(seed))) for seed in range(3)) > 0.012


def test_a_picture_without_a_face_is_as_far_off_as_can_be(off):
    assert off(np.full((SIDE, SIDE, 3), 90, np.uint8)) == np.inf
