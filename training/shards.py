"""Prepared faces as files: pictures with landmarks, and where each comes from.

All that training reads of its data. Neither a video library nor a face detector is imported for it, so that a machine
which only trains can do without.
"""

import io
import json
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from zipfile import BadZipFile
from zlib import crc32

import cv2
import numpy as np

from core.faces import Box

CUT_SHORT = (EOFError, ValueError, BadZipFile)  # what reading an .npz raises whose end is missing


@dataclass(frozen=True)
class Source:
    """Where a picture comes from; splits never cut through one of these."""

    id: str
    group: str  # repository, corpus or site
    identity: str  # who, as far as known; the id otherwise
    kind: str  # "still" or "clip"
    t_s: float = 0.0

    @property
    def number(self) -> int:
        """The seed of what is drawn at random for a still, or for all frames of a clip alike."""
        return crc32(self.id.encode())


@dataclass(frozen=True, eq=False)
class Sample:
    """One real face with its surroundings."""

    rgb: np.ndarray  # (H, W, 3) uint8, at most CONTEXT_SIDE
    landmarks: np.ndarray  # (468, 2) float32, pixels of rgb
    box: Box  # pixels of rgb
    source: Source
    drawn: np.ndarray | None = None  # (H, W, 3) uint8: the same, drawn anew by a network (training.render)
    acted: np.ndarray | None = None  # (H, W, 3) uint8: the same, drawn from another view of it (training.animator)


def write_shard(path: Path, samples: list[Sample]) -> None:
    """One .npz without pickle: JPEGs end to end, landmarks, boxes, sources as JSON."""
    jpegs = [cv2.imencode(".jpg", s.rgb[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 96])[1].ravel() for s in samples]
    half = path.with_suffix(".part")
    with half.open("wb") as out:
        np.savez(
            out,
            jpeg=np.concatenate(jpegs),
            ends=np.cumsum([len(j) for j in jpegs]),
            landmarks=np.stack([s.landmarks for s in samples]).astype(np.float16),
            boxes=np.array([s.box for s in samples], np.float32),
            sources=np.frombuffer(json.dumps([asdict(s.source) for s in samples]).encode(), np.uint8),
        )
    half.rename(path)


def read_shard(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a shard. Raises SystemExit where it was cut short, as a full disk leaves it."""
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as shard:
            return dict(shard)
    except CUT_SHORT as error:
        raise SystemExit(
            f"{path} was cut short. Delete it, and the .json of its name if there is one, and run again what made it."
        ) from error


class Shards:
    """Random access to prepared samples; JPEGs stay compressed in memory until asked for."""

    def __init__(self, folder: Path):
        self.jpegs: list[np.ndarray] = []
        self.landmarks, self.boxes, self.sources = [], [], []
        for path in sorted(folder.glob("*.npz")):
            shard = read_shard(path)
            self.jpegs += np.split(shard["jpeg"], shard["ends"][:-1])
            self.landmarks += list(shard["landmarks"].astype(np.float32))
            self.boxes += [tuple(box) for box in shard["boxes"].tolist()]
            self.sources += [Source(**row) for row in json.loads(shard["sources"].tobytes())]
        if not self.jpegs:
            raise SystemExit(f"No prepared shards in {folder}. Run: python -m training.prepare")

        # JPEGs by family and the number of the face; not every face may have one
        self.drawings = {"redrawn": _drawings(folder / "rendered"), "acted": _drawings(folder / "acted")}

        points = np.stack(self.landmarks)
        points = points - points.mean(1, keepdims=True)
        self.shapes = (points / points.std((1, 2), keepdims=True)).reshape(len(points), -1)[:, ::8]

    def __len__(self) -> int:
        return len(self.jpegs)

    def digest(self) -> str:
        """Whose faces these are and where they come from, in short."""
        return sha256(repr(self.sources).encode()).hexdigest()[:16]

    def partner(self, i: int, rng: np.random.Generator, among: np.ndarray) -> int:
        """Another person whose head is posed much like that of sample `i`: the nearest of 24 drawn from `among`."""
        drawn = rng.choice(among, 24)
        others = [j for j in drawn if self.sources[j].identity != self.sources[i].identity]
        distances = ((self.shapes[others] - self.shapes[i]) ** 2).sum(1)
        return int(others[int(distances.argmin())]) if others else int(drawn[0])

    def __getitem__(self, i: int) -> Sample:
        return self.sample(i)

    def sample(self, i: int, drawing: int = 0) -> Sample:
        """Sample `i` with drawing number `drawing` of each kind, counted round and round."""
        each = [kept[i][drawing % len(kept[i])] if i in kept else None for kept in self.drawings.values()]
        drawn, acted = (None if jpeg is None else _decode(jpeg) for jpeg in each)
        return Sample(_decode(self.jpegs[i]), self.landmarks[i], self.boxes[i], self.sources[i], drawn, acted)


def _drawings(folder: Path) -> dict[int, list[np.ndarray]]:
    """JPEGs of faces drawn anew, by the number of the face."""
    drawings: dict[int, list[np.ndarray]] = {}
    for path in sorted(folder.glob("*.npz")):
        shard = read_shard(path)
        jpegs = np.split(shard["jpeg"], shard["ends"][:-1])
        for number, jpeg in zip(shard["numbers"].tolist(), jpegs, strict=True):
            drawings.setdefault(number, []).append(jpeg)
    return drawings


def _decode(jpeg: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
