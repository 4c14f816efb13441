"""The mean of the weights of runs that began at the same ones (Wortsman et al. 2022, "Model soups").

    python -m training.average runs/second runs/third --out runs/average

A run that went on from another on other pairs learns the new and forgets some of the old; between the two lies a network
that does both. `training.head` and `training.publish` take the result as they take a run of `training.train`.
"""

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from training.commands import ends_with_a_sentence
from training.going_on import require_run
from training.manifest import DataError

Weights = dict[str, Tensor]


def mean_of(runs: list[Weights]) -> Weights:
    """The mean of each tensor, batch norms' statistics included; counters are the last run's."""
    first, last = runs[0], runs[-1]
    if any(one.keys() != first.keys() or any(one[k].shape != first[k].shape for k in one) for one in runs):
        raise DataError("The runs are of networks of different shapes; name some that went on from one another.")
    return {
        key: torch.stack([one[key] for one in runs]).mean(0) if first[key].dtype.is_floating_point else last[key]
        for key in first
    }


@ends_with_a_sentence()
def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args(argv)
    for run in args.runs:
        require_run(run)
    kept = [torch.load(run / "last.pt", map_location="cpu", weights_only=True)["ema"] for run in args.runs]
    mean = mean_of(kept)
    args.out.mkdir(parents=True, exist_ok=True)
    torch.save({"ema": mean, "runs": [str(run) for run in args.runs]}, args.out / "last.pt")
    shutil.copyfile(args.runs[-1] / "config.json", args.out / "config.json")


if __name__ == "__main__":
    main()
