"""Which files a check looks at."""

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest

from core.artifacts import write_artifacts
from core.inputs import files
from core.render import Heat
from tests.media import portrait_clip
from tests.samples import analysis_of


@pytest.fixture
def made(tmp_path):
    """Make empty files, and a report of a run where the name is report.json; return the folder they are in."""

    def made(*names):
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            report = {"path": "a.mp4", "analysis": {"schema_version": "1"}}
            (tmp_path / name).write_text(json.dumps(report) if Path(name).name == "report.json" else "")
        return tmp_path

    return made


@pytest.fixture
def shut(monkeypatch):
    """Let what lies below folders of this name be out of reach, also for root, who may run the tests."""

    def shut(closed, *calls):
        for call in calls:
            real = getattr(os, call)

            def refuse(path, *others, real=real, call=call, **options):
                parts = Path(os.fspath(path)).parts
                if closed in (parts if call == "scandir" else parts[:-1]):
                    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
                return real(path, *others, **options)

            monkeypatch.setattr(os, call, refuse)

    return shut


def found_in(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for _, path, _ in files([str(folder)])]


def codes(*given: str) -> list[tuple[str, str | None]]:
    return [(name, problem and problem.code) for name, _, problem in files([str(name) for name in given])]


def test_a_folder_is_searched_for_videos_alone(made):
    folder = made("a.MP4", "b/c.webm", "b/notes.txt", ".hidden.mp4", ".hidden/d.mp4", "b/.hidden/e/f.mp4")
    assert found_in(folder) == ["a.MP4", "b/c.webm"]


def test_a_hidden_folder_that_is_named_is_searched(made):
    assert found_in(made(".hidden/d.mp4") / ".hidden") == ["d.mp4"]


def test_what_an_earlier_run_wrote_is_left_out_wherever_it_lies(made):
    written = [f"b/out/a/{name}" for name in ("annotated.png", "heat-maps/1.png", "report.json")]
    folder = made("b/c.mp4", "b/out/d.mp4", "b/out/a/put-there.mp4", *written)
    assert found_in(folder) == ["b/c.mp4", "b/out/a/put-there.mp4", "b/out/d.mp4"]


@pytest.mark.slow
def test_all_that_a_run_writes_is_left_out(tmp_path):
    clip = portrait_clip(tmp_path / "clip.mp4", 1)
    heat = Heat(lambda crops: np.ones(crops.shape[:3], np.float32))
    write_artifacts(clip, analysis_of(clip), tmp_path / "out", heat)
    assert found_in(tmp_path) == ["clip.mp4"]


def test_a_folder_that_holds_the_report_of_another_program_is_searched(made):
    folder = made("a/clip.mp4", "b/clip.mp4", "c/clip.mp4", "d/clip.mp4", "e/clip.mp4")
    (folder / "a/report.json").write_text('{"path": "clip.mp4", "analysis": "none"}')
    (folder / "b/report.json").write_text("[1]")
    (folder / "c/report.json").write_text("[" * 100_000)
    (folder / "d/report.json").mkdir()
    (folder / "e/report.json").write_bytes(b"\xff")
    assert found_in(folder) == [f"{name}/clip.mp4" for name in "abcde"]


def test_a_folder_with_nothing_but_what_a_run_wrote_is_told_from_an_empty_one(made):
    folder = made("out/a/annotated.mp4", "out/a/report.json", "empty/notes.txt")
    [(_, _, ours)], [(_, _, empty)] = (list(files([str(folder / name)])) for name in ("out", "empty"))
    assert (ours.code, empty.code) == ("no_videos", "no_videos")
    assert "earlier check" in ours.message and "earlier check" not in empty.message


def test_a_folder_that_may_not_be_read_is_told_of_and_the_others_are_searched(made, shut):
    folder = made("shut/a.mp4", "open/b.mp4")
    shut("shut", "scandir")
    assert codes(folder) == [(str(folder / "shut"), "not_readable"), (str(folder / "open/b.mp4"), None)]
    assert codes(folder / "shut") == [(str(folder / "shut"), "not_readable")]


def test_a_file_out_of_reach_is_told_of_and_the_others_are_checked(made, shut):
    """In a folder that may be listed and not entered."""
    folder = made("a.mp4", "shut/b.mp4", "z.mp4")
    shut("shut", "stat")
    expected = [("a.mp4", None), ("shut/b.mp4", "not_readable"), ("z.mp4", None)]
    assert codes(folder) == [(str(folder / name), code) for name, code in expected]
    assert codes(folder / "shut/b.mp4") == [(str(folder / "shut/b.mp4"), "not_readable")]


def test_what_is_no_file_for_all_its_name_is_passed_over_in_a_folder(made):
    folder = made("a.mp4", "folder.mp4/notes.txt")
    (folder / "nowhere.mp4").symlink_to("absent.mp4")
    (folder / "round.mp4").symlink_to("round.mp4")
    os.mkfifo(folder / "pipe.mp4")
    assert found_in(folder) == ["a.mp4"]


def test_a_file_is_checked_once_however_many_names_lead_to_it(made, monkeypatch):
    folder = made("dup/s.png")
    (folder / "dup/t.png").symlink_to("s.png")
    (folder / "link").symlink_to("dup")
    monkeypatch.chdir(folder)
    given = ["dup", "dup/s.png", "dup/../dup/s.png", str(folder / "dup/s.png"), "link"]
    assert [name for name, *_ in files(given)] == ["dup/s.png"]


def test_no_kind_of_file_that_is_read_when_named_is_passed_over_in_a_folder(made):
    names = ["a.avif", "b.jfif", "c.apng", "d.HEIC", "e.m2ts", "f.vob", "g.3g2", "h.asf"]
    assert found_in(made(*names)) == names


def test_a_name_too_long_for_any_file_does_not_keep_the_others_from_being_checked(made):
    long, good = "a" * 300 + ".mp4", str(made("b.mp4") / "b.mp4")
    assert codes(long, good) == [(long, "file_not_found"), (good, None)]


def test_an_empty_name_is_not_the_folder_we_are_in(made, monkeypatch):
    monkeypatch.chdir(made("a.mp4"))
    assert codes("") == [("", "file_not_found")]


@pytest.mark.parametrize("link", ["youtube.com/watch?v=x", "www.vimeo.com/1", "youtu.be/x", "ftp://a.example/b.mp4"])
def test_who_leaves_out_how_a_link_begins_is_told_how_it_does(link):
    assert codes(link) == [(link, "bad_link")]


@pytest.mark.parametrize("link", ["https://www.youtube.com/watch?v=x", "HTTPS://youtu.be/x"])
def test_a_link_is_told_from_a_file_that_is_not_there(link):
    assert codes(link, "x.mp4") == [(link, None), ("x.mp4", "file_not_found")]
