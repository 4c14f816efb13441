"""Styles mixed in training, so that a source of pictures is not known by its look (MixStyle, Zhou et al. 2021).

The style of a picture is the mean and deviation of each channel of an early layer: its light, contrast, compression. Here
a real member takes on some of the style of another pair, and the fake member beside it is changed in the same way, so that
what tells the two apart stays.
"""

import numpy as np
import torch
from torch import Tensor, nn

from core.model import Encoder

AFTER = {"conv": (4, 5), "lite0": (5, 7), "lite0-whole": (5, 7)}  # layers: a quarter and an eighth of the size
ALPHA = 0.3  # of the Beta distribution that says how much of each style: mostly nearly all of one of them


class MixStyle:
    """Mixes after two layers of the stem, in `share` of the batches each. Batches are pairs, real and fake in turn."""

    def __init__(self, encoder: Encoder, share: float, seed: int):
        self.share, self.seed = share, seed
        if share:
            for layer in AFTER[encoder.config.stem]:
                encoder.stem[layer].register_forward_hook(self._mixed)

    def begin(self, step: int) -> None:
        """What is drawn for a step depends on its number alone: a resumed run equals an unbroken one."""
        self.rng = np.random.default_rng([self.seed, step])

    def _mixed(self, layer: nn.Module, given: tuple[Tensor], x: Tensor) -> Tensor:
        if self.rng.random() >= self.share:
            return x
        pairs = len(x) // 2
        weights = torch.from_numpy(self.rng.beta(ALPHA, ALPHA, pairs).astype(np.float32))
        return mix_styles(x, torch.from_numpy(self.rng.permutation(pairs)), weights)


def mix_styles(x: Tensor, partners: Tensor, weights: Tensor) -> Tensor:
    """x (2B, C, H, W): each pair in the style of its real member by `weights` (B,), 0 to 1, the rest its partner's."""
    real = x[0::2].detach().float()
    mean, deviation = real.mean((2, 3), keepdim=True), real.std((2, 3), keepdim=True) + 1e-3
    own, partners = weights.to(x.device).view(-1, 1, 1, 1), partners.to(x.device)
    scale = (own * deviation + (1 - own) * deviation[partners]) / deviation
    shift = own * mean + (1 - own) * mean[partners] - mean * scale
    scale, shift = (both.repeat_interleave(2, 0).to(x.dtype) for both in (scale, shift))
    return x * scale + shift
