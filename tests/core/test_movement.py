import cv2
import numpy as np
import pytest

from core.calibration import Calibration, Curve
from core.detector import Detector
from core.example import portrait
from core.faces import FaceDetector
from core.movement import LEAST_COMPARED, LEAST_TEXTURES, Movement, grey
from core.summary import with_other
from tests import media
from tests.tiny import tiny_weights


@pytest.fixture(scope="module")
def photograph():
    """The portrait, and the box of its face."""
    picture = cv2.resize(portrait(), (320, 320), interpolation=cv2.INTER_AREA)
    with FaceDetector() as detector:
        return picture, detector.search(picture)[0].box


def speaking(photograph, opening):
    """The photograph with its lips, and nothing else, drawn apart by a share of the face's size."""
    picture, (x0, y0, x1, y1) = photograph
    size = max(x1 - x0, y1 - y0)
    x, y = (x0 + x1) / 2, (y0 + y1) / 2 + 0.3 * size
    ys, xs = np.mgrid[: picture.shape[0], : picture.shape[1]].astype(np.float32)
    near = np.exp(-(((xs - x) / (0.14 * size)) ** 2) - ((ys - y) / (0.11 * size)) ** 2)
    lifted = ys - near * np.tanh((ys - y) / (0.04 * size)) * opening * size
    return cv2.remap(picture, xs, lifted.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def openings(count, seed=0):
    return np.random.default_rng(seed).uniform(0, 0.06, count)


def moved(picture, x, y):
    return cv2.warpAffine(
        picture, np.float32([[1, 0, x], [0, 1, y]]), picture.shape[1::-1], borderMode=cv2.BORDER_REFLECT
    )


def watch(frames, box, step_s=0.25):
    movement = Movement()
    for number, frame in enumerate(frames):
        movement.look(number * step_s, frame, box)
    return movement


def test_a_photograph_with_moving_lips_is_found(photograph):
    movement = watch([speaking(photograph, o) for o in openings(16)], photograph[1])
    assert len(movement.upper) == 15
    assert movement.is_mouth_alone


def test_a_photograph_of_which_nothing_moves_is_not(photograph):
    assert not watch([photograph[0]] * 16, photograph[1]).is_mouth_alone


def test_a_head_that_moves_by_a_hair_is_not(photograph):
    steps = np.random.default_rng(1).normal(0, 0.7, (16, 2))
    frames = [moved(speaking(photograph, o), *step) for o, step in zip(openings(16), steps, strict=True)]
    assert not watch(frames, photograph[1]).is_mouth_alone


def test_a_head_that_goes_to_and_fro_with_every_look_is_not(photograph):
    frames = [moved(speaking(photograph, o), 2 * (i % 2), 0) for i, o in enumerate(openings(16))]
    assert not watch(frames, photograph[1]).is_mouth_alone


def test_a_box_that_trembles_about_a_still_head_is_no_movement_of_it(photograph):
    (x0, y0, x1, y1), rng = photograph[1], np.random.default_rng(5)
    movement = Movement()
    for number, opening in enumerate(openings(16)):
        x, y = rng.uniform(-2, 2, 2)
        movement.look(number / 4, speaking(photograph, opening), (x0 + x, y0 + y, x1 + x, y1 + y))
    assert movement.is_mouth_alone


@pytest.mark.parametrize(
    ("upper", "mouth", "is_alone"),
    (
        ([0.1] * 14, [0.5] * 14, True),
        ([0.1] * 14 + [2.0], [0.5] * 15, True),
        ([0.1] * 10 + [0.5] * 5, [0.5] * 15, False),
        ([0.3] * 15, [0.5] * 15, False),
        ([0.1] * 15, [0.2] * 15, False),
        ([0.1] * 15, [0.2] * 8 + [5.0] * 7, False),
    ),
    ids=(
        "as few comparisons as will do",
        "the picture jumps once",
        "who blinks now and then",
        "who moves a little all the time",
        "whose mouth trembles",
        "whose mouth moves less than half of the time",
    ),
)
def test_a_mouth_is_alone_that_moves_half_of_the_time_under_eyes_that_hardly_ever_do(upper, mouth, is_alone):
    movement = Movement(upper=upper, mouth=mouth)
    assert movement.is_mouth_alone is is_alone and not movement.is_undecided


@pytest.mark.parametrize(("upper", "is_undecided"), ((0.1, True), (0.5, False)))
def test_more_looks_are_wanted_only_where_the_mouth_seems_to_be_alone(upper, is_undecided):
    assert Movement(upper=[upper] * 13, mouth=[0.5] * 13).is_undecided is is_undecided


def test_a_face_in_the_dark_tells_nothing(photograph):
    frames = [(speaking(photograph, o) // 16).astype(np.uint8) for o in openings(16)]
    assert watch(frames, photograph[1]).upper == []


def test_a_few_looks_are_too_little_to_say(photograph):
    movement = watch([speaking(photograph, o) for o in openings(LEAST_COMPARED)], photograph[1])
    assert not movement.is_mouth_alone and movement.is_undecided


def test_looks_are_compared_a_quarter_of_a_second_apart_and_never_across_a_gap(photograph):
    frames = [speaking(photograph, o) for o in openings(24)]
    assert len(watch(frames, photograph[1], 1 / 8).upper) == 11  # every other one
    assert watch(frames, photograph[1], 2.0).upper == []


def test_light_is_measured_as_the_eye_weighs_colours():
    red = np.full((200, 200, 3), (255, 0, 0), np.uint8)
    assert np.abs(grey(red, (50, 50, 150, 150)).astype(int) - 76).max() <= 1


def animated(photograph, opening):
    """The photograph with its jaw moved down by twice a share of the face's size, the skin stretched along."""
    picture, (x0, y0, x1, y1) = photograph
    size = max(x1 - x0, y1 - y0)
    x, y = (x0 + x1) / 2, (y0 + y1) / 2 + 0.35 * size
    ys, xs = np.mgrid[: picture.shape[0], : picture.shape[1]].astype(np.float32)
    near = np.exp(-(((xs - x) / (0.3 * size)) ** 2) - ((ys - y) / (0.25 * size)) ** 2)
    lowered = (ys - 2 * near * opening * size).astype(np.float32)
    return cv2.remap(picture, xs, lowered, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def talking(photograph, opening, rng):
    """The same, with something else to be seen in its mouth each time."""
    picture, (x0, y0, x1, y1) = animated(photograph, opening), photograph[1]
    size = max(x1 - x0, y1 - y0)
    left, top = round((x0 + x1) / 2 - 0.2 * size), round((y0 + y1) / 2 + 0.15 * size)
    inside = picture[top : top + round(0.3 * size), left : left + round(0.4 * size)]
    grain = cv2.GaussianBlur(rng.normal(0, 60, inside.shape[:2]), (0, 0), 1.5)[..., None]
    inside[:] = np.clip(inside + grain, 0, 255).astype(np.uint8)
    return picture


def test_a_mouth_drawn_from_one_picture_keeps_its_texture_and_a_real_one_does_not(photograph):
    rng = np.random.default_rng(2)
    drawn = watch([animated(photograph, o) for o in openings(16)], photograph[1])
    real = watch([talking(photograph, o, rng) for o in openings(16)], photograph[1])
    assert drawn.logit > 0.1 and real.logit < -0.5


def test_the_texture_of_a_mouth_that_does_not_move_tells_nothing(photograph):
    steps = np.random.default_rng(1).normal(0, 2, (16, 2))
    assert watch([moved(photograph[0], *step) for step in steps], photograph[1]).logit is None


@pytest.mark.parametrize(
    ("bent", "gone", "bends"),
    ((0.2, 0.3, True), (0.1, 0.3, False), (0.3, 2.0, False), (0.5, 2.0, True)),
    ids=(
        "a little, in a still face",
        "less than can be told",
        "as flow errs in a face that goes far",
        "more than that",
    ),
)
def test_a_mouth_bends_that_moves_against_the_face_by_more_than_flow_errs(bent, gone, bends):
    movement = Movement(kept=[0.9] * 6, bent=[bent] * 6, gone=[gone] * 6)
    assert movement.bends is bends and (movement.logit is not None) is bends


def test_one_comparison_that_went_wrong_changes_nothing_of_what_the_mouth_says():
    right, wrong = (
        Movement([], [], [0.9] * 6 + [k], [0.5] * 6 + [b], [2.0] * 6 + [g])
        for k, b, g in ((0.9, 0.5, 2), (-0.2, 9, 40))
    )
    assert wrong.logit == right.logit is not None
    assert not Movement([], [], [0.9] * 7, [0.1] * 6 + [9.0], [0.3] * 7).bends


def test_how_far_a_mouth_bends_and_how_far_all_of_the_face_goes_are_told_apart(photograph):
    still, jaw, all_of_it = photograph[0], animated(photograph, 0.04), moved(photograph[0], 3, 0)
    bends, goes = (watch([still, still, other], photograph[1]) for other in (jaw, all_of_it))
    assert bends.bent[0] > 1.2 * bends.gone[0] and goes.gone[0] > 5 * goes.bent[0]


def test_a_mouth_that_keeps_every_hair_of_its_texture_says_no_more_than_one_that_keeps_nearly_all():
    exact, nearly = (Movement(kept=[kept] * 7, bent=[0.5] * 7, gone=[2.0] * 7) for kept in (1.0, 0.985))
    assert exact.logit == nearly.logit


def test_one_window_is_enough_for_the_texture_and_less_is_not(photograph):
    frames = [animated(photograph, o) for o in openings(LEAST_TEXTURES + 2)]
    assert watch(frames, photograph[1]).logit is not None
    assert watch(frames[:-1], photograph[1]).logit is None


@pytest.mark.parametrize(("texture", "signs", "logit"), ((None, (), -2.0), (1.0, (), 1.049), (-9.0, (), -1.999)))
def test_the_texture_adds_its_odds_to_those_of_the_network(texture, signs, logit):
    assert with_other(-2.0, texture, signs, Curve()) == pytest.approx(logit, abs=1e-3)


def test_a_photograph_made_to_speak_counts_for_no_less_than_its_sign():
    assert (
        with_other(-2.0, None, ("mouth_alone",), Curve()) == 3 and with_other(5.0, None, ("mouth_alone",), Curve()) == 5
    )


@pytest.fixture(scope="module")
def spoken(photograph, tmp_path_factory):
    """Six seconds of the photograph speaking, as a video."""
    frames = (speaking(photograph, o) for o in openings(60))
    return media.write_clip(tmp_path_factory.mktemp("clips") / "spoken.mp4", frames, fps=10)


@pytest.mark.slow
def test_a_check_counts_it_whatever_the_network_says_and_gives_the_reason(spoken, tmp_path):
    decided = Calibration((Curve(likely_from=0.6, no_signs_until=0.4),))
    face = Detector.load(tiny_weights(tmp_path, decided, lean=-4.0), "cpu").check(spoken).faces[0]
    assert face.signs == ("mouth_alone",)
    assert face.verdict == "likely_manipulated" and face.interval[0] > 0.6
    assert all(moment.probability < 0.4 for moment in face.timeline)
    assert "Only the mouth moves" in face.reason


@pytest.mark.slow
def test_a_fast_check_does_not_end_before_it_is_known(photograph, tmp_path):
    clip = media.write_clip(tmp_path / "clip.mp4", (speaking(photograph, o) for o in openings(100)), fps=10)
    detector = Detector.load(tiny_weights(tmp_path / "weights", lean=-4.0), "cpu")
    analysis = detector.check(clip, "fast")
    assert "mouth_alone" in analysis.faces[0].signs and analysis.verdict == "likely_manipulated"


def nodding(photograph, count):
    """The photograph animated, its head moving as well."""
    steps = np.random.default_rng(4).normal(0, 2, (count, 2))
    return (moved(animated(photograph, o), *step) for o, step in zip(openings(count), steps, strict=True))


@pytest.mark.slow
def test_a_check_says_that_a_face_is_animated_from_one_picture(photograph, tmp_path):
    clip = media.write_clip(tmp_path / "clip.mp4", nodding(photograph, 60), fps=10)
    decided = Calibration((Curve(likely_from=0.5, no_signs_until=0.4),))
    face = Detector.load(tiny_weights(tmp_path / "weights", decided, lean=-4.0), "cpu").check(clip).faces[0]
    assert face.signs == ("one_picture",) and face.verdict == "likely_manipulated"
    assert "keeps its texture" in face.reason


@pytest.mark.slow
def test_a_moving_camera_leaves_the_network_its_say(tmp_path):
    clip = media.portrait_clip(tmp_path / "clip.mp4", 6, fps=10)
    face = Detector.load(tiny_weights(tmp_path / "weights", lean=-4.0), "cpu").check(clip).faces[0]
    assert face.signs == () and face.verdict == "no_signs_found"
