"""The extension: its pure modules under `node --test`, its build, and the two real browsers.

Needs `npm ci` in this folder, and for the slow tests Debian's chromium, firefox-esr, xvfb and xdotool.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.analysis import VERDICT_MEANING, VERDICT_WORDS
from core.draw import runs
from core.errors import ERRORS
from core.facts import meaning
from core.fetch.sites import canonicalise
from core.words import clock, percent
from tests.core.fetch.test_sites import SAME_VIDEO
from tests.samples import a_face, an_analysis
from tests.server.conftest import free_port, served

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
EXTENSION = ROOT / "extension"


def load(path: Path):
    """A module by its path: the extension's scripts are no package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def need(*programs: str) -> None:
    """Skip where a tool is missing; under CI that is a failure, because the set-up installs them."""
    missing = [program for program in programs if not shutil.which(program)]
    if not (HERE / "node_modules").is_dir():
        missing.append("tests/extension/node_modules (npm ci)")
    if missing and os.environ.get("CI") == "true":
        pytest.fail(f"missing: {', '.join(missing)}")
    if missing:
        pytest.skip(f"missing: {', '.join(missing)}")


LONGEST_S = 900  # for one file: about six times what it takes on an idle machine


def node_tests(*paths: str, environment: dict[str, str] | None = None) -> None:
    """Run node's test runner on files of this folder; its report is the failure's text."""
    run = subprocess.run(
        [
            "node",
            "--test",
            "--test-force-exit",
            "--test-reporter=spec",
            "--test-concurrency=8",
            f"--test-timeout={LONGEST_S * 1000}",
            *paths,
        ],
        cwd=HERE,
        env=os.environ | (environment or {}),
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout[-8000:] + run.stderr[-2000:]


@pytest.fixture(scope="session")
def dist(tmp_path_factory) -> Path:
    """Both zips, freshly built."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, EXTENSION / "build.py", folder], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="session")
def browser_environment(dist, tmp_path_factory) -> dict[str, str]:
    """What the browser tests read: where the zips, the clip and the pictures are."""
    clip = tmp_path_factory.mktemp("clip") / "clip.webm"
    subprocess.run(
        [sys.executable, HERE / "support" / "clip.py", clip], check=True, env=os.environ | {"PYTHONPATH": str(ROOT)}
    )
    return {
        "UNMASK_DIST": str(dist),
        "UNMASK_TEST_VIDEO": str(clip),
        "UNMASK_PICTURES": str(ROOT / "out" / "extension"),
        "UNMASK_PYTHON": sys.executable,
    }


@pytest.mark.slow
def test_the_pure_modules_hold_what_their_tests_say():
    need("node")
    node_tests(*sorted(str(path.relative_to(HERE)) for path in (HERE / "unit").glob("*.test.js")))


def test_the_same_source_builds_the_same_bytes(dist, tmp_path):
    subprocess.run([sys.executable, EXTENSION / "build.py", tmp_path], check=True, capture_output=True)
    for name in ("unmask-chromium.zip", "unmask-firefox.zip"):
        assert (tmp_path / name).read_bytes() == (dist / name).read_bytes()


@pytest.mark.parametrize("browser", ["chromium", "firefox"])
def test_the_zip_holds_all_that_its_manifest_and_pages_name_and_no_tools(dist, browser):
    with zipfile.ZipFile(dist / f"unmask-{browser}.zip") as archive:
        names = set(archive.namelist())
        manifest = json.loads(archive.read("manifest.json"))
    background = manifest["background"]
    named = {
        background.get("service_worker") or background["scripts"][0],
        manifest["options_ui"]["page"],
        "panel/panel.html",
        "consent/consent.html",
    }
    assert named | set(manifest["icons"].values()) | {"content/ask.js", "content/find.js", "content/card.js"} <= names
    assert not [name for name in names if name.endswith((".py", ".md", ".test.js"))]
    assert "LICENSE" in names


@pytest.mark.parametrize("browser", ["chromium", "firefox"])
def test_the_extension_asks_for_no_site_before_the_person_sets_a_server(dist, browser):
    with zipfile.ZipFile(dist / f"unmask-{browser}.zip") as archive:
        manifest = json.loads(archive.read("manifest.json"))
    assert "host_permissions" not in manifest
    assert "content_scripts" not in manifest
    assert "externally_connectable" not in manifest
    assert "web_accessible_resources" not in manifest
    assert "<all_urls>" not in json.dumps(manifest)
    allowed = {"activeTab", "alarms", "contextMenus", "notifications", "scripting", "storage", "sidePanel"}
    assert set(manifest["permissions"]) <= allowed


# Mozilla's linter says of the Chromium build only that it is not for Firefox.
FOREIGN = {
    "BACKGROUND_SERVICE_WORKER_NOFALLBACK",
    "ADDON_ID_REQUIRED",
    "MANIFEST_PERMISSIONS",
    "MISSING_DATA_COLLECTION_PERMISSIONS",
}


@pytest.mark.slow
@pytest.mark.parametrize(("browser", "expected"), [("chromium", FOREIGN), ("firefox", set())])
def test_the_linter_finds_nothing_in_either_build(dist, tmp_path, browser, expected):
    need("node")
    with zipfile.ZipFile(dist / f"unmask-{browser}.zip") as archive:
        archive.extractall(tmp_path)
    lint = [HERE / "node_modules" / ".bin" / "web-ext", "lint", "--output", "json", "--no-config-discovery"]
    run = subprocess.run([*lint, "-s", tmp_path], capture_output=True, text=True)
    report = json.loads(run.stdout)
    found = {message["code"]: message for kind in ("errors", "warnings", "notices") for message in report[kind]}
    assert found.keys() == expected, found
    assert all("sidePanel" in found[code]["message"] for code in found.keys() & {"MANIFEST_PERMISSIONS"})


def test_the_verdicts_are_named_and_explained_as_core_does():
    english = json.loads((EXTENSION / "_locales" / "en" / "messages.json").read_text())
    assert {name: english[f"verdict_{name}"]["message"] for name in VERDICT_WORDS} == VERDICT_WORDS
    assert {name: english[f"verdict_{name}_text"]["message"] for name in VERDICT_MEANING} == VERDICT_MEANING


# What only the command line, the demo or a client that is wrong comes upon. Of these the card repeats the server's words.
NOT_OF_A_CHECK = (
    "file_not_found not_readable no_videos unknown_plan cancelled not_writable weights_not_found weights_damaged "
    "weights_mismatch device_unavailable not_installed nothing_chosen links_off no_place bad_request invalid forbidden "
    "foreign_origin wrong_host not_found method_not_allowed file_changed range_not_satisfiable unsupported_media_type "
    "idempotency_mismatch conflict rate_limited queue_full not_ready"
)


def test_the_extension_has_words_of_its_own_for_whatever_a_check_may_end_in():
    need("node")
    own = said("const { OWN_PROBLEMS } = await import('./view.js'); const out = OWN_PROBLEMS", None)
    assert ERRORS.keys() - set(own) == set(NOT_OF_A_CHECK.split())


def said(script: str, given: object) -> list:
    """What a script in the place of the extension's modules makes of `given`; `out` is what it says."""
    whole = f"import {{ readFileSync }} from 'node:fs'; const given = JSON.parse(readFileSync(0)); {script}; console.log(JSON.stringify(out))"
    run = ["node", "--input-type=module", "-e", whole]
    return json.loads(
        subprocess.run(run, cwd=EXTENSION, input=json.dumps(given), capture_output=True, text=True, check=True).stdout
    )


def test_of_every_verdict_is_said_what_core_says_of_it():
    need("node")
    cases = []
    for verdict, bands, is_still, frames, faces in product(
        VERDICT_WORDS, ((0, 1), (0.1, 0.9), (0, 0.9)), (True, False), (1, 16), (4, 5)
    ):
        one = an_analysis(a_face(), verdict=verdict, bands=bands)
        coverage = replace(one.coverage, frames_examined=frames, faces_judged=faces)
        cases.append(replace(one, coverage=coverage, media=replace(one.media, is_still=is_still)))
    script = """
        const { viewOf } = await import('./view.js');
        const { wordsFrom } = await import('./i18n.js');
        const t = wordsFrom(JSON.parse(readFileSync('_locales/en/messages.json')));
        const out = given.map((analysis) => viewOf({ phase: 'done', recordedS: 0, analysis }, t).text)"""
    assert said(script, [case.to_json() for case in cases]) == [meaning(case) for case in cases]


def test_what_the_extension_makes_of_a_link_leads_the_server_to_the_same_video():
    need("node")
    links = [url for _, *urls in SAME_VIDEO for url in urls]
    script = (
        "const { postOf } = await import('./targets.js'); const out = given.map((link) => postOf(link)?.url ?? null)"
    )
    sent = {url: post for url, post in zip(links, said(script, links), strict=True) if post}
    assert len(sent) > len(links) / 2
    assert {url: canonicalise(post).key for url, post in sent.items()} == {url: canonicalise(url).key for url in sent}


def test_numbers_and_times_read_as_core_writes_them():
    need("node")
    rates = (24, 25, 30, 30000 / 1001, 60)
    values = [k / 1000 for k in range(20_000)] + [k / fps for fps in rates for k in range(2_000)]
    script = """
        const { asPercent, clock, fixed } = await import('./numbers.js');
        const out = given.map((value) => [fixed(value, 1), `${asPercent(value)}%`, clock(value), clock(value, true)])"""
    expected = [[f"{value:.1f}", percent(value), clock(value), clock(value, True)] for value in values]
    assert said(script, values) == expected


def test_a_timeline_breaks_where_core_breaks_it():
    need("node")
    rng = np.random.default_rng(7)
    cases = []
    for _ in range(200):
        often = np.concatenate([start + np.arange(rng.integers(1, 9)) / 8 for start in np.cumsum(rng.uniform(1, 3, 4))])
        all_times = [tuple(often), tuple(sorted(rng.choice(often, min(len(often), 6), replace=False)))]
        faces = [a_face(i, (0.5,) * len(times), times=times) for i, times in enumerate(all_times, 1)]
        cases.append(an_analysis(*faces))
    script = """
        const { runs } = await import('./panel/report.js');
        const out = given.map((analysis) => analysis.faces.map((face) => runs(face, analysis).map((run) => run.map((moment) => moment.t_s))))"""
    expected = [[[[m.t_s for m in run] for run in runs(face, case)] for face in case.faces] for case in cases]
    assert said(script, [case.to_json() for case in cases]) == expected


def test_the_icons_are_those_that_their_script_draws():
    icons = load(EXTENSION / "make_icons.py")
    for size in icons.SIZES:
        with Image.open(EXTENSION / "icons" / f"{size}.png") as kept:
            assert np.array_equal(np.asarray(kept), np.asarray(icons.icon(size)))


APART = {"firefox", "server"}  # they need more than Chromium and a stub
SUBJECTS = {path.name.partition(".")[0] for path in (HERE / "e2e").glob("*.test.js")} - APART


@pytest.mark.slow
@pytest.mark.parametrize("subject", sorted(SUBJECTS))
def test_chromium_does_what_every_file_about_it_says(browser_environment, subject):
    need("node", "chromium", "Xvfb", "xdotool")
    node_tests(f"e2e/{subject}.test.js", environment=browser_environment)


@pytest.mark.slow
def test_firefox_installs_sets_the_server_and_shows_the_verdict(browser_environment):
    need("node", "firefox-esr", "Xvfb", "xdotool")
    node_tests("e2e/firefox.test.js", environment=browser_environment)


@pytest.mark.slow
def test_chromium_shows_what_the_real_server_and_its_detector_say(browser_environment, tmp_path):
    need("node", "chromium", "Xvfb", "xdotool")
    site = f"127.0.0.2:{free_port()}"
    with served(
        tmp_path / "server",
        UNMASK_DETECTOR="core.detector:Detector",
        UNMASK_MEDIA_HOSTS=site,
        UNMASK_GUARD_ALLOW=site,  # loopback is no public address
    ) as server:
        places = {"UNMASK_SERVER": server.url, "UNMASK_SITE_PORT": site.rpartition(":")[2]}
        node_tests("e2e/server.test.js", environment=browser_environment | places)
