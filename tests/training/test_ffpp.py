"""FaceForensics++ as a tiny example: empty files under the names of the real thing, for the reader never opens them."""

from collections import Counter

import pytest

from tests.training.conftest import by_name, touch
from training import datasets
from training.manifest import DataError, read_manifest


@pytest.fixture
def ffpp(tmp_path):
    """Four originals in two official pairs, two methods, one actor of DeepFakeDetection; another compression beside."""
    for method in ("Deepfakes", "NeuralTextures"):
        for name in ("071_054", "054_071", "001_870"):
            touch(tmp_path, f"manipulated_sequences/{method}/c23/videos/{name}.mp4")
            touch(tmp_path, f"manipulated_sequences/{method}/masks/videos/{name}.mp4")
    for name in ("071", "054", "001", "870"):
        touch(tmp_path, f"original_sequences/youtube/c23/videos/{name}.mp4")
        touch(tmp_path, f"original_sequences/youtube/c40/videos/{name}.mp4")
    touch(tmp_path, "original_sequences/actors/c23/videos/01__walking.mp4")
    touch(tmp_path, "manipulated_sequences/DeepFakeDetection/c23/videos/01_02__walking__ABCDEFGH.mp4")
    (tmp_path / "train.json").write_text('[["071", "054"]]')
    (tmp_path / "val.json").write_text("[]")
    (tmp_path / "test.json").write_text('[["001", "870"]]')
    return tmp_path


def test_faceforensics_gives_both_classes_of_one_compression(ffpp):
    manifest = datasets.read_ffpp(ffpp, "c23")
    assert Counter(item.label for item in manifest.items) == {0: 5, 1: 7}
    assert all("/c23/" in item.path for item in manifest.items)
    assert {item.method for item in manifest.items if item.label} == {
        "Deepfakes",
        "NeuralTextures",
        "DeepFakeDetection",
    }
    assert {item.category for item in manifest.items} == {None, "face-swap", "reenactment"}


def test_the_official_pairs_hold_both_originals_and_both_directions(ffpp):
    items = by_name(datasets.read_ffpp(ffpp))
    assert {items[n].split for n in ("071.mp4", "054.mp4", "071_054.mp4", "054_071.mp4")} == {"train"}
    assert items["001_870.mp4"].split == "test"
    assert items["01__walking.mp4"].split is None


def test_a_faceforensics_fake_belongs_to_its_target_and_shows_the_other(ffpp):
    items = by_name(datasets.read_ffpp(ffpp))
    fake, target, donor = items["071_054.mp4"], items["071.mp4"], items["054.mp4"]
    assert (fake.pair_id, fake.source) == (target.pair_id, target.source)
    assert fake.identity == donor.identity
    scene = items["01_02__walking__ABCDEFGH.mp4"]
    assert scene.pair_id == items["01__walking.mp4"].pair_id and scene.identity == "dfd:02"


def test_split_files_of_numbers_instead_of_padded_strings_are_refused(ffpp):
    (ffpp / "train.json").write_text("[[71, 54]]")
    with pytest.raises(DataError, match="should stand"):
        datasets.read_ffpp(ffpp)


def test_a_compression_that_is_not_there_is_an_error(ffpp):
    with pytest.raises(DataError, match="Nothing was found of FaceForensics.* in raw .* there is c23, c40"):
        datasets.read_ffpp(ffpp, "raw")


@pytest.mark.parametrize("there", ["train", "val", "test"])
def test_one_split_file_without_the_other_two_is_refused(ffpp, there):
    for name in {"train", "val", "test"} - {there}:
        (ffpp / f"{name}.json").unlink()
    with pytest.raises(DataError, match=r"no \w+\.json and no \w+\.json"):
        datasets.read_ffpp(ffpp)


def test_split_files_may_lie_in_two_places(ffpp):
    (ffpp / "splits").mkdir()
    (ffpp / "test.json").rename(ffpp / "splits" / "test.json")
    assert by_name(datasets.read_ffpp(ffpp))["001_870.mp4"].split == "test"


def test_without_split_files_it_is_said_that_nothing_is_held_out(ffpp, capsys):
    datasets.main(["ffpp", str(ffpp), "--out", str(ffpp / "m.jsonl")])
    assert "nothing is held out" not in capsys.readouterr().out
    for name in ("train", "val", "test"):
        (ffpp / f"{name}.json").unlink()
    datasets.main(["ffpp", str(ffpp), "--out", str(ffpp / "m.jsonl")])
    assert "no split files and no --split: nothing is held out" in capsys.readouterr().out


@pytest.mark.parametrize(("kept", "away", "label"), [("original", "manipulated", 0), ("manipulated", "original", 1)])
def test_faceforensics_may_have_originals_or_forgeries_alone(ffpp, kept, away, label):
    both = by_name(datasets.read_ffpp(ffpp))
    (ffpp / f"{away}_sequences").rename(ffpp / "elsewhere")
    alone = by_name(datasets.read_ffpp(ffpp))
    assert alone == {name: item for name, item in both.items() if item.label == label}
    (ffpp / f"{kept}_sequences").rename(ffpp / "elsewhere too")
    with pytest.raises(DataError, match="neither original_sequences nor manipulated_sequences"):
        datasets.read_ffpp(ffpp)


def test_a_manifest_is_made_at_a_terminal_split_and_balanced(ffpp, tmp_path, capsys):
    out = tmp_path / "m.jsonl"
    datasets.main(["ffpp", str(ffpp), "--out", str(out), "--split", "70:30", "--balance"])
    items = read_manifest(out).items
    for split in ("train", "test"):
        counts = Counter(item.label for item in items if item.split == split)
        assert counts[0] == counts[1] > 0
    said = capsys.readouterr().out
    assert "train: " in said and "to balance the classes" in said
