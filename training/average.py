"""The mean of the weights of runs that began at the same ones (Wortsman et al. 2022, "Model soups").

    python -m training.average runs/second runs/third --out runs/average

A run that went on from another on other pairs learns the new and forgets some of the old; between the two lies a network
that does both. `training.head` and `training.publish` take the result as they take a run of `training.train`.
"""

import argparse
import shutil
from pathlib import Path

import torch
from torch import Tensor

Weights = dict[str, Tensor]


def mean_of(runs: list[Weights]) -> Weights:
    """The mean of each tensor, batch norms' statistics included; counters are the last run's."""
    first, last = runs[0], runs[-1]
    if any(one.keys() != first.keys() or any(one[k].shape != first[k].shape for k in one) for one in runs):
        raise ValueError("the runs are of networks of different shapes")
    return {
        key: torch.stack([one[key] for one in runs]).mean(0) if first[key].dtype.is_floating_point else last[key]
        for key in first
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    kept = [torch.load(run / "last.pt", map_location="cpu", weights_only=True)["ema"] for run in args.runs]
    args.out.mkdir(parents=True, exist_ok=True)
    try:
        torch.save({"ema": mean_of(kept), "runs": [str(run) for run in args.runs]}, args.out / "last.pt")
    except ValueError as error:
        raise SystemExit(str(error)) from error
    shutil.copyfile(args.runs[-1] / "config.json", args.out / "config.json")


if __name__ == "__main__":
    main()
