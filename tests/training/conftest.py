"""A real face with its landmarks, from the NASA portrait, a small pack made of it, and empty files for the readers of names."""

import io
import json
import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data

from core.faces import FaceDetector
from core.landmarks import Landmarker
from training.manifest import Item, Manifest
from training.pairs import is_held_out
from training.prepare import sample_of
from training.shards import Sample, Source, write_shard


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def by_name(manifest: Manifest) -> dict[str, Item]:
    return {Path(item.path).name: item for item in manifest.items}


def portrait() -> np.ndarray:
    return skimage.data.astronaut()[:300, 80:380]


@pytest.fixture(scope="session")
def sample() -> Sample:
    with FaceDetector() as detector:
        found = sample_of(portrait(), Source("a", "nasa", "a", "still"), detector, Landmarker())
    assert isinstance(found, Sample)
    return found


@pytest.fixture(scope="session")
def small(sample) -> Sample:
    """The same at half the size, for networks that take their time."""
    rgb = cv2.resize(sample.rgb, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return Sample(rgb, sample.landmarks / 2, tuple(x / 2 for x in sample.box), sample.source)


@pytest.fixture(scope="session")
def partner(sample) -> Sample:
    """Somebody else, as far as the generator can tell: mirrored and recoloured."""
    rgb = np.ascontiguousarray(255 - (255 - sample.rgb[:, ::-1].astype(int)) * 3 // 4).astype(np.uint8)
    width = rgb.shape[1]
    points = sample.landmarks * [-1, 1] + [width - 1, 0]
    x0, y0, x1, y1 = sample.box
    return Sample(rgb, points.astype(np.float32), (width - x1, y0, width - x0, y1), Source("b", "other", "b", "still"))


@pytest.fixture
def data(tmp_path, sample, partner):
    """Eight faces from sources on both sides of the split."""
    sources = [f"{n}.example" for n in range(40)]
    held = [s for s in sources if is_held_out(Source("x", s, "x", "still"))][:2]
    kept = [s for s in sources if s not in held][:2]
    rows = []
    for number, group in enumerate([*kept, *held] * 2):
        face = (sample, partner)[number % 2]
        rows.append(Sample(face.rgb, face.landmarks, face.box, Source(f"{number}", group, f"who{number}", "still")))
    write_shard(tmp_path / "s-00.npz", rows)
    return tmp_path


@pytest.fixture
def pack(tmp_path):
    """Six stills from three sources, one of them without a face, and no clips."""
    folder = tmp_path / "pack"
    (folder / "faces").mkdir(parents=True)
    (folder / "clips").mkdir()
    (folder / "clips" / "manifest.jsonl").write_text("")
    rows = []
    with tarfile.open(folder / "faces" / "shard-00.tar", "w") as tar:
        for number in range(6):
            picture = portrait() if number != 3 else np.full((200, 200, 3), 90, np.uint8)
            picture = np.clip(picture.astype(int) + 5 * number, 0, 255).astype(np.uint8)
            data = cv2.imencode(".jpg", picture[:, :, ::-1])[1].tobytes()
            entry = tarfile.TarInfo(f"p{number}.jpg")
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
            rows.append({"id": f"p{number}", "source_repo": f"site-{number % 3}", "identity": f"who-{number}"})
    (folder / "faces" / "manifest.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return folder
