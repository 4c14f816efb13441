"""Small networks that draw a face anew from another view of it, as reenactment does; they learn from real faces alone.

A source picture is bent so that its landmarks come to lie where the target's are, and a network draws the target from
it: from one frame of a clip another, from a still with another person's expression the still. What it draws lies over
the real picture point for point and differs by the drawing alone. Two kinds: "bottleneck" passes everything through a
quarter of the size and enlarges by repetition (Siarohin et al. 2019), "skip" also bends finer layers and the picture
itself, and enlarges by pixel shuffle. Two more draw for validation alone, "bottleneck" but for how they enlarge: "transposed"
by transposed convolutions, "patches" from each point of the quarter one patch of the picture, as transformers do.
They are trained, and used, by training.act.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core import landmarks as lm
from core.device import autocast
from training.bending import expression, landmark_field, places, warp
from training.clips import frames_of_clips
from training.hulls import face_size, hull_mask
from training.shards import Sample, Shards

SIDE = 256  # pixels of source and target, which show the face with its surroundings
WIDTH = 16  # channels at full size
KINDS = ("bottleneck", "skip")
HELD_OUT = ("transposed", "patches")  # decoders that no detector is trained on
PATCH = 4  # pixels of a side


def conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    filters = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(filters, nn.BatchNorm2d(outputs), nn.ReLU())


class Block(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.body = nn.Sequential(conv(channels, channels), nn.Conv2d(channels, channels, 3, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


def bend(x: Tensor, field: Tensor) -> Tensor:
    """x (N, C, h, w) sampled at `field` (N, S, S, 2), -1 to 1, brought to h x w."""
    if field.shape[1] != x.shape[2]:
        field = F.interpolate(field.permute(0, 3, 1, 2), x.shape[2:], mode="area").permute(0, 2, 3, 1)
    return F.grid_sample(x, field.to(x.dtype), padding_mode="reflection", align_corners=False)


class Animator(nn.Module):
    """source (N, 3, S, S) 0 to 1, field (N, S, S, 2), pose (N, 1, S, S) -> (N, 3, S, S) 0 to 1."""

    def __init__(self, kind: str):
        super().__init__()
        width = WIDTH
        self.kind, self.skips = kind, kind == "skip"
        self.first = conv(3, width, 5)
        self.to_half, self.to_quarter = conv(width, 2 * width, 3, 2), conv(2 * width, 4 * width, 3, 2)
        self.pose = conv(1, width)
        self.body = nn.Sequential(conv(5 * width, 4 * width), *(Block(4 * width) for _ in range(4)))
        if kind == "patches":
            self.up, self.middle = nn.Identity(), conv(4 * width, 4 * width)
            self.up_again, self.last = nn.Conv2d(4 * width, 3 * PATCH**2, 1), nn.PixelShuffle(PATCH)
            return
        more = 2 if self.skips else 1
        self.up = self._enlarge(4 * width, 2 * width)
        self.middle = conv(2 * width * more, 2 * width)
        self.up_again = self._enlarge(2 * width, width)
        self.last = nn.Conv2d(width, 4 if self.skips else 3, 5, 1, 2)

    def _enlarge(self, inputs: int, outputs: int) -> nn.Sequential:
        if self.skips:
            return nn.Sequential(nn.Conv2d(inputs, 4 * outputs, 3, 1, 1), nn.PixelShuffle(2), nn.ReLU())
        if self.kind == "transposed":
            filters = nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False)
            return nn.Sequential(filters, nn.BatchNorm2d(outputs), nn.ReLU())
        return nn.Sequential(nn.UpsamplingNearest2d(scale_factor=2), conv(inputs, outputs))

    def forward(self, source: Tensor, field: Tensor, pose: Tensor) -> Tensor:
        half = self.to_half(self.first(source - 0.5))
        coarse = bend(self.to_quarter(half), field)
        x = self.up(self.body(torch.cat([coarse, self.pose(F.avg_pool2d(pose, 4))], 1)))
        x = self.middle(torch.cat([x, bend(half, field)], 1) if self.skips else x)
        drawn = self.last(self.up_again(x)).float()
        if not self.skips:
            return drawn.sigmoid()
        kept = drawn[:, 3:].sigmoid()
        return kept * bend(source, field) + (1 - kept) * drawn[:, :3].sigmoid()


class Discriminator(nn.Module):
    """(N, 3, S, S) -> a score for each patch of 46 pixels: above 0 is real."""

    def __init__(self):
        super().__init__()
        width = 24
        shapes = ((3, width), (width, 2 * width), (2 * width, 4 * width), (4 * width, 1))
        layers: list[nn.Module] = []
        for inputs, outputs in shapes:
            stride = 2 if outputs > 1 else 1
            filters = nn.Conv2d(inputs, outputs, 4, stride, 1)
            layers += [nn.utils.parametrizations.spectral_norm(filters), nn.LeakyReLU(0.2)]
        self.body = nn.Sequential(*layers[:-1])

    def forward(self, x: Tensor) -> Tensor:
        return self.body(2 * x - 1)


@dataclass(frozen=True, eq=False)
class View:
    """Two views of one face, of SIDE pixels, and what leads from one to the other."""

    source: np.ndarray  # (S, S, 3) uint8
    target: np.ndarray  # (S, S, 3) uint8
    field: np.ndarray  # (S, S, 2) float32, -1 to 1: where in the source each point of the target lies
    pose: np.ndarray  # (S, S) float32, 0 to 1: the target's features drawn as lines
    face: np.ndarray  # (S, S) float32, 0 to 1: where the face is, for the loss


class Views:
    """A face by its number, seen from another frame of its clip, or from itself with another's expression."""

    def __init__(self, shards: Shards, indices: np.ndarray):
        self.shards, self.indices = shards, indices
        self.of_clip = {shards.sources[frames[0]].id: frames for frames in frames_of_clips(shards, indices)}

    def __call__(self, i: int, rng: np.random.Generator) -> View:
        target, points = squared(self.shards[i])
        other = self._elsewhere(i, rng.random()) if rng.random() < 0.8 else None
        if other is not None:
            return between(*squared(self.shards[other]), target, points)
        return between(*self._with_expression(target, points, rng), target, points, anchored=True)

    def _elsewhere(self, i: int, at: float) -> int | None:
        """The frame of the same clip that lies `at` (0 to 1) in it, or half of it further, if that is another moment."""
        frames, here = self.of_clip.get(self.shards.sources[i].id, []), self.shards.sources[i].t_s
        for place in (at, at + 0.5):
            other = frames[int(place % 1 * len(frames))] if frames else i
            if abs(here - self.shards.sources[other].t_s) > 0.4:
                return other
        return None

    def _with_expression(self, picture: np.ndarray, points: np.ndarray, rng: np.random.Generator):
        """The picture with the expression of anyone, the head turned a little; its landmarks with it."""
        theirs = self.shards.landmarks[int(rng.choice(self.indices))]
        moved = points + expression(theirs, points) * rng.uniform(0.6, 1.6)
        angle, stretch, middle = rng.uniform(-0.1, 0.1), rng.uniform(0.92, 1.06, 2), points.mean(0)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * stretch
        moved = ((moved - middle) @ turn + middle).astype(np.float32)
        size = face_size(points)
        back = landmark_field((SIDE, SIDE), moved, points, size, anchored=True)
        return warp(picture, back, cv2.INTER_CUBIC), moved


def between(
    source: np.ndarray, there: np.ndarray, target: np.ndarray, points: np.ndarray, anchored: bool = False
) -> View:
    """The view of a target (S, S, 3) uint8 with landmarks `points` from a source with landmarks `there`."""
    field = landmark_field((SIDE, SIDE), points, there, face_size(points), anchored=anchored)
    whole = hull_mask((SIDE, SIDE), points, "whole", np.random.default_rng(0))
    face = cv2.GaussianBlur(whole, (0, 0), 8)
    return View(source, target, (places((SIDE, SIDE)) + field + 0.5) / SIDE * 2 - 1, lines(points), face)


def squared(sample: Sample) -> tuple[np.ndarray, np.ndarray]:
    """The picture made square, SIDE pixels wide, and its landmarks there."""
    height, width = sample.rgb.shape[:2]
    side = max(height, width)
    padded = cv2.copyMakeBorder(sample.rgb, 0, side - height, 0, side - width, cv2.BORDER_REFLECT_101)
    how = cv2.INTER_AREA if side > SIDE else cv2.INTER_CUBIC
    return cv2.resize(padded, (SIDE, SIDE), interpolation=how), sample.landmarks * (SIDE / side)


def lines(points: np.ndarray) -> np.ndarray:
    """The outlines of a face's features, from its landmarks: (S, S) float32, 0 to 1."""
    picture = np.zeros((SIDE, SIDE), np.uint8)
    for chain in (lm.OVAL, lm.OUTER_LIPS, lm.INNER_LIPS, lm.RIGHT_EYE, lm.LEFT_EYE, lm.RIGHT_BROW, lm.LEFT_BROW):
        cv2.polylines(picture, [np.round(points[chain] * 8).astype(np.int32)], True, 255, 2, cv2.LINE_AA, 3)
    return picture.astype(np.float32) / 255


def stack(views: list[View]) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """source, target, field, pose, face as the networks take them."""
    rgb = [np.stack([getattr(v, name) for v in views]) for name in ("source", "target")]
    source, target = (torch.from_numpy(x).permute(0, 3, 1, 2).float() / 255 for x in rgb)  # channels last in memory
    field, pose, face = (torch.from_numpy(np.stack([getattr(v, n) for v in views])) for n in ("field", "pose", "face"))
    return source, target, field, pose.unsqueeze(1), face.unsqueeze(1)


@torch.inference_mode()
def draw(net: Animator, view: View) -> np.ndarray:
    """The target drawn from the source: (S, S, 3) uint8."""
    device = next(net.parameters()).device
    source, _, field, pose, _ = (x.to(device) for x in stack([view]))
    with autocast(str(device)):
        drawn = net.eval()(source, field, pose)
    return (drawn[0].clamp(0, 1).permute(1, 2, 0) * 255).round().byte().cpu().numpy()
