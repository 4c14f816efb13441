"""The detectors of the page, and what of them runs on the GPU that a Space lends."""

import numpy as np
import pytest
import spaces

from core.detector import Detector
from demo import detectors
from tests import media


@pytest.fixture
def lent(monkeypatch):
    """The names of the functions handed to the real `spaces.GPU`, which lends nothing outside a Space."""
    names, lend = [], spaces.GPU

    def gpu(task=None, **how):
        if task is None:
            return lambda task: gpu(task, **how)
        names.append(task.__name__)
        return lend(task, **how)

    monkeypatch.setattr(spaces, "GPU", gpu)
    return names


@pytest.mark.slow
def test_on_a_lent_gpu_the_network_runs_and_nothing_else(lent, weights, monkeypatch, tmp_path):
    clip = media.portrait_clip(tmp_path / "clip.mp4", 1)
    expected = Detector.load(weights).check(clip)
    monkeypatch.setenv("SPACES_ZERO_GPU", "1")
    loaded = detectors.load(weights)
    assert sorted(lent) == ["encode_there", "judge", "maps"]
    analysis = loaded.detector.check(clip)
    assert (analysis.verdict, analysis.probability) == (expected.verdict, expected.probability)
    assert loaded.heat.maps(np.zeros((1, 64, 64, 3), np.uint8)).shape[0] == 1


def test_the_choice_of_weights_names_their_head(weights):
    (words, name), *_ = detectors.Detectors(weights).choices()
    assert (words, name) == ("default: tiny 1, residual-lstm head", "default")


def test_elsewhere_nothing_is_lent(lent, weights, monkeypatch):
    monkeypatch.delenv("SPACES_ZERO_GPU", raising=False)
    detectors.load(weights)
    assert lent == []
