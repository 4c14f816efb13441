"""Faces drawn from another view of them: bent into place, learned from real ones, drawn once each."""

from collections import Counter
from itertools import combinations

import numpy as np
import pytest
import torch

from core.landmarks import OUTER_LIPS
from training import act, render
from training.animator import HELD_OUT, KINDS, SIDE, Animator, Views, bend, draw, stack
from training.hulls import LOWER_OVAL
from training.pseudo import FAMILIES
from training.shards import Sample, Shards, Source, write_shard


@pytest.fixture
def data(tmp_path, sample):
    """Two stills, one by its landmarks with an open mouth, and a clip whose two frames are the same face a little moved."""
    opened = sample.landmarks.copy()
    opened[LOWER_OVAL + OUTER_LIPS] += [0, 8]

    def named(name: str, kind: str, landmarks: np.ndarray, right: int = 0) -> Sample:
        source, shift = Source(name, "g", name, kind, float(right)), np.array([right, 0], np.float32)
        return Sample(np.roll(sample.rgb, right, 1), landmarks + shift, sample.box, source)

    faces = [named("a", "still", sample.landmarks), named("b", "still", opened)]
    faces += [named("c", "clip", sample.landmarks), named("c", "clip", sample.landmarks, 6)]
    write_shard(tmp_path / "stills-00.npz", faces)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("number", (0, 1, 2, 3))
def test_the_field_brings_the_source_over_the_target(data, number):
    views = Views(Shards(data), np.arange(4))
    source, target, field, pose, face = stack([views(number, np.random.default_rng(seed)) for seed in range(6)])
    before, after = (((x - target).abs() * face).mean() for x in (source, bend(source, field)))
    assert after < 0.75 * before
    assert pose.max() == 1 and pose.shape == (6, 1, SIDE, SIDE)


@pytest.mark.parametrize("kind", KINDS + HELD_OUT)
def test_a_network_draws_a_picture_of_the_size_it_was_given(kind, data):
    drawn = draw(Animator(kind), Views(Shards(data), np.arange(4))(0, np.random.default_rng(0)))
    assert drawn.shape == (SIDE, SIDE, 3) and drawn.dtype == np.uint8


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS + HELD_OUT)
def test_a_killed_training_goes_on_and_ends_like_an_unbroken_one(kind, data, tmp_path, monkeypatch):
    shards = Shards(data)
    act.train(kind, shards, tmp_path / "unbroken", 4, every=2)

    def killed(*_args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(act, "sheet", killed)
        with pytest.raises(KeyboardInterrupt):
            act.train(kind, shards, tmp_path / "killed", 4, every=2)
    act.train(kind, shards, tmp_path / "killed", 4, every=2)
    one, other = (torch.load(tmp_path / run / "last.pt", weights_only=True) for run in ("unbroken", "killed"))
    assert one["step"] == other["step"] == 4
    for name in ("net", "mean", "judge"):
        assert all(torch.equal(one[name][key], other[name][key]) for key in one[name])


@pytest.mark.slow
def test_training_comes_nearer_to_the_target(data, tmp_path):
    views = Views(Shards(data), np.arange(4))
    view = views(0, np.random.default_rng(5))
    far, near = (
        np.abs(draw(act.train("skip", views.shards, tmp_path / str(steps), steps), view).astype(float) - view.target)
        for steps in (1, 40)
    )
    assert near.mean() < 0.6 * far.mean()


@pytest.mark.slow
def test_every_face_has_its_drawings_which_stand_in_for_itself(data):
    act.act(data, steps=1, faces=None)
    made = {shard: shard.stat().st_mtime_ns for shard in (data / "acted").glob("*.npz")}
    assert len(made) == act.DRAWINGS
    act.act(data, steps=1, faces=None)
    assert {shard: shard.stat().st_mtime_ns for shard in (data / "acted").glob("*.npz")} == made
    shards = Shards(data)
    assert sorted(shards.drawings["acted"]) == [0, 1, 2, 3]
    drawings = [shards.sample(0, drawing).acted for drawing in range(act.DRAWINGS)]
    assert all(np.abs(a.astype(float) - b).mean() > 1 for a, b in combinations(drawings, 2))
    assert np.array_equal(shards.sample(0, act.DRAWINGS).acted, drawings[0])
    face = shards[0]
    assert face.acted.shape == face.rgb.shape
    blends = [FAMILIES["acted"][1](face, shards[1], np.random.default_rng(seed)) for seed in range(12)]
    pasted = [b for b in blends if b.where.min() < 1e-6]
    assert pasted and len(pasted) < len(blends)  # both the face alone and the whole picture
    for blend in pasted:
        assert np.abs(blend.real - blend.fake)[blend.where < 1e-6].max() < 2


@pytest.mark.parametrize("held_out", [False, True])
def test_only_faces_held_out_are_drawn_by_the_decoders_held_out(data, monkeypatch, held_out):
    drew = Counter()

    def drawn(net, view):
        drew[net.kind] += 1
        return view.target

    monkeypatch.setattr(act, "train", lambda kind, shards, out, steps: Animator(kind))
    monkeypatch.setattr(act, "is_held_out", lambda source: held_out)
    monkeypatch.setattr(act, "draw", drawn)
    monkeypatch.setattr(act, "RESTORED", 0)
    act.act(data, steps=1, faces=None)
    kinds = KINDS + HELD_OUT if held_out else KINDS
    assert drew == dict.fromkeys(kinds, 4 * act.DRAWINGS // len(kinds))


def test_drawings_of_networks_that_had_learned_less_are_not_kept(data, monkeypatch):
    def learned(kind, shards, out, steps):
        out.mkdir(parents=True, exist_ok=True)
        torch.save({"step": steps}, out / "last.pt")
        return Animator(kind)

    monkeypatch.setattr(act, "train", learned)
    monkeypatch.setattr(act, "load_upsampler", lambda name: None)
    monkeypatch.setattr(act.render, "draw_all", lambda out, order, draw, name: out.mkdir(exist_ok=True))
    act.act(data, steps=2, faces=1)
    drawing = data / "acted" / "0-000.npz"
    render.write(drawing, np.array([0]), [np.zeros((8, 8, 3), np.uint8)])
    act.act(data, steps=2, faces=1)
    assert drawing.exists()
    act.act(data, steps=4, faces=1)
    assert not drawing.exists()
