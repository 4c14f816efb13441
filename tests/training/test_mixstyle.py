"""Styles mixed between pairs: the look of a source changes, what tells the members of a pair apart does not."""

import pytest
import torch

from core.model import Encoder, EncoderConfig
from training.mixstyle import MixStyle, mix_styles


@pytest.fixture
def batch():
    torch.manual_seed(0)
    looks = torch.tensor([1.0, 5.0, -3.0]).repeat_interleave(2).view(6, 1, 1, 1)
    return torch.randn(6, 4, 16, 16) * looks.abs() + looks


def test_a_pair_keeps_its_style_or_takes_on_that_of_its_partner(batch):
    partners = torch.tensor([1, 2, 0])
    assert torch.allclose(mix_styles(batch, partners, torch.ones(3)), batch, atol=1e-4)
    other = mix_styles(batch, partners, torch.zeros(3))
    real, theirs = other[0::2], batch[0::2][partners]
    assert torch.allclose(real.mean((2, 3)), theirs.mean((2, 3)), atol=1e-2)
    assert torch.allclose(real.std((2, 3)), theirs.std((2, 3)), rtol=1e-2)


def test_members_that_are_alike_stay_alike_and_others_stay_apart_where_they_were(batch):
    batch[1::2] = batch[0::2]
    batch[1, :, 3, 3] += 2
    mixed = mix_styles(batch, torch.tensor([1, 2, 0]), torch.tensor([0.2, 0.5, 0.7]))
    apart = (mixed[1::2] - mixed[0::2]).abs().amax((1,))
    assert apart[0, 3, 3] > 0.1
    apart[0, 3, 3] = 0
    assert apart.max() == 0


@pytest.mark.slow
@pytest.mark.parametrize(("stem", "depths"), [("conv", (1, 1, 1, 1)), ("lite0", (1, 1)), ("lite0-whole", (1,))])
def test_every_encoder_mixes_in_a_step_and_draws_the_same_for_the_same_step(stem, depths):
    torch.manual_seed(0)
    encoder = Encoder(EncoderConfig(stem, depths)).train()
    torch.nn.init.normal_(encoder.classify.weight, std=0.1)
    crops = torch.randn(12, 3, 64, 64) * torch.arange(1.0, 7.0).repeat_interleave(2).view(12, 1, 1, 1)
    plain = encoder(crops)[1]
    styles, seen = MixStyle(encoder, share=1.0, seed=3), []
    for step in (1, 2, 1):
        styles.begin(step)
        seen.append(encoder(crops)[1])
    assert torch.equal(seen[0], seen[2])
    assert not torch.equal(seen[0], seen[1])
    assert not torch.allclose(seen[0], plain)
