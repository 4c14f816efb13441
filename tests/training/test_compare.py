"""Several systems, trained on a handful of faces and judged on a handful of stills, end up in one table."""

import json

import cv2
import numpy as np
import pytest

from core.example import blend, portrait
from core.pretrained import USUAL, load_weights
from core.usual import Usual
from tests.tiny import tiny_weights
from training import compare, rivals
from training.manifest import Item, write_manifest
from training.pairs import is_held_out
from training.shards import Sample, Source, write_shard


@pytest.fixture
def shards(tmp_path, sample, partner):
    """Two clips and two stills on each side of the split."""
    names = [f"{n}.example" for n in range(40)]
    held = next(n for n in names if is_held_out(Source("x", n, "x", "still")))
    kept = next(n for n in names if not is_held_out(Source("x", n, "x", "still")))
    rows = []
    for group in (kept, held):
        for face, name in ((sample, "a"), (partner, "b")):
            rows.append(Sample(face.rgb, face.landmarks, face.box, Source(name + group, group, name + group, "still")))
            for t in range(16):
                points = face.landmarks.copy()
                points[[17, 84, 314, 152], 1] += 3 * np.sin(t)
                source = Source(f"clip-{name}-{group}", group, f"clip-{name}-{group}", "clip", t / 8)
                rows.append(Sample(face.rgb, points, face.box, source))
    (tmp_path / "prepared").mkdir()
    write_shard(tmp_path / "prepared" / "s-00.npz", rows)
    return tmp_path / "prepared"


@pytest.fixture
def manifest(tmp_path):
    items = []
    for n in range(4):
        picture = blend(portrait()) if n % 2 else portrait()
        path = tmp_path / "data" / f"{n}.png"
        path.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(path), np.clip(picture[:, :, ::-1].astype(int) + 5 * n, 0, 255).astype(np.uint8))
        made = {"method": "self-blend", "category": "blend"} if n % 2 else {}
        items.append(Item(str(path), n % 2, "image", pair_id=f"p{n // 2}", pair_kind="same footage", **made))
    write_manifest(tmp_path / "data" / "m.jsonl", items)
    return tmp_path / "data" / "m.jsonl"


@pytest.mark.slow
def test_missing_systems_are_trained_and_stand_beside_ours_and_the_published(
    shards, manifest, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(rivals, "reference", lambda: (rivals.Reference(rivals.EncoderConfig("lite0", (1, 1))), "none"))
    weights, usual = tiny_weights(tmp_path / "weights"), Usual(*np.ones((2, 2048)), np.zeros((1, 2048)), np.zeros(9))
    (weights / USUAL).write_bytes(usual.to_bytes())
    command = ["--manifest", manifest, "--weights", weights, "--data", shards]
    command += ["--out", tmp_path / "out", "--draws", 20, "--images", 4, "--size", 64, "--clips", 3]
    command = [str(word) for word in [*command, "--epochs", 1, "--steps", 1]]
    compare.main(command)
    printed = capsys.readouterr().out
    result = json.loads((tmp_path / "out" / "figures.json").read_text())
    assert list(result["systems"]) == list(compare.ABOUT)
    for name, system in result["systems"].items():
        assert 0 <= system["image"]["auc"][0] <= 1
        assert ("ours_minus_it" in system["image"]) == (name != "unmask")
        assert system["image"]["same_footage"]["couples"] == 2
        assert f"| {name} |" in printed
    assert "the code behind it" in printed
    assert "meso4 and reference are judged by their networks alone" in printed

    # each kept what makes it what it is
    ours = load_weights(tmp_path / "weights").model
    loaded = [load_weights(tmp_path / "out" / name) for name in ("score-lstm", "feature-lstm")]
    assert [bool(one.usual) for one in loaded] == [True, False]  # of other features it would say nothing
    score, feature = (one.model for one in loaded)
    mine, their, tuned = (m.encoder.state_dict() for m in (ours, score, feature))
    assert {k for k in mine if not mine[k].equal(their[k])} == {"classify.weight", "classify.bias"}
    moved = {k.split(".")[0] for k in mine if not mine[k].equal(tuned[k])}
    assert moved == {"stage4"}
    assert (score.config.head.layers, score.config.head.hidden) == (2, 256)
    assert (feature.config.head.hidden, feature.config.head.dropout) == (2048, 0.4)

    # what is trained and judged is not trained or judged again
    monkeypatch.setattr(compare, "Shards", lambda folder: pytest.fail("trained again"))
    compare.main(command)
    assert json.loads((tmp_path / "out" / "figures.json").read_text()) == result


def test_a_comparison_without_both_classes_is_a_sentence(manifest, tmp_path):
    manifest.write_text(manifest.read_text().splitlines()[0])
    with pytest.raises(SystemExit, match="holds no fake items"):
        compare.main(["--manifest", str(manifest), "--out", str(tmp_path / "out")])
