"""Pseudo-fakes: from a real face, the same face with the traces that manipulation leaves.

Every family is a pure function (sample, partner, rng) -> Blend: what becomes the real member of the pair, what the
fake, and where they differ. `make_pair` sends both members the same way through the world and cuts them with core's
own crop function. Nothing here ever saw a forgery.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from core.crops import CROP_SIZE, crop
from training import degrade
from training.bending import expression, landmark_field, lips_field, smooth_field, warp
from training.hulls import HULLS, box_mask, face_size, hull_mask, soften
from training.shards import Sample


@dataclass(frozen=True, eq=False)
class Blend:
    """A pair before it goes out into the world."""

    real: np.ndarray  # (H, W, 3) float32, 0 to 255
    fake: np.ndarray  # (H, W, 3) float32
    where: np.ndarray  # (H, W) float32, 0 to 1: what was manipulated


@dataclass(frozen=True, eq=False)
class Pair:
    """Two crops that differ by the manipulation alone."""

    real: np.ndarray  # (S, S, 3) uint8
    fake: np.ndarray  # (S, S, 3) uint8
    where: np.ndarray  # (S / 16, S / 16) float32
    family: str


def self_blend(sample: Sample, partner: Sample, rng: np.random.Generator) -> Blend:
    """The face pasted over itself, slightly other in colour, sharpness and place (Shiohara and Yamasaki 2022)."""
    target = sample.rgb.astype(np.float32)
    changed = degrade.detail(degrade.colour(target, rng), rng)
    # when the *target* is the changed one, the real member is changed too: quality is no label
    source, target = (changed, target) if rng.random() < 0.5 else (target, changed)
    size = face_size(sample.landmarks)
    hull = str(rng.choice(list(HULLS), p=HULL_SHARES))
    mask = hull_mask(target.shape[:2], sample.landmarks, hull, rng)
    shift = small_affine(sample, rng, size)
    shape = (target.shape[1], target.shape[0])
    source = cv2.warpAffine(source, shift, shape, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    if rng.random() < 0.3:
        source = warp(source, smooth_field(mask.shape, rng, 0.01 * size))
    mask = soften(cv2.warpAffine(mask, shift, shape), rng)
    return paste(target, source, mask * float(rng.choice([0.5, 0.75, 1, 1, 1, 1])))


def lip_sync(sample: Sample, partner: Sample, rng: np.random.Generator) -> Blend:
    """The mouth moved and rendered anew at a low resolution, as lip-sync networks do."""
    target = sample.rgb.astype(np.float32)
    size = face_size(sample.landmarks)
    opening = rng.uniform(-0.06, 0.06) * size
    field = lips_field(target.shape[:2], sample.landmarks, size, opening)
    source = warp(drawn_or_self(sample, rng, 0.3), field, cv2.INTER_CUBIC)
    source = render(source, rng.uniform(56, 150) / size, rng)
    if rng.random() < 0.5:
        source = degrade.colour(source, rng, 0.4)
    if rng.random() < 0.5:
        mask = box_mask(target.shape[:2], sample.landmarks, rng)
    else:
        mask = hull_mask(
            target.shape[:2], sample.landmarks, str(rng.choice(["below_eyes", "mouth_chin", "whole"])), rng
        )
    return paste(target, source, soften(mask, rng))


def swap(sample: Sample, partner: Sample, rng: np.random.Generator) -> Blend:
    """Another person's face, bent to fit and matched in colour."""
    target = sample.rgb.astype(np.float32)
    size = face_size(sample.landmarks)
    field = landmark_field(target.shape[:2], sample.landmarks, partner.landmarks, size)
    donor = np.clip(warp(drawn_or_self(partner, rng, 0.4), field, cv2.INTER_CUBIC), 0, 255)
    mask = hull_mask(target.shape[:2], sample.landmarks, str(rng.choice(["whole", "no_forehead", "inner"])), rng)
    donor = match_colour(donor, target, mask > 0.5)
    if rng.random() < 0.7:
        donor = render(donor, rng.uniform(80, 200) / size, rng)
    if rng.random() < 0.2 and mask.any():
        return _poisson(target, donor, mask)
    return paste(target, donor, soften(mask, rng))


def rerender(sample: Sample, partner: Sample, rng: np.random.Generator) -> Blend:
    """The face, or the whole picture, put through a decoder-like upsampling, no softer than its twin."""
    target = sample.rgb.astype(np.float32)
    size = face_size(sample.landmarks)
    source = decoder(render(target, rng.uniform(90, 260) / size, rng), rng)
    if rng.random() < 0.5:
        mask = hull_mask(target.shape[:2], sample.landmarks, str(rng.choice(["whole", "no_forehead"])), rng)
        return paste(target, source, soften(mask, rng))
    real, fake = degrade.match_sharpness(degrade.down_up(target, rng.uniform(0.6, 1), rng), source)
    return Blend(real, fake, np.ones(target.shape[:2], np.float32))


def redrawn(sample: Sample, partner: Sample, rng: np.random.Generator) -> Blend:
    """The face, or the whole picture, drawn anew by a published upsampling network: rendered whole, sharp or soft."""
    return drawn_over(sample, sample.drawn, rng, 0.5)


def acted(sample: Sample, partner: Sample, rng: np.random.Generator) -> Blend:
    """The face, or the whole picture, drawn by a reenactment network from another view of it."""
    source = sample.acted.astype(np.float32)
    if rng.random() < 0.4:  # as restorers that follow such networks do
        source = degrade.sharpen(source, rng.uniform(0.3, 1.5))
    return drawn_over(sample, source, rng, 0.9)


def drawn_over(sample: Sample, drawing: np.ndarray, rng: np.random.Generator, matched: float) -> Blend:
    """The drawing in place of the face or of the whole picture, then matched in sharpness to a share `matched`."""
    target, source = sample.rgb.astype(np.float32), drawing.astype(np.float32)
    if rng.random() < 0.3:
        source = degrade.colour(source, rng, 0.5)
    if rng.random() < 0.45:
        hull = str(rng.choice(["whole", "no_forehead", "inner", "below_eyes"]))
        return paste(target, source, soften(hull_mask(target.shape[:2], sample.landmarks, hull, rng), rng))
    real = degrade.down_up(target, rng.uniform(0.5, 1), rng) if rng.random() < 0.5 else target
    source = target + (source - target) * rng.uniform(0.8, 1)
    if rng.random() < matched:  # the rest stays sharper or softer than its twin, either way
        real, source = degrade.match_sharpness(real, np.clip(source, 0, 255))
    return Blend(real, np.clip(source, 0, 255), np.ones(target.shape[:2], np.float32))


def reenact(sample: Sample, partner: Sample, rng: np.random.Generator) -> Blend:
    """The still moved to another person's expression by a smooth field, then rendered: motion-driven heads."""
    target = sample.rgb.astype(np.float32)
    size = face_size(sample.landmarks)
    moved = sample.landmarks + expression(partner.landmarks, sample.landmarks) * rng.uniform(0.3, 0.9)
    field = landmark_field(target.shape[:2], moved, sample.landmarks, size, anchored=True)
    field += smooth_field(target.shape[:2], rng, 0.01 * size)
    fake = warp(drawn_or_self(sample, rng, 0.3), field, int(rng.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC])))
    strain = np.clip(np.linalg.norm(field, axis=2) / (0.04 * size), 0, 1)[..., None]
    fake = fake * (1 - strain) + cv2.GaussianBlur(fake, (0, 0), rng.uniform(0.5, 1.6)) * strain
    if rng.random() < 0.7:
        fake = render(fake, rng.uniform(110, 240) / size, rng)
    if rng.random() < 0.4:
        fake = decoder(fake, rng)
    shift = small_affine(sample, rng, size)
    shape = (target.shape[1], target.shape[0])
    where = cv2.GaussianBlur(hull_mask(target.shape[:2], moved, "whole", rng), (0, 0), 3)
    how = {"flags": cv2.INTER_LINEAR, "borderMode": cv2.BORDER_REFLECT}
    real, fake = (cv2.warpAffine(image, shift, shape, **how) for image in (target, np.clip(fake, 0, 255)))
    return Blend(*degrade.match_sharpness(real, fake), cv2.warpAffine(where, shift, shape))


Family = Callable[[Sample, Sample, np.random.Generator], Blend]
FAMILIES: dict[str, tuple[float, Family]] = {  # share of a batch
    "self_blend": (0.33, self_blend),
    "lip_sync": (0.12, lip_sync),
    "swap": (0.14, swap),
    "rerender": (0.03, rerender),
    "reenact": (0.09, reenact),
    "redrawn": (0.14, redrawn),
    "acted": (0.15, acted),
}
NEEDS = {"redrawn": ("drawn", "rerender"), "acted": ("acted", "reenact")}  # a drawing, and what a face without it gets
HULL_SHARES = np.array([30, 14, 12, 12, 8, 5, 7, 4, 4, 4]) / 100  # in the order of HULLS


def make_pair(
    sample: Sample, partner: Sample, rng: np.random.Generator, family: str | None = None, size: int = CROP_SIZE
) -> Pair:
    """One pair from a real face and another person's; all draws come from `rng`."""
    names = list(FAMILIES)
    family = family or str(rng.choice(names, p=[FAMILIES[n][0] for n in names]))
    family = possible(family, sample)
    blend = FAMILIES[family][1](sample, partner, rng)
    place = _placement(sample, rng)
    shape = place.shape
    how = {"flags": cv2.INTER_AREA if place.scale < 0.7 else cv2.INTER_LINEAR, "borderMode": cv2.BORDER_REFLECT}
    seed, box = int(rng.integers(2**63)), _jittered_box(sample, place, rng)
    flip = rng.random() < 0.5
    out = []
    for image in (blend.real, blend.fake):
        if place.scale < 0.7:  # the affine alone would alias
            image = cv2.GaussianBlur(image, (0, 0), 0.4 / place.scale)
        image = cv2.warpAffine(image.astype(np.float32), place.affine, shape, **how)
        image = crop(degrade.sent_through_the_world(image, np.random.default_rng(seed)), box, size, 1.0)
        out.append(image[:, ::-1] if flip else image)
    where = cv2.warpAffine(blend.where.astype(np.float32), place.affine, shape)
    where = crop(where[..., None].repeat(3, 2), box, size // 16, 1.0)[..., 0]
    where = where[:, ::-1] if flip else where
    return Pair(np.ascontiguousarray(out[0]), np.ascontiguousarray(out[1]), np.clip(where, 0, 1), family)


def possible(family: str, sample: Sample) -> str:
    """The family, or another one for a face of which there is no drawing yet."""
    drawing, instead = NEEDS.get(family, ("rgb", family))
    return instead if getattr(sample, drawing) is None else family


@dataclass(frozen=True, eq=False)
class _Placement:
    affine: np.ndarray  # (2, 3), context -> output
    scale: float
    stretch: float  # in width, its inverse in height: pictures are shown at wrong aspects
    shape: tuple[int, int]  # width and height of the output


def _placement(sample: Sample, rng: np.random.Generator) -> _Placement:
    height, width = sample.rgb.shape[:2]
    scale = 1.0 if rng.random() < 0.5 else float(np.exp(rng.uniform(np.log(0.5), 0)))
    stretch = float(np.exp(rng.uniform(-0.12, 0.12))) if rng.random() < 0.3 else 1.0
    affine = cv2.getRotationMatrix2D((width / 2, height / 2), rng.uniform(-8, 8), scale)
    affine[:, 2] += np.array([width, height]) * (scale - 1) / 2 + rng.uniform(-0.5, 0.5, 2)
    affine = np.diag([stretch, 1 / stretch]) @ affine
    return _Placement(affine, scale, stretch, (round(width * scale * stretch), round(height * scale / stretch)))


def _jittered_box(sample: Sample, place: _Placement, rng: np.random.Generator):
    x0, y0, x1, y1 = sample.box
    centre = place.affine[:, :2] @ [(x0 + x1) / 2, (y0 + y1) / 2] + place.affine[:, 2]
    face = max((x1 - x0) * place.stretch, (y1 - y0) / place.stretch) * place.scale
    centre = centre + rng.uniform(-0.05, 0.05, 2) * face
    half = face * rng.uniform(1.15, 1.45) / 2
    return (centre[0] - half, centre[1] - half, centre[0] + half, centre[1] + half)


def drawn_or_self(sample: Sample, rng: np.random.Generator, share: float) -> np.ndarray:
    """The picture, or in `share` of the cases a drawing of it by a network: (H, W, 3) float32."""
    drawings = [drawing for drawing in (sample.drawn, sample.acted) if drawing is not None]
    is_drawn = rng.random() < share and drawings
    return (drawings[int(rng.integers(len(drawings)))] if is_drawn else sample.rgb).astype(np.float32)


def paste(target: np.ndarray, source: np.ndarray, mask: np.ndarray) -> Blend:
    alpha = mask[..., None].astype(np.float32)
    return Blend(target, target * (1 - alpha) + source * alpha, mask)


def small_affine(sample: Sample, rng: np.random.Generator, size: float) -> np.ndarray:
    """A few per cent of shift and scale about the face."""
    centre = sample.landmarks.mean(0)
    affine = cv2.getRotationMatrix2D((float(centre[0]), float(centre[1])), rng.uniform(-2, 2), rng.uniform(0.95, 1.053))
    affine[:, 2] += rng.uniform(-1, 1, 2) * (0.03 * size, 0.015 * size)
    return affine


def render(image: np.ndarray, scale: float, rng: np.random.Generator) -> np.ndarray:
    """As a network of limited resolution would give it: smaller and back, sometimes sharpened up."""
    out = degrade.down_up(image, min(scale, 1.0), rng)
    return degrade.sharpen(out, rng.uniform(0.3, 1.5)) if rng.random() < 0.5 else out


def decoder(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Upsampling by a learned-like kernel: each of its 2 x 2 phases filters a little differently.

    Transposed convolution and pixel shuffle leave such periodic traces (Odena et al. 2016).
    """
    height, width = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
    half = cv2.resize(image, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    out = np.empty((height, width, 3), np.float32)
    strength = rng.uniform(0.01, 0.06)
    for y in (0, 1):
        for x in (0, 1):
            row, column = ([0.25, 0.75, 0], [0, 0.75, 0.25])[y], ([0.25, 0.75, 0], [0, 0.75, 0.25])[x]
            kernel = np.outer(row, column) + rng.normal(0, strength, (3, 3))
            out[y::2, x::2] = cv2.filter2D(half, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT)
    fine = image[:height, :width] - cv2.GaussianBlur(image[:height, :width], (0, 0), 1.2)
    out += fine * rng.uniform(0, 0.9)  # skip connections bring some of the detail back
    return cv2.resize(np.clip(out, 0, 255), (image.shape[1], image.shape[0]))


def match_colour(source: np.ndarray, target: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Give `source` the mean and deviation that `target` has inside `where`, in Lab (Reinhard et al. 2001)."""
    if where.sum() < 16:
        return source
    one, other = (cv2.cvtColor(image / 255, cv2.COLOR_RGB2LAB) for image in (source, target))
    a, b = one[where], other[where]
    one = (one - a.mean(0)) * (b.std(0) / (a.std(0) + 1e-3)).clip(0.5, 2) + b.mean(0)
    return np.clip(cv2.cvtColor(one.astype(np.float32), cv2.COLOR_LAB2RGB) * 255, 0, 255)


def _poisson(target: np.ndarray, donor: np.ndarray, mask: np.ndarray) -> Blend:
    binary = np.zeros(mask.shape, np.uint8)
    binary[2:-2, 2:-2] = (mask[2:-2, 2:-2] > 0.5) * 255
    x, y, width, height = cv2.boundingRect(binary)
    centre = (x + width // 2, y + height // 2)
    # a copy: OpenCV writes into the mask it is given
    mixed = cv2.seamlessClone(donor.astype(np.uint8), target.astype(np.uint8), binary.copy(), centre, cv2.NORMAL_CLONE)
    return paste(target, mixed.astype(np.float32), binary.astype(np.float32) / 255)
