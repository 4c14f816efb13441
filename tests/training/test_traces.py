"""Networks moved a little: others in what they leave, the same in what they draw."""

import numpy as np
import pytest
import torch

from training.animator import KINDS, SIDE, Animator
from training.render import MOVES, redraw
from training.traces import in_light_of, moved
from training.upsamplers import UPSAMPLERS, load_upsampler


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@torch.inference_mode()
def test_a_moved_animator_is_another_one_and_leaves_the_first_as_it_was(kind):
    torch.manual_seed(0)
    net = Animator(kind).eval()
    view = torch.rand(1, 3, SIDE, SIDE), torch.zeros(1, SIDE, SIDE, 2), torch.rand(1, 1, SIDE, SIDE)
    before = net(*view)
    drawn = [moved(net, 0.1, np.random.default_rng(seed))(*view) for seed in (1, 1, 2)]
    assert drawn[0].equal(drawn[1])
    assert not drawn[0].equal(drawn[2])
    assert not drawn[0].equal(before)
    assert net(*view).equal(before)


@pytest.mark.slow
@pytest.mark.parametrize("name", UPSAMPLERS)
def test_a_moved_upsampler_draws_the_same_face_another_way(name, small):
    net = load_upsampler(name)
    drawn = [redraw(small.rgb, moved(net, MOVES[name], np.random.default_rng(seed)), 2.0) for seed in (1, 2)]
    assert not np.array_equal(drawn[0], drawn[1])
    for one in drawn:
        assert np.abs(one.astype(float) - small.rgb).mean() < 14


def test_a_drawing_in_another_light_is_brought_back(sample):
    drawn = np.clip(sample.rgb * [0.7, 0.9, 0.6] + [20, 0, 40], 0, 255).round().astype(np.uint8)
    assert np.abs(in_light_of(drawn, sample.rgb).astype(int) - sample.rgb).mean() < 2
