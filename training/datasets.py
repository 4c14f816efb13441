"""Readers of other people's data sets: labelled videos and images of many layouts -> one manifest.

    python -m training.datasets ffpp /data/FaceForensics++ --out data/ffpp.jsonl --compression c23
    python -m training.datasets folder /data/mine --out data/mine.jsonl --split 70:15:15 --balance

Layouts: ffpp (FaceForensics++), dfdc, celebdf (Celeb-DF v2), folder (real/ and fake/), pack (our own tars and JSONL).
The readers look at names, never into the files.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from training.commands import ends_with_a_sentence
from training.ffpp import COMPRESSIONS, read_ffpp
from training.manifest import (
    IN_TAR,
    SAME_FOOTAGE,
    DataError,
    Item,
    Manifest,
    checked,
    read_json,
    read_manifest,
    read_rows,
    read_text,
    write_manifest,
)
from training.splits import SHARES, balance, split_items, summary

VIDEOS = {".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mpg", ".mpeg"}
IMAGES = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}


def read_dfdc(root: Path) -> Manifest:
    """DFDC (Dolhansky et al. 2020): parts with a metadata.json each, wherever they lie under `root`.

    Every part says split "train", so no item has one. Fakes belong to the footage of their `original`.
    """
    tables = sorted(root.rglob("metadata.json"))
    if not tables:
        raise DataError(f"There is no metadata.json under {root}; DFDC has one in each of its parts.")
    items, skipped = [], Counter()
    for table in tables:
        for name, row in read_json(table, dict).items():
            label, path = row.get("label") if isinstance(row, dict) else row, table.parent / name
            if label not in ("REAL", "FAKE"):
                raise DataError(f"{table} gives {name} the label {label!r}, which is neither REAL nor FAKE.")
            if not path.exists():
                skipped["file is missing"] += 1
            elif label == "REAL":
                items.append(_real(path, source=f"dfdc:{name}", pair_id=f"dfdc:{name}"))
            elif original := row.get("original"):
                footage = f"dfdc:{original}"
                items.append(
                    Item(
                        path=str(path),
                        label=1,
                        kind="video",
                        method="dfdc",
                        source=footage,
                        pair_id=footage,
                        pair_kind=SAME_FOOTAGE,
                    )
                )
            else:
                skipped["fake without its original"] += 1
    return checked(items, skipped, f"DFDC at {root}")


def read_celebdf(root: Path) -> Manifest:
    """Celeb-DF v2 (Li et al. 2020); what List_of_testing_videos.txt names is the test split, the rest train: the same
    people stand in both.

    In that list 1 means real, the other way round than here: labels come from the folder, and a list that
    contradicts its folders is refused. The fake id0_id1_0007 shows id1 in the footage id0_0007.
    """
    test = _celebdf_test_list(root / "List_of_testing_videos.txt")
    items, skipped = [], Counter()
    for folder in ("Celeb-real", "YouTube-real", "Celeb-synthesis"):
        for path in sorted(root.glob(f"{folder}/*.mp4")):
            split = "test" if f"{folder}/{path.name}" in test else "train"
            people, _, number = path.stem.rpartition("_")
            if folder == "YouTube-real":
                items.append(_real(path, source=f"celebdf:yt{path.stem}", split=split))
            elif folder == "Celeb-real" and people:
                person = f"celebdf:{people}"
                pair = f"celebdf:{path.stem}"
                items.append(_real(path, identity=person, source=person, split=split, pair_id=pair))
            elif folder == "Celeb-synthesis" and people.count("_") == 1:
                target, donor = people.split("_")
                items.append(
                    Item(
                        path=str(path),
                        label=1,
                        kind="video",
                        method="celeb-df",
                        category="face-swap",
                        identity=f"celebdf:{donor}",
                        source=f"celebdf:{target}",
                        split=split,
                        pair_id=f"celebdf:{target}_{number}",
                        pair_kind=SAME_FOOTAGE,
                    )
                )
            else:
                skipped["name does not say who"] += 1
    missing = test - {"/".join(Path(i.path).parts[-2:]) for i in items}
    if missing:
        skipped["on the test list, but missing"] += len(missing)
    return checked(items, skipped, f"Celeb-DF at {root}")


def _celebdf_test_list(path: Path) -> set[str]:
    names = set()
    for line in read_text(path).splitlines():
        if not line.strip():
            continue
        digit, _, name = line.strip().partition(" ")
        is_real = not name.startswith("Celeb-synthesis/")
        if digit != str(int(is_real)):
            raise DataError(f"{path.name} says {line.strip()!r}; there 1 should mean real and 0 fake.")
        names.add(name)
    return names


def read_folder(root: Path) -> Manifest:
    """A folder with real/ and, if there are any forgeries, fake/ in it, in any case, holding videos or images at any depth.

    fake/METHOD/... names the method. Videos of one name are pairs. Images in folders of one name, below real/ or
    fake/METHOD/, may be frames of one video and so count as one person, but are no pairs: no two need be of one moment.
    Straight in fake/METHOD/ no split parts them, but each counts alone.
    """
    items, skipped = [], Counter()
    for name, label in (("real", 0), ("fake", 1)):
        folders = [f for f in root.iterdir() if f.is_dir() and f.name.lower() == name] if root.is_dir() else []
        if not folders and name == "real":
            raise DataError(f"There is no folder real in {root}; it should hold real and, where there are any, fake.")
        for path in sorted(path for folder in folders[:1] for path in folder.rglob("*")):
            kind = _kind(path)
            if path.is_dir() or kind is None:
                skipped["neither video nor image"] += path.is_file()
                continue
            inner = path.relative_to(folders[0]).parts[:-1]
            method = (inner[0] if inner else "unknown") if label else None
            if kind == "video":
                items.append(Item(str(path), label, kind, method, source=path.stem, pair_id=path.stem))
            else:
                source, person = (inner or [path.stem])[-1], (inner[label:] or [None])[-1]
                items.append(Item(str(path), label, kind, method, identity=person, source=source))
    return checked(_without_collections(items), +skipped, f"real and fake in {root}")


def _without_collections(items: list[Item]) -> list[Item]:
    """A folder that holds all pictures of a class is a collection: taken for one person, it would leave no interval."""
    people = {label: {i.identity for i in items if (i.kind, i.label) == ("image", label)} for label in (0, 1)}
    return [
        replace(item, identity=None) if item.kind == "image" and len(people[item.label]) == 1 else item
        for item in items
    ]


def read_pack(root: Path) -> Manifest:
    """Our own pack: stills in tars under faces/, clips/, and the judged set dev/; what is there of the three.

    Stills and clips are real and belong to the split "train", all of dev to "test".
    """
    items, skipped = [], Counter()
    if (root / "faces").is_dir():
        for row in read_rows(root / "faces" / "manifest.jsonl"):
            tar = root / "faces" / f"shard-{row['shard']:02d}.tar"
            if tar.exists():
                path = f"{tar}{IN_TAR}{row['id']}.jpg"
                items.append(Item(path, 0, "image", None, None, row["identity"], row["source_repo"], "train"))
            else:
                skipped["tar is missing"] += 1
    if (root / "clips").is_dir():
        for row in read_rows(root / "clips" / "manifest.jsonl"):
            path = root / "clips" / f"{row['id']}.mp4"
            if path.exists():
                items.append(_real(path, identity=row["identity"], source=row["source_repo"], split="train"))
            else:
                skipped["file is missing"] += 1
    if (root / "dev").is_dir():
        dev = read_manifest(root / "dev" / "manifest.jsonl")
        items += [replace(item, split="test") for item in dev.items]
        skipped += dev.skipped
    return checked(items, skipped, f"the pack at {root}")


def _real(path: Path, **known) -> Item:
    return Item(str(path), 0, _kind(path), **known)


def _kind(path: Path) -> Literal["video", "image"] | None:
    ending = path.suffix.lower()
    return "video" if ending in VIDEOS else "image" if ending in IMAGES else None


READERS: dict[str, Callable[[Path], Manifest]] = {
    "ffpp": read_ffpp,
    "dfdc": read_dfdc,
    "celebdf": read_celebdf,
    "folder": read_folder,
    "pack": read_pack,
}


@ends_with_a_sentence()
def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("layout", choices=READERS)
    parser.add_argument("root", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="the manifest to write")
    parser.add_argument("--compression", choices=COMPRESSIONS, default="c23", help="of FaceForensics++")
    parser.add_argument("--split", choices=("official", *SHARES), default="official")
    parser.add_argument("--balance", action="store_true", help="as many real as fake items in each split")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    given = read_ffpp(args.root, args.compression) if args.layout == "ffpp" else READERS[args.layout](args.root)
    items, skipped = list(given.items), given.skipped
    if args.split != "official":
        items, left_out = split_items(items, SHARES[args.split], args.seed)
        skipped = skipped + left_out
    if args.balance:
        items, left_out = balance(items, args.seed)
        skipped = skipped + left_out
    write_manifest(args.out, items)
    print(*summary(items), sep="\n")
    for reason, number in skipped.items():
        print(f"left out: {number} ({reason})")


if __name__ == "__main__":
    main()
