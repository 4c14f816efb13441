"""Stage 2 goes on where it stopped, with what it is given now: its features are those of this encoder and these faces."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from core.model import Head, HeadConfig
from tests.tiny import tiny_model
from training import head
from training.clips import footage, make_clip
from training.publish import assemble
from training.shards import Sample, Shards, Source, write_shard

ALL = np.arange(17)


@pytest.fixture
def shards(tmp_path, sample, partner):
    """A clip of 16 frames and a still."""
    rows = [Sample(sample.rgb, sample.landmarks, sample.box, Source("c", "tv", "c", "clip", t / 8)) for t in range(16)]
    rows.append(Sample(partner.rgb, partner.landmarks, partner.box, Source("s", "site", "s", "still")))
    write_shard(tmp_path / "s-00.npz", rows)
    return Shards(tmp_path)


@pytest.fixture
def collected(shards, tmp_path, monkeypatch):
    """Features of so many pairs, a pair a file, and how many pairs were made for them."""
    monkeypatch.setattr(head, "CHUNK", 2)
    (tmp_path / "out").mkdir()
    made = []
    monkeypatch.setattr(head, "make_clip", lambda *given: made.append(1) or make_clip(*given))

    def collect(count, seed=0, size=64):
        made.clear()
        head.collect(tiny_model(seed).encoder, size, shards, ALL, "train", count, tmp_path / "out", seed=1)
        return head.read(tmp_path / "out", "train", count)[0], len(made)

    return collect


@pytest.mark.slow
def test_features_that_are_there_are_kept_and_more_of_them_are_those_of_one_go(collected, tmp_path):
    whole, made = collected(3)
    assert (len(whole), made) == (3, 3)
    assert collected(3)[1] == 0
    assert torch.equal(collected(1)[0], whole[:1])  # as many as were asked for
    (tmp_path / "out" / "train-001.npz").write_bytes(b"")  # as a full disk leaves it
    again, made = collected(3)
    assert torch.equal(again, whole) and made == 1
    more, made = collected(4)  # the last file held one of two
    assert torch.equal(more[:3], whole) and (len(more), made) == (4, 2)


@pytest.mark.slow
def test_features_of_another_encoder_or_size_are_not_taken_for_this_one(collected):
    first, _ = collected(1)
    other, made = collected(1, seed=1)
    assert made == 1 and not torch.equal(first, other)
    assert collected(1, seed=1, size=96)[1] == 1


@pytest.mark.slow
def test_what_is_kept_of_a_pair_says_who_is_seen_in_it(collected, shards, tmp_path):
    collected(3)
    people = head.read(tmp_path / "out", "train", 3)[3]
    runs, stills = footage(shards, ALL)
    made = [make_clip(shards, runs, stills, np.random.default_rng([1, number])) for number in range(3)]
    assert [pair.person for pair in made] == people.tolist() and set(people) <= {"c", "s"}


def test_pairs_of_the_same_few_people_leave_the_gain_of_a_head_as_unsure_as_they_are_few():
    random = torch.Generator().manual_seed(0)
    logits = torch.randn(6, 2, 16, generator=random).repeat_interleave(30, dim=0)
    features = torch.randn(6, 2, 16, 8, generator=random).repeat_interleave(30, dim=0)
    torch.manual_seed(0)
    judge = Head(replace(HeadConfig.of("residual-lstm"), hidden=16, project=0), 8)
    torch.nn.init.normal_(judge.out.weight, std=20)
    kinds, people = np.zeros(180, int), np.repeat(list("abcdef"), 30)
    alone, together = (head.compare(judge.eval(), features, logits, kinds, who) for who in (np.arange(180), people))
    assert together["gain_high"] - together["gain_low"] > 2 * (alone["gain_high"] - alone["gain_low"]) > 0
    assert (alone["people"], together["people"]) == (180, 6)


@pytest.mark.slow
def test_clips_alone_are_enough_for_pairs_of_clips_and_stills_alone_are_a_sentence(shards):
    runs, stills = footage(shards, ALL[:16])
    pair = make_clip(shards, runs, stills, np.random.default_rng(0), "animated")
    assert not np.array_equal(pair.real, pair.fake)
    with pytest.raises(SystemExit, match="prepare more"):
        footage(shards, ALL[15:])


def test_weights_are_used_at_the_size_they_were_trained_at(tmp_path):
    model = tiny_model()
    (tmp_path / "config.json").write_text(json.dumps({"stem": "lite0", "depths": [1, 1], "size": 64}))
    torch.save({"ema": model.encoder.state_dict()}, tmp_path / "last.pt")
    assert assemble(tmp_path, None)[0].config.size == 64
