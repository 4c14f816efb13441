"""The review queue in a real Chromium, which sends what a test client does not: an Origin, a cookie, a click."""

import shutil
import threading
from dataclasses import replace

import pytest
import requests
from playwright.sync_api import sync_playwright
from werkzeug.serving import make_server

from tests.server.standin import result

pytestmark = pytest.mark.slow
NARROW = {"width": 360, "height": 700}


@pytest.fixture(scope="module")
def chromium():
    program = shutil.which("chromium") or shutil.which("google-chrome")
    assert program, "these tests need Chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def address(app):
    """Of an application in whose queue two checks wait for a person, who needs the key `app.key`."""
    services = app.extensions["unmask"]
    for number, probability in enumerate((0.97, 0.9999)):
        app.test_client().post("/v1/checks", json={"url": f"https://x.com/a/status/{number + 1}"})
        analysis = replace(result("likely_manipulated", probability), reason="Signs in 41 of 64 frames.")
        actions = [{"action": "hold", "rule": "likely manipulated"}]
        check = services.queue.take("test")
        services.queue.done(check, analysis.to_json(), actions, "held")
    pictures = services.config.artifacts(check.id, check.fence)
    pictures.mkdir(parents=True)
    (pictures / "report.html").write_text("<p>What was found.</p>")
    app.key = services.keys.add("rita", ("review",))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.port}/reviews"
    server.shutdown()


@pytest.fixture
def tab(chromium, app, address):
    """Of a person who has signed in, on a phone."""
    page = chromium.new_context(viewport=NARROW).new_page()
    page.goto(address)
    page.get_by_label("API key").fill(app.key)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Waiting for a person: 2").wait_for()
    yield page
    page.context.close()


def test_a_person_signs_in_and_decides_and_the_page_fits_a_phone(tab):
    assert tab.get_by_text("Probability of manipulation: 99%").first.is_visible()  # never 100%
    tab.get_by_label("Note").first.fill("The mouth does not fit the words: " + "ä" * 200)
    tab.get_by_role("button", name="Confirm").first.click()
    tab.get_by_role("heading", name="Waiting for a person: 1").wait_for()
    row = tab.get_by_role("row").filter(has_text="The mouth does not fit the words")
    assert "rita" in row.inner_text() and "confirmed" in row.inner_text()
    assert tab.evaluate("document.documentElement.scrollWidth") == NARROW["width"]


def test_a_person_sees_what_was_drawn_before_deciding_and_nobody_else_does(tab):
    assert tab.get_by_text("90% interval 92% to 99%").count() == 1
    assert tab.get_by_text("Nothing was drawn of it").count() == 1
    with tab.expect_download() as download:
        tab.get_by_role("link", name="report.html").click()
    assert "What was found." in download.value.path().read_text()
    address = tab.get_by_role("link", name="report.html").evaluate("link => link.href")
    assert requests.get(address, timeout=20).status_code == 401


def test_who_decides_what_somebody_else_decided_meanwhile_is_told_so(tab):
    other = tab.context.new_page()
    other.goto(tab.url)
    other.get_by_role("button", name="Overturn").first.click()
    other.get_by_role("heading", name="Waiting for a person: 1").wait_for()
    tab.get_by_role("button", name="Confirm").first.click()
    assert "no longer waits" in tab.get_by_role("alert").inner_text()
    assert tab.get_by_text("overturned").is_visible()
    assert not tab.get_by_text("confirmed").is_visible()


def test_who_hears_the_page_is_told_which_video_a_button_is_about(tab):
    said = tab.get_by_role("button", name="Confirm").evaluate_all(
        "buttons => buttons.map((one) => document.getElementById(one.getAttribute('aria-describedby')).textContent)"
    )
    assert len(set(said)) == 2 and all("x.com" in words for words in said)


@pytest.mark.parametrize("path", ["/docs", "/reviews"])
def test_nothing_is_cut_off_on_a_narrow_phone(tab, address, path):
    tab.set_viewport_size({"width": 320, "height": 700})
    tab.goto(address.replace("/reviews", path))
    assert tab.evaluate("document.documentElement.scrollWidth") == 320
    assert "`" not in tab.inner_text("main")


def test_the_edge_of_a_field_stands_out(tab):
    edge = tab.get_by_label("Note").first.evaluate("field => getComputedStyle(field).borderTopColor")
    share = float(edge.rpartition("/")[2].strip(" )"))  # of black on white: half is 3.9 to 1
    assert share >= 0.5, edge
