"""The page as a person uses it, in a real Chromium. Screenshots lie in out/screenshots/ afterwards."""

import json
import shutil
import threading
import time
from pathlib import Path

import pytest

from tests import media
from tests.demo.conftest import files_in

pytestmark = pytest.mark.slow
SCREENSHOTS = Path(__file__).parents[2] / "out/screenshots"
PATIENCE = 60_000  # milliseconds; only a page that hangs comes near


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    assert chromium, "these tests need Chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visit(browser, address):
    """Open the page; it must ask nobody but this machine for anything."""
    asked, pages = [], []

    def visit(width=1200, height=900, scheme="light"):
        page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
        page.set_default_timeout(PATIENCE)
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        page.wait_for_selector("#check-file")
        pages.append(page)
        return page

    yield visit
    for page in pages:
        page.close()
    assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return media.portrait_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", 3)


def drop(page, path):
    page.set_input_files("#file input[type=file]", path)
    page.wait_for_selector(f"#file >> text={path.stem[:4]}")
    page.click("#check-file")


def screenshot(page, name):
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


def test_a_dropped_clip_gets_a_verdict_a_timeline_that_seeks_and_its_downloads(visit, clip, kept, tmp_path):
    page = visit()
    drop(page, clip)
    page.wait_for_selector("#status progress")
    assert page.inner_text("#verdict h2").split(" ", 1)[1] in ("Likely manipulated", "Inconclusive", "No signs found")
    page.wait_for_selector("#copy video")
    page.wait_for_function("document.querySelector('#copy video').readyState >= 2")
    assert page.locator("#stop").is_hidden()

    page.click("#details .um-plot", position={"x": 700, "y": 40})
    now = "document.querySelector('#copy video').currentTime"
    clicked = page.evaluate(now)
    assert 1 < clicked < 3
    page.keyboard.press("Tab")
    page.focus("#details .um-plot")
    page.keyboard.press("ArrowLeft")
    assert page.evaluate(now) < clicked
    page.keyboard.press("Home")
    assert page.evaluate(now) == 0
    page.locator("#details button.um-key").last.press("Enter")
    assert page.evaluate(now) > 0
    assert page.evaluate("document.querySelector('#copy video').play()") is None

    for words, name in (("Report (HTML)", "unmask-clip.html"), ("Analysis (JSON)", "unmask-clip.json")):
        with page.expect_download() as download:
            page.click(f"text={words}")
        assert download.value.suggested_filename == name
        download.value.save_as(tmp_path / name)
    assert "Probability of manipulation" in (tmp_path / "unmask-clip.html").read_text()
    assert json.loads((tmp_path / "unmask-clip.json").read_text())["analysis"]["coverage"]["faces_judged"] == 1
    screenshot(page, "desktop")

    assert files_in(kept)
    page.close()
    assert_gone(kept)


def test_stop_really_stops(visit, tmp_path, kept):
    long_clip = media.portrait_clip(tmp_path / "long.mp4", 20, (960, 540))
    page = visit()
    drop(page, long_clip)
    page.click("#stop")
    page.wait_for_selector("#status .um-note, #copy .um-note")
    waited(lambda: not [thread for thread in threading.enumerate() if thread.name == "check"])
    page.close()
    assert_gone(kept)


def test_on_a_phone_in_the_dark_a_bad_file_is_explained_and_nothing_is_cut_off(visit, clip, tmp_path):
    page = visit(390, 844, "dark")
    notes = tmp_path / "notes.mp4"
    notes.write_text("only words")
    drop(page, notes)
    assert "This is not a video or picture." in page.inner_text("#status [role=alert]")
    screenshot(page, "phone-problem")
    page.get_by_role("tab", name="Examples").click()
    page.click("#blended")
    page.wait_for_selector("#copy video")
    page.wait_for_function("document.querySelector('#copy video').readyState >= 2")
    screenshot(page, "phone")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_two_people_at_once_each_get_their_own_answer(visit, clip, tmp_path):
    grey = media.grey_clip(tmp_path / "grey.mp4", 20)
    first, second = visit(), visit()
    drop(first, clip)
    drop(second, grey)
    assert "No verdict" in second.inner_text("#verdict h2")
    assert "No verdict" not in first.inner_text("#verdict h2")


def assert_gone(folder):
    waited(lambda: files_in(folder) == [])


def waited(condition, seconds=60):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never came to be"
        time.sleep(0.1)
