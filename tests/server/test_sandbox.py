"""What a process that reads what comes from outside gives up before it does, and that it goes when its worker does."""

import os
import resource
import signal
import socket
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from core.fetch.download import Limits
from core.fetch.sites import Allowed
from server.child import FILE_SIZE
from server.children import Child
from tests.server.conftest import ROOT, wait_for
from tests.server.standin import video

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems have no /proc")

MEMORY = 2**32
ANALYST = {"detector": "tests.server.standin:Detector", "weights": None, "device": None, "network": None}
FETCHER = {"limits": asdict(Limits(bytes=2**20)), "allowed": asdict(Allowed())}


def say(code: str, *words: str) -> list[str]:
    command = [sys.executable, "-c", code, *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.parametrize(
    ("kind", "settings", "file_size"), [("analyse", ANALYST, FILE_SIZE), ("fetch", FETCHER, 2 * 2**20)]
)
def test_what_reads_what_comes_from_outside_has_its_limits(kind, settings, file_size):
    child = Child(kind, {**settings, "memory": MEMORY})
    try:
        child.start()
        pid = child._process.pid
        assert resource.prlimit(pid, resource.RLIMIT_CORE) == (0, 0)  # which would hold a stranger's video
        assert resource.prlimit(pid, resource.RLIMIT_FSIZE) == (file_size, file_size)
        assert MEMORY < resource.prlimit(pid, resource.RLIMIT_DATA)[1] < 2 * MEMORY
        assert "NoNewPrivs:\t1\n" in Path(f"/proc/{pid}/status").read_text()
    finally:
        child.kill()


USES = """
import sys
from server import sandbox
model = bytearray(2**29)
sandbox.limit(2**28, 2**20)
bytearray(2**27)
try:
    bytearray(2**29)
except MemoryError:
    print("memory")
with open(sys.argv[1], "wb", buffering=0) as file:
    file.write(bytes(2**20))
    try:
        file.write(b"more")
    except OSError:
        print("file")
"""


@pytest.mark.slow
def test_memory_is_limited_beyond_what_the_model_takes_and_files_by_their_size(tmp_path):
    assert say(USES, str(tmp_path / "file")) == ["memory", "file"]


TIGHTER = """
import resource
from server import sandbox
for which, most in ((resource.RLIMIT_FSIZE, 2**16), (resource.RLIMIT_DATA, 2**32)):
    resource.setrlimit(which, (most, most))
sandbox.limit(2**40, 2**20)
print(*resource.getrlimit(resource.RLIMIT_FSIZE), *resource.getrlimit(resource.RLIMIT_DATA))
"""


def test_a_tighter_limit_of_the_operator_stays():
    assert say(TIGHTER) == [str(2**16)] * 2 + [str(2**32)] * 2


LEAVES = """
import os, socket, sys
from server import sandbox
if os.getuid() == 0:  # whom the system allows it without more ado
    os.setgroups([])
    os.setresuid(65534, 65534, 65534)
if not sandbox.leave_network():
    print("stays")
try:
    socket.socket().connect(("127.0.0.1", int(sys.argv[1])))
except OSError:
    print("alone")
"""


def test_the_network_is_left_by_who_is_not_root_where_the_system_lets_anybody_do_so():
    who = {"user": 65534, "extra_groups": []} if os.getuid() == 0 else {}
    refused = subprocess.run(["unshare", "--user", "--net", "true"], stderr=subprocess.DEVNULL, **who).returncode
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert say(LEAVES, str(server.getsockname()[1])) == ["stays" if refused else "alone"]


ORPHANS = """
import sys
from server.children import Child
child = Child("analyse", {**eval(sys.argv[1]), "memory": 2**32})
request = {"path": sys.argv[2], "pieces": None, "plan": "default", "artifacts": None, "film": False, "name": ""}
child.ask(request, 60, lambda _done, _total, stage: stage == "open" and print(child._process.pid, flush=True))
"""


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


def test_a_child_busy_with_a_file_goes_with_its_worker_that_is_killed(tmp_path):
    (tmp_path / "video").write_bytes(video("hang"))
    command = [sys.executable, "-c", ORPHANS, repr(ANALYST), str(tmp_path / "video")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as worker:
        pid = int(worker.stdout.readline())
        worker.kill()
    try:
        wait_for(lambda: not lives(pid), 20)
    finally:
        if lives(pid):
            os.kill(pid, signal.SIGKILL)
