"""UNMASK_* variables, wherever they are read."""

import re
from pathlib import Path

import pytest

from core.settings import NAMES, SWITCHES, check_switches, is_on, unread

ROOT = Path(__file__).parents[2]


def named_in(*parts: str) -> set[str]:
    files = [file for part in parts for file in (ROOT / part).rglob("*.py") if file != ROOT / "core/settings.py"]
    return {name for file in files for name in re.findall(r'"(UNMASK_[A-Z_]+)"', file.read_text(encoding="utf-8"))}


def test_every_variable_that_is_read_is_listed_and_no_other():
    assert named_in("core", "server", "demo") <= set(NAMES)
    assert set(NAMES) - {"UNMASK_STORM"} <= named_in("core", "server", "demo")


def test_a_misspelled_setting_is_named_and_the_one_that_may_be_meant():
    told = list(unread({"UNMASK_UPLOAD_MB": "5", "UNMASK_XYZ": "secret", "UNMASK_PORT": "1", "HOME": "/"}))
    assert told == [
        "nothing reads UNMASK_UPLOAD_MB: is UNMASK_UPLOAD_BYTES meant?",
        "nothing reads UNMASK_XYZ: docs/server.md lists the settings",
    ]


@pytest.mark.parametrize("name", SWITCHES)
@pytest.mark.parametrize(("text", "on"), [("1", True), ("Yes", True), ("on", True), ("false", False), ("0", False)])
def test_a_switch_knows_the_usual_words(name, text, on):
    check_switches({name: text})
    assert [is_on({name: text}, name, default) for default in (True, False)] == [on, on]


def test_a_switch_that_says_neither_yes_nor_no_is_named():
    with pytest.raises(ValueError, match="UNMASK_OPENVINO is not a yes or no such as 1 or 0: maybe"):
        check_switches({"UNMASK_OPENVINO": "maybe"})
    assert is_on({"UNMASK_OPENVINO": ""}, "UNMASK_OPENVINO", True)
