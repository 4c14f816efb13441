"""The folders that --out makes, one for each file."""

import json
from pathlib import Path

import pytest

from core import artifacts
from core.errors import CheckError
from core.folders import OutFolders
from tests.samples import an_analysis


@pytest.fixture
def folder_of(monkeypatch):
    """Write what a run writes of a file, the pictures left out; return the name of the folder that it got."""
    for name in ("key_pictures", "key_frame_sheet", "write_report", "timeline_picture"):
        monkeypatch.setattr(artifacts, name, lambda *_: None)

    def folder_of(out: Path, path: str) -> str:
        with OutFolders(out).of(Path(path)) as folder:
            artifacts.write_artifacts(Path(path), an_analysis(), folder, film=False)
        return folder.relative_to(out).as_posix()

    return folder_of


def test_every_file_gets_a_folder_below_the_one_named_whatever_its_name(folder_of, tmp_path):
    names = ["a.mp4", "b/a.mov", "..mp4", "...mp4", "....mp4"]
    assert [folder_of(tmp_path, name) for name in names] == ["a", "a-2", "video", "video-2", "video-3"]


def test_what_was_found_in_another_file_of_the_same_name_is_not_written_over(folder_of, tmp_path):
    names = ["a/clip.mp4", "b/clip.mp4", "a/clip.mp4", "b/clip.mp4"]
    assert [folder_of(tmp_path, name) for name in names] == ["clip", "clip-2", "clip", "clip-2"]


def test_a_file_is_the_same_however_it_is_named_and_from_wherever(folder_of, tmp_path, monkeypatch):
    """A name without a folder says nothing of where it was typed."""
    given = []
    for where, name in (("a", "clip.mp4"), ("b", "clip.mp4"), ("a", "../b/clip.mp4"), (".", "a/clip.mp4")):
        (tmp_path / where).mkdir(exist_ok=True)
        monkeypatch.chdir(tmp_path / where)
        given.append(folder_of(tmp_path / "out", name))
    assert given == ["clip", "clip-2", "clip-2", "clip"]
    report = json.loads((tmp_path / "out/clip/report.json").read_text())
    assert (report["path"], report["absolute_path"]) == ("a/clip.mp4", str(tmp_path / "a/clip.mp4"))


@pytest.mark.parametrize("own", ["notes.txt", "report.json"])
def test_a_folder_of_somebodys_own_is_not_written_to(folder_of, tmp_path, own):
    (tmp_path / "clip").mkdir()
    (tmp_path / "clip" / own).write_text('{"path": "clip.mp4"}')
    assert folder_of(tmp_path, "clip.mp4") == "clip-2"
    assert [path.name for path in (tmp_path / "clip").iterdir()] == [own]
    assert (tmp_path / "clip" / own).read_text() == '{"path": "clip.mp4"}'


def test_a_file_in_the_way_is_left_as_it_is(folder_of, tmp_path):
    (tmp_path / "clip").write_text("a file without an ending")
    assert folder_of(tmp_path, "clip.mp4") == "clip-2"


def test_two_runs_at_once_do_not_share_a_folder(tmp_path):
    with OutFolders(tmp_path).of(Path("a/clip.mp4")) as first, OutFolders(tmp_path).of(Path("b/clip.mp4")) as second:
        assert (first.name, second.name) == ("clip", "clip-2")


def test_where_nothing_could_be_written_no_folder_stays(tmp_path):
    with pytest.raises(CheckError), OutFolders(tmp_path).of(Path("clip.mp4")) as folder:
        assert folder.is_dir()
        raise CheckError("disk_full")
    assert list(tmp_path.iterdir()) == []


def test_an_out_that_is_a_file_is_reported(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CheckError, match="cannot be written"), OutFolders(tmp_path / "file").of(Path("clip.mp4")):
        pass


def test_without_out_there_is_no_folder():
    with OutFolders(None).of(Path("clip.mp4")) as folder:
        assert folder is None
