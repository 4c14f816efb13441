"""The commands that train end with a sentence where somebody can act on what went wrong."""

import json
from pathlib import Path

import pytest
import torch

from tests.tiny import tiny_model, tiny_weights
from training import average, head, publish, train
from training.commands import ends_with_a_sentence
from training.shards import Shards

TINY = "--workers 0 --images 4 --batch 2 --size 64 --stem lite0 --depths 1 1"


def run_of(folder: Path, **settings) -> Path:
    """A folder as training.train leaves it."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"stem": "lite0", "depths": [1, 1], "size": 64} | settings))
    torch.save({"ema": tiny_model().encoder.state_dict()}, folder / "last.pt")
    return folder


def ends(command, words: str) -> str:
    with pytest.raises(SystemExit) as ended:
        command.main(words.split())
    return str(ended.value)


def test_a_run_goes_on_with_its_own_network_and_its_own_faces(data, tmp_path):
    command = f"{TINY} --data {data} --out"
    deeper = run_of(tmp_path / "deeper", depths=[2, 2])
    assert (
        ends(train, f"{command} {deeper}")
        == f"{deeper} holds a run with depths [2, 2]; name another folder with --out."
    )
    other = run_of(tmp_path / "other", faces="0123")
    assert ends(train, f"{command} {other}") == f"{other} holds a run with other faces; name another folder with --out."
    one, fewer = Shards(data), Shards(data)
    del fewer.sources[0]
    assert one.digest() == Shards(data).digest() != fewer.digest()


def test_weights_that_a_run_cannot_start_from_are_named(tmp_path):
    command = f"{TINY} --out {tmp_path / 'run'} --start"
    assert "no model.safetensors in" in ends(train, f"{command} {tmp_path / 'none'}")
    weights = tiny_weights(tmp_path / "weights")
    said = ends(train, f"{command} {weights} --depths 2 2")
    assert (
        said == f"{weights} holds weights of --stem lite0 --depths 1 1; give these two as well, or leave --start out."
    )


def test_a_network_that_there_is_not_is_a_sentence(tmp_path, capsys):
    assert "four numbers" in ends(train, f"--out {tmp_path / 'run'} --stem conv")
    assert ends(train, f"--out {tmp_path / 'run'} --stem foo") == "2"
    assert "invalid choice: 'foo'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (head, "--encoder none --out {}/out"),
        (publish, "--encoder none --version 1 --out {}/out"),
        (average, "none {}/run --out {}/out"),
    ],
)
def test_a_run_that_is_missing_is_named(tmp_path, command, words):
    run_of(tmp_path / "run")
    said = ends(command, words.replace("none", "{}/none").replace("{}", str(tmp_path)))
    assert said.startswith(f"{tmp_path}/none is no run of training.train, as it lacks config.json and last.pt")
    assert not (tmp_path / "out").exists()


def test_weights_are_not_published_without_the_head_that_was_asked_for(tmp_path):
    run = run_of(tmp_path / "run")
    said = ends(publish, f"--encoder {run} --head {tmp_path}/none --version 1 --out {tmp_path}/out")
    assert said.startswith(f"{tmp_path}/none is no finished run of training.head")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (train, TINY),
        (head, "--encoder {}/run"),
        (publish, "--encoder {}/run --version 1"),
        (average, "{}/run {}/run"),
    ],
)
def test_a_file_where_a_folder_is_to_be_written_is_named(tmp_path, command, words):
    run_of(tmp_path / "run")
    (tmp_path / "file").touch()
    said = ends(command, f"{words} --out {{}}/file".replace("{}", str(tmp_path)))
    assert said.startswith(f"{tmp_path}/file cannot be read or written")


def test_a_full_disk_is_a_sentence_and_leaves_the_checkpoint_before(tmp_path):
    (tmp_path / "last.pt").write_text("before")
    (tmp_path / "last.part").symlink_to("/dev/full")
    with pytest.raises(SystemExit, match="no room left"), ends_with_a_sentence():
        train.save(tmp_path / "last.pt", step=1, encoder=torch.nn.Linear(9, 9))
    assert (tmp_path / "last.pt").read_text() == "before"


def test_what_nobody_foresaw_keeps_its_traceback():
    for error in (ValueError("a bug"), OSError(5, "of the device")):
        with pytest.raises(type(error)), ends_with_a_sentence():
            raise error
