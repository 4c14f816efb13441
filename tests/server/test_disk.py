"""A disk that takes no more."""

import io
import resource
import shutil
from contextlib import contextmanager

import psycopg
import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from server import disk
from server.bell import make_bell
from server.disk import is_full
from server.runner import Runner, Seat
from server.uploads import HashedFile
from tests.server.standin import video

ROOM = 2**20  # more than the database has by then


@contextmanager
def full():
    """No file of this process grows beyond ROOM."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("size", [ROOM + 100, 3 * ROOM])  # noticed at the last moment, and on the way
def test_an_upload_that_finds_no_room_is_told_so_and_leaves_nothing(client, config, size):
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="clip.mp4"\r\n\r\n'
    body = head + video("big", size) + b"\r\n--b--\r\n"
    with full():
        answer = client.post("/v1/checks", data=body, content_type="multipart/form-data; boundary=b")
    assert (answer.status_code, answer.json["code"]) == (507, "disk_full")
    assert list(config.spool.iterdir()) == []


def test_uploads_and_batches_leave_enough_of_the_disk_for_everything_else_to_go_on(client, config, monkeypatch):
    monkeypatch.setattr(disk, "KEPT_FREE", shutil.disk_usage(config.data).total)
    answer = client.post("/v1/checks", data={"file": (io.BytesIO(video("late")), "clip.mp4")})
    assert (answer.status_code, answer.json["code"]) == (507, "disk_full")
    assert list(config.spool.iterdir()) == []
    batch = client.post("/v1/batches", json={"urls": ["https://x.com/a/status/1"]})
    assert (batch.status_code, batch.json["code"]) == (507, "disk_full")
    assert client.post("/v1/checks", json={"url": "https://x.com/a/status/1"}).status_code == 202


def test_an_upload_for_which_no_file_can_be_made_is_told_so(client, config):
    config.spool.rmdir()
    answer = client.post("/v1/checks", data={"file": (io.BytesIO(video("fine")), "clip.mp4")})
    assert (answer.status_code, answer.json["code"]) == (507, "disk_full")


def test_what_is_no_video_takes_no_room(tmp_path):
    file = HashedFile(tmp_path / "upload")
    for _ in range(1000):
        file.write(b"just words " * 80)
    file.close()
    assert (tmp_path / "upload").stat().st_size < 4096


@pytest.mark.parametrize(("error", "want"), [(psycopg.errors.DiskFull, True), (psycopg.errors.OutOfMemory, False)])
def test_postgresql_on_a_full_disk_is_told_from_one_that_is_away(error, want):
    assert is_full(OperationalError("INSERT", {}, error())) is want


def test_a_database_that_finds_no_room_says_so_and_goes_on_when_there_is_some(app, client):
    database = app.extensions["unmask"].database
    database.close()

    def fill(connection, _record):
        connection.execute("PRAGMA max_page_count=1")  # SQLite takes as many as it has

    event.listen(database.engine, "connect", fill)
    links = [{"url": f"https://x.com/a/status/{n}?{'x' * 2000}"} for n in range(50)]
    answers = [client.post("/v1/checks", json=link) for link in links]
    assert (answers[-1].status_code, answers[-1].json["code"]) == (507, "disk_full")
    event.remove(database.engine, "connect", fill)
    database.close()
    assert client.post("/v1/checks", json=links[-1]).status_code == 202


@pytest.mark.parametrize("folder", ["work-1", "artifacts-1"])
def test_a_check_that_finds_no_room_says_so_at_once(app, client, config, folder):
    parts = app.extensions["unmask"]
    form = {"file": (io.BytesIO(video("fine")), "clip.mp4"), "artifacts": "true"}
    check_id = client.post("/v1/checks", data=form).json["id"]
    (config.folder(check_id) / folder).write_bytes(b"")  # no folder can be made
    runner = Runner(config, parts.database, make_bell(config))
    runner.seats.put(Seat(None, None))
    runner.drain()
    runner.guard.close()
    assert client.get(f"/v1/checks/{check_id}").json["error"]["code"] == "disk_full"
