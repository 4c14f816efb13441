"""Nothing accepted is lost: everything is killed at random moments under load, and every check ends exactly once.

UNMASK_STORM sets the number of checks; `make test-storm` takes 500.
"""

import os
import random
import re
import struct
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
import requests

from tests.server.conftest import Running, wait_for
from tests.server.standin import video
from tests.server.stores import Postgres, Redis, need_them
from tests.site import make_clip

CHECKS = int(os.environ.get("UNMASK_STORM", "50"))
KILLS = max(8, CHECKS // 20)
FINAL = ("done", "failed", "cancelled")


class Storm:
    """Kills one of its victims every few seconds and starts it again, so many times.

    Every second time the web side may come up first: where a start takes longer than a kill is away, nothing would ever
    be accepted, and nothing put to the test.
    """

    def __init__(self, server: Running, victims, kills: int, seed: int):
        self.server = server
        self.kills = kills
        self.victims = victims
        self.dice = random.Random(seed)
        self.thread = threading.Thread(target=self.rage)

    def rage(self) -> None:
        for number in range(self.kills):
            if number // len(self.victims) % 2 == 0:
                self.server.until_alive()
            time.sleep(self.dice.uniform(1, 5))
            kill, start = self.victims[number % len(self.victims)]
            kill()
            time.sleep(self.dice.uniform(0, 0.5))
            start()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.thread.join()


def victim(server: Running, part: str):
    def kill():
        for process in [p for p in server.processes if p.args[-1] == part]:
            group = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split()
            process.kill()
            process.wait()
            server.processes.remove(process)
            if part == "web":  # gunicorn's child notices by itself, but only after a while, and holds the port
                for pid in group:
                    with suppress(ProcessLookupError):
                        os.kill(int(pid), 9)

    return kill, lambda: server.start(part)


def submit(server: Running, number: int, clip: bytes) -> str:
    """Until it is accepted; the Idempotency-Key makes asking again safe."""
    until = time.monotonic() + 300  # a busy machine may take a minute to start what was killed
    while time.monotonic() < until:
        try:
            answer = requests.post(
                f"{server.url}/v1/checks",
                files={"file": ("clip.mp4", clip)},
                headers={"Idempotency-Key": f"storm {number}"},
                timeout=10,
            )
            if answer.status_code in (200, 202):
                return answer.json()["id"]
        except (requests.RequestException, ValueError):
            pass
        time.sleep(0.2)
    raise AssertionError(f"never accepted\n{server.log.read_text()[-4000:]}")


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["sqlite", "redis and postgres"])
def test_every_accepted_check_ends_exactly_once(tmp_path, backend):
    settings = {"UNMASK_LEASE_S": "3", "UNMASK_CHECKS": "2", "UNMASK_ATTEMPTS": "5"}
    stores = []
    if backend != "sqlite":
        need_them()
        redis, postgres = Redis(tmp_path / "redis"), Postgres()
        stores = [redis, postgres]
        settings |= {"UNMASK_BROKER_URL": redis.url, "UNMASK_DATABASE_URL": postgres.url}
        time.sleep(2)
    try:
        weather(Running(tmp_path / "data", **settings), stores, lambda number: video(f"nap {number}"), CHECKS, KILLS)
    finally:
        for store in stores:
            store.close()


@pytest.mark.slow
def test_the_shipped_detector_weathers_a_small_storm(tmp_path):
    (tmp_path / "clip").mkdir()
    clip = make_clip(tmp_path / "clip")["clip.mp4"]
    settings = {"UNMASK_LEASE_S": "15", "UNMASK_ATTEMPTS": "8", "UNMASK_DETECTOR": "core.detector:Detector"}

    def numbered(number: int) -> bytes:
        return clip + struct.pack(">I4sI", 12, b"free", number)  # a box that players pass over

    weather(Running(tmp_path / "data", **settings), [], numbered, max(6, CHECKS // 20), max(4, KILLS // 4))


def weather(server: Running, stores: list, clip: Callable[[int], bytes], checks: int, kills: int) -> None:
    """Submit so many clips while so many kills go on, and see that each ends once."""
    try:
        server.start("web")
        server.start("worker")
        server.until_ready()
        victims = [victim(server, "web"), victim(server, "worker"), *((store.kill, store.start) for store in stores)]
        with Storm(server, victims, kills, seed=7), ThreadPoolExecutor(4) as clients:
            ids = list(clients.map(lambda number: submit(server, number, clip(number)), range(checks)))
        assert len(set(ids)) == checks

        def states() -> dict[str, str]:
            return {check_id: server.get(f"/v1/checks/{check_id}").json()["status"] for check_id in ids}

        wait_for(lambda: set(states().values()) <= set(FINAL), 300 + checks, server.log)
        ended = states()
        done = sum(status == "done" for status in ended.values())
        text = server.get("/metrics").text
        counted = sum(float(n) for n in re.findall(r"^unmask_verdicts_total\{.*\} (\S+)", text, re.MULTILINE))
        assert counted == done  # every result was written once, in the transaction that counted it
        assert done >= checks * 0.8  # the rest was interrupted too often, and says so
        print(f"{checks} checks, {kills} kills: {done} done, the rest {Counter(ended.values())}")
    finally:
        server.stop()
