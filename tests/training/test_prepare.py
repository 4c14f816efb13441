import io
import json
import tarfile
from collections import Counter

import cv2
import numpy as np
import pytest

from core.faces import FaceDetector
from core.landmarks import LEFT_EYE, OUTER_LIPS, RIGHT_EYE, Landmarker
from tests.media import portrait_clip
from tests.training.conftest import portrait
from training import prepare
from training.manifest import Item, write_manifest
from training.prepare import sample_of
from training.shards import Sample, Shards, Source, write_shard


def test_landmarks_lie_on_eyes_and_mouth(sample):
    with FaceDetector() as detector:
        face = detector.detect(sample.rgb)[0]
    size = face.box[2] - face.box[0]
    for points, keypoint in ((RIGHT_EYE, 0), (LEFT_EYE, 1), (OUTER_LIPS, 3)):
        assert np.linalg.norm(sample.landmarks[points].mean(0) - face.keypoints[keypoint]) < 0.08 * size


def test_what_has_no_face_is_named(sample):
    with FaceDetector() as detector:
        blank = np.full((200, 200, 3), 127, np.uint8)
        assert sample_of(blank, Source("x", "g", "x", "still"), detector, Landmarker()) == "no face"
        tiny = portrait()[::5, ::5]
        assert sample_of(tiny, Source("x", "g", "x", "still"), detector, Landmarker()) in ("face too small", "no face")


def test_a_shard_gives_back_what_was_written(tmp_path, sample):
    write_shard(tmp_path / "s-00.npz", [sample, sample])
    back = Shards(tmp_path)[1]
    assert back.source == sample.source
    assert back.rgb.shape == sample.rgb.shape
    assert np.abs(back.rgb.astype(int) - sample.rgb).mean() < 3
    assert np.abs(back.landmarks - sample.landmarks).max() < 0.2
    assert np.allclose(back.box, sample.box, atol=1e-3)


def test_a_pack_is_prepared_with_every_loss_counted(pack, tmp_path):
    prepare.prepare("stills", prepare.stills(pack), tmp_path / "out")
    assert json.loads((tmp_path / "out" / "stills.json").read_text()) == {"kept": 5, "no face": 1}
    assert len(Shards(tmp_path / "out")) == 5


def test_what_is_prepared_is_not_made_again(pack, tmp_path):
    prepare.prepare("stills", prepare.stills(pack), tmp_path / "out")

    def untouched():
        raise AssertionError("the pictures were read again")
        yield

    prepare.prepare("stills", untouched(), tmp_path / "out")


def test_a_killed_preparation_goes_on_after_its_last_shard_and_ends_alike(pack, tmp_path, monkeypatch):
    monkeypatch.setattr(prepare, "SHARD_SIZE", 2)
    prepare.prepare("stills", prepare.stills(pack), tmp_path / "whole")

    def cut():
        for number, picture in enumerate(prepare.stills(pack)):
            if number == 5:
                raise KeyboardInterrupt
            yield picture

    with pytest.raises(KeyboardInterrupt):
        prepare.prepare("stills", cut(), tmp_path / "cut", threads=1)
    looked, sample_of = [], prepare.sample_of

    def counted(*args):
        looked.append(args)
        return sample_of(*args)

    monkeypatch.setattr(prepare, "sample_of", counted)
    prepare.prepare("stills", prepare.stills(pack), tmp_path / "cut")
    assert len(looked) < 6
    names = sorted(path.name for path in (tmp_path / "whole").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "cut").iterdir())
    for name in names:
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "cut" / name).read_bytes()


@pytest.mark.slow
def test_clips_give_the_frames_the_paper_took_when_asked(tmp_path):
    (tmp_path / "clips").mkdir()
    for name, seconds in (("a", 0.4), ("b", 0.8)):
        portrait_clip(tmp_path / "clips" / f"{name}.mp4", seconds=seconds)
    rows = [{"id": name, "source_repo": "site", "identity": None} for name in "ab"]
    (tmp_path / "clips" / "manifest.jsonl").write_text("\n".join(map(json.dumps, rows)))

    def count(wanted):
        files = prepare.clips(tmp_path)
        plan = prepare.clip_plan(files, wanted, 8.0)
        return Counter(source.id for _, source in prepare.file_frames(files, plan))

    assert count("first100") == {"a": 10, "b": 20}
    assert count("mean") == {"a": 10, "b": 15}
    assert count("rate") == {"a": 3, "b": 7}


def test_a_missing_pack_is_a_sentence(tmp_path):
    with pytest.raises(SystemExit, match="data pack"):
        next(prepare.stills(tmp_path / "nowhere"))


def test_missing_shards_are_a_sentence(tmp_path):
    with pytest.raises(SystemExit, match="training.prepare"):
        Shards(tmp_path)


def test_a_partner_is_another_person(tmp_path, sample):
    others = [
        Sample(sample.rgb, sample.landmarks + i, sample.box, Source(f"{i}", "g", f"who{i // 2}", "still"))
        for i in range(6)
    ]
    write_shard(tmp_path / "s-00.npz", others)
    shards = Shards(tmp_path)
    for seed in range(10):
        j = shards.partner(0, np.random.default_rng(seed), np.arange(6))
        assert shards.sources[j].identity != "who0"


@pytest.mark.slow
def test_the_real_files_of_a_manifest_are_prepared_without_its_fakes_and_its_test_split(tmp_path, capsys):
    portrait_clip(tmp_path / "a.mp4", seconds=0.4)
    cv2.imwrite(str(tmp_path / "b.png"), portrait()[:, :, ::-1])
    (tmp_path / "c.mp4").write_bytes(b"not a video")
    (tmp_path / "d.mp4").write_bytes((tmp_path / "a.mp4").read_bytes())
    (tmp_path / "e.png").write_bytes((tmp_path / "b.png").read_bytes())
    items = [
        Item(str(tmp_path / "a.mp4"), 0, "video", identity="ann", source="site", split="train"),
        Item(str(tmp_path / "b.png"), 0, "image"),
        Item(str(tmp_path / "c.mp4"), 0, "video"),
        Item(str(tmp_path / "d.mp4"), 0, "video", split="test"),
        Item(str(tmp_path / "e.png"), 1, "image"),
    ]
    write_manifest(tmp_path / "m.jsonl", items)
    command = ["--manifest", str(tmp_path / "m.jsonl"), "--out", str(tmp_path / "out")]
    prepare.main(command)
    assert json.loads((tmp_path / "out" / "stills.json").read_text()) == {"kept": 1}
    assert json.loads((tmp_path / "out" / "clips.json").read_text()) == {"kept": 3, "unreadable: not_a_video": 1}
    found = {(s.id, s.group, s.identity, s.kind) for s in Shards(tmp_path / "out").sources}
    assert found == {("a.mp4", "site", "ann", "clip"), ("b.png", "b.png", "b.png", "still")}
    with pytest.raises(SystemExit, match="name another folder"):
        prepare.main([*command, "--frames", "first100"])


def test_a_manifest_without_reals_to_train_on_is_a_sentence(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    write_manifest(tmp_path / "m.jsonl", [Item(str(tmp_path / "a.png"), 0, "image", split="test")])
    with pytest.raises(SystemExit, match="no real items"):
        prepare.main(["--manifest", str(tmp_path / "m.jsonl"), "--out", str(tmp_path / "out")])


def test_files_without_a_single_face_end_in_an_error(tmp_path, capsys):
    cv2.imwrite(str(tmp_path / "a.png"), np.full((200, 200, 3), 127, np.uint8))
    write_manifest(tmp_path / "m.jsonl", [Item(str(tmp_path / "a.png"), 0, "image")])
    for _ in range(2):  # once more when all is there already
        with pytest.raises(SystemExit, match="None of these files gave a face"):
            prepare.main(["--manifest", str(tmp_path / "m.jsonl"), "--out", str(tmp_path / "out")])
        assert '"no face": 1' in capsys.readouterr().out


def test_a_picture_that_its_tar_lacks_is_counted(pack):
    tar = pack / "faces" / "shard-00.tar"
    files = [(Item(f"{tar}!/{name}.jpg", 0, "image"), Source(name, "g", name, "still")) for name in ("gone", "p0")]
    first, (_, source) = prepare.file_frames(files, prepare.clip_plan([], "rate", 8.0))
    assert (first, source.id) == ("unreadable: picture", "p0")


def test_a_picture_of_the_pack_that_cannot_be_read_is_counted(pack):
    (pack / "faces" / "manifest.jsonl").write_text(
        "\n".join(json.dumps({"id": n, "source_repo": "site", "identity": None}) for n in ("cut", "empty"))
    )
    with tarfile.open(pack / "faces" / "shard-00.tar", "w") as tar:
        for name, data in (("cut", b"no picture"), ("empty", b"")):
            entry = tarfile.TarInfo(f"{name}.jpg")
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    assert list(prepare.stills(pack)) == ["unreadable: picture"] * 2


def test_a_shard_that_was_cut_short_is_named(tmp_path, sample):
    write_shard(tmp_path / "s-00.npz", [sample])
    whole = (tmp_path / "s-00.npz").read_bytes()
    (tmp_path / "rendered").mkdir()
    for path in (tmp_path / "s-00.npz", tmp_path / "rendered" / "000.npz"):
        for part in (b"", whole[: len(whole) // 2]):
            (tmp_path / "s-00.npz").write_bytes(whole)
            path.write_bytes(part)
            with pytest.raises(SystemExit, match=f"{path.name} was cut short"):
                Shards(tmp_path)
