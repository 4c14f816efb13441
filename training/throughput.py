"""How fast pairs are made and the encoder is trained, as a table: images a second, by the clock and by the processor.

    python -m training.throughput

A minute or so. On a machine that does other things too, the figure a processor second is the one that compares.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from core.model import normalise
from training.commands import ends_with_a_sentence
from training.pairs import Pairs, split
from training.report import table
from training.shards import Shards
from training.train import TrainConfig, backward, build, parameter_groups, set_train


def measure(work: Callable[[], int], seconds: float) -> tuple[float, float]:
    """Call `work`, which says how many images it did, for about `seconds` but at least three times; images a second by
    the clock and by the processor."""
    work()  # warm
    images, calls, clock, processor = 0, 0, time.perf_counter(), time.process_time()
    while calls < 3 or time.perf_counter() - clock < seconds:
        images, calls = images + work(), calls + 1
    return images / (time.perf_counter() - clock), images / max(time.process_time() - processor, 1e-9)


def pair_making(shards: Shards, size: int) -> Callable[[], int]:
    """One process that makes pairs, as each worker of a training does."""
    pairs, numbers = Pairs(shards, split(shards.sources)[0], 1, size), iter(range(10**9))

    def work() -> int:
        pairs[next(numbers)]
        return 2

    return work


def training(config: TrainConfig, device: str) -> Callable[[], int]:
    """Steps of stage 1 on noise: time does not depend on what the pictures show."""
    encoder, origin = build(config, None)
    encoder = encoder.to(device, memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(parameter_groups(encoder, config, origin), lr=1e-4)
    set_train(encoder)
    noise = np.random.default_rng(0).integers(0, 256, (2 * config.batch, config.size, config.size, 3), np.uint8)
    crops = normalise(torch.from_numpy(noise).to(device)).contiguous(memory_format=torch.channels_last)
    where = torch.zeros(config.batch, config.size // 16, config.size // 16, device=device)

    def work() -> int:
        optimiser.zero_grad(set_to_none=True)
        backward(encoder, crops, where, config)
        optimiser.step()
        if device != "cpu":
            torch.cuda.synchronize()
        return 2 * config.batch

    return work


@ends_with_a_sentence()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data/prepared"))
    parser.add_argument("--sizes", type=int, nargs="+", default=[112, 160, 224])
    parser.add_argument("--stem", default=TrainConfig.stem, help="conv with --depths 3 4 6 3 is ResNeXt-50")
    parser.add_argument("--depths", type=int, nargs="+", default=TrainConfig.depths)
    parser.add_argument("--batch", type=int, default=TrainConfig.batch, help="pairs")
    parser.add_argument("--seconds", type=float, default=8.0, help="of each measurement")
    args = parser.parse_args()
    shards, device = Shards(args.data), "cuda" if torch.cuda.is_available() else "cpu"
    base = replace(TrainConfig(), stem=args.stem, depths=tuple(args.depths), batch=args.batch)
    rows = []
    for size in args.sizes:
        made = measure(pair_making(shards, size), args.seconds)
        trained = measure(training(replace(base, size=size), device), args.seconds)
        rows.append([size, *(f"{figure:.0f}" for figure in (*made, *trained))])
    where = torch.cuda.get_device_name() if device == "cuda" else f"{torch.get_num_threads()} threads of the processor"
    print(
        f"{args.stem} {'-'.join(map(str, args.depths))}, batches of {args.batch} pairs, on {where}; images a second\n"
    )
    head = ["px", "pairs made", "a processor second", "trained", "a processor second"]
    print("\n".join(table(head, rows)))


if __name__ == "__main__":
    main()
