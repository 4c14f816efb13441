"""Mutated containers: each is read as far as it goes or reported by a CheckError; nothing crashes, hangs or leaks out.

Children do the reading, so that a crash is seen and named. To repeat one case:

    python -m tests.core.test_video_fuzz CLIP SEED SEED+1
"""

import faulthandler
import random
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import CheckError
from core.plan import PLANS
from core.video import frames, probe
from tests.media import grey_clip

ROOT = Path(__file__).parents[2]
MUTATIONS = 320  # of each clip
HANG_S = 30  # for one file of a few kilobytes, on a busy machine

CLIPS = {
    "h264.mp4": {"options": {"g": "6"}, "with_audio": True},
    "fast.mp4": {"options": {"g": "6"}, "muxer": {"movflags": "faststart"}},
    "fragments.mp4": {"options": {"g": "6"}, "muxer": {"movflags": "frag_keyframe+empty_moov"}},
    "hevc.mkv": {"codec": "libx265"},
    "vp9.webm": {"codec": "libvpx-vp9"},
    "av1.mp4": {"codec": "libsvtav1"},
    "mpeg4.avi": {"codec": "mpeg4"},
    "h264.avi": {"options": {"g": "6"}},
    "a.gif": {"codec": "gif", "pix_fmt": "rgb8"},
    "a.ts": {"options": {"g": "6"}},
    "a.flv": {"options": {"g": "6"}},
    "a.wmv": {"codec": "wmv2"},
    "a.mpg": {"codec": "mpeg2video"},
    "a.jpg": {"codec": "mjpeg", "pix_fmt": "yuvj420p", "container": "image2"},
    "a.png": {"codec": "png", "pix_fmt": "rgb24", "container": "image2"},
    "a.webp": {"codec": "libwebp", "container": "webp"},
}


def mutate(data: bytes, seed: int) -> bytes:
    """Change a few places; those near the start, where the headers are, more often."""
    rng = random.Random(seed)
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        at = int(len(changed) * rng.random() ** rng.choice((1, 1, 4)))
        length = rng.choice((1, 1, 2, 4, 4, 8, 64))
        how = rng.randrange(6)
        if how <= 1:
            changed[at : at + length] = rng.randbytes(length)
        elif how == 2:
            changed[at : at + length] = rng.choice((b"\x00", b"\xff", b"\x7f", b"\x80")) * length
        elif how == 3:
            del changed[at : at + length]
        elif how == 4:
            source = rng.randrange(len(changed) + 1)
            changed[at:at] = changed[source : source + length]
        else:
            changed = changed[: max(1, at)]
    return bytes(changed)


@pytest.mark.slow
@pytest.mark.parametrize("name", CLIPS)
def test_mutated_files_are_read_or_reported(tmp_path, name):
    count = 1 if name.endswith(("jpg", "png", "webp")) else 18
    clip = grey_clip(tmp_path / name, count, **CLIPS[name])
    child = [sys.executable, "-m", "tests.core.test_video_fuzz", str(clip), "0", str(MUTATIONS)]
    done = subprocess.run(child, cwd=ROOT, capture_output=True, text=True)
    last = done.stdout.split("\n")[-2:]
    assert done.returncode == 0, f"{name}, exit status {done.returncode} at {last}:\n{done.stderr[-3000:]}"
    outcomes = done.stdout.split()[1::2]
    assert len(outcomes) == MUTATIONS
    assert len(set(outcomes)) > 1  # the mutations are neither harmless nor deadly


def read_mutations(clip: Path, first: int, last: int) -> None:
    """Print each seed and what became of it."""
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    data = clip.read_bytes()
    mutant = clip.with_name(f"mutant-{clip.name}")
    for seed in range(first, last):
        print(seed, end=" ", flush=True)
        mutant.write_bytes(mutate(data, seed))
        faulthandler.dump_traceback_later(HANG_S, exit=True)
        outcome = "read"
        for look in (probe, look_default, look_first100):
            try:
                look(mutant)
            except CheckError as error:
                outcome = error.code
        faulthandler.cancel_dump_traceback_later()
        print(outcome, flush=True)


def look_default(path: Path) -> None:
    assert list(frames(path, PLANS["default"], []))


def look_first100(path: Path) -> None:
    assert list(frames(path, PLANS["first100"], []))


if __name__ == "__main__":
    read_mutations(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
