"""The rebuilt recipes are what their descriptions say, faults included, and stand in the same detector as ours."""

import json

import numpy as np
import pytest
import torch

from core.model import IMAGENET_MEAN, IMAGENET_STD, EncoderConfig, normalise
from training import rivals
from training.rivals import Meso4, Reference, swapped

SMALL = EncoderConfig("lite0", (1, 1))


def clips(batch=4, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (batch * 3, 32, 32, 3), np.uint8)
    return normalise(pixels).unflatten(0, (batch, 3))


@pytest.fixture(scope="module")
def reference():
    torch.manual_seed(0)
    model = Reference(SMALL).eval()
    model.encoder.stem = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(2))  # an untrained stem makes all crops alike
    model.encoder.stage3 = torch.nn.Conv2d(3, 1024, 1)
    return model


@pytest.mark.slow
@torch.no_grad()
def test_the_reference_does_not_see_time_but_sees_the_other_clips_of_the_batch(reference):
    given = clips()
    answers = reference(given)
    assert torch.allclose(answers, reference(given[:, [2, 0, 1]]), atol=1e-4)
    changed = given.clone()
    changed[0] = -changed[0]
    assert (reference(changed)[1:] - answers[1:]).abs().max() > 1e-5


@pytest.mark.slow
@torch.no_grad()
def test_in_use_the_reference_judges_its_last_frame_alone(reference):
    features, logits, _ = reference.encode(clips(1)[0])
    mask, times = torch.tensor([[True, True, False]]), torch.zeros(1, 3)
    verdict = reference.judge(features.unsqueeze(0), logits.unsqueeze(0), mask, times)
    assert torch.allclose(verdict, logits[1:2], atol=1e-5)
    others = features.clone()
    others[0] += 3
    assert torch.equal(verdict, reference.judge(others.unsqueeze(0), logits.unsqueeze(0), mask, times))


def test_the_reference_sees_blue_for_red():
    pixels = np.zeros((1, 4, 4, 3), np.uint8)
    pixels[..., 0] = 255
    seen = swapped(normalise(pixels))[0, :, 0, 0]
    assert torch.allclose(
        seen * torch.tensor(IMAGENET_STD) + torch.tensor(IMAGENET_MEAN), torch.tensor([0, 0, 1.0]), atol=1e-6
    )


@pytest.mark.slow
def test_dropout_of_the_reference_stands_on_the_two_logits():
    torch.manual_seed(1)
    model = Reference(SMALL).eval()
    model.dropout.train()
    answers = torch.cat([model(clips(seed=n)) for n in range(4)]).detach()
    assert 0.1 < (answers == 0).float().mean() < 0.8


def test_meso4_is_as_small_as_published():
    trainable = sum(p.numel() for p in Meso4(256).parameters())
    assert trainable == pytest.approx(27_977, rel=0.02)  # of the published network


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["meso4", "reference"])
def test_a_kept_rival_answers_as_it_did(kind, tmp_path):
    torch.manual_seed(0)
    model = Meso4(64).eval() if kind == "meso4" else Reference(SMALL).eval()
    rivals.keep(tmp_path / kind, model, {"trained_on": "nothing"})
    back, about = rivals.load(tmp_path / kind, kind)
    crops = normalise(np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), np.uint8))
    with torch.no_grad():
        assert torch.equal(model.encode(crops)[1], back.encode(crops)[1])
    assert about == {"trained_on": "nothing"}
    assert json.loads((tmp_path / kind / "config.json").read_text())["shape"]
