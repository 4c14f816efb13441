"""A link in, a check out, with real processes and the real egress guard."""

import threading
import time

import pytest

from tests.server.conftest import served
from tests.server.standin import video
from tests.site import Site

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site():
    with Site() as server:
        yield server


@pytest.fixture(scope="module")
def forbidden():
    with Site() as server:
        yield server


@pytest.fixture(scope="module")
def running(tmp_path_factory, site):
    folder = tmp_path_factory.mktemp("links") / "data"
    settings = {"UNMASK_MEDIA_HOSTS": site.host, "UNMASK_GUARD_ALLOW": site.host, "UNMASK_FETCH_BYTES": "1000000"}
    with served(folder, **settings) as server:
        yield server


def check(running, url: str) -> dict:
    answer = running.post("/v1/checks", json={"url": url})
    assert answer.status_code == 202, answer.text
    return running.wait(answer.json()["id"])


def test_the_video_of_a_post_is_fetched_and_checked(running, site):
    site.pages["/clip.mp4"] = ("video/mp4", video("fine"))
    tag = f'<meta property="og:video" content="{site.url("/clip.mp4")}">'
    site.pages["/post"] = ("text/html", f"<html><head><title>A post</title>{tag}</head></html>".encode())
    done = check(running, site.url("/post"))
    assert (done["status"], done["site"]) == ("done", "media")
    assert done["analysis"]["verdict"] == "no_signs_found"


def test_a_post_that_leads_inside_reaches_nothing(running, site, forbidden):
    site.pages["/inside"] = lambda handler: handler.redirect(forbidden.url("/secret"))
    done = check(running, site.url("/inside"))
    assert (done["status"], done["error"]["code"]) == ("failed", "blocked_address")
    assert forbidden.hits == []


def test_a_post_that_is_gone_says_so(running, site):
    done = check(running, site.url("/gone"))
    assert done["error"]["code"] == "removed"


@pytest.mark.parametrize("first", [b"", video("fine")])
def test_a_link_whose_site_falls_silent_can_be_cancelled_at_once(running, site, first):
    asked, over = threading.Event(), threading.Event()

    def fall_silent(handler):
        if first:
            handler.begin(200, {"Content-Type": "video/mp4", "Content-Length": "900000"})
            handler.wfile.write(first)
        asked.set()
        over.wait(60)

    site.pages["/silent.mp4"] = fall_silent
    try:
        submitted = running.post("/v1/checks", json={"url": site.url(f"/silent.mp4?{len(first)}")}).json()
        assert asked.wait(20)
        started = time.monotonic()
        running.post(f"/v1/checks/{submitted['id']}/cancel")
        assert running.wait(submitted["id"])["status"] == "cancelled"
        assert time.monotonic() - started < 6
    finally:
        over.set()


def test_a_video_over_the_limit_says_so_and_leaves_no_file(running, site):
    from pathlib import Path

    site.pages["/big.mp4"] = ("video/mp4", video("fine", 3_000_000))
    done = check(running, site.url("/big.mp4"))
    assert done["error"]["code"] == "too_large"
    assert not list((Path(running.env["UNMASK_DATA"]) / "checks").glob("*/work-*"))
