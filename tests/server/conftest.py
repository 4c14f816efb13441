"""Two ways to a server: the application alone with its test client, and the real processes on a free port."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from server.app import create_app
from server.config import Config

ROOT = Path(__file__).parents[2]


@pytest.fixture
def config(tmp_path) -> Config:
    return Config(data=tmp_path / "data", rate="10000 per minute", read_rate="10000 per minute")


@pytest.fixture
def make_app():
    """Applications with their own settings; their databases are closed at the end."""
    made = []

    def make(config: Config):
        app = create_app(config)
        made.append(app)
        return app

    yield make
    for app in made:
        app.extensions["unmask"].database.close()


@pytest.fixture
def app(make_app, config):
    return make_app(config)


@pytest.fixture
def client(app):
    return app.test_client()


class Running:
    """Processes of a server, their address, and how to talk to it."""

    def __init__(self, folder: Path, **settings: str):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = {
            **os.environ,
            "UNMASK_DATA": str(folder),
            "UNMASK_PORT": str(self.port),
            "UNMASK_DETECTOR": "tests.server.standin:Detector",
            "UNMASK_RATE": "100000 per minute",
            "UNMASK_READ_RATE": "100000 per minute",
            "OMP_NUM_THREADS": "1",
            **settings,
        }
        self.processes: list[subprocess.Popen] = []
        self.log = folder.parent / f"{folder.name}.log"

    def start(self, part: str, **settings: str) -> subprocess.Popen:
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "server", part], cwd=ROOT, env={**self.env, **settings}, stderr=log, stdout=log
            )
        self.processes.append(process)
        return process

    def stop(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def until_ready(self) -> "Running":
        def is_ready() -> bool:
            ended = [process for process in self.processes if process.poll() is not None]
            assert not ended, self.log.read_text()[-4000:]
            return self.get("/ready").status_code == 200

        wait_for(is_ready, 300, self.log)
        return self

    def until_alive(self) -> "Running":
        """The web side alone, without a worker."""
        wait_for(lambda: self.get("/health").status_code == 200, 300, self.log)
        return self

    def get(self, path: str, **more) -> requests.Response:
        return requests.get(self.url + path, timeout=20, **more)

    def post(self, path: str, **more) -> requests.Response:
        return requests.post(self.url + path, timeout=60, **more)

    def upload(self, content: bytes, name: str = "clip.mp4", **form) -> requests.Response:
        return self.post("/v1/checks", files={"file": (name, content)}, data=form)

    def wait(self, check_id: str, seconds: float = 60) -> dict:
        """The check, once it has ended."""
        path = f"/v1/checks/{check_id}"
        wait_for(lambda: self.get(path).json()["status"] in ("done", "failed", "cancelled"), seconds, self.log)
        return self.get(path).json()


@contextmanager
def served(folder: Path, parts: tuple[str, ...] = ("web", "worker"), **settings: str) -> Iterator[Running]:
    """A server whose parts run and are ready; stopped at the end."""
    server = Running(folder, **settings)
    try:
        for part in parts:
            server.start(part)
        yield server.until_alive() if parts == ("web",) else server.until_ready()
    finally:
        server.stop()


def wait_for(condition, seconds: float, log: Path | None = None) -> None:
    until = time.monotonic() + seconds
    while True:
        try:
            if condition():
                return
        except requests.RequestException:
            pass
        if time.monotonic() > until:
            raise AssertionError(f"not within {seconds} s\n{log.read_text()[-4000:] if log and log.exists() else ''}")
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """Web and worker with the stand-in, shared by the tests of a file."""
    with served(tmp_path_factory.mktemp("server") / "data", UNMASK_CHECK_S="5", UNMASK_LEASE_S="5") as server:
        yield server
