"""Faces animated from one picture: what the numbers of core.movement and core.shading are fitted on, and how."""

import sys

import numpy as np
import pytest
import torch
from torch import nn

from core.movement import MOUTH_BENDS, Movement
from core.shading import Shading
from training import sticking
from training.shards import Sample, Shards, Source, write_shard


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


@pytest.fixture
def clip(data):
    """Pictures and landmarks of the longest run, and its faces."""
    shards = Shards(data)
    return sticking.as_found([shards[i] for i in sticking.runs(shards)[0]])


def test_the_looks_of_a_video_are_compared_with_one_another(clip, tmp_path):
    frames, faces = clip
    movement, shading = sticking.watched([rgb for rgb, _ in frames], faces, 24, tmp_path / "clip.mp4")
    # every quarter of a second, from half on
    assert len(movement.kept) == len(movement.bent) == (len(frames) + 1) // 2 - 2
    count = len(frames) - 1  # neighbours, an eighth of a second apart, are not compared
    assert len(shading.kept) == len(shading.moved) == count * (count - 1) // 2
    assert min(shading.kept) > 0.98  # the same picture, moved by a pixel or two


class Copy(nn.Module):
    """Draws the source as it is."""

    def __init__(self):
        super().__init__()
        self.on = nn.Parameter(torch.zeros(1))  # a device

    def forward(self, source, field, pose):
        return source


def test_each_network_draws_a_clip_from_its_first_and_its_middle_frame(clip):
    frames, _ = clip
    drawn = sticking.drawings(frames, [Copy(), Copy()])
    for pictures, source in zip(drawn, (0, len(frames) // 2) * 2, strict=True):
        assert len(pictures) == len(frames)
        assert all(np.array_equal(picture, frames[source][0]) for picture in pictures)


def test_the_fit_finds_what_tells_drawn_from_real():
    rng = np.random.default_rng(0)
    is_drawn = np.arange(400) % 2 == 1
    x = np.c_[rng.normal(2.0 * is_drawn, 1), rng.normal(0, 1, 400)]
    of_one, of_other, constant = sticking.fit(x, is_drawn, np.ones(400), strength=1e-3)
    assert of_one == pytest.approx(2, abs=0.6) and abs(of_other) < 0.3 and constant == pytest.approx(-2, abs=0.6)


def seen(kind, kept, faces, moves=0.5):
    rng = np.random.default_rng(len(kind))
    for face, crf in ((f, crf) for f in range(faces) for crf in sticking.CRF):
        mouth = Movement(
            kept=list(kept + rng.normal(0, 0.02, 9)), bent=list(moves + rng.uniform(0, 0.3, 9)), gone=[2.0] * 9
        )
        light = Shading(kept=list(kept + rng.normal(0, 0.02, 28)), moved=list(moves * rng.uniform(0.1, 0.3, 28)))
        yield sticking.Seen(kind, face, crf, mouth, light)


def test_both_are_fitted_and_what_does_not_move_is_left_out(capsys):
    still = MOUTH_BENDS - 0.4  # photographs whose mouth hardly bends, the rest not at all
    found = [*seen("real clips", 0.7, 12), *seen("drawn", 0.9, 12), *seen("photographs under a camera", 0.95, 3, still)]
    sticking.show(found)
    by_mouth, by_light, by_both = capsys.readouterr().out.split("told of | logit")[1:]
    for printed in (by_mouth, by_light, by_both):
        assert "| real clips, CRF 18 | 12 of 12 |" in printed and "| 1.00 |" in printed
        assert "| photographs under a camera, CRF 18 | 0 of 3 | - |" in printed
    for line, moves in zip(by_both.splitlines()[-2:], (0.65 + 0.1, 0.1), strict=True):
        kept, moved, constant = (float(word) for word in line.split("=")[1].split(","))
        logits = [kept * np.arctanh(k) + moved * np.log(moves) + constant for k in (0.7, 0.9)]
        assert logits[0] < 0 < logits[1]


def test_without_drawings_it_says_what_to_run(data, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["sticking", "--data", str(data)])
    with pytest.raises(SystemExit, match="training.act"):
        sticking.main()
