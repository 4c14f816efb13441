"""Links as the page fetches them."""

import pytest

from core.errors import CheckError
from demo.sources import Links
from tests.site import Site


@pytest.fixture
def site():
    with Site() as server:
        yield server


@pytest.fixture
def links(site):
    links = Links(allow=(site.host,), media=(site.host,))
    yield links
    links._start().close()


def test_of_a_video_that_breaks_off_nothing_stays_on_the_disk(site, links, tmp_path):
    def break_off(handler):
        handler.begin(200, {"Content-Type": "video/mp4", "Content-Length": "3000000"})
        handler.wfile.write(b"\0\0\0\x18ftypmp42" + b"x" * 2_000_000)
        handler.close_connection = True

    site.pages["/cut.mp4"] = break_off
    with pytest.raises(CheckError) as caught:
        links.source(site.url("/cut.mp4"))(tmp_path, lambda *_: None, lambda: False)
    assert caught.value.code == "network"
    assert list(tmp_path.iterdir()) == []


def test_of_a_video_that_was_cancelled_nothing_stays_on_the_disk(site, links, tmp_path):
    site.pages["/clip.mp4"] = ("video/mp4", b"\0\0\0\x18ftypmp42" + b"x" * 3_000_000)
    begun = []
    with pytest.raises(CheckError) as caught:
        links.source(site.url("/clip.mp4"))(tmp_path, lambda *now: begun.append(now), lambda: len(begun) > 2)
    assert caught.value.code == "cancelled"
    assert list(tmp_path.iterdir()) == []
