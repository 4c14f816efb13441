"""What an open page holds on the machine, and that it goes."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import proxy_bypass_environment

import gradio as gr
import pytest

from core.errors import CheckError
from demo.__main__ import ask_itself_directly
from demo.app import Handlers
from demo.visits import Visits
from demo.work import Copy, Step
from tests.server.conftest import free_port

ROOT = Path(__file__).parents[2]


@pytest.fixture
def visits(tmp_path):
    return Visits(tmp_path / "kept")


def uploaded(visits, name="clip.mp4"):
    file = visits.root / "ab12" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"video")
    return file


def test_closing_the_page_stops_its_check_and_deletes_its_files(visits):
    visit = visits.begin("a")
    (visit.folder / "report.html").write_text("x")
    upload = uploaded(visits)
    visits.hold("a", upload)
    visits.end("a")
    assert visit.stop.is_set()
    assert not visit.folder.exists() and not upload.exists()


def test_a_new_check_replaces_the_one_before_and_keeps_the_upload(visits):
    upload = uploaded(visits)
    visits.hold("a", upload)
    first = visits.begin("a")
    second = visits.begin("a")
    assert first.stop.is_set() and not first.folder.exists()
    assert not second.stop.is_set() and second.folder.exists() and upload.exists()


def test_a_file_that_two_people_sent_stays_until_both_have_left(visits):
    upload = uploaded(visits)
    for session in "ab":
        visits.hold(session, upload)
    visits.end("a")
    assert upload.exists()
    visits.end("b")
    assert not upload.exists()


def test_a_file_that_was_sent_once_more_waits_in_line_for_whoever_sent_it(visits):
    upload = uploaded(visits)
    visits.hold("a", upload)
    os.utime(upload, ns=(0, upload.stat().st_mtime_ns + 1))
    visits.end("a")
    assert upload.exists()


def test_a_file_just_chosen_stays_however_long_ago_the_pages_last_check_was(visits):
    ended = visits.begin("a")
    ended.stop.set()
    os.utime(ended.folder, (0, 0))
    upload = uploaded(visits)
    visits.hold("a", upload)
    visits.begin("b")
    assert upload.exists()
    os.utime(upload, (0, 0))
    visits.hold("a", upload)
    visits.begin("b")
    assert not upload.exists()


class Page:
    session_hash = "a"


class Slow:
    """In place of the detectors: it goes on until it is told to stop."""

    def get(self, name):
        raise AssertionError("no check gets so far")


def test_a_check_that_another_one_replaced_writes_no_more_over_it(visits, monkeypatch):
    handlers = Handlers(Slow(), None, visits)

    def slow(source, detector, plan, folder, stop):
        yield Step("look", 0.1)
        stop.wait(30)
        yield Step("look", 0.2)

    monkeypatch.setattr("demo.app.check", slow)
    first = handlers.file(str(uploaded(visits)), "default", "default", Page)
    assert "busy" in str(next(first)[0]) or next(first)
    next(first)
    second = list(handlers.link("", "default", "default", Page))
    assert "Links are switched off" in str(second[-1][0])
    assert list(first) == [(gr.skip(),) * 6]


def test_the_end_of_a_check_writes_nothing_over_what_a_line_says_that_was_drawn_since_its_answer(visits, monkeypatch):
    monkeypatch.setattr("demo.app.check", lambda *_: iter([Step("look", 0.1), Copy(None, "no room")]))
    handlers = Handlers(Slow(), None, visits)
    *_, answer, end = handlers.file(str(uploaded(visits)), "default", "default", Page)
    assert "no room" in answer[3] and answer[2] == "" and end[2] == gr.skip()
    assert (*answer[:2], *answer[3:]) == (*end[:2], *end[3:])


def test_of_a_check_that_was_stopped_nothing_is_kept_but_what_the_visitor_gave(visits, monkeypatch):
    handlers, upload = Handlers(Slow(), None, visits), uploaded(visits)

    def stopped(source, detector, plan, folder, stop):
        (folder / "unmask-clip.json").write_text("{}")
        (folder / "link").mkdir()
        (folder / "link/clip.mp4").write_bytes(b"half a video")
        yield Step("pictures", 0)
        raise CheckError("cancelled")

    monkeypatch.setattr("demo.app.check", stopped)
    last = list(handlers.file(str(upload), "default", "default", Page))[-1]
    assert "Nothing of it was kept" in str(last[0])
    assert last[2] == ""  # nor what a line of one's own said of it
    assert list(visits.of("a").folder.iterdir()) == [] and upload.exists()


def test_a_check_that_never_began_leaves_nothing_that_is_never_old(visits):
    handlers = Handlers(Slow(), None, visits)
    list(handlers.file(None, "default", "default", Page))
    folder = visits.of("a").folder
    os.utime(folder, (0, 0))
    visits.begin("b")
    assert not folder.exists()


def test_a_file_that_another_sent_under_its_own_name_stays(visits):
    """Gradio keeps files of the same bytes in one folder, so whoever has the bytes could delete what others sent."""
    mine, theirs = uploaded(visits), uploaded(visits, "holiday.mp4")
    visits.hold("a", mine)
    visits.hold("b", theirs)
    visits.end("b")
    assert mine.exists() and not theirs.exists()


def test_files_of_a_check_that_ended_long_ago_go_though_nobody_said_that_they_left(visits):
    ended, runs, recent = (visits.begin(session) for session in "abc")
    for visit in (ended, recent):
        visit.stop.set()
    for visit in (ended, runs):
        os.utime(visit.folder, (0, 0))
    visits.begin("d")
    assert [visit.folder.exists() for visit in (ended, runs, recent)] == [False, True, True]


def test_stopping_one_visitor_leaves_the_other_alone(visits):
    first, second = visits.begin("a"), visits.begin("b")
    visits.cancel("a")
    assert first.stop.is_set() and not second.stop.is_set()


def test_nothing_outside_the_folder_is_ever_deleted(visits, tmp_path):
    (tmp_path / "other").mkdir()
    precious = tmp_path / "other/clip.mp4"
    precious.write_bytes(b"video")
    visits.hold("a", precious)
    visits.hold("a", visits.root / ".." / "other" / "clip.mp4")
    visits.end("a")
    assert precious.exists()


@pytest.fixture
def with_terminal():
    """What is started here heeds the end of its terminal, also where the tests run under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.slow
def test_a_terminal_that_is_closed_leaves_nothing_of_visitors_behind(tmp_path, with_terminal):
    command = [sys.executable, "-m", "demo", "--port", str(free_port())]
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as demo:
        assert demo.stdout.readline().startswith(b"Unmask is loading")
        assert list(tmp_path.glob("unmask-demo-*"))
        demo.send_signal(signal.SIGHUP)
    assert not list(tmp_path.glob("unmask-demo-*"))


@pytest.mark.parametrize("before", [{}, {"NO_PROXY": "intranet.example"}, {"no_proxy": "intranet.example"}])
def test_the_page_is_asked_whether_it_is_up_without_the_proxy_of_the_surroundings(before, monkeypatch):
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    for name, value in before.items():
        monkeypatch.setenv(name, value)
    ask_itself_directly("192.0.2.7")
    direct = [host for host in ("127.0.0.1", "localhost", "192.0.2.7", "example.org") if proxy_bypass_environment(host)]
    assert direct == ["127.0.0.1", "localhost", "192.0.2.7"]
    assert bool(proxy_bypass_environment("intranet.example")) == bool(before)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--weights", "/nowhere"], "The weights were not found."),
        (["--port", "99999"], "invalid port value"),
        (["--host", "203.0.113.5"], "203.0.113.5 is no address of this machine"),
    ],
)
def test_a_page_that_cannot_be_served_is_told_in_a_sentence(options, words):
    done = subprocess.run([sys.executable, "-m", "demo", *options], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode != 0
    assert words in done.stderr and "Traceback" not in done.stderr
