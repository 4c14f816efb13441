"""Faces drawn anew by published networks: read right, drawn near the original, kept apart for validation."""

import numpy as np
import pytest

from training import upsamplers
from training.pseudo import FAMILIES
from training.render import draw_all, draw_for, redraw, render
from training.shards import Sample, Shards, Source, write_shard
from training.upsamplers import HELD_OUT, UPSAMPLERS, load_upsampler


@pytest.mark.slow
@pytest.mark.parametrize("name", UPSAMPLERS)
def test_every_network_draws_the_face_it_was_given_but_not_to_the_pixel(name, small):
    drawn = redraw(small.rgb, load_upsampler(name), 2.0)
    assert drawn.shape == small.rgb.shape and drawn.dtype == np.uint8
    error = np.abs(drawn.astype(float) - small.rgb).mean()
    assert 0.5 < error < 12


def test_a_missing_package_is_named_with_its_remedy(monkeypatch):
    monkeypatch.setattr(upsamplers, "find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match=r"requirements-models\.txt"):
        load_upsampler("nearest")


def test_a_file_of_the_wrong_length_is_refused(monkeypatch):
    builds = {"nearest": (upsamplers.ShuffleNet, UPSAMPLERS["nearest"][1])}
    monkeypatch.setattr(upsamplers, "UPSAMPLERS", builds)
    with pytest.raises(ValueError, match="its network takes"):
        load_upsampler("nearest")


def test_the_decoders_kept_for_validation_never_draw_a_training_face():
    assert not {draw_for(number, held_out=False)[0] for number in range(400)} & set(HELD_OUT)
    assert {draw_for(number, held_out=True)[0] for number in range(400)} >= set(HELD_OUT)


@pytest.fixture
def data(tmp_path, small):
    faces = [Sample(small.rgb, small.landmarks, small.box, Source(f"{i}", "g", f"w{i}", "still")) for i in range(3)]
    write_shard(tmp_path / "stills-00.npz", faces)
    return tmp_path


@pytest.mark.slow
def test_a_drawing_belongs_to_its_face_and_a_second_run_makes_nothing_again(data):
    render(data, faces=2)
    [shard] = (data / "rendered").glob("*.npz")
    before = shard.stat().st_mtime_ns
    render(data, faces=2)
    assert shard.stat().st_mtime_ns == before
    shards = Shards(data)
    assert sorted(shards.drawings["redrawn"]) == sorted(np.random.default_rng(7).permutation(3)[:2].tolist())
    drawn = shards[next(iter(shards.drawings["redrawn"]))]
    assert 0.5 < np.abs(drawn.drawn.astype(float) - drawn.rgb).mean() < 12


def test_a_shard_that_was_cut_short_or_holds_fewer_or_other_faces_is_drawn_again(tmp_path):
    drawn = []

    def draw(number):
        drawn.append(number)
        return np.full((8, 8, 3), number, np.uint8)

    def made_for(*numbers):
        drawn.clear()
        draw_all(tmp_path, np.array(numbers), draw)
        return drawn

    assert made_for(4, 2) == [4, 2]
    assert made_for(4) == []
    assert made_for(4, 2, 7) == [4, 2, 7]
    assert made_for(2, 4) == [2, 4]
    (tmp_path / "000.npz").write_bytes(b"")
    assert made_for(2, 4) == [2, 4]


@pytest.mark.slow
def test_a_redrawn_face_differs_only_where_the_mask_says_so(data):
    render(data, faces=3)
    shards = Shards(data)
    blends = [FAMILIES["redrawn"][1](shards[0], shards[1], np.random.default_rng(seed)) for seed in range(12)]
    pasted = [b for b in blends if b.where.min() < 1e-6]
    assert pasted and len(pasted) < len(blends)  # both the face alone and the whole picture
    for blend in pasted:
        assert np.abs(blend.real - blend.fake)[blend.where < 1e-6].max() < 2
