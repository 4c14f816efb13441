"""No person and no footage on two sides, shares near what was asked, both classes even where wanted."""

from collections import Counter

import pytest

from training.manifest import DataError, Item
from training.splits import SHARES, balance, split_items, summary


def corpus(people: int, fakes: int = 2) -> list[Item]:
    """Each person has one real video and `fakes` fakes in which the neighbour's face sits: pairs of people.

    Of the first of the fakes no person is known, only the footage.
    """
    items = []
    for n in range(people):
        items.append(Item(f"{n}.mp4", 0, "video", None, None, f"p{n}", f"p{n}", None, f"v{n}"))
        for k in range(fakes):
            who = (f"p{n ^ 1}", f"p{n}") if k else (None, None)
            items.append(Item(f"{n}_{k}.mp4", 1, "video", "swap", None, *who, None, f"v{n}"))
    return items


def swapped_with_everybody(people: int) -> list[Item]:
    reals = [Item(f"{n}.mp4", 0, "video", identity=f"p{n}", source=f"p{n}", pair_id=f"v{n}") for n in range(people)]
    fakes = [
        Item(f"{a}_{b}.mp4", 1, "video", identity=f"p{b}", source=f"p{a}", pair_id=f"v{a}")
        for a in range(people)
        for b in range(people)
        if a != b
    ]
    return reals + fakes


def assert_no_name_in_two_splits(items: list[Item]) -> None:
    homes: dict[str, str] = {}
    for item in items:
        for name in (item.identity, item.source, item.pair_id):
            if name:
                assert homes.setdefault(name, item.split) == item.split, name


@pytest.mark.parametrize("shares", SHARES)
def test_no_person_or_footage_is_on_two_sides_and_shares_are_near(shares):
    items, left_out = split_items(corpus(200), SHARES[shares])
    assert_no_name_in_two_splits(items)
    assert not left_out
    counts = Counter((item.split, item.label) for item in items)
    for split, share in SHARES[shares].items():
        assert counts[split, 0] / 200 == pytest.approx(share, abs=0.02)
        assert counts[split, 1] / 400 == pytest.approx(share, abs=0.02)


def test_where_everybody_is_swapped_with_everybody_fakes_across_splits_are_left_out_and_counted():
    given = swapped_with_everybody(20)
    items, left_out = split_items(given, SHARES["70:30"])
    assert_no_name_in_two_splits(items)
    assert len(items) + left_out["shows people of two splits"] == len(given)
    assert Counter(item.split for item in items if not item.label) == {"train": 14, "test": 6}


def test_the_same_seed_gives_the_same_split_and_another_another():
    once, again, other = (split_items(corpus(40), SHARES["70:30"], seed)[0] for seed in (1, 1, 2))
    assert once == again
    assert once != other


def test_items_nobody_is_known_of_are_split_one_by_one():
    items, _ = split_items([Item(f"{n}.jpg", n % 2, "image") for n in range(20)], SHARES["70:30"])
    assert Counter((item.split, item.label) for item in items) == {
        ("train", 0): 7,
        ("train", 1): 7,
        ("test", 0): 3,
        ("test", 1): 3,
    }


def test_one_source_alone_cannot_be_split():
    with pytest.raises(DataError, match="test would hold no real"):
        split_items([Item(f"{n}.mp4", n % 2, "video", source="one") for n in range(9)], SHARES["70:30"])


def test_a_split_without_fakes_is_refused_where_there_are_fakes():
    reals = [Item(f"{n}.jpg", 0, "image", source=f"{n}") for n in range(40)]
    fakes = [Item(f"stylegan/{n}.jpg", 1, "image", source="stylegan") for n in range(40)]
    with pytest.raises(DataError, match="val and test would hold no fake items. Pictures of one folder stay together"):
        split_items(reals + fakes, SHARES["70:15:15"])
    items, _ = split_items(reals, SHARES["70:15:15"])  # for training alone no fakes are needed
    assert Counter(item.split for item in items) == {"train": 28, "val": 6, "test": 6}


def test_no_person_is_counted_in_two_splits_of_our_own():
    items, _ = split_items(swapped_with_everybody(20), SHARES["70:30"])
    assert summary(items) == ["test: 6 real, 30 fake", "train: 14 real, 182 fake"]


def test_balancing_leaves_half_real_and_half_fake_in_each_split():
    items, left_out = balance(split_items(corpus(40), SHARES["70:15:15"])[0])
    counts = Counter((item.split, item.label) for item in items)
    assert all(counts[split, 0] == counts[split, 1] > 0 for split in ("train", "val", "test"))
    assert len(items) + left_out["to balance the classes"] == 120


def test_one_class_alone_cannot_be_balanced():
    with pytest.raises(DataError, match="no fake items"):
        balance([Item("a.mp4", 0, "video")])
