"""What the page does not do for strangers."""

import pytest
import requests
import safehttpx

from tests.demo.conftest import files_in
from tests.site import Site

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def page(address):
    return address.rstrip("/")


FROM_ELSEWHERE = {"Origin": "https://other.example", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
CLICK = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@pytest.mark.parametrize("path", ["file=http://", "file/http://", "file=HTTP://", "file=http:%2F%2F"])
def test_nobody_has_the_page_fetch_an_address_for_them(page, monkeypatch, path):
    async def as_public(_host):
        return "127.0.0.1"

    monkeypatch.setattr(safehttpx, "async_validate_url", as_public)  # as any public host is to Gradio
    with Site() as site:
        site.pages["/clip.mp4"] = ("video/mp4", b"anything")
        assert requests.get(f"{page}/gradio_api/{path}{site.host}/clip.mp4").status_code == 403
        assert site.hits == []


@pytest.mark.parametrize("where", ["cross-site", "same-site"])
def test_another_page_cannot_fill_the_disk_of_its_visitor(page, kept, where):
    sent = {"files": ("from-elsewhere.mp4", b"x" * 1000)}
    headers = {**FROM_ELSEWHERE, "Sec-Fetch-Site": where}
    assert requests.post(f"{page}/gradio_api/upload", files=sent, headers=headers).status_code == 403
    assert [path for path in files_in(kept) if path.name == "from-elsewhere.mp4"] == []


def test_a_link_from_another_page_leads_here(page):
    assert requests.get(page, headers=CLICK).status_code == 200
    assert requests.get(page, headers={**CLICK, "Sec-Fetch-Dest": "iframe"}).status_code == 403


def test_on_a_public_address_programs_of_other_pages_may_ask(page):
    headers = {**FROM_ELSEWHERE, "Host": "owner-unmask.hf.space"}
    assert requests.get(f"{page}/gradio_api/info", headers=headers).status_code == 200


def test_nobody_is_told_how_much_others_ask(page):
    for path in ("/monitoring", "/monitoring/summary"):
        assert requests.get(page + path).status_code == 403


@pytest.mark.parametrize(
    ("ask", "path"),
    [
        (requests.post, "process_recording"),
        (requests.get, "deep_link?session_hash=x"),
        (requests.post, "component_server"),
        (requests.get, "stream/x/1/2/playlist.m3u8"),
        (requests.get, "vibe-code"),
    ],
)
def test_what_gradio_offers_beside_the_page_is_shut(page, kept, ask, path):
    before = files_in(kept)
    answer = ask(f"{page}/gradio_api/{path}", **({"files": {"video": b"#EXTM3U"}} if ask is requests.post else {}))
    assert (answer.status_code, answer.text) == (403, "This page has no use for that.")
    assert files_in(kept) == before
