"""Imports point one way, so that core can be understood, tested and shipped alone."""

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = sorted((ROOT / "core").rglob("*.py"))
MODULES = [path for path in CORE if path.parent.name == "core"]
SHOW_AN_ANSWER = {
    "explain",
    "draw",
    "facts",
    "render",
    "report",
    "follow",
    "paint",
    "annotate",
    "artifacts",
    "terminal",
    "cli",
    "__main__",
}


def imported(path):
    """Dotted names a file imports, at its top or inside a function."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def core_modules(path):
    """Names of the modules of core that one of them imports."""
    names = {name.split(".")[1] for name in imported(path) if name.startswith("core.")}
    return names & {module.stem for module in MODULES} - {path.stem}


@pytest.mark.parametrize("path", CORE, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_core_imports_none_of_those_who_use_it(path):
    users = {"server", "demo", "extension", "training", "benchmarks", "tests"}
    assert {name.split(".")[0] for name in imported(path)} & users == set()


def test_within_core_no_imports_go_in_a_circle():
    graph = {path.stem: core_modules(path) for path in MODULES}
    assert list(graphlib.TopologicalSorter(graph).static_order())


def test_within_core_only_the_command_line_knows_the_detector():
    assert [path.stem for path in MODULES if "detector" in core_modules(path)] == ["cli"]


@pytest.mark.parametrize("path", [p for p in MODULES if p.stem not in SHOW_AN_ANSWER], ids=lambda path: path.stem)
def test_finding_an_answer_does_not_depend_on_showing_it(path):
    assert core_modules(path) & SHOW_AN_ANSWER == set()


@pytest.mark.parametrize("module", ["core", "core.analysis", "core.errors", "core.video", "core.detector", "core.cli"])
def test_importing_is_cheap(module):
    code = f"import sys, {module}; print([m for m in ('torch', 'mediapipe', 'matplotlib') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("module", ["server.app", "server.worker"])
def test_who_reads_no_video_loads_no_decoder(module):
    code = f"import sys, {module}; print([m for m in ('av', 'torch', 'mediapipe', 'cv2') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_loading_the_network_loads_no_compiler():
    """torchvision brings one along, which takes as long as a whole check."""
    code = (
        "import sys, core.pretrained, core.looks; print('torchvision' in sys.modules, 'torch._dynamo' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False False"


@pytest.mark.slow
def test_training_the_encoder_loads_no_detector():
    """Prepared faces are all that it reads."""
    code = "import sys, training.train; print([m for m in ('mediapipe', 'core.detector') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
