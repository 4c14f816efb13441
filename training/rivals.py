"""Other people's recipes, built anew from their descriptions, in the place of our network in the same detector.

Meso-4 (Afchar et al., WIFS 2018), and the well-known ResNeXt-LSTM project behind the seed paper, with its faults: they
are what the comparison is to show. Each answers like core's DeepfakeModel: crops to features and logits, windows to a
logit. So frames, faces and tracks are the same for all, but what counts beside our network does not count for these.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.device import autocast
from core.model import IMAGENET_MEAN, IMAGENET_STD, Encoder, EncoderConfig, masked_mean, normalise
from training.clips import footage, make_clip
from training.imagenet import start_from_imagenet
from training.pairs import Pairs, loader, split
from training.shards import Shards


@dataclass(frozen=True)
class Shape:
    """What core asks of a network's configuration."""

    size: int  # pixels, side of a crop
    margin: float  # of the face box
    features: int

    @property
    def encoder(self) -> "Shape":
        return self


class Meso4(nn.Module):
    """Four small convolutions and two dense layers, single frames alone; the frames of a window are averaged."""

    def __init__(self, size: int = 256):
        super().__init__()
        self.config = Shape(size, 1.3, 16)
        layers, inputs = [], 3
        for outputs, kernel, pool in ((8, 3, 2), (8, 5, 2), (16, 5, 2), (16, 5, 4)):
            layers += [nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2), nn.ReLU(), nn.BatchNorm2d(outputs)]
            layers += [nn.MaxPool2d(pool)]
            inputs = outputs
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.Dropout(0.5))
        self.dense = nn.Sequential(nn.Linear(16 * (size // 32) ** 2, 16), nn.LeakyReLU(0.1))
        self.out = nn.Sequential(nn.Dropout(0.5), nn.Linear(16, 1))

    def encode(self, crops: Tensor) -> tuple[Tensor, Tensor, None]:
        """Normalised crops (N, 3, S, S) -> features (N, 16), logits (N,)."""
        features = self.dense(self.body(crops))
        return features, self.out(features).squeeze(1), None

    def judge(self, features: Tensor, logits: Tensor, mask: Tensor, times: Tensor) -> Tensor:
        return masked_mean(logits, mask)


class Reference(nn.Module):
    """ResNeXt, 2048 features, LSTM of 2048, two classes: the recipe as its code has it, not as it was meant.

    The faults kept: the LSTM takes the clips of a batch for time and time for the batch; its fourth argument, meant to
    make it bidirectional, removes its biases; dropout stands on the two logits; training averages over frames while use
    takes the last frame; blue and red change places before an RGB network; the face is cut without a margin, at 112
    pixels.
    """

    FAKE, REAL = 0, 1
    LENGTH = 10  # frames a clip
    SIDE = 112  # pixels

    def __init__(self, encoder: EncoderConfig):
        super().__init__()
        self.config = Shape(self.SIDE, 1.0, encoder.features)
        self.encoder = Encoder(encoder)
        self.lstm = nn.LSTM(encoder.features, 2048, 1, bias=False)
        self.out = nn.Linear(2048, 2)
        self.dropout = nn.Dropout(0.4)

    def forward(self, clips: Tensor) -> Tensor:
        """Training: clips (B, T, 3, S, S) -> (B, 2)."""
        batch, length = clips.shape[:2]
        with autocast(str(clips.device)):
            features = self._features(clips.flatten(0, 1))
        states, _ = self.lstm(features.float().view(batch, length, -1))
        return self.dropout(self.out(states.mean(dim=1)))

    def encode(self, crops: Tensor) -> tuple[Tensor, Tensor, None]:
        """Crops (N, 3, S, S) -> features (N, 2048), and the logit each frame would have as the last of its clip."""
        features = self._features(crops)
        return features, self._last(features), None

    def judge(self, features: Tensor, logits: Tensor, mask: Tensor, times: Tensor) -> Tensor:
        """Use: of the first LENGTH frames with a face, the last. Since time is the batch, the others have no say."""
        places = [row.nonzero().flatten()[: self.LENGTH][-1] for row in mask]
        return torch.stack([self._last(row[place : place + 1])[0] for row, place in zip(features, places, strict=True)])

    def _features(self, crops: Tensor) -> Tensor:
        return self.encoder(swapped(crops))[0]

    def _last(self, features: Tensor) -> Tensor:
        states, _ = self.lstm(features.float().unsqueeze(0))  # one step each
        classes = self.out(states[0])
        return classes[:, self.FAKE] - classes[:, self.REAL]


def swapped(crops: Tensor) -> Tensor:
    """Normalised RGB (N, 3, H, W) as it would be had it been read as BGR."""
    mean, std = (torch.tensor(v, device=crops.device).view(3, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_STD))
    return ((crops * std + mean).flip(1) - mean) / std


def reference() -> tuple[Reference, str]:
    """The recipe on the ResNeXt-50 it names, or on our own encoder where its ImageNet weights cannot be had."""
    for config in (EncoderConfig(), EncoderConfig("lite0", (2, 2))):
        model = Reference(config)
        origin = start_from_imagenet(model.encoder)
        if origin != "none":
            break
    return model, origin


def train_meso4(shards: Shards, images: int, size: int = 256, batch: int = 16) -> tuple[Meso4, dict]:
    """On our pairs, by the paper's optimiser; `size` is a multiple of 32."""
    torch.manual_seed(0)
    model, (seen, _) = Meso4(size), split(shards.sources)
    optimiser = torch.optim.Adam(model.parameters(), 1e-3)
    labels = torch.tensor([0.0, 1.0]).repeat(batch)
    count = max(batch, images // 2 // batch * batch)
    for step, (crops, _, _) in enumerate(loader(Pairs(shards, seen, 1, size), 0, count, batch, 0), 1):
        loss = F.binary_cross_entropy_with_logits(model.encode(normalise(crops.flatten(0, 1)))[1], labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step % 50 == 0:
            print(f"meso4: {step * 2 * batch} of {2 * count} images, loss {loss.item():.3f}", flush=True)
    return model.eval(), {"trained_on": f"{2 * count} pseudo-fakes and their reals"}


def reference_clips(shards: Shards, count: int) -> tuple[Tensor, Tensor]:
    """Crops (2 N, T, S, S, 3) uint8 of `count` pairs of clips, and their classes (2 N,)."""
    seen, _ = split(shards.sources)
    (runs, stills), clips = footage(shards, seen), []
    for number in range(count):
        clip = make_clip(shards, runs, stills, np.random.default_rng([4, number]))
        clips += [np.stack([tight(c) for c in side[: Reference.LENGTH]]) for side in (clip.real, clip.fake)]
    return torch.from_numpy(np.stack(clips)), torch.tensor([Reference.REAL, Reference.FAKE]).repeat(count)


def tight(crop: np.ndarray) -> np.ndarray:
    """A crop with our margin -> about the face box alone, at the size of the recipe."""
    edge = round(len(crop) * (1 - 1 / 1.3) / 2)
    inner = np.ascontiguousarray(crop[edge:-edge, edge:-edge])
    return cv2.resize(inner, (Reference.SIDE, Reference.SIDE), interpolation=cv2.INTER_AREA)


def train_reference(shards: Shards, clips: int, epochs: int, batch: int = 4) -> tuple[Reference, dict]:
    """Adam at 1e-5 over all weights, 80:20 by a shuffle that knows no person; the part held out is looked at after
    each epoch, and the best accuracy there is what such a recipe reports."""
    torch.manual_seed(0)
    model, origin = reference()
    pixels, classes = reference_clips(shards, clips)
    order = torch.randperm(len(pixels), generator=torch.Generator().manual_seed(0))
    train, held = order.split([len(order) * 4 // 5, len(order) - len(order) * 4 // 5])
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-5, weight_decay=1e-5)
    best = 0.0
    for epoch in range(epochs):
        model.train()
        for chosen in train[torch.randperm(len(train))].split(batch):
            loss = F.cross_entropy(model(as_clips(pixels[chosen])), classes[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        model.eval()
        with torch.inference_mode():
            said = torch.cat([model(as_clips(pixels[chosen])).argmax(1) for chosen in held.split(batch)])
        best = max(best, float((said == classes[held]).float().mean()))
        print(
            f"reference: epoch {epoch + 1} of {epochs}, loss {loss.item():.3f}, its own accuracy {best:.3f}", flush=True
        )
    about = f"{len(train)} clips, half of them pseudo-fakes, for {epochs} epochs, from {origin}"
    return model.eval(), {"trained_on": about, "own_accuracy": round(best, 4), "own_accuracy_of": len(held)}


def as_clips(pixels: Tensor) -> Tensor:
    """(B, T, S, S, 3) uint8 -> normalised (B, T, 3, S, S)."""
    return normalise(pixels.flatten(0, 1)).unflatten(0, pixels.shape[:2])


def keep(folder: Path, model: Meso4 | Reference, about: dict) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(model, Meso4):
        shape = {"size": model.config.size}
    else:
        shape = {"depths": model.encoder.config.depths, "stem": model.encoder.config.stem}
    torch.save(model.state_dict(), folder / "model.pt")
    (folder / "config.json").write_text(json.dumps({"shape": shape, **about}, indent=1) + "\n")


def load(folder: Path, kind: str) -> tuple[Meso4 | Reference, dict]:
    about = json.loads((folder / "config.json").read_text())
    shape = about.pop("shape")
    model = Meso4(shape["size"]) if kind == "meso4" else Reference(EncoderConfig(shape["stem"], tuple(shape["depths"])))
    model.load_state_dict(torch.load(folder / "model.pt", map_location="cpu", weights_only=True))
    return model.eval(), about
