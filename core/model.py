"""The network: an encoder that judges single face crops, and a head that judges a window of them.

Logits are of *manipulated*: above 0 means the network leans that way. `core.calibration` turns them into probabilities.

Two heads are those of "Unmasking Deepfakes: Using Resnext and LSTM to Detect Deepfake Videos": `score-lstm` (its
sections II and III: an LSTM over the scores of single frames) and `feature-lstm` (section IV: an LSTM over the 2048
features after the last pooling). `residual-lstm`, the default, starts as the mean of the frame logits and learns a
correction to it, so that it begins no worse than that mean; `mean` is that mean alone.
"""

from dataclasses import asdict, dataclass, field
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from core.resnext import EXPANSION, Bottleneck, stage
from core.stem import LiteStage, LiteStem

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

# The first layers of each stem, which never compute in bfloat16 but in float32, of which a graphics card takes the TF32
# kind for convolutions: float32's range with 10 bits of its 23 behind the point, 3 more than bfloat16 has. With bfloat16
# from the fifth layer of the Lite stem on, a quarter of the size, a logit is off by .10 in the root mean square, nearly
# all of it one way; from the eighth on by .035.
EXACT = {"conv": 4, "lite0": 7, "lite0-whole": 7}

# The sides of a crop, in pixels: less than the encoder shrinks to one place, and more than any face, are mistakes.
MIN_SIDE, MAX_SIDE = 32, 1024
MAX_MARGIN = 10  # of the face box

HeadKind = Literal["mean", "score-lstm", "feature-lstm", "residual-lstm"]


@dataclass(frozen=True)
class EncoderConfig:
    """The shape of a ResNeXt (Xie et al. 2017).

    `stem` "conv" is the whole published network, (3, 4, 6, 3) being ResNeXt-50 32x4d. "lite0" and "lite0-whole" replace
    its first stages by those of EfficientNet-Lite0, for which ImageNet weights can be had from a package registry: "lite0"
    down to a sixteenth of the size, with two ResNeXt stages after it, "lite0-whole" down to a thirty-second, with one.
    `depths` counts the blocks of the ResNeXt stages.
    """

    stem: Literal["conv", "lite0", "lite0-whole"] = "conv"
    depths: tuple[int, ...] = (3, 4, 6, 3)
    groups: int = 32
    width_per_group: int = 4

    @property
    def features(self) -> int:
        return 512 * EXPANSION


@dataclass(frozen=True)
class HeadConfig:
    """The shape of the temporal head; the defaults of each kind are `HeadConfig.of(kind)`."""

    kind: HeadKind = "residual-lstm"
    hidden: int = 256
    layers: int = 1
    dropout: float = 0.4
    project: int = 0  # numbers that the features are reduced to before the LSTM; 0 leaves them as they are

    @classmethod
    def of(cls, kind: HeadKind) -> "HeadConfig":
        shapes = {"score-lstm": (256, 2, 0.0), "feature-lstm": (2048, 1, 0.4)}
        hidden, layers, dropout = shapes.get(kind, (256, 1, 0.4))
        return cls(kind, hidden, layers, dropout)

    @classmethod
    def from_json(cls, given: dict) -> "HeadConfig":
        return cls(**{name: value for name, value in given.items() if name != "attention"})  # false, in older weights


@dataclass(frozen=True)
class ModelConfig:
    """Everything needed to build the network; saved beside its weights."""

    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    head: HeadConfig = field(default_factory=HeadConfig)
    size: int = 224  # pixels, side of a crop
    margin: float = 1.3  # of the face box

    def __post_init__(self):
        if type(self.size) is not int or not MIN_SIDE <= self.size <= MAX_SIDE:
            raise ValueError(f"size must be a whole number from {MIN_SIDE} to {MAX_SIDE}, not {self.size!r:.20}")
        if type(self.margin) not in (int, float) or not 0 < self.margin <= MAX_MARGIN:
            raise ValueError(f"margin must be a number above 0 and at most {MAX_MARGIN}, not {self.margin!r:.20}")

    def to_json(self) -> dict:
        return asdict(self)

    @classmethod
    def from_json(cls, given: dict) -> "ModelConfig":
        encoder = {**given["encoder"], "depths": tuple(given["encoder"]["depths"])}
        head = HeadConfig.from_json(given["head"])
        return cls(EncoderConfig(**encoder), head, given["size"], given["margin"])


def normalise(crops: np.ndarray | Tensor) -> Tensor:
    """(N, H, W, 3) uint8 RGB -> (N, 3, H, W) float32 with ImageNet's mean and deviation, channels last in memory."""
    pixels = torch.as_tensor(crops).permute(0, 3, 1, 2).float() / 255
    mean = torch.tensor(IMAGENET_MEAN, dtype=torch.float32, device=pixels.device).view(3, 1, 1)
    std = torch.tensor(IMAGENET_STD, dtype=torch.float32, device=pixels.device).view(3, 1, 1)
    return (pixels - mean) / std


class Encoder(nn.Module):
    """A ResNeXt that gives each crop a feature vector, a logit and a coarse map of where it looks manipulated."""

    def __init__(self, config: EncoderConfig):
        super().__init__()
        self.config = config
        shape = {"groups": config.groups, "width_per_group": config.width_per_group}
        if config.stem == "conv":
            one, two, three, four = config.depths
            first = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True)]
            first += [nn.MaxPool2d(3, 2, 1), stage(64, 64, one, 1, **shape), stage(256, 128, two, 2, **shape)]
            self.stem = nn.Sequential(*first)
            self.stage3, self.stage4 = stage(512, 256, three, 2, **shape), stage(1024, 512, four, 2, **shape)
            for conv in (module for module in self.modules() if isinstance(module, nn.Conv2d)):
                nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
        else:
            self.stem = LiteStem()
            if config.stem == "lite0":
                self.stage3 = stage(LiteStem.channels, 256, config.depths[0], 1, **shape)
                self.stage4 = stage(1024, 512, config.depths[1], 2, **shape)
            else:
                self.stage3 = LiteStage()
                self.stage4 = stage(LiteStage.channels, 512, config.depths[0], 1, **shape)
            for block in (module for module in self.modules() if isinstance(module, Bottleneck)):
                nn.init.zeros_(block.bn3.weight)  # each starts as its shortcut alone
        self.classify = nn.Linear(config.features, 1)
        self.locate = nn.Conv2d(LiteStem.channels if config.stem == "lite0-whole" else 1024, 1, 1)

    def stem_parts(self) -> tuple[nn.Sequential, nn.Sequential]:
        """What computes in float32 whatever the precision of the rest, and the rest of the stem."""
        layers, exact = list(self.stem), EXACT[self.config.stem]
        return nn.Sequential(*layers[:exact]), nn.Sequential(*layers[exact:])

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Normalised crops (N, 3, S, S) -> features (N, 2048), logits (N,), mask logits (N, 1, S / 16, S / 16)."""
        first, rest = self.stem_parts()
        with torch.autocast(crops.device.type, enabled=False):
            crops = first(crops)
        narrow = rest(crops)
        wide = self.stage3(narrow)
        features = self.stage4(wide).mean(dim=(2, 3))
        # the map is drawn from what is a sixteenth of the size
        located = self.locate(narrow if self.config.stem == "lite0-whole" else wide)
        return features, self.classify(features).squeeze(1), located


class Head(nn.Module):
    """A window of frames to one logit."""

    def __init__(self, config: HeadConfig, features: int):
        super().__init__()
        self.config = config
        if config.kind == "mean":
            return
        if config.project:
            self.reduce = nn.Linear(features, config.project, bias=False)  # what is 0 stays 0
            features = config.project
        # residual: features, logit, whether there was a face, seconds since the last frame
        inputs = {"score-lstm": 1, "feature-lstm": features, "residual-lstm": features + 3}[config.kind]
        self.lstm = nn.LSTM(inputs, config.hidden, config.layers, batch_first=True)
        self.dropout = nn.Dropout(config.dropout)
        self.out = nn.Linear(config.hidden, 1)
        if config.kind == "residual-lstm":
            nn.init.zeros_(self.out.weight)
            nn.init.zeros_(self.out.bias)

    def forward(self, features: Tensor, logits: Tensor, mask: Tensor, times: Tensor) -> Tensor:
        """features (B, T, D), logits (B, T), mask (B, T) bool (a face was there), times (B, T) seconds -> (B,).

        Every window needs at least one frame with a face.
        """
        mean = masked_mean(logits, mask)
        kind = self.config.kind
        if kind == "mean":
            return mean
        if kind == "residual-lstm":
            centred = (features - masked_mean(features, mask).unsqueeze(1)) * mask.unsqueeze(2)
            step = torch.diff(times, dim=1, prepend=times[:, :1])
            extra = torch.stack([logits * mask, mask.to(logits.dtype), step.to(logits.dtype)], dim=2)
            return mean + self._read(torch.cat([self._reduced(centred), extra], dim=2), mask)
        # the paper leaves frames without a face out: those with one move to the front, in order
        order = torch.argsort((~mask).to(torch.int8), dim=1, stable=True)
        mask = mask.gather(1, order)
        if kind == "score-lstm":
            # the logit instead of the probability: the same information, better scaled
            sequence = logits.clamp(-8, 8).gather(1, order).unsqueeze(2)
        else:
            sequence = self._reduced(features.gather(1, order.unsqueeze(2).expand_as(features)))
        return self._read(sequence, mask)

    def _reduced(self, features: Tensor) -> Tensor:
        return self.reduce(features) if self.config.project else features

    def _read(self, sequence: Tensor, mask: Tensor) -> Tensor:
        states, _ = self.lstm(sequence)  # (B, T, hidden)
        return self.out(self.dropout(masked_mean(states, mask))).squeeze(1)


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over time of (B, T) or (B, T, D), of the frames where mask (B, T) is true."""
    weights = mask.to(values.dtype)
    if values.dim() == 3:
        weights = weights.unsqueeze(2)
    return (values * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)


class DeepfakeModel(nn.Module):
    """Encoder and head. `encode` takes crops of any number of windows at once, `judge` the windows made of them."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.config = config
        self.encoder = Encoder(config.encoder)
        self.head = Head(config.head, config.encoder.features)

    def encode(self, crops: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self.encoder(crops)

    def judge(self, features: Tensor, logits: Tensor, mask: Tensor, times: Tensor) -> Tensor:
        return self.head(features, logits, mask, times)

    def forward(self, crops: Tensor, mask: Tensor, times: Tensor) -> Tensor:
        """Windows of normalised crops (B, T, 3, S, S), mask (B, T) bool, times (B, T) s -> logits (B,)."""
        batch, length = crops.shape[:2]
        features, logits, _ = self.encode(crops.flatten(0, 1))
        return self.judge(features.view(batch, length, -1), logits.view(batch, length), mask, times)
