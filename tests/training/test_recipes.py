"""The paper's two systems change what the paper trains, leave the rest alone, and come out as weights for any command."""

import zlib
from dataclasses import replace

import pytest
import torch

from core.pretrained import load_weights
from tests.tiny import tiny_model
from training import recipes
from training.head import UNSEEN_CLIPS, collect, compare, read
from training.pairs import split
from training.shards import Shards, Source, write_shard

SEEN, HELD = (
    next(f"site-{n}" for n in range(99) if (zlib.crc32(b"site-%d" % n) % 8 == 7) is held) for held in (False, True)
)


@pytest.fixture
def shards(tmp_path, sample):
    """A clip of 16 frames of each side."""
    sources = [Source(site, site, site, "clip", t / 8) for site in (SEEN, HELD) for t in range(16)]
    write_shard(tmp_path / "s-00.npz", [replace(sample, source=source) for source in sources])
    return Shards(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "tuned"), [("score-lstm", "classify"), ("feature-lstm", "stage4")])
def test_a_recipe_trains_its_own_part_of_the_encoder_and_its_head(shards, tmp_path, kind, tuned):
    start = tiny_model().encoder
    before = {name: value.clone() for name, value in start.named_parameters()}
    figures = recipes.train_recipe(kind, start, 64, shards, 2, tmp_path / "out", 4, 1)
    model = load_weights(tmp_path / "out" / f"{kind}-4").model
    assert (model.config.head.kind, model.config.head.hidden, model.config.size) == (kind, 4, 64)
    moved = {
        name.split(".")[0]
        for name, value in model.encoder.named_parameters()
        if not torch.allclose(value, before[name], atol=1e-3 if name.startswith("classify") else 1e-6, rtol=1e-3)
    }
    assert moved == {tuned}
    assert figures["clips"] == 2


@pytest.mark.slow
def test_the_figures_of_feature_lstm_are_those_of_the_weights_it_wrote(shards, tmp_path):
    figures = recipes.train_recipe("feature-lstm", tiny_model().encoder, 64, shards, 2, tmp_path / "out", 4, 2)
    model = load_weights(tmp_path / "out" / "feature-lstm-4").model
    unseen = split(shards.sources)[1]
    collect(model.encoder, 64, shards, unseen, "anew", 1, tmp_path, UNSEEN_CLIPS)
    anew, before = compare(model.head, *read(tmp_path, "anew", 1)), figures.pop("before fine-tuning")
    assert {name: figures[name] for name in anew} == anew
    assert before.keys() == {"clips", *anew}


def test_where_imagenet_weights_cannot_be_had_the_recipe_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(recipes, "start_from_imagenet", lambda encoder: "none")
    with pytest.raises(SystemExit, match="no network"):
        recipes.main(["--kind", "score-lstm", "--imagenet", "--out", str(tmp_path)])
