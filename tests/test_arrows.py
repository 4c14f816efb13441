"""Imports point one way, so that core can be understood, tested and shipped alone."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = sorted((ROOT / "core").rglob("*.py"))
# upstream first; a module may import those before it. The road itself is known to the last ones alone.
ORDER = ["errors", "analysis", "provenance", "video", "example", "faces", "tracks", "crops", "stem", "model"]
ORDER += ["explain", "pretrained", "calibration", "render", "detector", "cli", "__main__"]
KNOW_THE_ROAD = {"detector", "render", "cli", "__main__"}
STATIONS = {"video", "faces", "tracks", "crops", "model", "calibration"}


def imported(path):
    """Dotted names a file imports, at its top or inside a function."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def core_modules(path):
    names = {name.split(".")[1] for name in imported(path) if name.startswith("core.")}
    return names & set(ORDER)


@pytest.mark.parametrize("path", CORE, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_core_imports_none_of_those_who_use_it(path):
    users = {"server", "demo", "extension", "training", "benchmarks", "tests"}
    assert {name.split(".")[0] for name in imported(path)} & users == set()


@pytest.mark.parametrize("path", [p for p in CORE if p.parent.name == "core"], ids=lambda path: path.stem)
def test_within_core_imports_point_upstream(path):
    if path.stem == "__init__":
        assert core_modules(path) == set()
        return
    later = ORDER[ORDER.index(path.stem) :]
    assert core_modules(path) & set(later) == set()
    if path.stem not in KNOW_THE_ROAD:
        assert core_modules(path) & STATIONS != STATIONS


@pytest.mark.parametrize("module", ["core", "core.analysis", "core.errors", "core.video", "core.detector", "core.cli"])
def test_importing_is_cheap(module):
    code = f"import sys, {module}; print([m for m in ('torch', 'mediapipe', 'matplotlib') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
