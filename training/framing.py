"""How closely core.framing finds the frame of pictures cut by the recipe, and how often other portraits have it by chance.

    python -m training.framing --data data/prepared

Real faces of the pack, each cut by the recipe, by a hand that aims at the same, and as the pack has it, around what a face
detector found; then sent around as pictures are.
The recipe's own landmarks are those of another model, so a generator's pictures lie a little further off than these.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

from core.faces import FaceDetector
from core.framing import framing_logit, off_frame, recipe_frame
from core.landmarks import Landmarker
from training.commands import ends_with_a_sentence
from training.report import table
from training.shards import Sample, Shards
from training.treatments import CELLS

SIDE = 256  # pixels
HAND = (0.05, 0.15, 4.0)  # how a hand misses: the middle by so much of the side, the size, the level in degrees
SENT = ("resized to 0.5 and back", "blur 2", "noise 10", "skin evened")


def cut(sample: Sample, rng: np.random.Generator | None = None) -> np.ndarray:
    """The face in the frame of the recipe, (SIDE, SIDE, 3) uint8, or with `rng` as a hand cuts it."""
    middle, half = recipe_frame(sample.landmarks)
    if rng is not None:
        shift, size, turn = HAND
        middle += 2 * abs(half) * shift * complex(*rng.standard_normal(2))
        half *= np.exp(size * rng.standard_normal() + 1j * np.radians(turn) * rng.standard_normal())
    step = half * 2 / SIDE  # one pixel to the right
    corner = middle - half * (1 + 1j)
    back = np.array([[step.real, -step.imag, corner.real], [step.imag, step.real, corner.imag]])
    how = cv2.INTER_AREA | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(sample.rgb, back, (SIDE, SIDE), flags=how, borderMode=cv2.BORDER_REFLECT_101)


def measure(rgb: np.ndarray, detector: FaceDetector, landmarker: Landmarker) -> float:
    """How far the picture's face is off the frame, infinite where none is found."""
    faces = detector.search(rgb)
    mesh = landmarker.find(rgb, faces[0]) if faces else None
    off = off_frame(mesh.in_picture, rgb.shape[1], rgb.shape[0]) if mesh else None
    return np.inf if off is None else off


@ends_with_a_sentence()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data/prepared"))
    parser.add_argument("--faces", type=int, default=400)
    args = parser.parse_args()
    shards, rng = Shards(args.data), np.random.default_rng(7)
    stills = [i for i, source in enumerate(shards.sources) if source.kind == "still"]
    faces = [shards[i] for i in rng.permutation(stills)[: args.faces]]
    landmarker, rows = Landmarker(), []
    with FaceDetector() as detector:
        for name, pictures in (
            ("the recipe", [cut(face) for face in faces]),
            ("a hand", [cut(face, rng) for face in faces]),
            ("a face detector", [face.rgb for face in faces if face.rgb.shape[0] == face.rgb.shape[1]]),
        ):
            for how in ("as cut", *SENT):
                sent = [CELLS[how](picture) for picture in pictures] if how in CELLS else pictures
                off = np.array([measure(picture, detector, landmarker) for picture in sent])
                quantiles = [f"{100 * q:.1f} %" for q in np.quantile(off, (0.05, 0.5, 0.95))]
                rows.append([f"{name}, {how}", *quantiles, f"{np.mean(framing_logit(off) > 0):.1%}"])
                print(f"{rows[-1][0]} done", flush=True)
    print("\n".join(table(["cut by", "off: 5 %", "half", "95 %", "taken for a generator's"], rows)))


if __name__ == "__main__":
    main()
