"""A file of a site read in pieces, and sites that break off or lie."""

import gzip
import os
import threading
import time
from functools import partial

import pytest

from core.errors import CheckError
from core.fetch import remote as remote_module
from core.fetch.download import Limits, fetch
from core.fetch.remote import Remote, Version
from core.fetch.sites import Allowed, canonicalise
from tests.site import Ranges, trickle

SIZE = 1_000_000
BLOCK = 64 * 2**10
BODY = b"\0\0\0\x18ftypmp42" + bytes(os.urandom(SIZE - 12))


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """A megabyte counts as long."""
    monkeypatch.setattr(remote_module, "SMALL", SIZE)


@pytest.fixture
def bring(site, guard, tmp_path):
    """Fetch a path of the site, in pieces where that is possible."""
    fetched = []

    def bring(path: str, limits: Limits = Limits(), seconds: float | None = None, **more):  # noqa: B008 - frozen
        allowed = Allowed(media=(site.host,))
        way_out = guard.exit(os.urandom(4).hex(), limits.bytes + 2**20, seconds or limits.seconds)
        link = canonicalise(site.url(path), allowed)
        fetched.append(fetch(link, tmp_path, way_out, limits, allowed=allowed, in_pieces=True, **more))
        return fetched[-1]

    yield bring
    for one in fetched:
        if one.remote:
            one.remote.close()


@pytest.fixture
def long_one(site):
    """A long file on the site."""
    site.pages["/long.mp4"] = Ranges(BODY)
    return site.pages["/long.mp4"]


def code_of(work, *args) -> str:
    with pytest.raises(CheckError) as caught:
        work(*args)
    return caught.value.code


def test_of_a_long_file_only_the_beginning_is_fetched_at_first(bring, long_one):
    fetched = bring("/long.mp4")
    assert (fetched.remote.size, fetched.remote.block) == (SIZE, BLOCK)
    assert fetched.path.stat().st_size == SIZE
    assert long_one.given == [(0, BLOCK)]


def test_a_block_comes_when_it_is_asked_for_and_only_once(bring, long_one):
    fetched = bring("/long.mp4")
    last = SIZE // BLOCK
    for number in (3, last, 3):
        fetched.remote.bring(number)
    content = fetched.path.read_bytes()
    assert content[3 * BLOCK : 4 * BLOCK] == BODY[3 * BLOCK : 4 * BLOCK]
    assert content[last * BLOCK :] == BODY[last * BLOCK :]
    assert not any(content[: 3 * BLOCK])
    assert long_one.given[1:] == [(3 * BLOCK, BLOCK), (last * BLOCK, SIZE - last * BLOCK)]


def test_closing_leaves_no_file(bring, long_one, tmp_path):
    bring("/long.mp4").remote.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("number", [-1, SIZE // BLOCK + 1, 10**30, 1.0, True, "0", None])
def test_what_is_no_number_of_a_block_is_not_asked_of_the_site(bring, long_one, number):
    remote = bring("/long.mp4").remote
    given = list(long_one.given)
    assert code_of(remote.bring, number) == "internal"
    assert long_one.given == given


def test_a_redirect_is_followed_for_every_block(site, bring, long_one):
    site.pages["/here.mp4"] = lambda handler: handler.redirect("/long.mp4")
    fetched = bring("/here.mp4")
    fetched.remote.bring(2)
    assert fetched.path.read_bytes()[2 * BLOCK : 3 * BLOCK] == BODY[2 * BLOCK : 3 * BLOCK]


def change(**headers):
    return lambda handler, answer: answer["headers"].update(headers)


def ignore_the_range(handler, answer):
    answer.update(status=200, part=BODY)
    answer["headers"].pop("Content-Range")
    answer["headers"]["Content-Length"] = str(SIZE)


def pack(handler, answer):
    answer["part"] = gzip.compress(answer["part"])
    answer["headers"].update({"Content-Length": str(len(answer["part"])), "Content-Encoding": "gzip"})


def break_off(handler, answer):
    answer["part"] = answer["part"][:1000]
    handler.close_connection = True


def refuse(handler, answer):
    handler.send_error(403)
    return True


LIES = {
    "no range": ignore_the_range,
    "another range": change(**{"Content-Range": f"bytes 5-{BLOCK + 4}/{SIZE}"}),
    "nonsense": change(**{"Content-Range": "bytes 9-*/" + "9" * 5000}),
    "unknown size": change(**{"Content-Range": f"bytes 0-{BLOCK - 1}/*"}),
    "packed": pack,
    "broken off": break_off,
    "refused": refuse,
}
LATER = LIES | {
    "another version": change(ETag='"two"'),
    "changed meanwhile": change(**{"Last-Modified": "Tue, 24 Nov 2026 00:00:00 GMT"}),
    "another size": lambda handler, answer: answer["headers"].update(
        {"Content-Range": answer["headers"]["Content-Range"].replace(str(SIZE), str(SIZE + 1))}
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("lie", LIES)
def test_a_site_that_gives_no_honest_range_is_asked_for_the_whole_file(bring, long_one, lie):
    long_one.lie = LIES[lie]
    fetched = bring("/long.mp4")
    assert fetched.remote is None
    assert fetched.path.read_bytes() == BODY


@pytest.mark.slow
@pytest.mark.parametrize("lie", LATER)
def test_a_site_that_lies_later_on_is_not_believed(bring, long_one, lie):
    fetched = bring("/long.mp4")
    long_one.lie = LATER[lie]
    assert code_of(fetched.remote.bring, 2) == "network"
    assert not any(fetched.path.read_bytes())


def test_one_failure_is_made_good_by_asking_again(bring, long_one):
    fetched = bring("/long.mp4")

    def once(handler, answer):
        long_one.lie = None
        break_off(handler, answer)

    long_one.lie = once
    fetched.remote.bring(2)
    assert fetched.path.read_bytes()[2 * BLOCK : 3 * BLOCK] == BODY[2 * BLOCK : 3 * BLOCK]


@pytest.mark.slow
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]"])
def test_a_redirect_that_comes_later_reaches_no_forbidden_server(bring, long_one, forbidden, host):
    fetched = bring("/long.mp4")

    def inside(handler, answer):
        handler.redirect(f"http://{host}:{forbidden.server_port}/secret.mp4")
        return True

    long_one.lie = inside
    assert code_of(fetched.remote.bring, 2) == "blocked_address"
    assert forbidden.hits == []


@pytest.mark.parametrize("where", ["file:///etc/passwd", "ftp://127.0.0.1/x.mp4"])
def test_a_redirect_to_another_scheme_brings_nothing(bring, long_one, where):
    fetched = bring("/long.mp4")

    def elsewhere(handler, answer):
        handler.redirect(where)
        return True

    long_one.lie = elsewhere
    assert code_of(fetched.remote.bring, 2) in ("network", "blocked_address", "bad_link")
    assert not any(fetched.path.read_bytes())


def test_a_short_file_is_fetched_in_one_go(site, bring):
    site.pages["/short.mp4"] = Ranges(BODY[: SIZE // 2])
    fetched = bring("/short.mp4")
    assert fetched.remote is None
    assert fetched.path.read_bytes() == BODY[: SIZE // 2]


def test_a_kind_of_file_without_an_index_is_fetched_in_one_go(site, bring):
    body = b"FLV\x01" + BODY[12:]
    site.pages["/long.flv"] = Ranges(body, "video/x-flv")
    fetched = bring("/long.flv")
    assert fetched.remote is None
    assert fetched.path.read_bytes() == body


def test_a_file_over_the_limit_is_refused_in_pieces_too(bring, long_one):
    assert code_of(bring, "/long.mp4", Limits(bytes=SIZE - 1)) == "too_large"
    assert long_one.given == [(0, BLOCK)] and not long_one.whole  # of which a client that hangs up may get nothing


@pytest.mark.slow
def test_a_block_that_trickles_runs_out_of_time(bring, long_one):
    stop = threading.Event()
    fetched = bring("/long.mp4", Limits(seconds=2), seconds=60)
    long_one.lie = partial(trickle, stop=stop)
    try:
        assert code_of(fetched.remote.bring, 2) == "timed_out"
    finally:
        stop.set()


def test_all_blocks_together_have_the_time_of_one_fetch(tmp_path):
    version, left = Version(SIZE, None, None), []

    class Slow:
        def read(self, first, last, until):
            left.append(until - time.monotonic())
            time.sleep(0.05)
            return version, bytes(last + 1 - first)

    remote = Remote(tmp_path / "long.mp4", version, Slow(), 10)
    for number in range(3):
        remote.bring(number)
    assert left[1] <= 10 - 0.05 and left[2] <= 10 - 0.1


def test_a_block_can_be_cancelled_while_it_comes(bring, long_one):
    stop, cancelled = threading.Event(), []
    fetched = bring("/long.mp4", cancel=lambda: bool(cancelled))
    long_one.lie = partial(trickle, stop=stop)
    cancelled.append(True)
    try:
        assert code_of(fetched.remote.bring, 2) == "cancelled"
    finally:
        stop.set()
