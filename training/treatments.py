"""What a camera, an app or a site does to the logits of real faces and of pseudo-fakes, on sources that no training saw.

    python -m training.treatments --weights core/weights

Both members of each pair are treated alike. A real face whose logit rises by a treatment is on its way to being accused, and
the last column says how well a mixed lot of treated and untreated faces is told apart: what a real collection is.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch

from core.crops import crop
from core.pretrained import load_weights
from training.commands import ends_with_a_sentence
from training.head import encode
from training.metrics import auc
from training.pairs import split
from training.pseudo import FAMILIES
from training.report import table
from training.robustness import GRID
from training.shards import Sample, Shards


def mixed(rgb: np.ndarray) -> np.ndarray:
    """Two frames in one, as a change of the frame rate leaves them."""
    later = cv2.warpAffine(rgb, np.float32([[1, 0, 4], [0, 1, 2]]), rgb.shape[1::-1], borderMode=cv2.BORDER_REFLECT_101)
    return cv2.addWeighted(rgb, 0.5, later, 0.5, 0)


def patched(rgb: np.ndarray) -> np.ndarray:
    return cv2.fastNlMeansDenoisingColored(np.ascontiguousarray(rgb), None, 6, 6, 5, 11)


def retouched(rgb: np.ndarray) -> np.ndarray:
    """The skin made even, as beauty filters do; edges stay."""
    return cv2.edgePreservingFilter(np.ascontiguousarray(rgb), None, cv2.RECURS_FILTER, 20, 0.2)


def bulged(rgb: np.ndarray) -> np.ndarray:
    """By a wide lens."""
    height, width = rgb.shape[:2]
    ys, xs = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    grow = 1 + 0.25 * (xs * xs + ys * ys - 0.5)
    at = ((xs * grow + 1) / 2 * (width - 1)).astype(np.float32), ((ys * grow + 1) / 2 * (height - 1)).astype(np.float32)
    return cv2.remap(rgb, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)


def filmed(rgb: np.ndarray) -> np.ndarray:
    """From a screen, with its waves."""
    ys, xs = np.mgrid[: rgb.shape[0], : rgb.shape[1]]
    waves = 1 + 0.08 * np.sin(2 * np.pi * (0.37 * xs + 0.05 * ys))
    return np.clip(np.round(rgb * waves[..., None]), 0, 255).astype(np.uint8)


CELLS = {cell.name: cell.picture for cell in GRID if cell.picture} | {
    "two frames mixed": mixed,
    "denoised by patches": patched,
    "skin evened": retouched,
    "bent by a wide lens": bulged,
    "filmed from a screen": filmed,
}
BATCH = 32  # pairs


def pairs(shards: Shards, count: int) -> list[tuple[Sample, np.ndarray, np.ndarray]]:
    """A face, its real member and its fake, (H, W, 3) uint8 both: blends and swaps in turn, which stay as sharp as they are."""
    _, unseen = split(shards.sources)
    made = []
    for number in range(count):
        rng = np.random.default_rng([31, number])
        i = int(rng.choice(unseen))
        partner = shards[shards.partner(i, rng, unseen)]
        blend = FAMILIES[("self_blend", "swap")[number % 2]][1](shards[i], partner, rng)
        made.append((shards[i], *(np.clip(np.round(x), 0, 255).astype(np.uint8) for x in (blend.real, blend.fake))))
    return made


def treated(face: Sample, rgb: np.ndarray, name: str) -> np.ndarray:
    """The crop of a treated picture; a picture that came out wider is cut where the face is now."""
    x0, y0, x1, y1 = face.box
    picture: Callable[[np.ndarray], np.ndarray] | None = CELLS.get(name)
    out = picture(rgb) if picture else rgb
    wider = out.shape[1] / rgb.shape[1]
    return crop(out, (x0 * wider, y0, x1 * wider, y1))


@ends_with_a_sentence()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data/prepared"))
    parser.add_argument("--weights", help="a folder, a bundled variant or a Hub id; the bundled ones without it")
    parser.add_argument("--pairs", type=int, default=160)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    encoder = load_weights(args.weights).model.encoder.to(device, memory_format=torch.channels_last).eval()
    made, rows, plain = pairs(Shards(args.data), args.pairs), [], None
    for name in ("as they are", *CELLS):
        crops = np.stack([treated(face, rgb, name) for face, real, fake in made for rgb in (real, fake)])
        parts = [encode(encoder, crops[k : k + 2 * BATCH], device)[1] for k in range(0, len(crops), 2 * BATCH)]
        logits = np.concatenate(parts).reshape(-1, 2)
        plain = logits if plain is None else plain
        mixed = np.concatenate([plain, logits])
        figures = logits[:, 0].mean(), (logits - plain)[:, 0].mean(), logits[:, 1].mean()
        rows.append([name, *(f"{x:+.2f}" for x in figures), *(f"{auc(z[:, 0], z[:, 1]):.3f}" for z in (logits, mixed))])
        print(f"{name} done", flush=True)
    head = ["treatment", "real", "moved by", "fake", "AUC", "AUC, half of them treated"]
    print("\n".join(table(head, rows)))


if __name__ == "__main__":
    main()
