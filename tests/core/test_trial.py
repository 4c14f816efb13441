"""What a file takes when it is opened is seen in a process of its own, before it is opened here."""

import os

import pytest
from PIL import Image

from core import cli, trial
from core.errors import CheckError
from core.trial import try_to_open
from tests.core.test_video_index import of_same_bytes
from tests.media import grey_clip

ENDLESS = 50_000  # thousands of pictures, each of which takes 24 bytes


@pytest.fixture(scope="module")
def bomb(tmp_path_factory):
    """200 kB that take more than a gigabyte."""
    return of_same_bytes(tmp_path_factory.mktemp("bomb") / "a.mp4", ENDLESS)


@pytest.fixture
def never_opened(monkeypatch):
    """Opening a file in this very process is a failure."""

    def fail(*_):
        raise AssertionError("opened here")

    monkeypatch.setattr("core.container._container", fail)


def test_a_small_file_that_takes_very_much_memory_is_ended_before_it_does(bomb, monkeypatch):
    seen = []
    monkeypatch.setattr(trial, "held", lambda pid, held=trial.held: seen.append(held(pid)) or seen[-1])
    with pytest.raises(CheckError, match="longer than the limit"):
        try_to_open(bomb)
    assert max(seen) < 2 * trial.MOST


def test_a_video_like_any_other_opens_and_a_file_that_is_none_is_left_to_who_opens_it_next(tmp_path):
    try_to_open(grey_clip(tmp_path / "a.mp4", 3))
    (tmp_path / "no.mp4").write_bytes(b"no video")
    try_to_open(tmp_path / "no.mp4")
    try_to_open(tmp_path / "absent.mp4")
    os.mkfifo(tmp_path / "pipe.mp4")
    try_to_open(tmp_path / "pipe.mp4")


def test_photographs_are_not_kept_waiting(tmp_path, monkeypatch):
    monkeypatch.setattr(trial.subprocess, "Popen", None)
    Image.new("RGB", (64, 48)).save(tmp_path / "a.png")
    try_to_open(tmp_path / "a.png")


def test_a_trial_ends_when_nobody_waits_for_it_any_more(bomb):
    with pytest.raises(CheckError, match="cancelled"):
        try_to_open(bomb, lambda: True)


def test_a_trial_runs_nothing_that_lies_beside_the_videos(tmp_path, monkeypatch):
    for name in ("av", "core", "numpy"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'was-run')!r}, 'w')")
    monkeypatch.chdir(tmp_path)
    try_to_open(grey_clip(tmp_path / "a.mp4", 3))
    assert not (tmp_path / "was-run").exists()


@pytest.mark.parametrize("command", ["check", "info"])
def test_the_command_line_tries_a_file_before_it_opens_it(bomb, never_opened, capsys, command):
    assert cli.main([command, str(bomb)]) == 2
    said = capsys.readouterr()
    assert "longer than the limit" in said.out + said.err
