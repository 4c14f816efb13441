"""The folder that goes to a Space: it stands alone and starts."""

import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from demo import deploy
from tests.demo.conftest import free_port
from tests.demo.test_browser import waited


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    folder = tmp_path_factory.mktemp("space")
    deploy.assemble(folder)
    return folder


def test_the_folder_holds_what_a_space_needs_and_nothing_private(space):
    names = {path.relative_to(space).as_posix() for path in space.rglob("*") if path.is_file()}
    assert {"app.py", "README.md", "requirements.txt", "packages.txt", "LICENSE", "core/detector.py"} <= names
    assert not [name for name in names if "__pycache__" in name or name.startswith(("core/fetch", "demo/deploy"))]


def test_torch_is_left_to_the_space_and_everything_else_is_as_here(space):
    lines = (space / "requirements.txt").read_text().splitlines()
    assert "torch" in lines and "torchvision" in lines
    assert "av>=18,<20" in lines and not [line for line in lines if line.startswith(("gradio", "flask", "celery"))]


def test_the_card_names_the_installed_gradio_and_the_file_to_run(space):
    front = (space / "README.md").read_text().split("---")[1]
    fields = dict(line.split(": ", 1) for line in front.splitlines() if ": " in line)
    assert fields["sdk"] == "gradio" and fields["app_file"] == "app.py"
    assert re.fullmatch(r"6\.\d+\.\d+", fields["sdk_version"])
    assert len(fields["short_description"]) <= 60


def test_a_dry_run_lists_the_files_and_uploads_nothing():
    done = subprocess.run(
        [sys.executable, "-m", "demo.deploy", "--space", "nobody/nothing", "--dry-run"],
        cwd=Path(deploy.ROOT),
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )
    assert "core/detector.py" in done.stdout and "Uploaded" not in done.stdout


@pytest.mark.slow
def test_the_folder_starts_by_itself_as_on_a_space(space, tmp_path):
    port = free_port()
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    env |= {"GRADIO_SERVER_NAME": "127.0.0.1", "GRADIO_SERVER_PORT": str(port), "SPACE_ID": "nobody/nothing"}
    env |= {"GRADIO_TEMP_DIR": str(tmp_path), "GRADIO_ANALYTICS_ENABLED": "False"}
    app = subprocess.Popen([sys.executable, "app.py"], cwd=space, env=env)
    try:
        waited(lambda: answers(f"http://127.0.0.1:{port}") or app.poll() is not None, 180)
        assert app.poll() is None
        page = urllib.request.urlopen(f"http://127.0.0.1:{port}").read().decode()
        assert "Links are switched off here" in page
    finally:
        app.terminate()
        app.wait(30)


def answers(address):
    try:
        return urllib.request.urlopen(address, timeout=5).status == 200
    except (urllib.error.URLError, OSError):
        return False
