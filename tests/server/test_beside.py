"""The demo at /demo, beside the API."""

import signal
import socket

import pytest

from tests.server.conftest import Running, served, wait_for
from tests.server.standin import video


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    with served(tmp_path_factory.mktemp("beside") / "data", ("all",), UNMASK_DEMO="1") as server:
        yield server


@pytest.mark.slow
def test_the_demo_and_the_api_answer_under_one_address(both):
    assert both.get("/demo").url.endswith("/demo/")
    assert both.get("/demo/config").json()["title"] == "Unmask"
    assert both.wait(both.upload(video("beside")).json()["id"])["status"] == "done"
    assert both.get("/demonstration").json()["code"] == "not_found"


@pytest.mark.slow
def test_events_and_large_uploads_pass_through_the_bridge(both):
    check = both.upload(video("nap", size=3 * 2**20)).json()
    text = both.get(f"/v1/checks/{check['id']}/events").text
    assert "event: done" in text


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    """Without a worker, so that checks wait."""
    folder = tmp_path_factory.mktemp("beside") / "web"
    with served(folder, ("web",), UNMASK_DEMO="1", UNMASK_THREADS="4") as server:
        yield server


@pytest.mark.slow
def test_who_leaves_an_event_stream_gives_the_place_back_at_once(web):
    check_id = web.post("/v1/checks", json={"url": "https://x.com/a/status/1"}).json()["id"]

    def listen():
        return web.get(f"/v1/checks/{check_id}/events", stream=True)

    opened = [listen() for _ in range(3)]
    assert [answer.status_code for answer in opened] == [200, 200, 429]
    assert [next(answer.iter_lines()) for answer in opened[:2]] == [b"retry: 2000"] * 2
    for answer in opened:
        answer.close()
    wait_for(lambda: listen().status_code == 200, 5, web.log)


@pytest.mark.slow
def test_a_body_that_comes_in_chunks_is_read_and_measured(web):
    link = b'{"url": "https://x.com/a/status/2"}'
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="clip.mp4"\r\n\r\n'

    def send(*chunks, kind="application/json"):
        return web.post("/v1/checks", data=iter(chunks), headers={"Content-Type": kind}).status_code

    assert send(link[:9], link[9:]) == 202
    assert send(head, video("chunks"), b"\r\n--b--\r\n", kind="multipart/form-data; boundary=b") == 202
    assert send(link, b" " * 70_000) == 413


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/demo/", "/demo/config", "/v1/info"])
def test_no_other_name_is_answered(both, path):
    assert both.get(path, headers={"Host": "attacker.example"}).status_code in (400, 421)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
def test_every_name_of_this_machine_is_answered(both, name):
    for path in ("/demo/config", "/v1/info"):
        assert both.get(path, headers={"Host": f"{name}:{both.port}"}).status_code == 200


@pytest.mark.slow
def test_another_page_cannot_use_the_demo(both):
    sent = {"files": ("from-elsewhere.mp4", b"x" * 1000)}
    headers = {"Origin": "https://other.example", "Sec-Fetch-Site": "cross-site"}
    assert both.post("/demo/gradio_api/upload", files=sent, headers=headers).status_code == 403


def test_the_demo_is_off_unless_asked_for(client):
    assert client.get("/demo").status_code == 404


@pytest.mark.slow
def test_beyond_this_machine_the_demo_is_refused(tmp_path):
    server = Running(tmp_path / "data", UNMASK_DEMO="1", UNMASK_HOST="0.0.0.0")
    assert server.start("web").wait(120) == 2
    assert "knows no keys" in server.log.read_text()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_with_its_streams_and_leaves_no_folder_behind(tmp_path, number):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    server = Running(tmp_path / "data", UNMASK_DEMO="1", TMPDIR=str(scratch))
    try:
        web = server.start("web")
        server.until_alive()
        check_id = server.post("/v1/checks", json={"url": "https://x.com/a/status/1"}).json()["id"]
        assert [folder.name[:12] for folder in scratch.iterdir()] == ["unmask-demo-"]
        with (
            server.get(f"/v1/checks/{check_id}/events", stream=True) as answer,
            socket.create_connection(("127.0.0.1", server.port)) as never_done,
        ):
            lines = answer.iter_lines()
            assert next(lines) == b"retry: 2000"
            never_done.sendall(b"POST /v1/checks HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n{")
            web.send_signal(number)
            assert b"event: queued" in list(lines)  # to its proper end: else requests raises
            assert web.wait(30) == 0
        assert list(scratch.iterdir()) == []
    finally:
        server.stop()
