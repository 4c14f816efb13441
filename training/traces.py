"""Many tools out of one: a network like another, but with a trace of its own in all that it draws.

A trace that is the same in every drawing is learned instead of what drawn faces have in common.
"""

import copy

import numpy as np
import torch
from torch import nn


def moved(net: nn.Module, strength: float, rng: np.random.Generator) -> nn.Module:
    """A copy with its weights moved by up to `strength` of their size; now and then it enlarges another way."""
    random = torch.Generator().manual_seed(int(rng.integers(2**62)))
    strength, out = rng.uniform(0, strength), copy.deepcopy(net)
    for layer in out.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            weight = layer.weight.data
            noise = torch.randn(weight.shape, generator=random).to(weight.device) * weight.std()
            weight *= 1 + strength * torch.randn(len(weight), 1, 1, 1, generator=random).to(weight.device)
            weight += strength * noise
        if isinstance(layer, nn.UpsamplingNearest2d) and rng.random() < 0.4:
            layer.mode = "bilinear"
    return out


def in_light_of(drawn: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The drawing with each channel's mean and deviation as in the target: (S, S, 3) uint8 all."""
    mean, deviation = drawn.mean((0, 1)), drawn.std((0, 1)) + 1
    out = (drawn - mean) / deviation * (target.std((0, 1)) + 1) + target.mean((0, 1))
    return np.clip(np.round(out), 0, 255).astype(np.uint8)
