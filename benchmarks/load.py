"""How the API answers under load: 200 clients poll and 50 submit, for two minutes.

    python -m benchmarks.load [--seconds 120] [--polling 200] [--submitting 50]

Starts web and worker with the tests' stand-in for the detector, as it is the API that is measured. A polling client asks once
a second, as Retry-After says while a check runs; a submitting one uploads a file, then waits a second, or as long as a refusal says. The
last line is JSON: how often each status came, and quantiles of the time between a request and the end of its answer, and
what says how far to trust these on a machine that others use too: its load, and the web side's own time on the processor.
"""

import argparse
import asyncio
import json
import os
import resource
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.server.conftest import Running
from tests.server.standin import video

FILE_BYTES = 64 * 1024
ATTEMPT_S = 30  # a client's patience


@dataclass
class Seen:
    """What the clients saw."""

    statuses: Counter = field(default_factory=Counter)  # ("submit", 202): times
    refusals: Counter = field(default_factory=Counter)  # the code of a problem, such as "queue_full": times
    seconds: dict[str, list[float]] = field(default_factory=lambda: {"submit": [], "poll": []})
    unanswered: int = 0  # connections that ended without an answer
    without_retry_after: int = 0  # refusals that do not say when to come back


class Client:
    """One HTTP/1.1 connection, kept; a library would take more of the machine than the server that it measures."""

    def __init__(self, port: int, seen: Seen):
        self.port = port
        self.seen = seen
        self.streams = None

    async def ask(
        self, what: str, method: str, path: str, body: bytes = b"", kind: str = ""
    ) -> tuple[int, dict, bytes]:
        """Status, headers (lower case) and body. Raises OSError, EOFError or TimeoutError where none came."""
        start = time.perf_counter()
        try:
            async with asyncio.timeout(ATTEMPT_S):
                status, headers, answer = await self._exchange(method, path, body, kind)
        except (OSError, EOFError):
            self.seen.unanswered += 1
            self.close()
            raise
        self.seen.seconds[what].append(time.perf_counter() - start)
        self.seen.statuses[what, status] += 1
        if status >= 400:
            self.seen.refusals[json.loads(answer)["code"]] += 1
        self.seen.without_retry_after += status in (429, 503) and "retry-after" not in headers
        if headers.get("connection") == "close":
            self.close()
        return status, headers, answer

    async def _exchange(self, method: str, path: str, body: bytes, kind: str):
        if self.streams and self.streams[0].at_eof():  # the server has closed what lay idle
            self.close()
        self.streams = self.streams or await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self.streams
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\nContent-Type: {kind}\r\n\r\n"
        writer.write(head.encode() + body)
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        return int(first.split()[1]), headers, await reader.readexactly(int(headers["content-length"]))

    def close(self) -> None:
        if self.streams:
            self.streams[1].close()
        self.streams = None


async def submits(client: Client, number: int, ids: list[str], until: float) -> None:
    count = 0
    while time.monotonic() < until:
        body, kind = form(video(f"file {number} {count}", FILE_BYTES))
        wait, count = 1.0, count + 1
        try:
            status, headers, answer = await client.ask("submit", "POST", "/v1/checks", body, kind)
            if status == 202:
                ids.append(json.loads(answer)["id"])
            wait = float(headers.get("retry-after", wait))
        except (OSError, EOFError):
            pass
        await asyncio.sleep(min(wait, max(0.0, until - time.monotonic())))


async def polls(client: Client, number: int, ids: list[str], until: float) -> None:
    """Follows one of the checks that were accepted last, until it ends, then another one."""
    mine = None
    while time.monotonic() < until:
        mine = mine or (ids[-1 - number % min(len(ids), 50)] if ids else None)
        if mine:
            try:
                _, _, answer = await client.ask("poll", "GET", f"/v1/checks/{mine}")
                mine = None if json.loads(answer).get("finished_at") else mine
            except (OSError, EOFError):
                pass
        await asyncio.sleep(1)


def form(content: bytes) -> tuple[bytes, str]:
    head = b'--frontier\r\nContent-Disposition: form-data; name="file"; filename="clip.mp4"\r\n\r\n'
    return head + content + b"\r\n--frontier--\r\n", "multipart/form-data; boundary=frontier"


async def load(port: int, seconds: float, polling: int, submitting: int) -> Seen:
    """Let the clients loose on a server; they begin spread over a second, as clients do."""
    seen, ids, until = Seen(), [], time.monotonic() + seconds

    async def begin(work, number: int, count: int) -> None:
        await asyncio.sleep(number / count)
        client = Client(port, seen)
        await work(client, number, ids, until)
        client.close()

    await asyncio.gather(
        *(begin(submits, number, submitting) for number in range(submitting)),
        *(begin(polls, number, polling) for number in range(polling)),
    )
    return seen


def quantiles(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {f"p{q}_ms": round(1000 * ordered[min(len(ordered) - 1, len(ordered) * q // 100)], 1) for q in (50, 95, 99)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--polling", type=int, default=200)
    parser.add_argument("--submitting", type=int, default=50)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = Running(Path(folder) / "data")
        try:
            web = server.start("web")
            server.start("worker")
            server.until_ready()
            seen = asyncio.run(load(server.port, given.seconds, given.polling, given.submitting))
            web.terminate()
            web.wait()
            cpu = resource.getrusage(resource.RUSAGE_CHILDREN)  # of the children that have ended: the web side alone
        finally:
            server.stop()
    figures = {what: quantiles(seconds) for what, seconds in seen.seconds.items()}
    report = {
        **vars(given),
        **figures,
        "statuses": {f"{what} {status}": count for (what, status), count in sorted(seen.statuses.items())},
        "refusals": seen.refusals,
        "unanswered": seen.unanswered,
        "without_retry_after": seen.without_retry_after,
        "load_of_the_machine": os.getloadavg()[0],
        "web_cpu_s": round(cpu.ru_utime + cpu.ru_stime, 1),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
