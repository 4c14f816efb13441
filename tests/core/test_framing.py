"""A picture cut as face generators cut theirs, and one that is not."""

import cv2
import numpy as np
import pytest

from core.detector import Detector
from core.example import portrait
from core.faces import FaceDetector
from core.framing import EXACT, framing_logit, off_frame, recipe_frame
from core.landmarks import LEFT_EYE, RIGHT_EYE, Landmarker
from core.pretrained import USUAL
from core.usual import Usual
from tests import media
from tests.tiny import CONFIG, tiny_weights

SIDE = 256


def face_points(eyes, mouth):
    """A mesh of which only the eyes and the corners of the mouth are set; (x, y) pairs in pixels."""
    points = np.zeros((468, 2), np.float32)
    points[RIGHT_EYE], points[LEFT_EYE] = eyes
    points[61], points[291] = mouth
    return points


def framed_points(side):
    """A face as the recipe places it: eyes a quarter of the side apart, the mouth 26 % below them."""
    top = 0.5 - 0.1 * 0.26
    return side * face_points([(0.375, top), (0.625, top)], [(0.41, top + 0.26), (0.59, top + 0.26)])


@pytest.fixture(scope="module")
def mesh():
    """The portrait's own mesh."""
    with FaceDetector() as detector:
        return Landmarker().find(portrait(), detector.search(portrait())[0]).in_picture


def cut(mesh, right=0.0, larger=1.0, side=SIDE):
    """The portrait in the recipe's frame, moved to the right by a share of its side and made larger."""
    middle, half = recipe_frame(mesh)
    middle, half = middle + 2 * half * right, half * larger
    corner, step = middle - half * (1 + 1j), half * 2 / side
    back = np.array([[step.real, -step.imag, corner.real], [step.imag, step.real, corner.imag]])
    how = cv2.INTER_AREA | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(portrait(), back, (side, side), flags=how, borderMode=cv2.BORDER_REFLECT_101)


def saved(picture, path):
    cv2.imwrite(str(path), picture[:, :, ::-1])
    return path


@pytest.mark.parametrize("side", (100, 1024))
def test_a_face_where_the_recipe_puts_it_is_not_off_at_all(side):
    assert off_frame(framed_points(side), side, side) == pytest.approx(0, abs=1e-6)


def test_a_wide_mouth_to_eyes_distance_sets_the_size_where_it_is_the_larger():
    low = face_points([(90, 90), (110, 90)], [(95, 140), (105, 140)])
    assert recipe_frame(low) == pytest.approx((100 + 95j, 1.8 * 50), rel=1e-5)


def test_it_is_off_by_as_much_of_the_side_as_the_picture_was_moved():
    points = framed_points(400)
    assert off_frame(points + np.float32([20, 0]), 400, 400) == pytest.approx(0.05, abs=1e-4)


def test_it_is_off_by_how_far_eyes_and_mouth_are_in_square_mean():
    between_the_eyes, points = 400 * (0.5 + 0.474j), framed_points(400) @ np.complex64([1, 1j])
    turned = between_the_eyes + (points - between_the_eyes) * np.exp(0.1j)
    eye, corner = 0.125, abs(0.09 + 0.26j)  # of the side, from between the eyes
    expected = 0.1 * np.sqrt((eye**2 + corner**2) / 2)
    assert off_frame(np.stack([turned.real, turned.imag], 1), 400, 400) == pytest.approx(expected, abs=1e-4)


def test_a_turned_face_is_levelled_by_eyes_and_mouth_alike():
    aside = face_points([(90, 90), (110, 90)], [(105, 130), (115, 130)])
    right = recipe_frame(aside)[1]
    assert right / abs(right) == pytest.approx((60 - 10j) / abs(60 - 10j))


@pytest.mark.parametrize("turn", (0.1, -0.3))
def test_the_frame_turns_and_grows_with_the_face(turn):
    points, z = framed_points(300), 1.7 * np.exp(1j * turn)
    moved = (points @ np.complex64([1, 1j])) * z + (30 - 8j)
    middle, half = recipe_frame(np.stack([moved.real, moved.imag], 1).astype(np.float32))
    assert (middle, half) == pytest.approx(((150 + 150j) * z + (30 - 8j), 150 * z), rel=1e-4)
    assert off_frame(np.stack([moved.real, moved.imag], 1), 300, 300) > 0.02


def test_a_picture_that_is_not_square_is_not_compared():
    points = framed_points(400)
    assert off_frame(points, 400, 300) is None and off_frame(points, 400, 398) is not None


def test_what_it_says_falls_from_that_of_a_sign_to_nothing_within_a_few_pixels():
    assert framing_logit(0.0) == 3 and framing_logit(2 * EXACT) == 1 and framing_logit(0.02) < -9


def judged(path, folder):
    """The only face of a picture or video, by a network that sees nothing in it."""
    return Detector.load(tiny_weights(folder / "weights", lean=-4.0), "cpu").check(path).faces[0]


@pytest.mark.slow
def test_a_still_cut_by_the_recipe_is_told_and_named(mesh, tmp_path):
    face = judged(saved(cut(mesh), tmp_path / "still.png"), tmp_path)
    assert face.verdict == "likely_manipulated" and face.signs == ("framed",) and "face generators" in face.reason
    assert face.other_logit == face.framing_logit > 2


@pytest.mark.slow
def test_one_whose_face_is_unlike_all_real_ones_is_told_by_less(mesh, tmp_path):
    weights = tiny_weights(tmp_path / "weights", lean=-4.0)
    wide = CONFIG.encoder.features
    nobody = Usual(np.ones(wide), np.full(wide, 1e-3), np.zeros((1, wide)), np.zeros(19))
    (weights / USUAL).write_bytes(nobody.to_bytes())
    path = saved(cut(mesh), tmp_path / "still.png")
    told, told_less = (
        Detector.load(folder, "cpu").check(path).faces[0]
        for folder in (tiny_weights(tmp_path / "other", lean=-4.0), weights)
    )
    assert told_less.framing_logit == pytest.approx(told.framing_logit + np.log(1 / 20))


@pytest.mark.slow
@pytest.mark.parametrize(("right", "larger"), ((0.04, 1.0), (0.0, 1.25)), ids=("beside it", "wider"))
def test_a_still_cut_a_little_otherwise_is_not(mesh, tmp_path, right, larger):
    face = judged(saved(cut(mesh, right, larger), tmp_path / "still.png"), tmp_path)
    assert face.verdict == "no_signs_found" and face.signs == () and face.framing_logit < -2


@pytest.mark.slow
def test_a_video_in_that_frame_is_judged_by_what_moves_alone(mesh, tmp_path):
    clip = media.write_clip(tmp_path / "clip.mp4", [cut(mesh)] * 20, fps=10)
    face = judged(clip, tmp_path)
    assert face.signs == () and face.framing_logit is None
