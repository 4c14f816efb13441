"""Ten minutes behind a link, judged from a small part of the file, by the real detector and with the real guard."""

import threading

import pytest

from benchmarks.clips import LAYOUTS
from core.calibration import Calibration, Curve
from tests import media
from tests.server.conftest import served, wait_for
from tests.site import Ranges, Site, trickle
from tests.tiny import tiny_weights

pytestmark = pytest.mark.slow

NEAR = Calibration((Curve(likely_from=0.6, no_signs_until=0.4),))


@pytest.fixture(scope="module")
def site():
    with Site() as server:
        yield server


@pytest.fixture(scope="module", params=LAYOUTS)
def long_clip(request, tmp_path_factory) -> bytes:
    return media.ten_minutes(tmp_path_factory.mktemp("long"), request.param).read_bytes()


@pytest.fixture(scope="module")
def running(tmp_path_factory, site):
    folder = tmp_path_factory.mktemp("pieces")
    weights = tiny_weights(folder / "weights", NEAR)
    with served(
        folder / "data",
        UNMASK_DETECTOR="core.detector:Detector",
        UNMASK_WEIGHTS=str(weights),
        UNMASK_MEDIA_HOSTS=site.host,
        UNMASK_GUARD_ALLOW=site.host,
        UNMASK_DEDUPE_S="0",
    ) as server:
        yield server


@pytest.fixture
def page(site, long_clip) -> Ranges:
    site.pages["/long"] = Ranges(long_clip)
    return site.pages["/long"]


def submit(running, site, **wish) -> str:
    answer = running.post("/v1/checks", json={"url": site.url("/long"), **wish})
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


def told(check: dict) -> dict:
    assert check["status"] == "done", check["error"]
    return {name: value for name, value in check["analysis"].items() if name != "seconds"}


def test_the_answer_is_that_of_the_whole_file_for_less_than_a_fifth_of_its_bytes(running, site, page, long_clip):
    check = running.wait(submit(running, site, artifacts="pictures"))
    in_pieces = told(check)
    assert in_pieces["probability"] is not None
    assert {"key-frames.png", "timeline.png", "report.html"} <= set(check["artifacts"])
    assert "annotated.mp4" not in check["artifacts"]
    assert page.sent < 0.2 * len(long_clip)
    assert page.whole == 0
    assert in_pieces == told(running.wait(running.upload(long_clip).json()["id"]))


def test_a_site_that_changes_the_file_meanwhile_is_asked_for_all_of_it(running, site, page, long_clip):
    def change(handler, answer):
        answer["headers"]["ETag"] = f'"{len(page.given) > 4}"'

    page.lie = change
    assert told(running.wait(submit(running, site))) == told(running.wait(running.upload(long_clip).json()["id"]))
    assert len(page.given) > 4
    assert page.whole == 1


@pytest.fixture
def an_index_at_the_end(site, tmp_path_factory) -> Ranges:
    path = media.ten_minutes(tmp_path_factory.mktemp("end"), "index at the end")
    site.pages["/long"] = Ranges(path.read_bytes())
    return site.pages["/long"]


@pytest.mark.parametrize("wish", [{"plan": "thorough"}, {"artifacts": True}])
def test_what_looks_at_all_of_the_video_is_fetched_in_one_go(running, site, an_index_at_the_end, wish):
    check_id = submit(running, site, **wish)
    wait_for(lambda: running.get(f"/v1/checks/{check_id}").json()["stage"] == "look", 60, running.log)
    running.post(f"/v1/checks/{check_id}/cancel")
    running.wait(check_id)
    assert (an_index_at_the_end.given, an_index_at_the_end.whole) == ([], 1)


def test_a_check_that_waits_for_a_piece_can_be_cancelled(running, site, an_index_at_the_end):
    page, stop = an_index_at_the_end, threading.Event()

    def stall(handler, answer):
        if len(page.given) < 4:
            return False
        return trickle(handler, answer, stop)

    page.lie = stall
    try:
        check_id = submit(running, site)
        wait_for(lambda: len(page.given) == 4, 60, running.log)
        running.post(f"/v1/checks/{check_id}/cancel")
        assert running.wait(check_id)["status"] == "cancelled"
    finally:
        stop.set()
    page.lie = None
    assert running.wait(submit(running, site))["status"] == "done"


def test_a_redirect_in_the_middle_reaches_nothing_inside(running, site, an_index_at_the_end):
    page = an_index_at_the_end
    with Site() as forbidden:

        def inside(handler, answer):
            if len(page.given) < 4:
                return False
            handler.redirect(forbidden.url("/secret"))
            return True

        page.lie = inside
        check = running.wait(submit(running, site))
        assert (check["status"], check["error"]["code"]) == ("failed", "blocked_address")
        assert forbidden.hits == []
