"""The machine's own floor for one check: `python -m benchmarks.limit [CLIP]`.

Three things that the plain way cannot leave out, each alone and at its best: decoding the pictures of the plan's windows and
turning the wanted ones into RGB; the face detector on each; and the encoder's multiplications at the highest rate that this
processor reaches in bf16 (or float32 where that is higher) on a matrix product that suits it. In processor seconds.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import torch
from torch import nn

from benchmarks.clips import clip
from benchmarks.pipelines import processor
from core.faces import FaceDetector
from core.plan import PLANS, window_times
from core.pretrained import load_weights

ROUNDS = 3


def best(work: Callable[[], object]) -> float:
    """Processor seconds of the quickest of a few runs; the first, which warms up, is not among them."""
    work()
    times = []
    for _ in range(ROUNDS):
        begin = processor()
        work()
        times.append(processor() - begin)
    return min(times)


def decode(path: Path) -> list[np.ndarray]:
    """The wanted pictures of the default plan, each window read from the key frame before it."""
    found = []
    with av.open(str(path)) as video:
        stream = video.streams.video[0]
        stream.thread_type = "AUTO"
        for times in window_times(float(stream.duration * stream.time_base), PLANS["default"]):
            video.seek(int(times[0] / stream.time_base), stream=stream)
            wanted = list(times)
            for picture in video.decode(stream):
                if picture.time >= wanted[0]:
                    found.append(picture.to_ndarray(format="rgb24"))
                    wanted.pop(0)
                if not wanted:
                    break
    return found


def multiplications(encoder: nn.Module, size: int) -> int:
    """Multiply-adds of the convolutions for one crop."""
    total = 0

    def count(conv: nn.Conv2d, _, out: torch.Tensor) -> None:
        nonlocal total
        total += out.numel() * conv.weight[0].numel()

    hooks = [m.register_forward_hook(count) for m in encoder.modules() if isinstance(m, nn.Conv2d)]
    with torch.inference_mode():
        encoder(torch.zeros(1, 3, size, size))
    for hook in hooks:
        hook.remove()
    return total


def peak() -> float:
    """Multiply-adds in a processor second."""
    n, rates = 2048, []
    for dtype in (torch.bfloat16, torch.float32):
        a, b = torch.ones(n, n, dtype=dtype), torch.ones(n, n, dtype=dtype)
        rates.append(n**3 / best(lambda a=a, b=b: a @ b))
    return max(rates)


def floor(path: Path) -> dict[str, float]:
    """Processor seconds of each part, and their sum."""
    frames = decode(path)
    model = load_weights().model
    with FaceDetector() as finder:
        parts = {
            "decode": best(lambda: decode(path)),
            "detector": best(lambda: [finder.detect(rgb) for rgb in frames]),
            "convolutions": len(frames) * multiplications(model.encoder, model.config.size) / peak(),
        }
    return {**parts, "sum": sum(parts.values())}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path, nargs="?", help="10 s at 720p if left out")
    print(json.dumps(floor(parser.parse_args().clip or clip("10s-720p"))))
