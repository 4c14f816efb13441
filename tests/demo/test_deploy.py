"""The folder that goes to a Space: it stands alone and starts."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import urllib.request
from pathlib import Path

import pytest
from gradio_client import Client, handle_file

from demo import deploy
from tests import media
from tests.demo.conftest import answers, free_port, waited

HERE = Path(sysconfig.get_path("purelib"))


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    folder = tmp_path_factory.mktemp("space")
    deploy.assemble(folder)
    return folder


def test_the_folder_holds_what_a_space_needs_and_nothing_private(space):
    names = {path.relative_to(space).as_posix() for path in space.rglob("*") if path.is_file()}
    assert {"app.py", "README.md", "requirements.txt", "packages.txt", "LICENSE", "core/detector.py"} <= names
    assert not [name for name in names if "__pycache__" in name or name.startswith(("core/fetch", "demo/deploy"))]


def test_what_git_does_not_know_is_not_published(tmp_path, monkeypatch):
    for file in (
        "core/detector.py",
        "demo/app.py",
        "core/.env",
        "demo/notes.txt",
        "core/weights/trial/model.safetensors",
    ):
        (tmp_path / "here" / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "here" / file).write_text("x")
    for name in ("LICENSE", "requirements.txt", "packages.txt"):
        shutil.copy(deploy.ROOT / name, tmp_path / "here")
    shutil.copytree(deploy.ROOT / "demo/space", tmp_path / "here/demo/space")
    monkeypatch.setattr(deploy, "ROOT", tmp_path / "here")

    def published(folder):
        return {str(file) for file in deploy.assemble(tmp_path / folder) if file.parts[0] in deploy.PARTS}

    everything = {"core/detector.py", "demo/app.py", "demo/notes.txt", "core/weights/trial/model.safetensors"}
    assert published("no checkout") == everything
    for command in (["init", "-q"], ["add", "core/detector.py", "demo/app.py", "demo/space"]):
        subprocess.run(["git", *command], cwd=deploy.ROOT, check=True)
    assert published("checkout") == {"core/detector.py", "demo/app.py"}
    shutil.rmtree(deploy.ROOT / ".git")
    (deploy.ROOT / ".git").write_text("gitdir: nowhere")
    with pytest.raises(SystemExit, match="git does not say"):
        published("refused")


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


@pytest.mark.slow
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
def test_the_folder_installed_into_a_clean_environment_starts_and_answers(space, tmp_path):
    """As on a Space: its requirements, gradio in the card's version, `python app.py`; then one check by a program."""
    python = clean_environment(tmp_path / "venv", space)
    assert subprocess.run([python, "-c", "import flask"], capture_output=True).returncode, "not a clean environment"
    clip = media.portrait_clip(tmp_path / "clip.mp4", 2)
    port = free_port()
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "UNMASK_"))}
    env |= {"GRADIO_SERVER_NAME": "127.0.0.1", "GRADIO_SERVER_PORT": str(port), "SPACE_ID": "nobody/nothing"}
    env |= {"GRADIO_TEMP_DIR": str(tmp_path / "kept"), "GRADIO_ANALYTICS_ENABLED": "False"}
    app = subprocess.Popen([python, "app.py"], cwd=space, env=env)
    try:
        address = f"http://127.0.0.1:{port}"
        waited(lambda: answers(address) or app.poll() is not None, 180)
        assert app.poll() is None
        assert "Links are switched off here" in urllib.request.urlopen(address).read().decode()
        client = Client(address, verbose=False)
        answer = client.predict(handle_file(str(clip)), "default", "default", api_name="/check")
    finally:
        app.terminate()
        app.wait(30)
    told = subprocess.run(
        [sys.executable, "-m", "core", "check", "--json", clip], cwd=deploy.ROOT, capture_output=True, text=True
    )
    expected = json.loads(told.stdout)["analysis"]
    for analysis in (answer["analysis"], expected):
        analysis.pop("seconds")
    assert answer["analysis"] == expected and expected["model"]["trained"]


def clean_environment(folder, space):
    """A new environment with what the Space asks for, from the package index or pip's cache. Returns its python.

    Only torch, which a Space may bring itself and which takes gigabytes, is linked from the environment of the tests.
    """
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    there = next((folder / "lib").glob("python3*")) / "site-packages"
    for name in ("torch", "torchgen", "functorch", "torchvision", "torchvision.libs", "triton", "nvidia", "cuda"):
        link_from_here(name, there)
    for name in ("torch-", "torchvision-", "triton-", "nvidia_", "cuda_"):
        for info in HERE.glob(f"{name}*.dist-info"):
            link_from_here(info.name, there)
    version = re.search(r"sdk_version: (\S+)", (space / "README.md").read_text())[1]
    wanted = ["-r", space / "requirements.txt", f"gradio=={version}"]
    subprocess.run([folder / "bin/python", "-m", "pip", "install", "--quiet", "--no-compile", *wanted], check=True)
    return folder / "bin/python"


def link_from_here(name, there):
    if (HERE / name).exists():
        (there / name).symlink_to(HERE / name)
