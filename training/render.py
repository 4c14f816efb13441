"""Prepared faces -> the same faces drawn anew by published upsampling networks, for whole-face pseudo-fakes.

    python -m training.render --data data/prepared

Every face once, by a network and a shrinking drawn from its number, the network's weights moved a little, as no two tools
leave the same trace. Resumable: a shard that is there is not made again, and training uses as many as there are.
"""

import argparse
import io
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from core.device import autocast
from training.commands import ends_with_a_sentence
from training.pairs import is_held_out
from training.shards import CUT_SHORT, Shards
from training.traces import in_light_of, moved
from training.upsamplers import HELD_OUT, UPSAMPLERS, load_upsampler

SHARD_SIZE = 128
SHRINK = {"nearest": (1.7, 3.3), "shuffle": (1.5, 3.2), "transposed": (1.5, 2.6)}
SHARES = {"nearest": 0.3, "shuffle": 0.7}  # the first takes twenty times as long
MOVES = {"nearest": 0.1, "shuffle": 0.15, "transposed": 0.1}  # of weights, at most, against their size

_upsampler = cache(load_upsampler)


@torch.inference_mode()
def redraw(rgb: np.ndarray, net: nn.Module, shrink: float) -> np.ndarray:
    """`rgb` (H, W, 3) uint8 smaller by `shrink`, drawn by `net`, brought back to (H, W, 3) uint8 in its own light."""
    height, width = rgb.shape[:2]
    small = cv2.resize(rgb, (round(width / shrink), round(height / shrink)), interpolation=cv2.INTER_AREA)
    pixels = torch.from_numpy(small).permute(2, 0, 1)[None].float() / 255
    with autocast("cpu"):
        out = net(pixels.contiguous(memory_format=torch.channels_last))
    drawn = out[0].float().clamp(0, 1).permute(1, 2, 0).numpy() * 255
    how = cv2.INTER_AREA if drawn.shape[0] > height else cv2.INTER_CUBIC
    return in_light_of(cv2.resize(drawn, (width, height), interpolation=how), rgb)


def draw_for(number: int, held_out: bool) -> tuple[str, float]:
    """Which network draws face or clip `number`, and from how small: a pure function."""
    rng = np.random.default_rng([7, number])
    names = HELD_OUT if held_out and rng.random() < 0.5 else list(SHARES)
    shares = None if names is HELD_OUT else list(SHARES.values())
    name = str(rng.choice(names, p=shares))
    return name, float(rng.uniform(*SHRINK[name]))


@ends_with_a_sentence()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data/prepared"))
    parser.add_argument("--faces", type=int, help="at most so many, in the order they are drawn in")
    args = parser.parse_args()
    try:
        render(args.data, args.faces)
    except FileNotFoundError as missing:
        raise SystemExit(str(missing)) from missing


def render(data: Path, faces: int | None) -> None:
    """Draw the first `faces` of a shuffled order, or all of them, into data/rendered."""
    for name in UPSAMPLERS:
        _upsampler(name)
    shards = Shards(data)

    def one(i: int) -> np.ndarray:
        number = shards.sources[i].number
        name, shrink = draw_for(number, is_held_out(shards.sources[i]))
        net = moved(_upsampler(name), MOVES[name], np.random.default_rng([8, number]))
        return redraw(shards[i].rgb, net, shrink)

    draw_all(data / "rendered", np.random.default_rng(7).permutation(len(shards))[:faces], one)


def draw_all(out: Path, order: np.ndarray, draw: Callable[[int], np.ndarray], name: str = "") -> None:
    """Write what `draw` gives for the numbers of `order` as out/{name}000.npz, ...; shards of these that are there are kept."""
    out.mkdir(parents=True, exist_ok=True)
    clock = time.time()
    for first in range(0, len(order), SHARD_SIZE):
        path, numbers = out / f"{name}{first // SHARD_SIZE:03d}.npz", order[first : first + SHARD_SIZE]
        if np.array_equal(drawn_in(path)[: len(numbers)], numbers):
            continue
        write(path, numbers, [draw(int(i)) for i in numbers])
        print(f"{first + len(numbers)} of {len(order)} faces, {time.time() - clock:.0f} s", flush=True)


def drawn_in(path: Path) -> np.ndarray:
    """The numbers of the faces in a shard; none where it is not there, or cut short."""
    try:
        with np.load(path) as shard:
            return shard["numbers"]
    except (OSError, KeyError, *CUT_SHORT):
        return np.array([], int)


def write(path: Path, numbers: np.ndarray, drawn: list[np.ndarray]) -> None:
    """One .npz: JPEGs end to end, as the real faces are kept, and the number of the face each belongs to."""
    jpegs = [cv2.imencode(".jpg", d[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 96])[1].ravel() for d in drawn]
    buffer = io.BytesIO()
    np.savez(buffer, jpeg=np.concatenate(jpegs), ends=np.cumsum([len(j) for j in jpegs]), numbers=numbers)
    half = path.with_suffix(".part")
    half.write_bytes(buffer.getvalue())
    half.rename(path)


if __name__ == "__main__":
    main()
