"""The manifest: labelled videos and images, a JSON object a line."""

import json
import tarfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Literal

import numpy as np

SAME_FOOTAGE = "same footage"  # the pair_kind where nothing but the manipulation differs
KINDS = ("video", "image")
IN_TAR = "!/"  # between a tar and the name of a picture in it


class DataError(ValueError):
    """A data set that is not laid out as it should be; says in a sentence what is missing."""


@dataclass(frozen=True)
class Item:
    """One labelled video or image."""

    path: str  # of the file; "shards/00.tar!/a.jpg" for a picture in a tar
    label: Literal[0, 1]  # 1: manipulated
    kind: Literal["video", "image"]
    method: str | None = None  # what made it; None where it is real
    category: str | None = None  # face-swap, reenactment, lip-sync, ...
    # who or what no split may cut; a person may be the identity of one item and the source of another
    identity: str | None = None  # the person shown
    source: str | None = None  # the footage, its person, or the place it was found
    split: str | None = None  # train, val or test, where the data set says so
    pair_id: str | None = None  # shared by a fake and the real it belongs to
    pair_kind: str | None = None  # SAME_FOOTAGE, or how else fake and real belong together


@dataclass(frozen=True)
class Manifest:
    """What was read, and what was not, counted by reason."""

    items: tuple[Item, ...]
    skipped: Counter


def read_manifest(path: Path) -> Manifest:
    """A manifest as `write_manifest` makes it, or the pack's dev/manifest.jsonl, whose words are its own.

    Paths are taken from the manifest's folder. Missing files are left out and counted; a file named twice is refused,
    as it would count twice.
    """
    items, skipped, known = [], Counter(), {field.name for field in fields(Item)}
    lines: dict[str, int] = {}  # where each path was named
    for number, row in enumerate(read_rows(path), 1):
        row = {"method": row.get("generator"), "source": row.get("source_repo")} | row
        row["label"] = {"real": 0, "fake": 1, "0": 0, "1": 1}.get(str(row.get("label")))
        if row["label"] is None or row.get("kind") not in ("video", "image") or not isinstance(row.get("path"), str):
            raise DataError(f"Line {number} of {path} lacks a path, a kind (video or image) or a label (0 or 1).")
        item = Item(**{name: value for name, value in row.items() if name in known})
        item = replace(item, path=str(path.parent / item.path))
        if lines.setdefault(item.path, number) != number:
            raise DataError(f"{path} names {row['path']} twice, on lines {lines[item.path]} and {number}; keep one.")
        if Path(item.path.partition(IN_TAR)[0]).exists():
            items.append(item)
        else:
            skipped["file is missing"] += 1
    return checked(items, skipped, str(path))


def write_manifest(path: Path, items: Iterable[Item]) -> None:
    """One JSON object a line; files under the manifest's folder are named from there, so that both can move."""
    folder = path.parent.resolve()
    rows = []
    for item in items:
        file = Path(item.path).resolve()
        inside = file.is_relative_to(folder)
        rows.append(json.dumps(asdict(replace(item, path=str(file.relative_to(folder) if inside else file)))) + "\n")
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(rows))


def chosen(items: Sequence[Item], split: str | None, limit: int | None) -> list[Item]:
    """The items of a split; with a limit, that many of each class and kind, evenly spread over the manifest.

    Raises DataError where the split lacks a class.
    """
    if split is not None:
        there = ", ".join(sorted({item.split or "none" for item in items}))
        items = [item for item in items if item.split == split]
        require_both_classes(items, f"The split {split} (there are: {there})")
    if limit is None:
        return items
    kept = []
    for kind in KINDS:
        for label in (0, 1):
            mine = [item for item in items if (item.kind, item.label) == (kind, label)]
            kept += [mine[i] for i in np.unique(np.linspace(0, len(mine) - 1, min(limit, len(mine))).astype(int))]
    return kept


def told_apart(items: Sequence[Item]) -> Iterator[tuple[str, list[int]]]:
    """Each kind of which there are real and fake items, and the places of its items."""
    for kind in KINDS:
        rows = [i for i, item in enumerate(items) if item.kind == kind]
        if {items[i].label for i in rows} == {0, 1}:
            yield kind, rows


def require_both_classes(items: Iterable[Item], where: str) -> None:
    """Raises DataError where there is nothing to tell apart."""
    labels = {item.label for item in items}
    if labels != {0, 1}:
        lacking = "fake items" if labels == {0} else "real items" if labels else "items"
        raise DataError(f"{where} holds no {lacking}; two classes are needed.")


def local_file(item: Item, folder: Path) -> Path:
    """The item as a file that can be opened; what lies in a tar is written into `folder` first."""
    tar_path, _, member = item.path.partition(IN_TAR)
    if not member:
        return Path(item.path)
    try:
        with tarfile.open(tar_path) as tar:
            data = tar.extractfile(member).read()
    except (KeyError, OSError, tarfile.TarError) as error:
        raise DataError(f"{member} cannot be read from {tar_path}.") from error
    path = folder / Path(member).name
    path.write_bytes(data)
    return path


def checked(items: list[Item], skipped: Counter, where: str) -> Manifest:
    if not items:
        raise DataError(f"Nothing was found of {where}.")
    return Manifest(tuple(items), skipped)


def read_text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}.") from error


def read_json(path: Path, kind: type):
    """The JSON of a file whose outermost value is of `kind`."""
    try:
        value = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise DataError(f"{path} is not JSON: {error}.") from error
    if not isinstance(value, kind):
        raise DataError(f"{path} should hold a JSON {'object' if kind is dict else 'array'}.")
    return value


def drop_cut_line(path: Path) -> None:
    """Take a last line that a kill cut short out of the file."""
    text = path.read_text() if path.exists() else ""
    if text and not text.endswith("\n"):
        path.write_text(text[: text.rfind("\n") + 1])


def read_rows(path: Path) -> list[dict]:
    try:
        rows = [json.loads(line) for line in read_text(path).splitlines() if line.strip()]
    except json.JSONDecodeError as error:
        raise DataError(f"{path} is not one JSON object a line: {error}.") from error
    if not all(isinstance(row, dict) for row in rows):
        raise DataError(f"{path} is not one JSON object a line.")
    return rows
