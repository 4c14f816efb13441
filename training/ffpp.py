"""FaceForensics++ as it is handed out -> a manifest (`training.datasets` is the command)."""

from collections import Counter
from pathlib import Path

from training.manifest import SAME_FOOTAGE, DataError, Item, Manifest, read_json

COMPRESSIONS = ("raw", "c23", "c40")
SEQUENCES = ("original_sequences", "manipulated_sequences")
SPLITS = ("train", "val", "test")
CATEGORIES = {
    "Deepfakes": "face-swap",
    "FaceSwap": "face-swap",
    "FaceShifter": "face-swap",
    "DeepFakeDetection": "face-swap",
    "Face2Face": "reenactment",
    "NeuralTextures": "reenactment",
}


def read_ffpp(root: Path, compression: str = "c23") -> Manifest:
    """FaceForensics++ (Rössler et al. 2019), all methods there are, in one compression (raw, c23, c40).

    Originals or forgeries alone will do. The official train.json, val.json and test.json (pairs of originals) are looked
    for in `root` and `root`/splits; without the three of them no item has a split. The fake 071_054 shows the person of
    054 in the footage of 071.
    """
    splits = _splits(root)
    items, skipped = [], Counter()
    for path in _videos(root, SEQUENCES[0], compression):
        if path.parts[-4] == "youtube":
            person = footage = f"ff:{path.stem}"
        else:  # the actors of DeepFakeDetection: 01__walking.mp4
            person, footage = f"dfd:{path.stem.split('__')[0]}", f"dfd:{path.stem}"
        split = splits.get((path.stem, path.stem))
        items.append(Item(str(path), 0, "video", identity=person, source=person, split=split, pair_id=footage))
    for path in _videos(root, SEQUENCES[1], compression):
        method, (people, *scene) = path.parts[-4], path.stem.split("__")
        target, _, donor = people.partition("_")
        if not donor:
            skipped["name is not target_source"] += 1
            continue
        corpus = "dfd" if scene else "ff"
        footage = "__".join([target, *scene[:1]])
        items.append(
            Item(
                path=str(path),
                label=1,
                kind="video",
                method=method,
                category=CATEGORIES.get(method),
                identity=f"{corpus}:{donor}",
                source=f"{corpus}:{target}",
                split=splits.get((target, donor)),
                pair_id=f"{corpus}:{footage}",
                pair_kind=SAME_FOOTAGE,
            )
        )
    if not items:
        raise DataError(_nothing_found(root, compression))
    return Manifest(tuple(items), skipped)


def _nothing_found(root: Path, compression: str) -> str:
    if not any((root / sequences).is_dir() for sequences in SEQUENCES):
        return f"There is neither {' nor '.join(SEQUENCES)} in {root}; name the folder they are in."
    there = [c for c in COMPRESSIONS if c != compression and any(_videos(root, s, c) for s in SEQUENCES)]
    there = f"with --compression there is {', '.join(there)}" if there else "there is no other compression either"
    return f"Nothing was found of FaceForensics++ in {compression} at {root}; {there}."


def _videos(root: Path, sequences: str, compression: str) -> list[Path]:
    return sorted(root.glob(f"{sequences}/*/{compression}/videos/*.mp4"))


def _splits(root: Path) -> dict[tuple[str, str], str]:
    """(target, source) -> split, both ways round; (x, x) stands for the original x."""
    places = {name: [root / f"{name}.json", root / "splits" / f"{name}.json"] for name in SPLITS}
    files = {name: path for name, paths in places.items() for path in paths[::-1] if path.exists()}
    if files and (missing := [f"{name}.json" for name in SPLITS if name not in files]):
        raise DataError(
            f"There is no {' and no '.join(missing)} in {root}, whose videos training would take for its own; "
            "put all three split files there, or none."
        )
    splits = {}
    for name, path in files.items():
        for pair in read_json(path, list):
            if not isinstance(pair, list) or [len(n) for n in pair if isinstance(n, str)] != [3, 3]:
                raise DataError(f'{path} holds {pair!r} where a pair such as ["071", "054"] should stand.')
            a, b = pair
            splits |= dict.fromkeys([(a, b), (b, a), (a, a), (b, b)], name)
    return splits
