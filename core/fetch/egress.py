"""How the rest of the code gets out: the running guard, and the proxy address for one job."""

import json
import secrets
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import requests
from requests.auth import HTTPProxyAuth

from core.fetch.guard import Ticket


@dataclass(frozen=True)
class Exit:
    """The way out for one job: what to hand to `proxy=`, and whom to ask why it was refused."""

    proxy: str

    def refused(self) -> str | None:
        """The first reason for which the guard refused this job, a code of core.errors; None where it did not."""
        parts = urlsplit(self.proxy)
        if not parts.username:
            return None  # an operator's own proxy keeps no account
        try:
            answer = requests.get(
                f"http://{parts.hostname}:{parts.port}/spent",
                auth=HTTPProxyAuth(parts.username, parts.password),
                proxies={"http": "", "https": ""},
                timeout=5,
            )
            return answer.json()["refused"]
        except (requests.RequestException, ValueError, KeyError):
            return None


class Guard:
    """The guard's process, started when first needed and again should it die. Ends with `close` or with this process.

    allow: addresses such as "127.0.0.1:8123" that pass although they are not public (for tests).
    own_proxy: an operator's proxy that stands in its place; nothing is started then.
    litter: a folder that the guard deletes where this process is killed, and can do so no longer.
    """

    def __init__(self, allow: tuple[str, ...] = (), own_proxy: str | None = None, litter: Path | None = None):
        self.allow = allow
        self.litter = litter
        self.own_proxy = own_proxy
        self._secret = secrets.token_bytes(32)
        self._process: subprocess.Popen | None = None
        self._port = 0
        self._lock = threading.Lock()

    def exit(self, job: str, limit_bytes: int, limit_s: float) -> Exit:
        """A way out that closes after so many bytes (both directions) or seconds. `job` must be new for each attempt."""
        if self.own_proxy:
            return Exit(self.own_proxy)
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._start()
        name, password = Ticket(job, limit_bytes, time.time() + limit_s).sign(self._secret)
        return Exit(f"http://{name}:{password}@127.0.0.1:{self._port}")

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "core.fetch.guard"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for who asked; the guard ends with it
        )
        # by stdin, so that neither the list of processes nor an environment shows the secret
        told = {"secret": self._secret.hex(), "allow": list(self.allow), "litter": self.litter and str(self.litter)}
        self._process.stdin.write(json.dumps(told) + "\n")
        self._process.stdin.flush()
        self._port = int(self._process.stdout.readline())

    def close(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process.stdin.close()
            self._process.stdout.close()
            self._process = None

    def __enter__(self) -> "Guard":
        return self

    def __exit__(self, *exc) -> None:
        self.close()
