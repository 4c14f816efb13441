"""What is behind a link, as the page and the command line fetch it."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core import cli
from core.errors import CheckError
from core.fetch.links import Links
from tests.media import portrait_clip
from tests.site import Site
from tests.tiny import tiny_weights

ROOT = Path(__file__).parents[3]


@pytest.fixture
def site():
    with Site() as server:
        yield server


@pytest.fixture
def links(site):
    links = Links(allow=(site.host,), media=(site.host,))
    yield links
    links.close()


def test_of_a_video_that_breaks_off_nothing_stays_on_the_disk(site, links, tmp_path):
    def break_off(handler):
        handler.begin(200, {"Content-Type": "video/mp4", "Content-Length": "3000000"})
        handler.wfile.write(b"\0\0\0\x18ftypmp42" + b"x" * 2_000_000)
        handler.close_connection = True

    site.pages["/cut.mp4"] = break_off
    with pytest.raises(CheckError) as caught:
        links.bring(site.url("/cut.mp4"), tmp_path, lambda *_: None, lambda: False)
    assert caught.value.code == "network"
    assert list(tmp_path.iterdir()) == []


def test_of_a_video_that_was_cancelled_nothing_stays_on_the_disk(site, links, tmp_path):
    site.pages["/clip.mp4"] = ("video/mp4", b"\0\0\0\x18ftypmp42" + b"x" * 3_000_000)
    begun = []
    with pytest.raises(CheckError) as caught:
        links.bring(site.url("/clip.mp4"), tmp_path, lambda *now: begun.append(now), lambda: len(begun) > 1)
    assert caught.value.code == "cancelled"
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def post(site, links, tmp_path, monkeypatch):
    """A link to a clip of the portrait, and a command line that may follow it."""
    monkeypatch.setattr(Links, "from_env", classmethod(lambda cls, env, litter: links))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    site.pages["/a%20clip.mp4"] = ("video/mp4", portrait_clip(tmp_path / "clip.mp4", 3).read_bytes())
    return site.url("/a%20clip.mp4?v=1")


@pytest.mark.slow
def test_the_command_line_takes_links_and_keeps_no_video(post, tmp_path, capsys):
    weights = str(tiny_weights(tmp_path / "weights"))
    for _ in range(2):
        assert cli.main(["check", post, post, "--json", "--weights", weights, "--out", str(tmp_path / "out")]) < 2
        (answer,) = map(json.loads, capsys.readouterr().out.splitlines())
        assert answer["path"] == post and answer["analysis"]["media"]["duration_s"] == 3
    (folder,) = (tmp_path / "out").iterdir()  # the second check wrote over the first
    assert json.loads((folder / "report.json").read_text())["path"] == post
    assert post.replace("&", "&amp;") in (folder / "report.html").read_text()
    assert list((tmp_path / "temporary").iterdir()) == []


def test_info_takes_links(post, capsys):
    assert cli.main(["info", post]) == 0
    assert "0:03" in capsys.readouterr().out


def test_a_link_that_no_site_of_ours_has_is_refused_and_the_files_beside_it_are_checked(tmp_path, capsys):
    assert cli.main(["check", "https://unknown.example/1", str(tmp_path / "absent.mp4"), "--json"]) == 2
    codes = [json.loads(line)["error"]["code"] for line in capsys.readouterr().out.splitlines()]
    assert codes == ["unsupported_site", "file_not_found"]


def test_a_proxy_that_can_be_none_is_told_before_anything_is_fetched(monkeypatch, capsys):
    monkeypatch.setenv("UNMASK_EGRESS_PROXY", "socks5://proxy.example.org")
    with pytest.raises(SystemExit):
        cli.main(["check", "https://youtu.be/aqz-KE-bpKQ"])
    assert "UNMASK_EGRESS_PROXY" in capsys.readouterr().err


def leave(ending: str, video: Path) -> None:
    """A process with a guard that knows of the video's folder, and ends so."""
    video.parent.mkdir()
    video.write_bytes(b"x")
    code = (
        "import os, signal\nfrom pathlib import Path\nfrom core.fetch.egress import Guard\n"
        f"guard = Guard(litter=Path({str(video.parent)!r}))\nguard.exit('job', 1, 1)\n{ending}"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT)


def test_of_who_is_killed_the_guard_deletes_the_fetched_video(tmp_path):
    leave("os.kill(os.getpid(), signal.SIGKILL)", tmp_path / "litter" / "clip.mp4")
    for _ in range(600):
        if not (tmp_path / "litter").exists():
            return
        time.sleep(0.05)
    raise AssertionError("it is still there after half a minute")


def test_who_ends_the_guard_cleans_up_without_it(tmp_path):
    leave("guard.close()", tmp_path / "litter" / "clip.mp4")
    assert (tmp_path / "litter" / "clip.mp4").exists()


def test_ctrl_c_in_a_terminal_is_for_who_asked_and_not_for_the_guard(guard):
    guard.exit("job", 1, 1)
    assert os.getpgid(guard._process.pid) != os.getpgid(0)
