"""The page for those who hear it, who use the keyboard alone, and who see little contrast; in a real Chromium."""

import re

import pytest

from core.analysis import VERDICT_WORDS
from demo import view
from demo.work import Step
from tests import media

pytestmark = pytest.mark.slow
# every text that a screen reader is told to read, in the element that is there from the beginning
LISTEN = """() => {
    window.heard = [];
    new MutationObserver((changes) => {
        for (const { type, target } of changes) {
            if (type === 'characterData' && target.parentElement?.closest('#status [role=status]')) heard.push(target.data);
        }
    }).observe(document.body, { subtree: true, characterData: true });
}"""
PAINT = """part => {
    const style = getComputedStyle(part);
    let under = part;
    while (/, 0\\)$|transparent/.test(getComputedStyle(under).backgroundColor)) under = under.parentElement;
    return { ink: style.color, edge: style.borderTopColor, width: style.borderTopWidth, ground: getComputedStyle(under).backgroundColor };
}"""


@pytest.fixture(params=["light", "dark"])
def page(browser, address, request):
    page = browser.new_page(color_scheme=request.param)
    page.goto(address)
    page.wait_for_selector("#check-file")
    yield page
    page.close()


def contrast(one: str, other: str) -> float:
    """Of two colours as the browser names them, by WCAG."""

    def luminance(colour: str) -> float:
        channels = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("part", ["#check-file", "[role=tab][aria-selected=true]"])
def test_the_words_of_buttons_and_tabs_stand_out(page, part):
    paint = page.locator(part).first.evaluate(PAINT)
    assert contrast(paint["ink"], paint["ground"]) >= 4.5, paint


def test_the_edge_of_a_field_stands_out(page):
    page.get_by_role("tab", name="Link").click()
    paint = page.locator("#link").locator("input, textarea").evaluate(PAINT)
    assert paint["width"] == "1px" and contrast(paint["edge"], paint["ground"]) >= 3, paint


def test_whatever_the_keyboard_reaches_shows_that_it_is_there(page):
    page.get_by_role("button", name="More choices").click()
    page.get_by_role("slider").wait_for()
    edges = {}
    for _ in range(14):
        page.keyboard.press("Tab")
        name, edge = page.evaluate(
            "[document.activeElement.tagName, getComputedStyle(document.activeElement).outlineStyle]"
        )
        edges.setdefault(name, set()).add(edge)
    assert edges["INPUT"] == edges["BUTTON"] == {"solid"}, edges


def test_where_the_system_forces_its_own_colours_the_open_tab_the_progress_and_the_slider_are_seen(page):
    shown = view.busy(Step("look", 0.5))
    page.evaluate("shown => document.querySelector('main').insertAdjacentHTML('beforeend', shown)", shown)
    page.emulate_media(forced_colors="active")
    grounds = "part => [part, part.parentElement].map((one) => getComputedStyle(one).backgroundColor)"
    assert len(set(page.locator("progress").evaluate(grounds))) == 2
    page.get_by_role("button", name="More choices").click()
    edge = "slider => getComputedStyle(slider).borderTopStyle"
    assert page.get_by_role("slider").evaluate(edge) == "solid"
    line = "tab => getComputedStyle(tab).textDecorationLine"
    assert page.locator("[role=tab][aria-selected=true]").first.evaluate(line) == "underline"
    assert page.locator("[role=tab][aria-selected=false]").first.evaluate(line) == "none"


def test_who_hears_the_page_is_told_how_far_it_is_and_then_the_verdict(browser, address, tmp_path):
    page = browser.new_page()
    page.goto(address)
    page.wait_for_selector("#check-file")
    page.evaluate(LISTEN)
    page.set_input_files("#file input[type=file]", media.portrait_clip(tmp_path / "clip.mp4", 3))
    page.wait_for_selector("#file >> text=clip")
    page.click("#check-file")
    page.wait_for_selector("#copy video")
    page.wait_for_function("heard.some((words) => words.endsWith('The check is finished.'))")
    heard = page.evaluate("heard")
    page.close()
    assert len(heard) <= 8
    assert heard[-1].startswith(tuple(f"{words}, probability" for words in VERDICT_WORDS.values()))


def test_on_a_wide_screen_lines_stay_short_enough_to_be_followed(page):
    page.set_viewport_size({"width": 1900, "height": 900})
    assert page.locator("main").bounding_box()["width"] <= 58 * 16


@pytest.mark.parametrize("presses", [True, False], ids=["pressed", "gone at the end"])
def test_the_keyboard_goes_on_from_the_status_when_stop_goes(page, tmp_path, presses):
    page.set_input_files("#file input[type=file]", media.portrait_clip(tmp_path / "clip.mp4", 8 if presses else 1))
    page.wait_for_selector("#file >> text=clip")
    page.focus("#check-file")
    page.keyboard.press("Enter")
    page.focus("#stop")
    if presses:
        page.keyboard.press("Enter")
    page.wait_for_selector("#stop", state="hidden", timeout=60_000)
    page.wait_for_function("document.activeElement.id == 'status'")


def test_the_status_takes_no_focus_from_who_is_elsewhere(page, tmp_path):
    page.set_input_files("#file input[type=file]", media.portrait_clip(tmp_path / "clip.mp4", 1))
    page.wait_for_selector("#file >> text=clip")
    page.click("#check-file")
    page.focus("#stop")
    page.focus("#check-file")
    page.wait_for_selector("#copy video", timeout=60_000)
    assert page.evaluate("document.activeElement.id") == "check-file"
