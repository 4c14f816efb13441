"""Pages that follow from the code say what the code says."""

import importlib.util
import re
from fnmatch import fnmatch
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
generate = importlib.util.module_from_spec(spec)
spec.loader.exec_module(generate)


@pytest.mark.parametrize("name", generate.PAGES)
def test_a_generated_page_is_up_to_date(name):
    written = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert written == generate.PAGES[name](), "run: python docs/generate.py"


PAGES_BY_HAND = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]


@pytest.mark.parametrize("page", PAGES_BY_HAND, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_to_a_file(page):
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES_BY_HAND, ids=lambda page: page.name)
def test_every_make_target_of_a_page_exists(page):
    commands = re.findall(r"^make ([a-z -]+)|`make ([a-z-]+)`", page.read_text(encoding="utf-8"), re.MULTILINE)
    named = {target for pair in commands for target in "".join(pair).split()}
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert named - targets == set()


def test_every_package_whose_terms_ask_for_more_than_a_notice_is_named():
    page = (ROOT / "THIRD_PARTY.md").read_text(encoding="utf-8")
    named = [name for row in re.findall(r"^\| (`.*?) \|", page, re.MULTILINE) for name in re.findall(r"`(.*?)`", row)]
    found = set()
    for package in metadata.distributions():
        about = package.metadata
        told = [term for term in about.get_all("Classifier") or [] if term.startswith("License ::")]
        terms = [about.get("License-Expression") or "", (about.get("License") or "")[:40], *told]
        if re.search(r"GPL|MPL|Proprietary", " ".join(terms)):
            found.add(about["Name"].lower())
    assert {"psycopg", "certifi"} <= found
    assert {name for name in found if not any(fnmatch(name, pattern) for pattern in [*named, "psycopg-*"])} == set()


def test_the_table_of_training_names_every_command_that_trains():
    script = (ROOT / "training" / "run.sh").read_text(encoding="utf-8")
    commands = re.findall(r"^\$PY -m (pip|training\.\w+)", script, re.MULTILINE)
    rows = re.findall(r"^\| \d+ \| (.+?) \|", (ROOT / "docs" / "training.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert re.findall(r"`(?:python -m )?(pip|training\.\w+)", "".join(rows)) == commands


def test_the_readme_names_every_file_that_out_writes():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in ("annotated.mp4", "key-frames.png", "heat-maps/", "timeline.png", "report.html", "report.json"):
        assert f"`{name}`" in readme


def test_the_map_of_the_house_names_every_module():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(\w+)`", page))
    modules = {
        path.stem for folder in ("core", "core/fetch", "server", "demo") for path in (ROOT / folder).glob("*.py")
    }
    assert {name for name in modules if not name.startswith("__")} - named == set()
