"""Pairs in any order, each a pure function of (seed, number): what makes a resumed run equal an unbroken one."""

import os
import zlib

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from training.pseudo import FAMILIES, make_pair
from training.shards import Shards, Source


def is_held_out(source: Source) -> bool:
    """Whether a whole source of pictures belongs to validation: one in eight, by its name."""
    return zlib.crc32(source.group.encode()) % 8 == 7


def split(sources: list[Source]) -> tuple[np.ndarray, np.ndarray]:
    """Indices for training and for validation, apart by source and by identity."""
    held = np.array([is_held_out(s) for s in sources])
    seen = {s.identity for s, h in zip(sources, held, strict=True) if not h}
    fresh = np.array([h and s.identity not in seen for s, h in zip(sources, held, strict=True)])
    return np.flatnonzero(~held), np.flatnonzero(fresh)


class Pairs(Dataset):
    """Pair number n -> (real, fake) uint8 (2, S, S, 3), where (S / 16, S / 16), the family's number."""

    def __init__(self, shards: Shards, indices: np.ndarray, seed: int, size: int, clip_share: float = 0.4):
        self.shards, self.seed, self.size, self.clip_share = shards, seed, size, clip_share
        kinds = np.array([shards.sources[i].kind for i in indices])
        self.stills, self.clips = indices[kinds == "still"], indices[kinds == "clip"]

    def __getitem__(self, number: int):
        rng = np.random.default_rng([self.seed, number])
        from_clip = len(self.clips) and (not len(self.stills) or rng.random() < self.clip_share)
        among = self.clips if from_clip else self.stills
        i = int(rng.choice(among))
        anyone = among if rng.random() < 0.5 or not len(self.stills) else self.stills
        partner = self.shards.partner(i, rng, anyone)
        face, other = (self.shards.sample(j, int(rng.integers(2**31))) for j in (i, partner))
        pair = make_pair(face, other, rng, size=self.size)
        both = np.stack([pair.real, pair.fake])
        return torch.from_numpy(both), torch.from_numpy(pair.where), list(FAMILIES).index(pair.family)


def loader(pairs: Pairs, first: int, last: int, batch: int, workers: int, step: int = 1) -> DataLoader:
    """Batches of every `step`-th of the pairs `first` to `last`, in order, made by `workers` processes."""
    return DataLoader(
        pairs,
        batch_size=batch,
        sampler=range(first, last, step),
        num_workers=workers,
        worker_init_fn=_one_thread,
        prefetch_factor=8 if workers else None,
    )


def _one_thread(worker: int) -> None:
    torch.set_num_threads(1)
    os.nice(1)
