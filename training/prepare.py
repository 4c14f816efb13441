"""Real stills and clips -> shards of face pictures with dense landmarks, ready to be made into pseudo-fakes.

    python -m training.prepare --pack ../shared/data --out data/prepared
    python -m training.prepare --manifest data/ffpp.jsonl --out data/prepared-ffpp

Resumable: a shard is written whole or not at all, and one that is there is not made again. What has no face is
counted in the report, never dropped in silence.
"""

import argparse
import json
import os
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from hashlib import sha256
from itertools import islice
from pathlib import Path
from queue import SimpleQueue

import cv2
import numpy as np

from core.crops import crop_square
from core.faces import Face, FaceDetector
from core.landmarks import Landmarker
from training.commands import ends_with_a_sentence
from training.reals import Pictures, clip_plan, clips, file_frames, reals, stills
from training.shards import Sample, Source, write_shard

CONTEXT_MARGIN = 1.8  # of the face box: room for every later crop, shift and rotation
CONTEXT_SIDE = 288  # pixels at most; the stills of the pack have no more
SHARD_SIZE = 512
MIN_FACE_PX = 64


def sample_of(rgb: np.ndarray, source: Source, detector: FaceDetector, landmarker: Landmarker) -> Sample | str:
    """Cut the best face with its surroundings, or say in a word why not."""
    faces = detector.detect(rgb)
    if not faces:
        return "no face"
    face = faces[0]
    if max(face.box[2] - face.box[0], face.box[3] - face.box[1]) < MIN_FACE_PX:
        return "face too small"
    mesh = landmarker.find(rgb, face)
    return _cut(rgb, face, mesh.in_picture, source) if mesh else "no landmarks"


def _cut(rgb: np.ndarray, face: Face, landmarks: np.ndarray, source: Source) -> Sample:
    centre_x, centre_y, side = crop_square(face.box, CONTEXT_MARGIN)
    left, top = max(0, round(centre_x - side / 2)), max(0, round(centre_y - side / 2))
    cut = rgb[top : round(centre_y + side / 2), left : round(centre_x + side / 2)]
    scale = min(1.0, CONTEXT_SIDE / max(cut.shape[:2]))
    if scale < 1:
        cut = cv2.resize(cut, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    shift = np.array([left, top], np.float32)
    corners = (np.array(face.box, np.float32).reshape(2, 2) - shift) * scale
    return Sample(cut, ((landmarks - shift) * scale).astype(np.float32), tuple(corners.ravel().tolist()), source)


def looked_at(pictures: Pictures, threads: int) -> Iterator[Sample | str]:
    """The face of each picture, in their order, or why there is none; looked for in so many threads."""
    with ExitStack() as stack:
        idle: SimpleQueue[tuple[FaceDetector, Landmarker]] = SimpleQueue()
        for _ in range(threads):
            idle.put((stack.enter_context(FaceDetector()), Landmarker()))

        def look(rgb: np.ndarray, source: Source) -> Sample | str:
            finders = idle.get()
            try:
                return sample_of(rgb, source, *finders)
            finally:
                idle.put(finders)

        pool, coming = stack.enter_context(ThreadPoolExecutor(threads)), deque()
        for picture in pictures:
            coming.append(pool.submit(str, picture) if isinstance(picture, str) else pool.submit(look, *picture))
            if len(coming) > threads:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()


def prepare(name: str, pictures: Pictures, out: Path, threads: int = os.cpu_count() or 1) -> None:
    """Write `pictures` as shards name-00.npz, ... and then name.json, the proof that all are there.

    After each shard name.state says how far it is; a killed run skips what came before without looking for faces.
    """
    done, state = out / f"{name}.json", out / f"{name}.state"
    if done.exists():
        return
    out.mkdir(parents=True, exist_ok=True)
    kept = json.loads(state.read_text()) if state.exists() else {"pictures": 0, "shards": 0, "report": {}}
    number, batch, report = kept["shards"], [], Counter(kept["report"])
    samples = looked_at(islice(pictures, kept["pictures"], None), threads)
    for count, sample in enumerate(samples, kept["pictures"] + 1):
        if isinstance(sample, str):
            report[sample] += 1
            continue
        report["kept"] += 1
        batch.append(sample)
        if len(batch) == SHARD_SIZE:
            write_shard(out / f"{name}-{number:02d}.npz", batch)
            number, batch = number + 1, []
            half = state.with_suffix(".part")
            half.write_text(json.dumps({"pictures": count, "shards": number, "report": report}))
            half.rename(state)
            print(f"{name}: {count} pictures, {report['kept']} faces", flush=True)
    if batch:
        write_shard(out / f"{name}-{number:02d}.npz", batch)
    done.write_text(json.dumps(report, indent=1) + "\n")
    state.unlink(missing_ok=True)


def mark(out: Path, manifests: list[Path], wanted: str, rate_hz: float) -> None:
    """Say in `out` what it is made of; raises SystemExit where that is something else than before."""
    digest = sha256(b"".join(path.read_bytes() for path in manifests if path.exists())).hexdigest()
    now, path = {"sha256_of_manifests": digest, "frames": wanted, "rate_hz": rate_hz}, out / "made-of.json"
    if path.exists() and json.loads(path.read_text()) != now:
        raise SystemExit(
            f"{out} holds faces of other files, or of other frames of them; name another folder with --out."
        )
    out.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(now, indent=1) + "\n")


@ends_with_a_sentence()
def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pack", type=Path, default=Path("../shared/data"))
    parser.add_argument("--manifest", type=Path, help="of training.datasets, in place of the pack: its real items")
    parser.add_argument("--out", type=Path, default=Path("data/prepared"))
    parser.add_argument("--rate", type=float, default=8.0, help="frames a second taken from the clips")
    parser.add_argument(
        "--frames", choices=("rate", "mean", "first100"), default="rate", help="mean and first100 as in the paper"
    )
    args = parser.parse_args(argv)
    given = reals(args.manifest) if args.manifest else {"clips": clips(args.pack)}
    manifests = [args.manifest] if args.manifest else [args.pack / d / "manifest.jsonl" for d in ("faces", "clips")]
    mark(args.out, manifests, args.frames, args.rate)
    plan = clip_plan(given["clips"], args.frames, args.rate)
    for name in ("stills", "clips"):
        prepare(name, file_frames(given[name], plan) if name in given else stills(args.pack), args.out)
        print(name, (args.out / f"{name}.json").read_text().replace("\n", ""))
    if not any(args.out.glob("*.npz")):
        raise SystemExit(
            f"None of these files gave a face to train on; the counts above say why. Delete {args.out} before you prepare "
            "others into it."
        )


if __name__ == "__main__":
    main()
