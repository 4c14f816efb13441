"""What the scripts do, with stand-ins for the system's programs; and what make hands on."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "scripts/system-packages.sh"
INSTALLED = """installed libegl1
config-files libgles2
config-files old-codecs libglx0
installed libglib2.0-0t64 libglib2.0-0 (= 2.80.0), libgio
installed npm-extras"""


@pytest.fixture
def asked_for(tmp_path):
    """Run the script for packages; return what it has apt-get install."""
    stand_ins = {
        # as the real one does with ${db:Status-Status}; without it the packages are listed all the same
        "dpkg-query": f'case "$*" in *Status-Status*) cut=1;; *) cut=2;; esac\necho "{INSTALLED}" | cut -d" " -f$cut-',
        "apt-get": f'echo "$@" >> {tmp_path}/asked',
        "id": "echo 0",
    }
    for name, does in stand_ins.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / name).chmod(0o755)

    def asked_for(*packages):
        (tmp_path / "packages.txt").write_text("\n".join(("# of the tests", *packages)) + "\n")
        env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
        subprocess.run(["sh", SCRIPT, tmp_path / "packages.txt"], env=env, check=True)
        asked = (tmp_path / "asked").read_text() if (tmp_path / "asked").exists() else ""
        return [word for line in asked.splitlines() for word in line.split()[1:] if not word.startswith("-")]

    return asked_for


def test_what_is_installed_also_under_a_newer_name_is_not_asked_for(asked_for):
    assert asked_for("libegl1", "libglib2.0-0", "libgio") == []


def test_what_was_removed_but_not_purged_is_installed_again(asked_for):
    assert asked_for("libegl1", "libgles2", "libglx0") == ["libgles2", "libglx0"]


def test_a_package_is_not_there_because_one_of_a_longer_name_is(asked_for):
    assert asked_for("libglib2.0", "npm") == ["libglib2.0", "npm"]


def test_a_program_that_came_from_elsewhere_needs_no_package(asked_for):
    assert asked_for("sh:dash-of-elsewhere", "no-such-program:libgles2") == ["libgles2"]


def outside_make():
    """The surroundings without what the make that runs these tests adds to them."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("VIDEO", "MAKE", "MFLAGS"))}


def test_setup_runs_again_where_the_python_of_the_environment_has_gone(tmp_path):
    (tmp_path / ".venv/bin").mkdir(parents=True)
    for name in ("requirements.txt", "requirements-dev.txt", "packages.txt"):
        shutil.copy(ROOT / name, tmp_path)
    command = ["make", "-n", "-f", ROOT / "Makefile", "check"]

    def said(python):
        (tmp_path / ".venv/bin/python").symlink_to(python)
        done = subprocess.run(command, cwd=tmp_path, env=outside_make(), capture_output=True, text=True, check=True)
        (tmp_path / ".venv/bin/python").unlink()
        return done.stdout

    ready = re.search(r"touch (\S+)", said(sys.executable))[1]
    (tmp_path / ready).touch()
    assert "venv" not in said(sys.executable).replace(".venv/bin/python", "")
    assert "-m venv --clear .venv" in said("/no/python3")


@pytest.mark.parametrize("how", ["argument", "environment"])
@pytest.mark.parametrize("name", [None, "", "a $b$$c 'd' \"e\" #f.mp4", "a$(shell touch run)$(CURDIR).mp4"])
def test_the_name_of_a_video_reaches_its_recipe_as_it_is(tmp_path, name, how):
    (tmp_path / "show.mk").write_text('show:\n\t@printf %s "$$VIDEO"\n')
    given = [] if name is None else [f"VIDEO={name}"]
    command = ["make", "-f", ROOT / "Makefile", "-f", "show.mk", "show"]
    command = [*command, *given] if how == "argument" else ["env", *given, *command]
    done = subprocess.run(command, cwd=tmp_path, env=outside_make(), capture_output=True, text=True, check=True)
    assert done.stdout == ("out/example.mp4" if name is None else name)
    assert not (tmp_path / "run").exists()


def test_weights_that_were_trained_longer_are_judged_in_a_folder_of_their_own(tmp_path):
    python = tmp_path / ".venv/bin/python"
    weights = tmp_path / "runs/full/weights"
    for folder in (python.parent, weights, tmp_path / "training"):
        folder.mkdir(parents=True)
    shutil.copy(ROOT / "training/run.sh", tmp_path / "training")
    python.write_text(f'#!/bin/sh\n[ "$1" = -c ] && exec {sys.executable} "$@"\necho "$@" >> {tmp_path}/asked\n')
    python.chmod(0o755)
    env = {key: value for key, value in os.environ.items() if key not in ("RUN", "SMALL")}
    for digits in ("0a1b2c3d", "4d3c2b1a"):
        (weights / "config.json").write_text(f'{{"sha256": "{digits}ffff"}}\n')
        subprocess.run(["bash", tmp_path / "training/run.sh"], env=env, capture_output=True, check=True)
        own = f"runs/full/eval-{digits}"
        named = [word for word in (tmp_path / "asked").read_text().split() if "/eval" in word]
        assert named[-3:] == [f"{own}/scores.jsonl", own, f"{own}/figures.json"]
