"""What a decoder that was taken over does not get to see of the server around it, nor who reads its log."""

import json
import re
import socket
import subprocess
import sys

import pytest
import requests
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from server import logs
from server.database import Database
from server.routes import checks
from tests.server.conftest import ROOT, served
from tests.server.standin import video
from tests.server.test_webhooks import SECRET


@pytest.mark.slow
def test_what_reads_files_of_strangers_inherits_no_secret(tmp_path):
    secrets = {
        "UNMASK_WEBHOOK_SECRET": SECRET,
        "UNMASK_DATABASE_URL": f"sqlite:///{tmp_path}/elsewhere.sqlite3",
        "UNMASK_BROKER_URL": f"sqla+sqlite:///{tmp_path}/broker.sqlite3",
        "UNMASK_EGRESS_PROXY": "http://ann:password@127.0.0.1:3128",
    }
    with served(tmp_path / "data", **secrets) as server:
        told = server.wait(server.upload(video("environment")).json()["id"])["error"]["message"]
    assert "tests.server.standin:Detector" in told
    assert not [name for name, secret in secrets.items() if secret in told]


@pytest.mark.slow
def test_the_log_is_json_that_tells_requests_apart_and_names_nobody(tmp_path):
    with served(tmp_path / "data", ("web",), UNMASK_RATE="1 per minute") as server:
        submitted, refused = (server.upload(video(name)) for name in ("one", "two"))
        assert (submitted.status_code, refused.status_code) == (202, 429)
        check_id = submitted.json()["id"]
        deleted = requests.delete(f"{server.url}/v1/checks/{check_id}", timeout=20)
        with socket.create_connection(("127.0.0.1", server.port)) as unreadable:
            unreadable.sendall(b"GET /who-is-asking HTTP/9.9\r\n\r\n")
            assert b"400" in unreadable.recv(1000)
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    told = {line["event"]: line.get("request_id") for line in lines}
    assert told[f"check {check_id}: submitted"] == submitted.headers["X-Request-ID"]
    assert told[f"check {check_id}: deleted"] == deleted.headers["X-Request-ID"]
    assert "a request that cannot be read was refused" in told
    assert not [event for event in told if "who-is-asking" in event or re.search(r"127\.0\.0\.1(?!:)", event)]


SPY = """
import ctypes, os
from server import sandbox
if os.getuid() == 0:  # root sees everything
    os.setgroups([])
    os.setresuid(65534, 65534, 65534)
ctypes.CDLL(None).prctl(sandbox.PR_SET_DUMPABLE, 1, 0, 0, 0)  # as in a process that somebody else than root began
for hidden in (False, True):
    if hidden:
        sandbox.hide()
    if os.fork() == 0:
        print(hidden, os.access(f"/proc/{os.getppid()}/environ", os.R_OK), flush=True)
        os._exit(0)
    os.wait()
"""


def test_the_words_of_a_failed_statement_hold_no_link(tmp_path):
    link = "https://x.com/a/status/1"
    database = Database(f"sqlite:///{tmp_path}/broken.sqlite3")
    with pytest.raises(SQLAlchemyError) as failed, database.read() as session:
        session.execute(text("SELECT :link FROM nowhere"), {"link": link})
    assert link not in str(failed.value)  # as it is logged
    database.close()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no /proc")
def test_the_environment_of_the_server_is_hidden_from_processes_of_its_own_user():
    told = subprocess.run([sys.executable, "-c", SPY], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert told.split() == ["False", "True", "True", "False"]


def test_a_bug_in_a_request_is_logged_without_its_words_which_may_be_a_link(client, monkeypatch, caplog):
    def fail(*_):
        raise LookupError("https://secret" + ".example/")

    monkeypatch.setattr(checks, "canonicalise", fail)
    assert client.post("/v1/checks", json={"url": "https://x.com/a/status/1"}).status_code == 500
    written = logs.formatter().format(caplog.records[-1])
    assert "LookupError" in written and "in fail" in written
    assert "secret.example" not in written
