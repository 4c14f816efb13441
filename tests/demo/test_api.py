"""What a program gets from the page, through gradio_client."""

import json

import pytest
import requests
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from core import cli
from core.errors import ERRORS
from tests import media
from tests.demo.conftest import files_in
from tests.site import Site

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def ask(address):
    client = Client(address, verbose=False)
    return lambda path: client.predict(path and handle_file(str(path)), "default", "default", api_name="/check")


def test_the_answer_is_that_of_the_command_line(ask, weights, tmp_path, capsys):
    clip = media.portrait_clip(tmp_path / "clip.mp4", 2)
    cli.main(["check", str(clip), "--json", "--weights", str(weights)])
    told = json.loads(capsys.readouterr().out)
    answer = ask(clip)
    for analysis in (told["analysis"], answer["analysis"]):
        analysis.pop("seconds")
    assert told["analysis"]["verdict"] is not None
    assert answer == {"analysis": told["analysis"]}


def bad_inputs(folder):
    """Ten files that nobody can check, and the code of each."""

    def write(name, data):
        (folder / name).write_bytes(data)
        return folder / name

    clip = media.grey_clip(folder / "whole.mp4", 30)
    yield write("notes.mp4", b"These are only words, and no video at all.\n" * 20), "not_a_video"
    yield write("notes.txt", b"These are only words.\n"), "not_a_video"
    yield write("empty.mp4", b""), "damaged"
    yield write("page.html", b"<!doctype html><script>alert(1)</script>"), "not_a_video"
    yield write("archive.zip", b"PK\x05\x06" + bytes(18)), "not_a_video"
    yield write("noise.webm", bytes(range(256)) * 40), "not_a_video"
    yield write("list.m3u8", b"#EXTM3U\n#EXTINF:4,\nhttp://127.0.0.1:9/clip.ts\n"), "not_a_video"
    yield media.audio_clip(folder / "sound.m4a"), "no_video_stream"
    yield media.truncated(clip, folder / "cut.mp4", 600), "damaged"
    yield None, "nothing_chosen"


def test_ten_bad_inputs_are_each_explained(ask, tmp_path):
    for path, code in bad_inputs(tmp_path):
        error = ask(path)["error"]
        assert (path and path.name, error["code"]) == (path and path.name, code)
        assert error["message"].startswith(ERRORS[code].message)
        assert error["next_step"] == ERRORS[code].next_step


def test_a_video_without_a_face_gets_an_answer_without_a_verdict(ask, tmp_path):
    analysis = ask(media.grey_clip(tmp_path / "grey.mp4", 20))["analysis"]
    assert analysis["verdict"] is None
    assert "no_face" in [warning["code"] for warning in analysis["warnings"]]


def test_weights_are_chosen_by_name_and_never_by_path(address, weights, tmp_path):
    clip = media.grey_clip(tmp_path / "refused.mp4", 5)
    with pytest.raises(Exception, match="not in the list of choices"):
        Client(address, verbose=False).predict(handle_file(str(clip)), "default", str(weights), api_name="/check")


def test_an_address_in_place_of_a_file_is_not_fetched(address, monkeypatch):
    monkeypatch.setattr("gradio.processing_utils.PUBLIC_HOSTNAME_WHITELIST", ["127.0.0.1"])  # as any public host is
    with Site() as site:
        site.pages["/clip.mp4"] = ("video/mp4", b"anything")
        named = {"path": site.url("/clip.mp4"), "meta": {"_type": "gradio.FileData"}, "orig_name": "clip.mp4"}
        with pytest.raises(AppError, match="Send the file itself"):
            Client(address, verbose=False).predict(named, "default", "default", api_name="/check")
        assert site.hits == []


def test_the_example_of_the_panel_for_programs_is_a_file_that_one_can_send(address):
    shown = Client(address, verbose=False).view_api(return_format="dict")
    assert list(shown["named_endpoints"]) == ["/check"]
    assert shown["named_endpoints"]["/check"]["parameters"][0]["example_input"]["path"] == "clip.mp4"


def test_a_program_may_ask_several_things_at_once(address, tmp_path):
    client = Client(address, verbose=False)
    clips = [media.portrait_clip(tmp_path / f"{seconds}.mp4", seconds) for seconds in (1, 2, 3)]
    jobs = [client.submit(handle_file(str(clip)), "default", "default", api_name="/check") for clip in clips]
    answers = [job.result(timeout=120) for job in jobs]
    assert [round(answer["analysis"]["media"]["duration_s"]) for answer in answers] == [1, 2, 3]


def test_nothing_a_program_sent_is_kept(ask, kept, tmp_path):
    ask(media.portrait_clip(tmp_path / "private.mp4", 1))
    assert [path for path in files_in(kept) if path.name != "refused.mp4"] == []  # deleted by age: its check never ran


def test_no_history_of_what_was_checked_is_kept(address):
    assert Client(address, verbose=False).config["run_history"] is False
    assert requests.get(f"{address}/gradio_api/runs").status_code == 403
