"""A real Redis and a real PostgreSQL of a test's own."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.server.conftest import free_port


def need_them() -> None:
    """Skip the test where they are not installed, which CI may not."""
    if not (shutil.which("redis-server") and postgres_bin()):
        assert os.environ.get("CI") != "true", "install redis-server and postgresql, see packages-test.txt"
        pytest.skip("needs redis-server and postgresql")


class Redis:
    def __init__(self, folder: Path):
        self.port = free_port()
        self.command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder)]
        self.command += ["--appendonly", "yes", "--save", ""]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        folder.mkdir()
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        self.kill()


class Postgres:
    """A cluster of its own; as another user where we are root, since it refuses to run as root.

    Not in pytest's folder, which every session of pytest that begins meanwhile shuts to that user.
    """

    def __init__(self):
        self.port = free_port()
        self.bin = Path(postgres_bin())
        self.who = {"user": "nobody", "group": "nogroup"} if os.getuid() == 0 else {}
        self.root = tempfile.TemporaryDirectory(prefix="unmask-postgres-")
        if self.who:
            shutil.chown(self.root.name, **self.who)
        self.folder = Path(self.root.name) / "db"
        init = [self.bin / "initdb", "-D", self.folder, "-U", "unmask", "-A", "trust", "-E", "UTF8", "--locale=C"]
        subprocess.run(init, check=True, stdout=subprocess.DEVNULL, cwd="/", **self.who)
        self.url = f"postgresql://unmask@127.0.0.1:{self.port}/postgres"
        self.start()

    def start(self) -> None:
        """Again and again until it stays: what the killed one left in shared memory takes a moment to go."""
        command = [self.bin / "postgres", "-D", self.folder, "-p", str(self.port), "-h", "127.0.0.1", "-k", ""]
        for _ in range(50):
            (self.folder / "postmaster.pid").unlink(missing_ok=True)
            self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL, cwd="/", **self.who)
            try:
                self.process.wait(1)
            except subprocess.TimeoutExpired:
                return
        raise AssertionError("PostgreSQL does not start")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        self.kill()
        self.root.cleanup()


def postgres_bin() -> str | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    return str(found[-1]) if found else None
