"""A mouth that keeps its texture: what the numbers of core.movement are fitted on, and how."""

import sys

import numpy as np
import pytest

from core.movement import MOUTH_BENDS, Movement
from training import sticking
from training.prepare import Sample, Shards, Source, write_shard


@pytest.fixture
def data(tmp_path, sample):
    """A still, and two clips: one of sixteen frames, in the middle of which four are missing, and one of four."""

    def frame(name: str, kind: str, number: int) -> Sample:
        source = Source(name, "g", name, kind, number / sticking.RATE)
        return Sample(np.roll(sample.rgb, number % 3, 1), sample.landmarks, sample.box, source)

    faces = [frame("still", "still", 0)]
    faces += [frame("long", "clip", n) for n in range(20) if not 7 <= n < 11] + [
        frame("short", "clip", n) for n in range(4)
    ]
    write_shard(tmp_path / "stills-00.npz", faces)
    return tmp_path


def test_the_longest_run_of_a_clip_is_taken_and_a_short_one_left_out(data):
    assert sticking.runs(Shards(data)) == [list(range(8, 17))]


def test_a_video_of_a_face_is_compared_every_quarter_of_a_second(data, tmp_path):
    shards = Shards(data)
    run = sticking.runs(shards)[0]
    movement = sticking.watched([shards[i].rgb for i in run], [shards.boxes[i] for i in run], 24, tmp_path / "clip.mp4")
    assert len(movement.kept) == len(movement.bent) == (len(run) - 1) // 2


def test_the_fit_finds_what_tells_drawn_from_real():
    rng = np.random.default_rng(0)
    is_drawn = np.arange(400) % 2 == 1
    x = np.c_[rng.normal(2.0 * is_drawn, 1), rng.normal(0, 1, 400)]
    of_one, of_other, constant = sticking.fit(x, is_drawn, np.ones(400), strength=1e-3)
    assert of_one == pytest.approx(2, abs=0.6) and abs(of_other) < 0.3 and constant == pytest.approx(-2, abs=0.6)


def movements(kind, kept, bent, faces):
    rng = np.random.default_rng(len(kind))
    for face, crf in ((f, crf) for f in range(faces) for crf in sticking.CRF):
        yield (
            kind,
            face,
            crf,
            Movement(kept=list(kept + rng.normal(0, 0.02, 9)), bent=list(bent + rng.uniform(0, 0.3, 9))),
        )


def test_what_is_printed_leaves_out_mouths_that_do_not_move(capsys):
    seen = [*movements("real clips", 0.7, 0.5, 12), *movements("drawn", 0.9, 0.5, 12)]
    seen += movements("photographs under a camera", 0.95, MOUTH_BENDS - 0.4, 3)
    sticking.show(seen)
    printed = capsys.readouterr().out
    assert "| real clips, CRF 18 | 12 of 12 |" in printed and "| 1.00 |" in printed
    assert "| photographs under a camera, CRF 18 | 0 of 3 | - |" in printed
    kept, bent, constant = (float(word) for word in printed.split("=")[1].split())
    logits = [kept * np.arctanh(k) + bent * np.log(0.75) + constant for k in (0.7, 0.9)]
    assert logits[0] < 0 < logits[1]


def test_without_drawings_it_says_what_to_run(data, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["sticking", "--data", str(data)])
    with pytest.raises(SystemExit, match="training.act"):
        sticking.main()
