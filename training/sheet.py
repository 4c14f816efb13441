"""A contact sheet of pseudo-fakes: real, fake, their difference and the mask. Look at it after every change.

python -m training.sheet --out runs/sheet.png
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

from training.commands import ends_with_a_sentence
from training.pseudo import FAMILIES, make_pair
from training.shards import Shards


def sheet(shards: Shards, seed: int = 0, columns: int = 4) -> np.ndarray:
    """(H, W, 3) uint8: a row per family, `columns` pairs each."""
    rng = np.random.default_rng(seed)
    rows, everyone = [], np.arange(len(shards))
    for family in FAMILIES:
        tiles = []
        for _ in range(columns):
            i = int(rng.integers(len(shards)))
            pair = make_pair(shards[i], shards[shards.partner(i, rng, everyone)], rng, family)
            difference = np.clip(np.abs(pair.fake.astype(int) - pair.real) * 4, 0, 255).astype(np.uint8)
            where = cv2.resize((pair.where * 255).astype(np.uint8), pair.real.shape[1::-1])
            top = np.hstack([pair.real, pair.fake])
            tiles.append(np.vstack([top, np.hstack([difference, cv2.cvtColor(where, cv2.COLOR_GRAY2RGB)])]))
        rows.append(np.hstack(tiles))
    return np.vstack(rows)


@ends_with_a_sentence()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data/prepared"))
    parser.add_argument("--out", type=Path, default=Path("runs/sheet.png"))
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    args.out.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(args.out), sheet(Shards(args.data), args.seed)[:, :, ::-1])
    print(args.out)


if __name__ == "__main__":
    main()
