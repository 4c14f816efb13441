"""A face that keeps its light while it moves, and one that does not."""

import cv2
import numpy as np
import pytest

from core.example import portrait
from core.faces import FaceDetector
from core.landmarks import OVAL, Landmarker, Mesh
from core.looks import Record
from core.movement import Movement
from core.shading import LEAST_COMPARED, LEAST_POINTS, Shading, inside, light_at

SIZE = 320


@pytest.fixture(scope="module")
def photograph():
    """The portrait and its face."""
    picture = cv2.resize(portrait(), (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    with FaceDetector() as detector:
        return picture, detector.search(picture)[0]


@pytest.fixture(scope="module")
def landmarker():
    return Landmarker()


def turned(photograph, angle):
    """The photograph with its face bent sideways, as a head that turns: its middle moves, its outline stays."""
    picture, (x0, y0, x1, y1) = photograph[0], photograph[1].box
    size = max(x1 - x0, y1 - y0)
    ys, xs = np.mgrid[:SIZE, :SIZE].astype(np.float32)
    near = np.exp(-(((xs - (x0 + x1) / 2) / (0.35 * size)) ** 2) - ((ys - (y0 + y1) / 2) / (0.4 * size)) ** 2)
    return cv2.remap(picture, (xs - angle * size * near).astype(np.float32), ys, cv2.INTER_LINEAR)


def lit(picture, angle):
    """A picture with one side brighter and the other darker."""
    gain = np.exp(30 * angle * (np.arange(SIZE) / SIZE - 0.5))[None, :, None]
    return np.clip(picture * gain, 0, 255).astype(np.uint8)


def angles(count=8):
    return np.random.default_rng(3).uniform(-0.09, 0.09, count)


def watch(frames, face, landmarker, step_s=0.25):
    """What is seen of a face that is looked for in every frame, or where `face` says."""
    shading = Shading()
    with FaceDetector() as detector:
        for number, frame in enumerate(frames):
            shading.look(number * step_s, landmarker.find(frame, face or detector.search(frame)[0]))
    return shading


def test_a_face_bent_from_one_picture_keeps_its_light_and_one_that_turns_in_it_does_not(photograph, landmarker):
    drawn = watch([turned(photograph, a) for a in angles()], None, landmarker)
    real = watch([lit(turned(photograph, a), a) for a in angles()], None, landmarker)
    assert drawn.logit > 0.3 and real.logit < -0.3


def test_a_photograph_under_a_moving_camera_tells_nothing(photograph, landmarker):
    picture, _ = photograph
    frames = []
    for angle in 20 * angles():
        about = cv2.getRotationMatrix2D((SIZE / 2, SIZE / 2), angle, 1 + angle / 60)
        frames.append(cv2.warpAffine(picture, about, (SIZE, SIZE), borderMode=cv2.BORDER_REFLECT))
    shading = watch(frames, None, landmarker)
    assert len(shading.kept) == 28 and shading.logit is None


def test_exposure_and_contrast_do_not_count(photograph, landmarker):
    picture, face = photograph
    frames = [(picture * gain).astype(np.uint8) for gain in (0.5, 0.7, 1.0)]
    assert min(watch(frames, face, landmarker).kept) > 0.99


def test_looks_of_one_window_are_compared_and_never_those_of_two(photograph, landmarker):
    picture, face = photograph
    assert len(watch([picture] * 4, face, landmarker, step_s=1 / 8).kept) == 3  # neighbours are too near
    assert watch([picture] * 4, face, landmarker, step_s=3.0).kept == []


def test_a_few_looks_are_too_little_to_say(photograph, landmarker):
    frames = [turned(photograph, a) for a in angles(6)]
    shading = watch(frames, photograph[1], landmarker)
    assert len(shading.kept) == 15 < LEAST_COMPARED and shading.logit is None


def test_one_comparison_that_went_wrong_changes_nothing_of_what_the_light_says():
    assert Shading([0.995] * 27 + [-0.5], [0.04] * 27 + [0.9]).logit == Shading([0.995] * 28, [0.04] * 28).logit
    assert Shading([0.995] * 28, [0.01] * 27 + [0.9]).logit is None


@pytest.mark.parametrize(("comparisons", "is_enough"), ((19, False), (20, True)))
def test_twenty_comparisons_are_enough(comparisons, is_enough):
    assert (Shading([0.995] * comparisons, [0.04] * comparisons).logit is not None) is is_enough


def round_mesh(inner, patch=None):
    """A face of which the outline is a circle of 60 pixels, and every other point lies `inner` pixels from its middle."""
    radii = np.full(468, inner)
    radii[OVAL] = 60
    around = np.exp(2j * np.pi * np.arange(468) * 0.382) * radii  # the golden angle spreads any few of them evenly
    patch = np.full((192, 192, 3), 100, np.uint8) if patch is None else patch
    return Mesh(patch, np.stack([96 + around.real, 96 + around.imag], 1).astype(np.float32), np.eye(2, 3))


def test_only_points_well_within_the_outline_count_and_not_what_lies_behind_it():
    assert inside(round_mesh(30.0).points).sum() == 468 - len(OVAL)
    assert inside(round_mesh(50.0).points).sum() == 0


@pytest.mark.parametrize("order", (1, -1))
def test_two_looks_with_few_points_in_common_are_not_compared(order):
    frontal, profile = round_mesh(30.0), round_mesh(50.0)
    few = np.setdiff1d(np.arange(468), OVAL)[:LEAST_POINTS]
    profile.points[few[1:]] = frontal.points[few[1:]]
    compared = []
    for more in (0, 1):
        profile.points[few[:more]] = frontal.points[few[:more]]
        shading = Shading()
        for number, mesh in enumerate((frontal, profile)[::order]):
            shading.look(number / 4, mesh)
        compared.append(len(shading.kept))
    assert compared == [0, 1]


def test_light_is_measured_as_the_eye_weighs_colours():
    red, grey = np.full((192, 192, 3), (255, 0, 0), np.uint8), np.full((192, 192, 3), 76, np.uint8)
    assert light_at(round_mesh(30.0, red)) == pytest.approx(light_at(round_mesh(30.0, grey)), abs=0.02)


def test_where_the_mesh_model_sees_no_face_nothing_is_kept(photograph, landmarker):
    noise = np.random.default_rng(0).integers(0, 255, (SIZE, SIZE, 3), dtype=np.uint8)
    assert watch([noise] * 8, photograph[1], landmarker).kept == []


def test_what_the_mouth_and_the_light_say_is_added():
    mouth, light = Movement(kept=[0.9] * 7, bent=[0.5] * 7, gone=[2.0] * 7), Shading([0.995] * 28, [0.04] * 28)
    assert Record(None, movement=mouth, shading=light).one_picture == pytest.approx(mouth.logit + light.logit)
    few = Movement(kept=[0.9] * 2, bent=[0.5] * 2, gone=[2.0] * 2)
    assert Record(None, movement=few, shading=light).one_picture == light.logit
    assert Record(None).one_picture is None


def test_the_light_of_a_face_whose_mouth_does_not_bend_tells_nothing():
    still = Movement(kept=[0.9] * 7, bent=[0.1] * 7, gone=[2.0] * 7)
    assert Record(None, movement=still, shading=Shading([0.995] * 28, [0.04] * 28)).one_picture is None
