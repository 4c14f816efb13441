"""Uploading, to a Hub that is a server on loopback."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import huggingface_hub.constants
import pytest

from core.pretrained import USUAL
from tests.tiny import tiny_weights
from training import publish

OID = "0123456789abcdef0123456789abcdef01234567"


class Hub(BaseHTTPRequestHandler):
    """As much of the Hub's API as a commit needs."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append((self.path, self.headers.get("Authorization")))
        if self.server.refuses:
            return self.answer({"error": "no write access"}, 403)
        if self.path == "/api/repos/create":
            return self.answer({"url": f"{self.server.url}/owner/name"})
        if "/preupload/" in self.path:
            files = [{"path": f["path"], "uploadMode": "regular"} for f in json.loads(body)["files"]]
            return self.answer({"files": [f | {"shouldIgnore": False} for f in files]})
        if "/commit/" in self.path:
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    self.server.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
                if line["key"] == "deletedFile":
                    del self.server.files[line["value"]["path"]]
            return self.answer({"commitUrl": f"{self.server.url}/owner/name/commit/{OID}", "commitOid": OID})
        return self.answer({"valid": True})

    def do_GET(self):
        if "/tree/" in self.path:
            return self.answer([{"type": "file", "path": p, "oid": "0", "size": 1} for p in self.server.files])
        return self.answer({"name": "owner", "type": "user", "siblings": [], "sha": OID, "id": "owner/name"})

    def answer(self, value, status=200):
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


@pytest.fixture
def hub(monkeypatch):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.asked, server.files, server.refuses = [], {}, False
    server.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", server.url)
    monkeypatch.setenv("HF_TOKEN", "hf_test")
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def folder(tmp_path):
    tiny_weights(tmp_path / "weights")
    (tmp_path / "weights" / "README.md").write_text("---\nlicense: other\n---\nA card.\n")
    (tmp_path / "weights" / "notes.txt").write_text("stays here")
    return tmp_path / "weights"


@pytest.mark.slow
def test_the_four_files_are_uploaded_and_the_commit_is_named_as_weights_takes_it(hub, folder, capsys):
    publish.main(["--out", str(folder), "--hub", "owner/name"])
    assert capsys.readouterr().out.splitlines()[-1] == f"owner/name@{OID}"
    assert set(hub.files) == {"model.safetensors", "config.json", "calibration.json", "README.md"}
    for name, data in hub.files.items():
        assert data == (folder / name).read_bytes(), name
    assert {token for path, token in hub.asked if path.startswith("/api/models")} == {"Bearer hf_test"}


def test_what_is_usual_is_uploaded_too_where_it_is_known(hub, folder):
    (folder / USUAL).write_bytes(b"of faces")
    publish.main(["--out", str(folder), "--hub", "owner/name"])
    assert hub.files[USUAL] == b"of faces"


def test_what_is_usual_to_other_weights_does_not_stay_at_the_hub(hub, folder):
    hub.files[USUAL] = b"of other weights"
    publish.main(["--out", str(folder), "--hub", "owner/name"])
    assert "model.safetensors" in hub.files and USUAL not in hub.files


def test_a_hub_that_refuses_is_a_sentence(hub, folder):
    hub.refuses = True
    with pytest.raises(SystemExit, match="did not take owner/name"):
        publish.main(["--out", str(folder), "--hub", "owner/name"])
    assert not hub.files


def test_without_a_token_nothing_is_sent(hub, folder, monkeypatch, tmp_path):
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    with pytest.raises(SystemExit, match="no Hub token"):
        publish.main(["--out", str(folder), "--hub", "owner/name"])
    assert not hub.asked


def test_a_folder_without_its_card_is_not_sent(hub, folder):
    (folder / "README.md").unlink()
    with pytest.raises(SystemExit, match=r"lacks README\.md"):
        publish.main(["--out", str(folder), "--hub", "owner/name"])
    assert not hub.asked
