"""Real stills and clips, picture by picture, with where each comes from: of our own pack, or of any manifest."""

import json
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from os.path import relpath
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from core.errors import CheckError
from core.plan import Plan, plan_named
from core.video import frames, probe
from training.manifest import DataError, Item, local_file, read_manifest
from training.shards import Source

Pictures = Iterator[tuple[np.ndarray, Source] | str]  # (H, W, 3) uint8 each, or in a word why there is none


File = tuple[Item, Source]


def stills(pack: Path) -> Pictures:
    """The pictures of the pack's tars."""
    rows = {row["id"]: row for row in _rows(pack / "faces" / "manifest.jsonl")}
    for shard in sorted((pack / "faces").glob("*.tar")):
        with tarfile.open(shard) as tar:
            for member in tar:
                if not member.name.endswith(".jpg"):
                    continue
                row = rows[Path(member.name).stem]
                data = np.frombuffer(tar.extractfile(member).read(), np.uint8)
                bgr = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
                if bgr is None:
                    yield "unreadable: picture"
                    continue
                source = Source(row["id"], row["source_repo"], row["identity"] or row["id"], "still")
                yield cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), source


def clips(pack: Path) -> list[File]:
    """The pack's talking clips."""
    return [
        (
            Item(str(pack / "clips" / f"{row['id']}.mp4"), 0, "video"),
            Source(row["id"], row["source_repo"], row["identity"] or row["id"], "clip"),
        )
        for row in _rows(pack / "clips" / "manifest.jsonl")
    ]


def reals(manifest: Path) -> dict[str, list[File]]:
    """The real images and videos of a manifest, as "stills" and "clips"; what it holds out for validation or test is
    left out. Raises DataError."""
    found: dict[str, list[File]] = {"stills": [], "clips": []}
    for item in read_manifest(manifest).items:
        if item.label or item.split not in (None, "train"):
            continue
        kind, name = "still" if item.kind == "image" else "clip", relpath(item.path, manifest.parent)
        source = Source(name, item.source or name, item.identity or name, kind)
        found[f"{kind}s"].append((item, source))
    if not any(found.values()):
        raise DataError(f"{manifest} holds no real items to train on (of the split train, or of none).")
    return found


def clip_plan(files: Sequence[File], wanted: str, rate_hz: float) -> Plan:
    """Which frames of a clip: "rate", windows all over it; or as the paper has them, consecutive from the start:
    "first100", or "mean", as many as a clip has on average."""
    if wanted == "first100":
        return plan_named("first100")
    if wanted == "rate":
        return Plan("thorough", 1000, 16, rate_hz)
    counts = []
    for item, _ in files:
        with suppress(CheckError):  # counted when its frames are asked for
            media = probe(Path(item.path))
            counts.append(media.duration_s * media.fps)
    return plan_named("mean", max(1, round(float(np.mean(counts or [1])))))


def file_frames(files: Sequence[File], plan: Plan) -> Pictures:
    """The frames of clips, or stills, which have one."""
    with TemporaryDirectory() as folder:
        for item, source in files:
            try:
                for frame in frames(local_file(item, Path(folder)), plan, []):
                    yield frame.rgb, replace(source, t_s=frame.t_s)
            except CheckError as error:
                yield f"unreadable: {error.code}"
            except DataError:  # it is not in its tar
                yield "unreadable: picture"


def _rows(manifest: Path) -> list[dict]:
    if not manifest.exists():
        raise SystemExit(
            f"There is no {manifest}. Name the data pack with --pack (PACK=... make train), "
            "or a manifest of your own with --manifest: docs/training.md."
        )
    return [json.loads(line) for line in manifest.read_text().splitlines() if line.strip()]
