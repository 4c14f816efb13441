"""How usual a face is among real ones, and what that makes of a picture cut as face generators cut theirs."""

import numpy as np
import pytest

from core.errors import CheckError
from core.framing import framing_logit
from core.pretrained import USUAL, load_weights
from core.usual import Usual
from tests.tiny import tiny_weights


def faces(count, seed, width=40):
    """Features of which five things are common to all faces, each in its own measure, and a little is everyone's own."""
    common = np.random.default_rng(0).normal(size=(5, width))
    rng = np.random.default_rng(seed)
    return (6 + rng.normal(size=(count, 5)) @ common / 4 + 0.1 * rng.normal(size=(count, width))) ** 2


@pytest.fixture(scope="module")
def usual():
    return Usual.fit(faces(300, 1), faces(199, 2), directions=5)


def test_real_faces_are_evenly_spread_from_the_most_unusual_to_the_most_usual(usual):
    shares = [usual.share(face) for face in faces(400, 3)]
    assert np.quantile(shares, (0.25, 0.5, 0.75)) == pytest.approx((0.25, 0.5, 0.75), abs=0.08)
    assert min(shares) >= 1 / 200 and max(shares) <= 1


def test_what_faces_have_in_common_is_usual_however_much_there_is_of_it(usual):
    common = np.random.default_rng(0).normal(size=(5, 40))
    assert usual.share((6 + common[0] / 2) ** 2) > 0.9


def test_what_no_other_face_has_is_as_unusual_as_can_be(usual):
    assert usual.share(faces(1, 4)[0] + 20 * np.eye(40)[7]) == 1 / 200


def test_no_feature_counts_for_more_because_its_numbers_are_larger(usual):
    measure = np.logspace(-3, 3, 40)
    other = Usual.fit(measure * faces(300, 1), measure * faces(199, 2), directions=5)
    shares = [(usual.share(face), other.share(measure * face)) for face in faces(20, 6)]
    assert all(one == pytest.approx(two, abs=0.02) for one, two in shares)


def test_it_comes_back_from_its_file(usual):
    back, face = Usual.from_bytes(usual.to_bytes()), faces(1, 5)[0]
    assert back.share(face) == usual.share(face) < 1


def test_parts_that_do_not_fit_and_bytes_that_are_none_are_refused(usual):
    with pytest.raises(ValueError, match="do not fit"):
        Usual(usual.mean[1:], usual.scale, usual.directions, usual.left)
    with pytest.raises(ValueError, match="safetensors"):
        Usual.from_bytes(b"nonsense")


def test_a_face_that_a_generator_would_rarely_draw_speaks_less_for_one():
    assert framing_logit(0.0, 1.0) == 3
    assert framing_logit(0.0, 0.05) == pytest.approx(0.004, abs=0.001)


def test_weights_without_the_file_know_nothing_of_what_is_usual(tmp_path):
    assert load_weights(tiny_weights(tmp_path)).usual is None


@pytest.mark.parametrize(
    "data", (b"nonsense", Usual.fit(faces(9, 1), faces(9, 2), 5).to_bytes()), ids=("damaged", "of another")
)
def test_a_file_that_does_not_fit_the_encoder_is_refused(tmp_path, data):
    folder = tiny_weights(tmp_path)
    (folder / USUAL).write_bytes(data)
    with pytest.raises(CheckError) as caught:
        load_weights(folder)
    assert caught.value.code == "weights_mismatch"
