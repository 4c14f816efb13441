"""The steps of the Dockerfile in a clean folder, for want of an engine: `python -m tests.server.rehearsal web`.

That makes an environment of its own and fills it by the image's own pip step. The tests take the environment there is, and
so try the rest: what is copied, how it starts, how its health check answers.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.server.conftest import ROOT, Running

Step = tuple[str, str]  # "COPY", "core core"


class Rehearsed(Running):
    """A server started as an image starts it."""

    def __init__(self, app: Path, python: Path, steps: list[Step], data: Path):
        super().__init__(data)
        for name in ("UNMASK_DETECTOR", "PYTHONPATH", "VIRTUAL_ENV"):
            self.env.pop(name, None)
        self.app, self.python, self.steps = app, python, steps

    def command(self, step: str) -> list[str]:
        """The last CMD or HEALTHCHECK, with the Python that this server has."""
        given = json.loads([re.search(r"\[.*\]", text)[0] for kind, text in self.steps if kind == step][-1])
        return [str(self.python), *given[1:]]

    def go(self) -> None:
        with self.log.open("ab") as log:
            self.processes.append(
                subprocess.Popen(self.command("CMD"), cwd=self.app, env=self.env, stdout=log, stderr=log)
            )

    def health_check(self) -> int:
        env = {**self.env, "http_proxy": "http://127.0.0.1:9"}  # as an engine hands its own on; nothing answers there
        return subprocess.run(self.command("HEALTHCHECK"), cwd=self.app, env=env).returncode


def steps_of(target: str) -> list[Step]:
    """What a target and those it is built upon do, in order."""
    text = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    stages: dict[str, list[Step]] = {}
    for line in text.splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "FROM":
            parent, _, name = rest.split()
            stages[name] = list(stages.get(parent, []))
        elif stages and kind.isupper():
            stages[name].append((kind, rest))
    return stages[target]


def copy(steps: list[Step], app: Path) -> None:
    """Every COPY, of what .dockerignore lets into the build."""
    let_in = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for sources in (rest.split()[:-1] for kind, rest in steps if kind == "COPY"):
        for source in sources:
            assert source in let_in, f"{source} is not let into the build"
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, app / source, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / source, app)


@contextmanager
def rehearse(target: str, folder: Path, python: Path | None = None, data: Path | None = None) -> Iterator[Rehearsed]:
    """The server of a target, up; without `python` in an environment of its own, which takes what its pip step brings.

    data: the volume, where another image uses it too. A worker has no port: ask the web side for it.
    """
    steps, app = steps_of(target), folder / "app"
    app.mkdir(parents=True)
    copy(steps, app)
    if python is None:
        venv.create(folder / "venv", with_pip=True)
        python = folder / "venv/bin/python"
        path = f"{python.parent}:{os.environ['PATH']}"
        for step in [rest for kind, rest in steps if kind == "RUN" and "pip install" in rest]:
            subprocess.run(step, shell=True, check=True, cwd=app, env={**os.environ, "PATH": path})
    server = Rehearsed(app, python, steps, data or folder / "data")
    try:
        server.go()
        if target == "web":
            server.until_alive()
        elif target == "all":
            server.until_ready()
        yield server
    finally:
        server.stop()


@contextmanager
def rehearse_both(folder: Path, python: Path | None = None) -> Iterator[tuple[Rehearsed, Rehearsed]]:
    """The web image and the worker's on one volume, ready; `python` is the worker's, as in `rehearse`."""
    data = folder / "data"
    with (
        rehearse("web", folder / "web", Path(sys.executable), data) as web,
        rehearse("worker", folder / "worker", python, data) as worker,
    ):
        web.until_ready()
        yield web, worker


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        if sys.argv[1] == "worker":
            with rehearse_both(Path(scratch)) as (web, _):
                print(web.get("/ready").json())
        else:
            with rehearse(sys.argv[1], Path(scratch)) as server:
                print(server.get("/health").json(), "health check:", server.health_check())
