"""Every layout but FaceForensics++ as a tiny example: empty files under the names of the real thing, for the readers never open them."""

import io
import json
import tarfile
from pathlib import Path

import pytest

from tests.training.conftest import by_name, touch
from training import datasets
from training.figures import cluster_numbers
from training.manifest import DataError, Item, chosen, local_file, read_manifest, write_manifest


@pytest.fixture
def dfdc(tmp_path):
    """Two parts, one of them nested once more."""
    parts = {
        "dfdc_train_part_0": {
            "aaaaaaaaaa.mp4": {"label": "REAL", "split": "train"},
            "bbbbbbbbbb.mp4": {"label": "FAKE", "split": "train", "original": "aaaaaaaaaa.mp4"},
            "missing.mp4": {"label": "REAL", "split": "train", "original": None},
        },
        "dfdc_train_part_1/dfdc_train_part_1": {
            "cccccccccc.mp4": {"label": "FAKE", "split": "train", "original": "aaaaaaaaaa.mp4"},
            "dddddddddd.mp4": {"label": "FAKE", "split": "train"},
        },
    }
    for part, table in parts.items():
        touch(tmp_path, *(f"{part}/{name}" for name in table if name != "missing.mp4"))
        (tmp_path / part / "metadata.json").write_text(json.dumps(table))
    return tmp_path


def test_dfdc_is_read_from_nested_parts_and_groups_by_original(dfdc):
    manifest = datasets.read_dfdc(dfdc)
    assert {n: i.label for n, i in by_name(manifest).items()} == {
        "aaaaaaaaaa.mp4": 0,
        "bbbbbbbbbb.mp4": 1,
        "cccccccccc.mp4": 1,
    }
    assert {item.source for item in manifest.items} == {"dfdc:aaaaaaaaaa.mp4"}
    assert manifest.skipped == {"file is missing": 1, "fake without its original": 1}


def test_dfdc_with_an_unknown_label_is_refused(dfdc):
    (dfdc / "dfdc_train_part_0" / "metadata.json").write_text('{"aaaaaaaaaa.mp4": {"label": "real"}}')
    with pytest.raises(DataError, match="neither REAL nor FAKE"):
        datasets.read_dfdc(dfdc)


def test_dfdc_without_metadata_is_an_error(tmp_path):
    with pytest.raises(DataError, match=r"no metadata\.json"):
        datasets.read_dfdc(tmp_path)


def test_dfdc_metadata_that_is_not_json_is_an_error(dfdc):
    (dfdc / "dfdc_train_part_0" / "metadata.json").write_text("<html>")
    with pytest.raises(DataError, match="not JSON"):
        datasets.read_dfdc(dfdc)


@pytest.fixture
def celebdf(tmp_path):
    touch(tmp_path, "Celeb-real/id0_0007.mp4", "Celeb-real/id1_0000.mp4", "YouTube-real/00012.mp4")
    touch(tmp_path, "Celeb-synthesis/id0_id1_0007.mp4", "Celeb-synthesis/id1_id0_0000.mp4")
    (tmp_path / "List_of_testing_videos.txt").write_text(
        "1 Celeb-real/id0_0007.mp4\n0 Celeb-synthesis/id0_id1_0007.mp4\n1 YouTube-real/00012.mp4\n"
    )
    return tmp_path


def test_celebdf_labels_come_from_the_folders_and_the_list_gives_the_test_split(celebdf):
    items = by_name(datasets.read_celebdf(celebdf))
    assert {n: (i.label, i.split) for n, i in items.items()} == {
        "id0_0007.mp4": (0, "test"),
        "id1_0000.mp4": (0, "train"),
        "00012.mp4": (0, "test"),
        "id0_id1_0007.mp4": (1, "test"),
        "id1_id0_0000.mp4": (1, "train"),
    }


def test_a_celebdf_fake_is_paired_with_the_footage_it_was_made_from(celebdf):
    items = by_name(datasets.read_celebdf(celebdf))
    fake, real = items["id0_id1_0007.mp4"], items["id0_0007.mp4"]
    assert fake.pair_id == real.pair_id and fake.source == real.source
    assert fake.identity == items["id1_0000.mp4"].identity


def test_a_celebdf_list_with_turned_labels_is_refused(celebdf):
    (celebdf / "List_of_testing_videos.txt").write_text("0 Celeb-real/id0_0007.mp4\n")
    with pytest.raises(DataError, match="1 should mean real"):
        datasets.read_celebdf(celebdf)


def test_people_in_both_train_and_test_of_the_official_celebdf_are_counted(celebdf, tmp_path, capsys):
    datasets.main(["celebdf", str(celebdf), "--out", str(tmp_path / "m.jsonl")])
    assert "people or sources in both train and test: 2; --split 70:15:15" in capsys.readouterr().out


def test_celebdf_videos_of_the_test_list_that_are_missing_are_counted(celebdf):
    (celebdf / "YouTube-real" / "00012.mp4").unlink()
    assert datasets.read_celebdf(celebdf).skipped == {"on the test list, but missing": 1}


def test_celebdf_without_its_list_is_an_error(celebdf):
    (celebdf / "List_of_testing_videos.txt").unlink()
    with pytest.raises(DataError, match="cannot be read"):
        datasets.read_celebdf(celebdf)


def test_a_plain_folder_gives_labels_kinds_and_methods(tmp_path):
    touch(tmp_path, "Real/a.mp4", "Real/frames/1.jpg", "Real/frames/2.JPG", "fake/wav2lip/a.mp4", "fake/b.png")
    touch(tmp_path, "fake/notes.txt")
    manifest = datasets.read_folder(tmp_path)
    found = [(Path(i.path).name, i.label, i.kind, i.method, i.source) for i in manifest.items]
    assert sorted(found) == [
        ("1.jpg", 0, "image", None, "frames"),
        ("2.JPG", 0, "image", None, "frames"),
        ("a.mp4", 0, "video", None, "a"),
        ("a.mp4", 1, "video", "wav2lip", "a"),
        ("b.png", 1, "image", "unknown", "b"),
    ]
    assert manifest.skipped == {"neither video nor image": 1}


def test_frames_of_one_video_in_a_plain_folder_are_drawn_together_with_its_forgery(tmp_path):
    touch(tmp_path, *(f"{kind}/{v}/{n}.jpg" for kind in ("real", "fake/x") for v in range(8) for n in range(5)))
    items = datasets.read_folder(tmp_path).items
    clusters = cluster_numbers(items)
    assert len(items) == 80 and len(set(clusters)) == 8
    assert len({(item.source, cluster) for item, cluster in zip(items, clusters, strict=True)}) == 8
    assert {item.pair_id for item in items} == {None}  # a frame is no pair with every other of its video


def test_a_forged_video_in_a_plain_folder_is_paired_with_the_real_one_of_its_name(tmp_path):
    touch(tmp_path, "real/3.mp4", "real/4.mp4", "fake/x/3.mp4")
    pairs = {(i.label, Path(i.path).name): i.pair_id for i in datasets.read_folder(tmp_path).items}
    assert pairs[1, "3.mp4"] == pairs[0, "3.mp4"] != pairs[0, "4.mp4"]


def test_single_pictures_and_collections_in_a_plain_folder_are_drawn_one_by_one(tmp_path):
    touch(tmp_path, *(f"{kind}/{n}.jpg" for kind in ("real/ffhq", "fake/stylegan", "fake/flux") for n in range(5)))
    items = datasets.read_folder(tmp_path).items
    assert len(set(cluster_numbers(items))) == len(items) == 15


def test_a_plain_folder_needs_no_fakes_but_real_ones(tmp_path):
    touch(tmp_path / "faces", "real/a.mp4")
    assert [item.label for item in datasets.read_folder(tmp_path / "faces").items] == [0]
    touch(tmp_path / "forged", "fake/a.mp4")
    with pytest.raises(DataError, match="no folder real"):
        datasets.read_folder(tmp_path / "forged")


def add_to_tar(path: Path, **files: bytes) -> None:
    with tarfile.open(path, "w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(f"{name}.jpg")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def write_rows(path: Path, rows: list[dict]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def pack(tmp_path):
    still = {"source_repo": "site/a", "identity": None}
    write_rows(
        tmp_path / "faces/manifest.jsonl", [{"id": "s1", "shard": 0, **still}, {"id": "s2", "shard": 1, **still}]
    )
    add_to_tar(tmp_path / "faces/shard-00.tar", s1=b"a picture")
    write_rows(tmp_path / "clips/manifest.jsonl", [{"id": "c1", "source_repo": "corpus", "identity": "grid:1"}])
    touch(tmp_path, "clips/c1.mp4", "dev/videos/v1.mp4")
    pair = {"pair_id": "p", "pair_kind": "same footage", "identity": "ann", "source_repo": "github.com/x/y"}
    fake = {"path": "videos/v1.mp4", "label": "fake", "kind": "video", "generator": "fomm", "category": "reenactment"}
    real = {"path": "videos/v2.mp4", "label": "real", "kind": "video", "generator": None, "category": None}
    write_rows(tmp_path / "dev/manifest.jsonl", [fake | pair, real | pair])
    return tmp_path


def test_the_pack_gives_stills_in_tars_clips_and_the_judged_set(pack):
    manifest = datasets.read_pack(pack)
    assert [(i.label, i.kind, i.split) for i in manifest.items] == [
        (0, "image", "train"),
        (0, "video", "train"),
        (1, "video", "test"),
    ]
    assert manifest.skipped == {"tar is missing": 1, "file is missing": 1}


def test_a_picture_in_a_tar_can_be_had_as_a_file(pack, tmp_path):
    still = datasets.read_pack(pack).items[0]
    assert local_file(still, tmp_path).read_bytes() == b"a picture"


def test_a_picture_missing_from_its_tar_is_an_error(pack, tmp_path):
    add_to_tar(pack / "faces/shard-00.tar", other=b"")
    with pytest.raises(DataError, match=r"s1\.jpg cannot be read"):
        local_file(datasets.read_pack(pack).items[0], tmp_path)


def test_the_judged_set_keeps_its_generator_pair_and_person(pack):
    (item,) = read_manifest(pack / "dev/manifest.jsonl").items
    assert (item.method, item.category, item.identity) == ("fomm", "reenactment", "ann")
    assert (item.pair_id, item.pair_kind, item.source) == ("p", "same footage", "github.com/x/y")


def test_a_manifest_read_back_is_the_one_written_and_can_move_with_its_files(dfdc, tmp_path):
    items = list(datasets.read_dfdc(dfdc).items)
    write_manifest(dfdc / "all.jsonl", items)
    assert list(read_manifest(dfdc / "all.jsonl").items) == items
    moved = dfdc.rename(tmp_path.parent / f"{tmp_path.name}-moved")
    assert len(read_manifest(moved / "all.jsonl").items) == len(items)


@pytest.mark.parametrize(
    "line", ['{"path": "a.mp4", "kind": "video"}', '{"path": "a.mp4", "label": 2, "kind": "video"}', "[1]", "no json"]
)
def test_a_manifest_line_that_says_too_little_is_refused(tmp_path, line):
    (tmp_path / "m.jsonl").write_text(line + "\n")
    with pytest.raises(DataError, match=r"m\.jsonl"):
        read_manifest(tmp_path / "m.jsonl")


def test_a_manifest_that_names_a_file_twice_is_refused(tmp_path):
    touch(tmp_path, "a.mp4", "b.mp4")
    row = {"label": 0, "kind": "video"}
    write_rows(tmp_path / "m.jsonl", [row | {"path": name} for name in ("a.mp4", "b.mp4", "./a.mp4")])
    with pytest.raises(DataError, match=r"m\.jsonl names \./a\.mp4 twice, on lines 1 and 3"):
        read_manifest(tmp_path / "m.jsonl")


def test_a_split_that_cannot_be_judged_is_named_beside_those_there_are():
    items = [Item("a.mp4", 0, "video", split="train"), Item("b.mp4", 1, "video", split="train")]
    items += [Item("c.mp4", 1, "video", split="test"), Item("d.mp4", 0, "video")]
    assert chosen(items, "train", None) == items[:2]
    with pytest.raises(DataError, match=r"The split val \(there are: none, test, train\) holds no items"):
        chosen(items, "val", None)
    with pytest.raises(DataError, match=r"The split test \(there are: none, test, train\) holds no real items"):
        chosen(items, "test", None)


def test_a_wrong_layout_is_said_in_a_sentence_at_a_terminal(tmp_path):
    with pytest.raises(SystemExit, match="cannot be read"):
        datasets.main(["celebdf", str(tmp_path / "nowhere"), "--out", str(tmp_path / "m.jsonl")])
