"""Pseudo-fake clips: what goes wrong over time, for the temporal head.

Real windows come from the clips of the pack (and stills under a moving camera, so that stillness is no label); their
fake twins are blended the same way in every frame (steady), wander (drift), tremble (flicker), come and go (part-time),
lag behind (lag), or are a still moved by another person's face (animated). Both twins go through the same H.264 call.
Source of the kinds: self-blended video, Nguyen et al. 2025 (FakeSTormer), from its description.
"""

from dataclasses import dataclass, replace
from itertools import pairwise

import cv2
import numpy as np

from core.crops import CROP_SIZE, crop
from training import degrade
from training.bending import expression, landmark_field, warp
from training.h264 import h264
from training.hulls import face_size
from training.pseudo import FAMILIES, possible
from training.shards import Sample, Shards

LENGTH, RATE = 16, 8  # frames of a window, and how many a second, as they are prepared
GAP_S = 1.9 / RATE  # more is a missing frame; clips of ten frames a second leave up to 1.8
KINDS = ("steady", "drift", "flicker", "part_time", "lag", "animated")
KIND_SHARES = (0.26, 0.12, 0.12, 0.12, 0.1, 0.28)
BLENDING = {"self_blend": 0.45, "lip_sync": 0.2, "rerender": 0.1, "acted": 0.25}  # families that keep the person


@dataclass(frozen=True, eq=False)
class ClipPair:
    """Two windows of crops that differ by the manipulation alone."""

    real: np.ndarray  # (T, S, S, 3) uint8
    fake: np.ndarray  # (T, S, S, 3) uint8
    kind: str
    person: str  # who is seen in both


def frames_of_clips(shards: Shards, indices: np.ndarray) -> list[list[int]]:
    """Those of `indices` that are frames of clips, clip by clip, in the order of time."""
    by_clip: dict[str, list[int]] = {}
    for i in indices:
        if shards.sources[i].kind == "clip":
            by_clip.setdefault(shards.sources[i].id, []).append(int(i))
    return [sorted(frames, key=lambda i: shards.sources[i].t_s) for frames in by_clip.values()]


def unbroken(shards: Shards, indices: np.ndarray) -> list[list[int]]:
    """Frames of clips, in the order of time, parted where one is missing, as it has no face."""
    runs = []
    for frames in frames_of_clips(shards, indices):
        for i in frames:
            if i == frames[0] or shards.sources[i].t_s - shards.sources[runs[-1][-1]].t_s > GAP_S:
                runs.append([])
            runs[-1].append(i)
    return runs


def windows(shards: Shards, indices: np.ndarray) -> list[list[int]]:
    """LENGTH consecutive frames of one clip, a quarter of a window apart. Raises SystemExit where they were prepared at
    another rate than RATE, as the head is told the times between them."""
    runs = unbroken(shards, indices)
    steps = [shards.sources[b].t_s - shards.sources[a].t_s for run in runs for a, b in pairwise(run)]
    if steps and np.median(steps) < 0.7 / RATE:
        raise SystemExit(
            f"These clips were prepared at {1 / np.median(steps):.0f} frames a second, and the temporal head wants {RATE}: "
            f"python -m training.prepare --frames rate --rate {RATE}, into another folder."
        )
    return [run[k : k + LENGTH] for run in runs for k in range(0, len(run) - LENGTH + 1, LENGTH // 4)]


def footage(shards: Shards, indices: np.ndarray) -> tuple[list[list[int]], np.ndarray]:
    """What pairs of clips are made of: windows of clips, and stills, which frames of clips stand in for where there are none.

    Raises SystemExit where no clip is long enough.
    """
    runs = windows(shards, indices)
    if not runs:
        raise SystemExit(
            f"None of these {len(indices)} faces stand in a row of {LENGTH} of one clip, as a temporal head needs them. "
            "One source in eight is held out, and both sides need clips: prepare more of them."
        )
    stills = np.array([i for i in indices if shards.sources[i].kind == "still"])
    return runs, stills if len(stills) else indices


def make_clip(
    shards: Shards, runs: list[list[int]], stills: np.ndarray, rng: np.random.Generator, kind: str | None = None
) -> ClipPair:
    """One pair of windows; all draws come from `rng`."""
    kind = kind or str(rng.choice(KINDS, p=KIND_SHARES))
    motion = [shards[i] for i in runs[int(rng.integers(len(runs)))]]
    if kind == "animated":
        still = shards[int(rng.choice(stills))]
        real = under_camera(still, rng)
        fake = animate(still, real, motion, rng)
    else:
        real = motion if rng.random() < 0.7 else under_camera(shards[int(rng.choice(stills))], rng)
        real, fake = blended(real, kind, rng)
    seed = int(rng.integers(2**63))
    twins = (finish(frames, np.random.default_rng(seed)) for frames in (real, fake))
    return ClipPair(*twins, kind, real[0].source.identity)


def blended(real: list[Sample], kind: str, rng: np.random.Generator) -> tuple[list[Sample], list[Sample]]:
    """Blend every frame alike, but for what the kind of clip says."""
    family = str(rng.choice(list(BLENDING), p=list(BLENDING.values()))) if kind != "lag" else "self_blend"
    seed, size = int(rng.integers(2**63)), face_size(real[0].landmarks)
    step = rng.normal(0, 0.004 * size, 2)
    tremble = 0.012 * size if kind == "flicker" else 0.0
    first, last = sorted(rng.choice(np.arange(1, LENGTH), 2, replace=False)) if kind == "part_time" else (0, LENGTH)
    delay = int(rng.integers(1, 4)) if kind == "lag" else 0
    out_real, out_fake = [], []
    for t, frame in enumerate(real):
        moved = frame.landmarks + rng.normal(0, tremble + 1e-9, 2) + (step * t if kind == "drift" else 0)
        on_time = replace(frame, landmarks=moved.astype(np.float32))
        given = _with_late_face(on_time, real[t - delay]) if t >= delay > 0 else on_time
        change = FAMILIES[possible(family, on_time)][1]
        blend = change(given, given, np.random.default_rng(seed))
        true = blend if given is on_time else change(on_time, on_time, np.random.default_rng(seed))
        is_clean = not first <= t < last or (kind == "flicker" and rng.random() < 0.12)
        # the family may have changed the real member too: the same change in every frame
        out_real.append(replace(frame, rgb=_pixels(true.real)))
        out_fake.append(replace(frame, rgb=_pixels(blend.real if is_clean else blend.fake)))
    return out_real, out_fake


def _with_late_face(frame: Sample, earlier: Sample) -> Sample:
    """The frame with the inner face of an earlier one, laid over it."""
    field = landmark_field(frame.rgb.shape[:2], frame.landmarks, earlier.landmarks, face_size(frame.landmarks))
    late = warp(earlier.rgb, field)
    mask = np.zeros(frame.rgb.shape[:2], np.float32)
    cv2.fillConvexPoly(mask, cv2.convexHull(frame.landmarks).astype(np.int32), 1.0)
    mask = cv2.GaussianBlur(mask, (0, 0), 0.04 * face_size(frame.landmarks))[..., None]
    return replace(frame, rgb=_pixels(frame.rgb * (1 - mask) + late * mask))


def under_camera(still: Sample, rng: np.random.Generator) -> list[Sample]:
    """A still seen by a moving hand-held camera: pan, zoom, roll, shake."""
    size, out = face_size(still.landmarks), []
    pan, zoom, roll = rng.normal(0, 0.012 * size, 2), rng.normal(0, 0.006), rng.normal(0, 0.4)
    shake = rng.uniform(0, 0.008) * size
    centre = tuple(float(v) for v in still.landmarks.mean(0))
    height, width = still.rgb.shape[:2]
    for t in range(LENGTH):
        affine = cv2.getRotationMatrix2D(centre, roll * t, 1 + zoom * t)
        affine[:, 2] += pan * (t - LENGTH / 2) + rng.normal(0, shake + 1e-9, 2)
        rgb = cv2.warpAffine(still.rgb, affine, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        landmarks = (still.landmarks @ affine[:, :2].T + affine[:, 2]).astype(np.float32)
        corners = np.array(still.box).reshape(2, 2) @ affine[:, :2].T + affine[:, 2]
        out.append(Sample(rgb, landmarks, tuple(corners.ravel().tolist()), still.source))
    return out


def animate(still: Sample, seen: list[Sample], motion: list[Sample], rng: np.random.Generator) -> list[Sample]:
    """The still under the same camera, its face moved by another person's expressions."""
    size, strength = face_size(still.landmarks), rng.uniform(0.5, 1.1)
    neutral = expression(motion[0].landmarks, still.landmarks)
    softness, out = rng.uniform(0.55, 1.0), []
    for view, driver in zip(seen, motion, strict=True):
        change = expression(driver.landmarks, still.landmarks) - neutral
        moved = (view.landmarks + strength * change).astype(np.float32)
        field = landmark_field(view.rgb.shape[:2], moved, view.landmarks, size, anchored=True)
        rgb = warp(view.rgb.astype(np.float32), field, cv2.INTER_LINEAR)
        rgb = degrade.down_up(rgb, softness, np.random.default_rng(0))
        out.append(replace(view, rgb=_pixels(rgb), landmarks=moved))
    return out


def finish(frames: list[Sample], rng: np.random.Generator) -> np.ndarray:
    """Crop with a margin and a shift of the clip's own, seen by a camera of its own, encoded. (T, S, S, 3) uint8."""
    margin, shift, flip = rng.uniform(1.15, 1.45), rng.uniform(-0.04, 0.04, 2), rng.random() < 0.5
    jitter, side = rng.uniform(0, 0.012), int(rng.choice([128, 256, 256]))
    camera_seed, crops = int(rng.integers(2**63)), []
    for t, frame in enumerate(frames):
        x0, y0, x1, y1 = frame.box
        face = max(x1 - x0, y1 - y0)
        centre = np.array([x0 + x1, y0 + y1]) / 2 + (shift + rng.normal(0, jitter, 2)) * face
        box = (*(centre - margin * face / 2), *(centre + margin * face / 2))
        seen = crop(frame.rgb, box, side, 1.0).astype(np.float32)
        image = degrade.camera(seen, np.random.default_rng(camera_seed), t)
        crops.append(_pixels(image[:, ::-1] if flip else image))
    crops = h264(crops, int(rng.integers(18, 36)), int(rng.choice([4, 8, 16])))
    return np.stack(
        [
            cv2.resize(c, (CROP_SIZE, CROP_SIZE), interpolation=cv2.INTER_AREA if side > CROP_SIZE else cv2.INTER_CUBIC)
            for c in crops
        ]
    )


def resized(crops: np.ndarray, size: int) -> np.ndarray:
    """(N, S, S, 3) uint8 -> (N, size, size, 3), as an encoder of smaller crops takes them."""
    if size == crops.shape[1]:
        return crops
    return np.stack([cv2.resize(c, (size, size), interpolation=cv2.INTER_AREA) for c in crops])


def _pixels(image: np.ndarray) -> np.ndarray:
    return np.clip(np.round(image), 0, 255).astype(np.uint8)
