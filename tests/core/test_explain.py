"""Heat maps, compared with the plain way of computing them."""

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from core.explain import grad_cam, heat_of
from core.model import Encoder, EncoderConfig, normalise
from tests.tiny import CONFIG, tiny_model

CONFIGS = [
    EncoderConfig("lite0", (1, 1)),
    EncoderConfig("lite0-whole", (1,)),
    EncoderConfig("conv", (1, 1, 1, 1), width_per_group=1),
]


@pytest.mark.slow
@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.stem)
def test_heat_maps_equal_those_of_a_backward_pass(config):
    encoder, crops = tiny_encoder(config), some_crops(3)
    np.testing.assert_allclose(grad_cam(encoder, crops), by_backward_pass(encoder, crops), atol=1e-4)


def test_heat_maps_have_the_size_of_the_crops_and_reach_from_0_to_1():
    maps = grad_cam(tiny_encoder(CONFIGS[0]), some_crops(18))
    assert maps.shape == (18, 64, 64) and maps.dtype == np.float32
    assert maps.min() >= 0
    np.testing.assert_allclose(maps.max(axis=(1, 2)), 1)


def test_a_face_without_any_sign_gives_an_empty_map():
    encoder = tiny_encoder(CONFIGS[0])
    with torch.no_grad():
        encoder.classify.weight.fill_(-1)  # features are never negative, so now nothing speaks for manipulation
    assert grad_cam(encoder, some_crops(1)).max() == 0


def test_no_crops_give_no_maps():
    assert grad_cam(tiny_encoder(CONFIGS[0]), some_crops(1)[:0]).shape == (0, 64, 64)


@pytest.mark.slow
def test_other_threads_may_use_the_encoder_meanwhile():
    encoder, crops = tiny_encoder(CONFIGS[0]), some_crops(4)
    with torch.inference_mode():
        alone = encoder(normalise(crops))[1]
    answers = []

    def judge():
        with torch.inference_mode():
            answers.append(encoder(normalise(crops))[1])

    threads = [threading.Thread(target=judge) for _ in range(4)]
    threads += [threading.Thread(target=grad_cam, args=(encoder, crops)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 4
    for answer in answers:
        torch.testing.assert_close(answer, alone)
    assert all(parameter.grad is None for parameter in encoder.parameters())


def tiny_encoder(config):
    torch.manual_seed(0)
    encoder = Encoder(config).eval()
    for module in encoder.modules():  # a fresh residual block is the identity; let it do something
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
    torch.nn.init.uniform_(encoder.classify.weight, -0.5, 1)  # mostly positive, so that every crop has some sign
    return encoder


def some_crops(count):
    return np.random.default_rng(0).integers(0, 256, (count, 64, 64, 3), np.uint8)


def by_backward_pass(encoder, crops):
    """Grad-CAM as the paper words it."""
    stage = encoder.stage4(encoder.stage3(encoder.stem(normalise(crops))))
    stage.retain_grad()
    encoder.classify(stage.mean(dim=(2, 3))).sum().backward()
    weights = stage.grad.mean(dim=(2, 3), keepdim=True)
    coarse = (stage * weights).sum(dim=1, keepdim=True).clamp(min=0)
    fine = F.interpolate(coarse, crops.shape[1:3], mode="bilinear").squeeze(1)
    return (fine / fine.amax(dim=(1, 2), keepdim=True)).detach().numpy()


def test_the_heat_maps_of_a_model_are_those_of_its_encoder_and_of_the_crops_it_judges():
    model = tiny_model(config=replace(CONFIG, margin=1.7))
    heat, crops = heat_of(model), some_crops(2)
    assert (heat.size, heat.margin) == (64, 1.7)
    np.testing.assert_array_equal(heat.maps(crops), grad_cam(model.encoder, crops))
