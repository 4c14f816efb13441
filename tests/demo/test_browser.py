"""The page as a person uses it, in a real Chromium. Screenshots lie in out/screenshots/ afterwards."""

import json
import re
import threading
from pathlib import Path

import pytest

from core.analysis import VERDICT_WORDS
from core.errors import ERRORS
from core.fetch.links import Links
from demo.visits import Visits
from tests import media
from tests.demo.conftest import files_in, waited
from tests.site import Site

pytestmark = pytest.mark.slow
SCREENSHOTS = Path(__file__).parents[2] / "out/screenshots"
PATIENCE = 60_000  # milliseconds; only a page that hangs comes near


@pytest.fixture
def visit(browser, address):
    """Open the page; it must ask nobody but this machine for anything."""
    asked, pages, served = [], [], []

    def visit(width=1200, height=900, scheme="light", at=address, browser=browser):
        page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
        page.set_default_timeout(PATIENCE)
        page.on("request", lambda request: asked.append(request.url))
        page.goto(at)
        served.append(at)
        page.wait_for_selector("#check-file")
        pages.append(page)
        return page

    yield visit
    for page in pages:
        page.close()
    assert [url for url in asked if not url.startswith((*served, "data:", "blob:"))] == []


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
    assert page.inner_text("#verdict h2").split(" ", 1)[1] in VERDICT_WORDS.values()
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
    said = page.locator("[role=status]").all_text_contents()
    assert said and not [
        text for text in said if re.search(r"\w\.\w+$", text.strip())
    ]  # the name of a text, not the text

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


def test_who_asks_once_more_while_a_check_runs_is_heard(visit, tmp_path, kept):
    def checks():
        return {folder.name for folder in kept.glob("check-*")}

    page = visit()
    drop(page, media.portrait_clip(tmp_path / "long.mp4", 20, (960, 540)))
    page.wait_for_selector("#status .now >> text=Looking at the faces")
    first = checks()
    page.click("#check-file")
    waited(lambda: len(checks() - first) == 1 and not checks() & first)
    page.click("#stop")
    page.wait_for_selector("#status .um-note, #copy .um-note")
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
    page.click("text=More choices")
    choice = page.locator("input[role=combobox]").first
    choice.wait_for()
    assert (
        float(choice.evaluate("input => getComputedStyle(input).paddingRight").removesuffix("px")) >= 24
    )  # of its arrow
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("width", [320, 240])
def test_every_tab_can_be_seen_where_there_is_little_room(visit, width):
    page = visit(width, 700)
    page.wait_for_timeout(500)  # Gradio lays its tabs out anew once it has measured them
    for name in ("How it works", "Check a video", "File", "Link", "Camera", "Examples"):
        page.get_by_role("tab", name=name).click()
    screenshot(page, f"narrow-{width}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_two_people_at_once_each_get_their_own_answer(visit, clip, tmp_path):
    grey = media.grey_clip(tmp_path / "grey.mp4", 20)
    first, second = visit(), visit()
    drop(first, clip)
    drop(second, grey)
    assert "No verdict" in second.inner_text("#verdict h2")
    assert "No verdict" not in first.inner_text("#verdict h2")


def test_who_waits_in_line_is_told_so_sees_no_older_verdict_and_can_leave(visit, serve, clip, tmp_path, monkeypatch):
    monkeypatch.setattr("demo.app.AT_ONCE", 1)
    begun, begin = [], Visits.begin
    monkeypatch.setattr(Visits, "begin", lambda *given: begun.append(given) or begin(*given))
    at = serve()
    waits, checks = visit(at=at), visit(at=at)
    drop(waits, clip)
    waits.wait_for_selector("#copy video")
    drop(checks, media.portrait_clip(tmp_path / "long.mp4", 30, (960, 540)))
    checks.wait_for_selector("#status .now >> text=Looking at the faces")
    waits.click("#check-file")
    waits.wait_for_selector("#status .now >> text=Waiting for a free place")
    for shown in ("#verdict", "#copy", "#details"):
        assert waits.inner_text(shown).strip() == ""
    screenshot(waits, "waiting")
    before = len(begun)
    waits.dblclick("#check-file")
    waited(lambda: len(begun) == before + 2)  # Stop is for the last that has begun
    waits.click("#stop")
    waits.wait_for_selector("#status >> text=Stopped. Nothing of it was kept.")
    assert waits.locator("#stop").is_hidden()

    waits.click("#check-file")
    waits.wait_for_selector("#status .now >> text=Waiting for a free place")
    checks.click("#stop")
    waits.wait_for_selector("#copy video")
    assert waits.inner_text("#verdict h2").split(" ", 1)[1] in VERDICT_WORDS.values()


def test_a_line_of_ones_own_that_is_off_the_scale_or_empty_is_no_error(visit, clip):
    page = visit()
    drop(page, clip)
    page.wait_for_selector("#copy video")
    page.click("text=More choices")
    for typed, told in (("50", "50%"), ("150", "100%"), ("20", "20%"), ("", None), ("30", "30%"), ("-5", None)):
        page.fill("#line input[type=number]", typed)
        if told:
            page.wait_for_selector(f"#above >> text=above your limit of {told}")
        else:
            page.wait_for_selector("#above .um", state="detached")
    assert page.locator("[data-testid=toast-body]").count() == 0


@pytest.fixture(scope="module")
def site():
    """A social site with one video."""
    with Site() as site:
        yield site


def test_in_a_browser_of_another_language_the_page_says_which_its_own_is(browser, address):
    context = browser.new_context(locale="de-DE")
    page = context.new_page()
    page.goto(address)
    page.wait_for_selector("#check-file")
    page.wait_for_function("document.documentElement.lang == 'en'")
    page.wait_for_timeout(1000)
    assert page.get_attribute("html", "lang") == "en"
    context.close()


def test_a_link_is_fetched_and_checked(visit, serve, site, clip, kept):
    site.pages["/clip.mp4"] = ("video/mp4", clip.read_bytes())
    page = visit(at=serve(Links(allow=(site.host,), media=(site.host,))))
    paste(page, site.url("/clip.mp4"))
    assert "No verdict" not in page.inner_text("#verdict h2")
    page.wait_for_selector("#copy video")
    assert "/clip.mp4" in site.hits
    screenshot(page, "link")
    page.close()
    assert_gone(kept)


def test_links_that_lead_nowhere_are_explained(visit, serve, site):
    site.pages["/members.mp4"] = lambda request: request.send_error(401)
    page = visit(at=serve(Links(allow=(site.host,), media=(site.host,))))
    for url, code in (
        ("https://unknown.example/watch/1", "unsupported_site"),
        ("no link at all", "bad_link"),
        (site.url("/gone.mp4"), "removed"),
        (site.url("/members.mp4"), "login_required"),
    ):
        paste(page, url)
        page.wait_for_selector(f"#status [role=alert] >> text={code}")
        assert ERRORS[code].next_step in page.inner_text("#status [role=alert]")
    screenshot(page, "link-problem")


def paste(page, url):
    page.get_by_role("tab", name="Link").click()
    page.fill("#link textarea, #link input", url)
    page.keyboard.press("Enter")


def test_a_recording_of_the_camera_is_checked(chromium, visit, kept, tmp_path):
    """The camera is Chromium's own stand-in, which plays a clip of the portrait."""
    scene = media.portrait_clip(tmp_path / "camera.mjpeg", codec="mjpeg", pix_fmt="yuvj420p", container="mjpeg")
    browser = chromium(
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={scene}",
    )
    try:
        page = visit(browser=browser)
        page.get_by_role("tab", name="Camera").click()
        page.click("#camera [title='grant webcam access']")
        page.click("#camera [aria-label='start recording']")
        page.wait_for_timeout(2500)  # so long is the recording
        page.click("#camera [title='stop recording']")
        page.wait_for_selector("#camera video[src*='file=']")
        page.click("text=Check this recording")
        assert page.inner_text("#verdict h2").split(" ", 1)[1] in VERDICT_WORDS.values()
        page.wait_for_selector("#copy video")
        screenshot(page, "camera")
        page.close()
        assert_gone(kept)
    finally:
        browser.close()


def assert_gone(folder):
    waited(lambda: files_in(folder) == [])
