"""What real faces look like to the encoder -> usual.safetensors beside its weights, by which core.usual tells how usual one is.

    python -m training.usual --weights core/weights

The stills of half of the sources give the directions, the others are who a face is compared with. The table says how usual
those come out when they are sent around as pictures are.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from core.crops import crop
from core.pretrained import USUAL, load_weights
from core.usual import Usual
from training.commands import ends_with_a_sentence
from training.degrade import camera
from training.framing import SENT
from training.head import encode
from training.report import table
from training.shards import Sample, Shards
from training.treatments import CELLS

DIRECTIONS = 100
BATCH = 64
IN_TABLE = 400  # faces


def sent_around(rgb: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(H, W, 3) uint8 -> the same, as one of many cameras and apps would have it."""
    return np.clip(np.round(camera(rgb, rng)), 0, 255).astype(np.uint8)


def halves(faces: list[Sample]) -> tuple[list[Sample], list[Sample]]:
    """The faces of every other source, by name, and the rest."""
    groups = sorted({face.source.group for face in faces})
    if len(groups) < 2:
        raise SystemExit("Faces are compared with those of other sources, so prepare stills of two or more.")
    parts = set(groups[::2]), set(groups[1::2])
    return tuple([face for face in faces if face.source.group in part] for part in parts)


def at_most(faces: list[Sample], most: int | None) -> list[Sample]:
    """At most so many of them, from all over the list."""
    return [faces[int(n * len(faces) / most)] for n in range(most)] if most and most < len(faces) else faces


@ends_with_a_sentence()
def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data/prepared"))
    parser.add_argument("--weights", type=Path, default=Path("core/weights"))
    parser.add_argument("--faces", type=int, help="at most so many of each half")
    args = parser.parse_args(argv)
    shards, model = Shards(args.data), load_weights(args.weights).model
    device = "cuda" if torch.cuda.is_available() else "cpu"
    encoder = model.encoder.to(device, memory_format=torch.channels_last)

    def features(faces: list[Sample], treat: Callable[[np.ndarray], np.ndarray] | None = None) -> np.ndarray:
        """(N, 2048) float32 of faces, treated so."""
        found = []
        for start in range(0, len(faces), BATCH):
            part = [(treat(face.rgb) if treat else face.rgb, face.box) for face in faces[start : start + BATCH]]
            crops = np.stack([crop(rgb, box, model.config.size, model.config.margin) for rgb, box in part])
            found.append(encode(encoder, crops, device)[0].astype(np.float32))
        return np.concatenate(found)

    stills = [shards[i] for i, source in enumerate(shards.sources) if source.kind == "still"]
    rng, (those, others) = np.random.default_rng(17), (at_most(part, args.faces) for part in halves(stills))
    both = [
        np.concatenate([features(part), features(part, lambda rgb: sent_around(rgb, rng))]) for part in (those, others)
    ]
    usual = Usual.fit(*both, DIRECTIONS)
    (args.weights / USUAL).write_bytes(usual.to_bytes())
    print(f"{args.weights / USUAL}: directions of {len(those)} faces, {len(others)} to compare with", flush=True)
    rows = []
    for how in ("", *SENT):
        shares = [usual.share(x) for x in features(others[:IN_TABLE], CELLS.get(how))]
        rows.append([how or "as they are", *(f"{q:.2f}" for q in np.quantile(shares, (0.1, 0.5, 0.9)))])
    print("\n".join(table(["real faces", "as unusual: 10 %", "half", "90 %"], rows)))


if __name__ == "__main__":
    main()
