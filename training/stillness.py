"""What core.movement measures on real clips and on photographs with moved lips, encoded well and badly.

    python -m training.stillness --pack ../shared/data --data data/prepared

The limits of core.movement lie between the two. Clips too short to be compared
often enough are counted and left out.
"""

import argparse
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from core import video
from core.faces import FaceDetector
from core.movement import LEAST_COMPARED, Movement
from core.plan import PLANS
from core.tracks import size
from training.bending import lips_field, warp
from training.commands import ends_with_a_sentence
from training.hulls import face_size
from training.manifest import read_rows
from training.pairs import split
from training.report import table
from training.robustness import Cell, encode, noisy, treat
from training.shards import Sample, Shards

LINES = 144  # of the small copies
REAL = (
    Cell("encoded well"),
    Cell("CRF 32", generations=((None, 32),)),
    Cell("CRF 40", generations=((None, 40),)),
    Cell(f"{LINES} lines, CRF 30", generations=((LINES, 30),)),
)
SPOKEN = (
    Cell("encoded well"),
    Cell("CRF 28", generations=((None, 28),)),
    Cell("noise 3", noisy(3)),
    Cell("noise 3, CRF 28", noisy(3), generations=((None, 28),)),
)
RATE, SECONDS = 25, 6


def speaking(still: Sample, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """The still with its lips drawn apart and together again, and nothing else moved: (H, W, 3) uint8 each."""
    size_px = face_size(still.landmarks)
    field = lips_field(still.rgb.shape[:2], still.landmarks, size_px, 1.0)
    quick, slow = rng.uniform(1.5, 3), rng.uniform(0.5, 1.2)
    for t in np.arange(0, SECONDS, 1 / RATE):
        opening = 0.05 * size_px * abs(np.sin(2 * np.pi * quick * t) + 0.5 * np.sin(2 * np.pi * slow * t))
        yield warp(still.rgb, field * np.float32(opening))


def measure(path: Path) -> Movement:
    """The movement of the largest face, at the moments of the default plan."""
    movement = Movement()
    with FaceDetector() as detector:
        for frame in video.frames(path, PLANS["default"], []):
            if faces := detector.search(frame.rgb):
                movement.look(frame.t_s, frame.rgb, max((face.box for face in faces), key=size))
    return movement


def row(name: str, seen: list[Movement]) -> list:
    """One line of the table: how many, and how far apart eyes, forehead and mouth were from one look to the next."""
    long = [m for m in seen if len(m.upper) >= LEAST_COMPARED]
    upper, mouth = [m.of_upper for m in long], [m.of_mouth for m in long]
    figures = [f"{x:.2f}" for x in (min(upper), np.median(upper), max(upper), min(mouth))] if long else ["-"] * 4
    return [name, len(long), len(seen) - len(long), *figures, sum(m.is_mouth_alone for m in long)]


@ends_with_a_sentence()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pack", type=Path, default=Path("../shared/data"))
    parser.add_argument("--data", type=Path, default=Path("data/prepared"))
    parser.add_argument("--stills", type=int, default=24)
    args = parser.parse_args()
    clips = [args.pack / "clips" / f"{line['id']}.mp4" for line in read_rows(args.pack / "clips" / "manifest.jsonl")]
    shards, rows = Shards(args.data), []
    seen, _ = split(shards.sources)
    stills = [i for i in np.random.default_rng(3).permutation(seen) if shards.sources[i].kind == "still"][: args.stills]
    with tempfile.TemporaryDirectory() as folder:
        photographs = []
        for number, i in enumerate(stills):
            made, rng = Path(folder) / f"still-{number}.mp4", np.random.default_rng([3, number])
            photographs.append(encode(speaking(shards[i], rng), Fraction(RATE), None, 12, made))
        for kind, files, cells in (("real", clips, REAL), ("photograph", photographs, SPOKEN)):
            for cell in cells:
                rows.append(
                    row(f"{kind}, {cell.name}", [measure(treat(f, "video", cell, Path(folder))) for f in files])
                )
                print(f"{rows[-1][0]} done", flush=True)
    moved = ["eyes and forehead: least", "median", "most", "mouth: least"]
    print("\n".join(table(["clips", "compared", "too short", *moved, "found"], rows)))


if __name__ == "__main__":
    main()
