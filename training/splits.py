"""Splits that never show a person or a piece of footage on both sides."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from training.manifest import DataError, Item, require_both_classes
from training.metrics import groups_of

SHARES = {  # the paper's two
    "70:15:15": {"train": 0.70, "val": 0.15, "test": 0.15},
    "70:30": {"train": 0.70, "test": 0.30},
}


def split_items(items: list[Item], shares: dict[str, float], seed: int = 0) -> tuple[list[Item], Counter]:
    """Give every item a split, near the wanted shares in both classes; the same seed gives the same splits.

    Items that share a person, footage or pair stay together. Where nearly all hang together that way (Celeb-DF swaps
    everybody with everybody), the people are split instead, and a fake of people from two splits is left out.
    Returns the items and what was left out, counted. Raises DataError where a split would lack a class that is there.
    """
    units = _units(items)
    names = sorted({name for own in units for name in own})
    number = {name: i for i, name in enumerate(names)}
    counts = np.zeros((len(names), 2))  # of real and fake items
    for item, own in zip(items, units, strict=True):
        for name in own:
            counts[number[name], item.label] += 1
    where = _assign(counts, np.array(list(shares.values())), seed)
    kept, left_out = [], Counter()
    for item, own in zip(items, units, strict=True):
        places = {int(where[number[name]]) for name in own}
        if len(places) == 1:
            kept.append(replace(item, split=list(shares)[places.pop()]))
        else:
            left_out["shows people of two splits"] += 1
    filled = {(item.split, item.label) for item in kept}
    for label, name in enumerate(("real", "fake")):
        empty = [split for split in shares if (split, label) not in filled]
        if empty and any(item.label == label for item in items):
            raise DataError(
                f"Too few people or sources to split: {' and '.join(empty)} would hold no {name} items. Pictures of one "
                "folder stay together, as they may be frames of one video; lay single ones each in a folder of its own."
            )
    return kept, left_out


def _units(items: list[Item]) -> list[set[str]]:
    """What decides about an item's split: its group, or its people where one group holds more than half of all."""
    people = [{n for n in (item.identity, item.source) if n} or {item.path} for item in items]
    groups = groups_of([own | {n for n in (item.pair_id,) if n} for own, item in zip(people, items, strict=True)])
    if np.bincount(groups).max() > len(items) / 2:
        return people
    return [{f"group {group}"} for group in groups]


def _assign(counts: np.ndarray, shares: np.ndarray, seed: int) -> np.ndarray:
    """counts (N, 2) of real and fake per unit -> (N,) the number of its split: large units first, each where most of
    what it brings is lacking."""
    totals = np.maximum(counts.sum(0), 1)
    given = np.zeros((len(shares), 2))
    where = np.empty(len(counts), int)
    order = np.random.default_rng(seed).permutation(len(counts))
    for unit in order[np.argsort(-counts[order].sum(1), kind="stable")]:
        lacking = shares[:, None] - given / totals
        where[unit] = np.argmax(lacking @ (counts[unit] / totals))
        given[where[unit]] += counts[unit]
    return where


def summary(items: Sequence[Item]) -> list[str]:
    """What each split holds, and what should make one doubt the figures to come, a line each."""
    counts = Counter((item.split or "no split", item.label) for item in items)
    lines = [f"{split}: {counts[split, 0]} real, {counts[split, 1]} fake" for split in sorted({s for s, _ in counts})]
    names: dict[str, set[str]] = {}  # of people and sources, by split
    for item in items:  # training takes what has no split as well
        names.setdefault(item.split or "train", set()).update({item.identity, item.source} - {None})
    held_out = sorted(names.keys() - {"train"})
    for split in held_out:
        if shared := names[split] & names.get("train", set()):
            lines.append(f"people or sources in both train and {split}: {len(shared)}; --split 70:15:15 parts them")
    if not held_out:
        lines.append("no split files and no --split: nothing is held out, training takes every real item")
    return lines


def balance(items: list[Item], seed: int = 0) -> tuple[list[Item], Counter]:
    """Half real, half fake in each split: of the larger class a random part is left out, and counted."""
    rng, kept, left_out = np.random.default_rng(seed), [], Counter()
    for split in sorted({item.split or "" for item in items}):
        mine = [item for item in items if (item.split or "") == split]
        require_both_classes(mine, f"The split {split or '(none)'}")
        classes = [[item for item in mine if item.label == label] for label in (0, 1)]
        size = min(map(len, classes))
        for members in classes:
            kept += [members[i] for i in sorted(rng.permutation(len(members))[:size])]
            left_out["to balance the classes"] += len(members) - size
    return kept, +left_out
