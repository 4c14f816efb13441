"""The report in a real Chromium: on a phone, in forced colours, and for those who hear it."""

import shutil
from datetime import UTC, datetime

import pytest
from playwright.sync_api import sync_playwright

from core import report
from tests.samples import a_face, an_analysis

pytestmark = pytest.mark.slow
# what WCAG 1.4.12 lets a reader set
SPACED = "* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important }"


@pytest.fixture(scope="module")
def page():
    program = shutil.which("chromium") or shutil.which("google-chrome")
    assert program, "these tests need Chromium: apt-get install chromium"
    words = report.report_page("clip.mp4", an_analysis(a_face()), {}, datetime(2026, 1, 2, tzinfo=UTC))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page()
        page.set_content(words)
        yield page
        browser.close()


def test_on_a_narrow_phone_nothing_is_cut_off_though_the_letters_stand_apart(page):
    page.set_viewport_size({"width": 320, "height": 700})
    page.evaluate(
        "css => document.head.append(Object.assign(document.createElement('style'), { textContent: css }))", SPACED
    )
    assert page.evaluate("document.documentElement.scrollWidth") == 320


def test_where_the_system_forces_its_own_colours_the_scale_still_shows_its_bands_and_the_point(page):
    page.emulate_media(forced_colors="active")
    colours = [
        part.evaluate("part => getComputedStyle(part).backgroundColor") for part in page.locator(".um-scale span").all()
    ]
    around = page.locator(".um-verdict").evaluate("part => getComputedStyle(part).backgroundColor")
    page.emulate_media(forced_colors="none")
    assert len(set(colours[:3])) == 3 and around not in colours, colours


@pytest.mark.parametrize("part", [".um-scale", ".um-scale .um-band", ".um-scale .um-point", ".um-field .um-key"])
def test_on_paper_the_scale_and_the_timeline_keep_what_is_drawn_as_a_background(page, part):
    assert page.locator(part).first.evaluate("part => getComputedStyle(part).printColorAdjust") == "exact"


def test_the_key_frames_of_the_timeline_are_told_to_those_who_hear_it(page):
    assert page.get_by_role("img", name="Key frame at").count() == 3
