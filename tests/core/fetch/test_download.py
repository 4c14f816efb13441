import gzip
import json
import os
import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest

from core.errors import ERRORS, CheckError
from core.fetch.download import HOPS, Limits, expand, fetch
from core.fetch.refusals import PHRASES, reason
from core.fetch.sites import Allowed, Link, canonicalise


@pytest.fixture
def allowed(site):
    return Allowed(media=(site.host,))


@pytest.fixture
def bring(site, guard, allowed, tmp_path):
    """Fetch a path of the site; the answer is what `fetch` returns."""

    def bring(path: str, limits: Limits = Limits(), **more):  # noqa: B008 - frozen
        way_out = guard.exit(os.urandom(4).hex(), limits.bytes + 2**20, limits.seconds)
        return fetch(canonicalise(site.url(path), allowed), tmp_path, way_out, limits, **more)

    return bring


def page(body: str) -> tuple[str, bytes]:
    return "text/html", f"<!doctype html><html><head><title>A post</title>{body}</head><body></body></html>".encode()


def serve_clip(site, clip):
    kinds = {".m3u8": "application/vnd.apple.mpegurl", ".mpd": "application/dash+xml", ".ts": "video/mp2t"}
    for name, content in clip.items():
        site.pages[f"/{name}"] = (kinds.get(os.path.splitext(name)[1], "video/mp4"), content)


def test_a_direct_file_arrives_byte_for_byte(site, clip, bring):
    serve_clip(site, clip)
    seen = []
    fetched = bring("/clip.mp4", progress=lambda done, total: seen.append((done, total)))
    assert fetched.path.read_bytes() == clip["clip.mp4"]
    assert seen[-1] == (len(clip["clip.mp4"]), len(clip["clip.mp4"]))


def test_a_page_with_og_video_gives_its_video(site, clip, bring):
    serve_clip(site, clip)
    site.pages["/post"] = page(f'<meta property="og:video" content="{site.url("/clip.mp4")}">')
    assert bring("/post").path.read_bytes() == clip["clip.mp4"]


def test_of_a_page_with_several_things_the_first_video_is_fetched_and_no_more(site, clip, bring):
    serve_clip(site, clip)
    site.pages["/speech.mp3"] = ("audio/mpeg", b"ID3" + b"x" * 3000)
    tags = '<audio src="/speech.mp3"></audio><video src="/clip.mp4"></video><video src="/second.mp4"></video>'
    site.pages["/post"] = page(tags)
    fetched = bring("/post")
    assert fetched.path.read_bytes() == clip["clip.mp4"]
    assert set(site.hits) == {"/post", "/clip.mp4"}


def test_a_page_with_several_sounds_alone_has_no_video(site, bring):
    site.pages["/post"] = page('<audio src="/one.mp3"></audio><audio src="/two.mp3"></audio>')
    assert failing(bring, "/post") == "no_video"
    assert site.hits == ["/post"]


@pytest.mark.parametrize("path", ["/hls.m3u8", "/dash.mpd"])
def test_a_stream_in_pieces_becomes_one_file_that_decodes(site, clip, bring, path):
    import av

    serve_clip(site, clip)
    fetched = bring(path)
    with av.open(str(fetched.path)) as container:
        assert len(list(container.decode(video=0))) == 10


def test_of_several_sizes_the_one_near_720_lines_is_fetched(site, clip, bring):
    serve_clip(site, clip)
    rows = "".join(
        f"#EXT-X-STREAM-INF:BANDWIDTH={lines}000,RESOLUTION={lines * 16 // 9}x{lines}\n/{lines}.m3u8\n"
        for lines in (240, 720, 1080, 2160)
    )
    site.pages["/all.m3u8"] = ("application/vnd.apple.mpegurl", f"#EXTM3U\n{rows}".encode())
    for lines in (240, 720, 1080, 2160):
        site.pages[f"/{lines}.m3u8"] = site.pages["/hls.m3u8"]
    bring("/all.m3u8")
    assert "/720.m3u8" in site.hits
    assert not {"/1080.m3u8", "/2160.m3u8"} & set(site.hits)  # the first is looked at for the duration


@pytest.mark.slow
@pytest.mark.parametrize(("limit", "lines"), [(100_000_000, 720), (10_000_000, 480), (1_000_000, 720)])
def test_of_several_sizes_one_is_fetched_that_is_within_the_limit_if_there_is_one(site, clip, bring, limit, lines):
    sizes = {360: 4_000_000, 480: 8_000_000, 720: 60_000_000}
    for tall in sizes:
        site.pages[f"/{tall}.mp4"] = ("video/mp4", clip["clip.mp4"])
    sources = [{"file": f"/{tall}.mp4", "height": tall, "filesize": size} for tall, size in sizes.items()]
    site.pages["/post"] = page(f'<script>jwplayer("it").setup({json.dumps({"sources": sources})})</script>')
    bring("/post", Limits(bytes=limit))
    assert site.hits[-1] == f"/{lines}.mp4"


def failing(bring, path: str, *args, **more) -> str:
    return code_of(lambda: bring(path, *args, **more))


def code_of(work) -> str:
    with pytest.raises(CheckError) as caught:
        work()
    return caught.value.code


INTERNAL = {
    "redirect": lambda inner: lambda handler: handler.redirect(inner),
    "og:video": lambda inner: page(f'<meta property="og:video" content="{inner}">'),
    "video tag": lambda inner: page(f'<video src="{inner}"></video>'),
    "hls segment": lambda inner: (
        "application/vnd.apple.mpegurl",
        f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{inner}\n#EXT-X-ENDLIST\n".encode(),
    ),
    "hls key": lambda inner: (
        "application/vnd.apple.mpegurl",
        f'#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="{inner}"\n#EXTINF:1,\n{inner}\n#EXT-X-ENDLIST\n'.encode(),
    ),
    "hls variant": lambda inner: (
        "application/vnd.apple.mpegurl",
        f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,RESOLUTION=1280x720\n{inner}\n".encode(),
    ),
    "dash segment": lambda inner: (
        "application/dash+xml",
        (
            '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT1S"><Period>'
            '<AdaptationSet mimeType="video/mp4"><Representation id="1" width="1280" height="720" bandwidth="1" '
            f'codecs="avc1.4d001f"><BaseURL>{inner}</BaseURL><SegmentList duration="1"><SegmentURL media="{inner}"/>'
            "</SegmentList></Representation></AdaptationSet></Period></MPD>"
        ).encode(),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("how", INTERNAL)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]"])
def test_nothing_a_page_or_playlist_names_reaches_the_forbidden_server(site, forbidden, bring, how, host):
    site.pages["/start"] = INTERNAL[how](f"http://{host}:{forbidden.server_port}/secret.mp4")
    code = failing(bring, "/start")
    assert forbidden.hits == []
    assert code in ("blocked_address", "network", "no_video")


@pytest.mark.slow
@pytest.mark.parametrize("inner", ["file:///etc/passwd", "ftp://127.0.0.1/x.mp4", "gopher://127.0.0.1/x.mp4"])
@pytest.mark.parametrize("how", ["og:video", "hls segment", "hls variant", "redirect"])
def test_other_schemes_in_pages_and_playlists_bring_nothing(site, bring, tmp_path, how, inner):
    site.pages["/start"] = INTERNAL[how](inner)
    assert failing(bring, "/start") in ERRORS
    assert not any(b"root:" in file.read_bytes() for file in tmp_path.iterdir())


@pytest.mark.parametrize("method", ["SAMPLE-AES", "AES-128"])
def test_no_program_of_the_machine_is_started_for_a_playlist(site, bring, tmp_path_factory, monkeypatch, method):
    programs = tmp_path_factory.mktemp("programs")
    (programs / "ffmpeg").write_text(f"#!/bin/sh\necho ffmpeg version 7.1\necho x >> {programs}/started\n")
    (programs / "ffmpeg").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    playlist = f'#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-KEY:METHOD={method},URI="/key"\n#EXTINF:1,\n/clip.ts\n#EXT-X-ENDLIST\n'
    site.pages["/hls.m3u8"] = ("application/vnd.apple.mpegurl", playlist.encode())
    assert failing(bring, "/hls.m3u8") in ERRORS
    assert not (programs / "started").exists()


def answer(status: int, body: bytes = b"", headers: dict[str, str] | None = None):
    def handle(handler):
        handler.begin(status, {"Content-Length": str(len(body)), **(headers or {})})
        handler.wfile.write(body)

    return handle


STATUSES = {
    401: "login_required",
    403: "bot_check",
    404: "removed",
    408: "network",
    410: "removed",
    412: "bot_check",
    429: "site_busy",
    451: "geo_blocked",
    503: "network",
}


@pytest.mark.slow
@pytest.mark.parametrize(("status", "code"), STATUSES.items())
@pytest.mark.parametrize("path", ["/start", "/why-drm-and-captcha-made-me-private.html"])
def test_what_the_site_answers_becomes_a_code_whatever_the_video_is_called(site, bring, path, status, code):
    site.pages[path] = answer(status)
    assert failing(bring, path) == code


def test_a_file_that_breaks_off_again_and_again_could_not_be_reached(site, bring):
    def break_off(handler):
        handler.begin(200, {"Content-Type": "video/mp4", "Content-Length": "3000000"})
        handler.wfile.write(b"\0\0\0\x18ftypmp42" + b"x" * 500_000)
        handler.close_connection = True

    site.pages["/cut.mp4"] = break_off
    assert failing(bring, "/cut.mp4") == "network"


def test_a_file_without_a_byte_is_no_video(site, bring):
    site.pages["/empty.mp4"] = ("video/mp4", b"")
    assert failing(bring, "/empty.mp4") == "no_video"


def test_a_playlist_under_a_protection_that_is_not_known_is_told_as_protected(site, bring):
    playlist = (
        '#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-KEY:METHOD=SAMPLE-AES,URI="/key"\n#EXTINF:1,\n/a.ts\n#EXT-X-ENDLIST\n'
    )
    site.pages["/hls.m3u8"] = ("application/vnd.apple.mpegurl", playlist.encode())
    assert failing(bring, "/hls.m3u8") == "drm"


def test_a_page_without_a_video_says_so(site, bring):
    site.pages["/start"] = page("")
    assert failing(bring, "/start") == "no_video"


def test_a_file_whose_length_is_over_the_limit_is_not_fetched(site, bring, tmp_path):
    site.pages["/big.mp4"] = ("video/mp4", b"\0\0\0\x18ftypmp42" + b"x" * 3_000_000)
    assert failing(bring, "/big.mp4", Limits(bytes=1_000_000)) == "too_large"
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 1_100_000


@pytest.mark.parametrize(("length", "code"), [("PT1H59M", None), ("PT2H1M", "too_long")])
def test_a_video_over_the_length_that_is_taken_is_not_fetched(site, clip, bring, tmp_path, length, code):
    serve_clip(site, clip)
    about = {"@context": "https://schema.org", "@type": "VideoObject", "name": "A talk", "duration": length}
    about |= {"contentUrl": site.url("/clip.mp4")}
    site.pages["/talk"] = page(f'<script type="application/ld+json">{json.dumps(about)}</script>')
    if code:
        assert failing(bring, "/talk") == code and not any(tmp_path.iterdir())
    else:
        assert bring("/talk").path.is_file()


def test_what_is_still_going_on_is_told_as_live(site, clip, bring):
    serve_clip(site, clip)
    name = next(name for name, content in clip.items() if b"#EXT-X-ENDLIST" in content)
    site.pages["/live.m3u8"] = (site.pages[f"/{name}"][0], clip[name].replace(b"#EXT-X-ENDLIST", b""))
    assert failing(bring, "/live.m3u8") == "live"


def test_a_disk_that_is_nearly_full_ends_a_download(site, bring, monkeypatch):
    monkeypatch.setattr("core.fetch.download.shutil.disk_usage", lambda _: SimpleNamespace(free=60 * 2**20))
    site.pages["/big.mp4"] = ("video/mp4", b"\0\0\0\x18ftypmp42" + b"x" * 3_000_000)
    assert failing(bring, "/big.mp4") == "disk_full"


def test_a_body_without_end_stops_at_the_limit(site, bring, tmp_path):
    def endless(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", "video/mp4")
        handler.end_headers()
        handler.wfile.write(b"\0\0\0\x18ftypmp42")
        while True:
            handler.wfile.write(b"x" * 65536)

    site.pages["/endless.mp4"] = endless
    assert failing(bring, "/endless.mp4", Limits(bytes=1_000_000)) == "too_large"
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 2_500_000


def test_a_body_that_the_guard_has_cut_is_not_taken_for_the_whole(site, guard, allowed, tmp_path):
    def without_length(handler):
        handler.begin(200, {"Content-Type": "video/mp4", "Connection": "close"})
        handler.wfile.write(b"\0\0\0\x18ftypmp42" + b"x" * 600_000)

    site.pages["/cut.mp4"] = without_length
    link = canonicalise(site.url("/cut.mp4"), allowed)
    assert code_of(lambda: fetch(link, tmp_path, guard.exit("small", 300_000, 30))) == "too_large"


def test_a_player_of_another_site_in_a_page_is_left_alone(site, bring):
    site.pages["/post"] = page('<iframe src="https://www.youtube.com/embed/aqz-KE-bpKQ"></iframe>')
    assert failing(bring, "/post") == "no_video"


def test_a_compressed_bomb_stops_at_the_limit(site, bring, tmp_path):
    body = gzip.compress(b"\0\0\0\x18ftypmp42" + bytes(20_000_000))
    headers = {"Content-Type": "video/mp4", "Content-Encoding": "gzip"}
    site.pages["/bomb.mp4"] = answer(200, body, headers)
    failing(bring, "/bomb.mp4", Limits(bytes=1_000_000))
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 4_000_000


@pytest.mark.slow
def test_a_body_that_trickles_runs_out_of_time(site, bring):
    stop = threading.Event()

    def trickle(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", "video/mp4")
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        handler.wfile.write(b"\0\0\0\x18ftypmp42")
        while not stop.wait(0.05):
            handler.wfile.write(b"x")

    site.pages["/slow.mp4"] = trickle
    try:
        assert failing(bring, "/slow.mp4", Limits(seconds=2)) == "timed_out"
    finally:
        stop.set()


def test_a_fetch_can_be_cancelled_while_data_flows(site, bring):
    site.pages["/big.mp4"] = ("video/mp4", b"\0\0\0\x18ftypmp42" + b"x" * 3_000_000)
    assert failing(bring, "/big.mp4", cancel=lambda: True) == "cancelled"


def test_a_fetch_that_fails_after_it_was_cancelled_was_cancelled(site, bring):
    site.pages["/start"] = answer(503)
    assert failing(bring, "/start", cancel=lambda: True) == "cancelled"


def test_a_place_that_was_refused_and_not_needed_does_not_matter(site, forbidden, clip, bring):
    serve_clip(site, clip)
    tags = f'<video><source src="{forbidden.url("/inside.m3u8")}"><source src="{site.url("/clip.mp4")}"></video>'
    site.pages["/post"] = page(tags)
    assert bring("/post").path.read_bytes() == clip["clip.mp4"]
    assert forbidden.hits == []


def test_names_from_outside_never_become_names_of_files(site, clip, bring, tmp_path):
    headers = {"Content-Type": "video/mp4", "Content-Disposition": 'attachment; filename="../../evil.sh"'}
    site.pages["/..%2f..%2fevil.mp4"] = answer(200, clip["clip.mp4"], headers)
    assert bring("/..%2f..%2fevil.mp4").path == tmp_path / "video"
    assert [file.name for file in tmp_path.iterdir()] == ["video"]


def test_a_link_of_another_site_never_leaves_the_machine(site, forbidden, bring, allowed):
    with pytest.raises(CheckError) as caught:
        canonicalise(forbidden.url("/clip.mp4"), allowed)
    assert caught.value.code == "unsupported_site"
    assert forbidden.hits == []


SHORT = canonicalise("https://fb.watch/abc/")


def test_a_short_link_is_followed_to_a_link_that_a_row_knows(site, guard):
    site.pages["/s"] = lambda h: h.redirect("https://www.facebook.com/reel/647537299265662?x=1")
    found = expand(Link(SHORT.site, site.url("/s"), None), guard.exit("job", 10**6, 30))
    assert found.key == "facebook:647537299265662"


def test_no_password_of_who_runs_this_goes_to_a_shortener(site, guard, tmp_path, monkeypatch):
    told = []

    def answer(handler):
        told.append(handler.headers.get("Authorization"))
        handler.redirect("https://www.facebook.com/reel/647537299265662")

    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password secret")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    site.pages["/s"] = answer
    expand(Link(SHORT.site, site.url("/s"), None), guard.exit("job", 10**6, 30))
    assert told == [None]


def test_a_short_link_whose_page_sends_browsers_on_is_followed(site, guard):
    target = "https://www.facebook.com/watch?ref=1&amp;v=647537299265662"
    site.pages["/s"] = page(f'<noscript><META http-equiv="refresh" content="0;URL={target}"></noscript>')
    found = expand(Link(SHORT.site, site.url("/s"), None), guard.exit("job", 10**6, 30))
    assert found.key == "facebook:647537299265662"


def test_a_short_link_that_leads_to_the_sites_login_says_so(site, guard):
    site.pages["/s"] = lambda h: h.redirect("https://www.facebook.com/login/?next=https%3A%2F%2Fwww.facebook.com%2F")
    short = Link(SHORT.site, site.url("/s"), None)
    assert code_of(lambda: expand(short, guard.exit("job", 10**6, 30))) == "login_required"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("status", "code"), [(403, "bot_check"), (404, "removed"), (429, "site_busy"), (503, "network"), (200, "no_video")]
)
def test_what_a_shortener_answers_becomes_a_code(site, guard, status, code):
    site.pages["/s"] = answer(status)
    short = Link(SHORT.site, site.url("/s"), None)
    assert code_of(lambda: expand(short, guard.exit("job", 10**6, 30))) == code


@pytest.mark.slow
@pytest.mark.parametrize(
    "where",
    ["http://127.0.0.1/", "https://example.org/", "https://notfacebook.com/reel/1", "file:///etc/passwd", "/page"],
)
def test_a_short_link_to_somewhere_else_is_not_followed(site, forbidden, guard, where):
    site.pages["/s"] = lambda h: h.redirect(where)
    with pytest.raises(CheckError) as caught:
        expand(Link(SHORT.site, site.url("/s"), None), guard.exit("job", 10**6, 30))
    assert caught.value.code in ("unsupported_site", "bad_link")
    assert site.hits == ["/s"]


def test_a_short_link_that_leads_to_itself_is_given_up(site, guard):
    site.pages["/s"] = lambda h: h.redirect("/s")
    own = replace(SHORT.site, canonical=site.url("/"))
    assert code_of(lambda: expand(Link(own, site.url("/s"), None), guard.exit("job", 10**6, 30))) == "no_video"
    assert len(site.hits) == HOPS


@pytest.mark.parametrize("where", ["http://[", "//a\u2100.example/"])
def test_a_short_link_to_what_is_no_address_has_no_video_behind_it(site, guard, where):
    site.pages["/s"] = lambda h: h.redirect(where.encode().decode("latin-1"))
    with pytest.raises(CheckError) as caught:
        expand(Link(SHORT.site, site.url("/s"), None), guard.exit("job", 10**6, 30))
    assert caught.value.code == "no_video"


@pytest.mark.parametrize(
    ("sentence", "code"),
    [
        ("Sign in to confirm you’re not a bot. Use --cookies", "bot_check"),
        ("Sign in to confirm your age. This video may be inappropriate for some users.", "age_restricted"),
        ("Private video. Sign in if you've been granted access", "login_required"),
        ("This tweet is only available for registered users", "login_required"),
        ("This content is only available for registered users who follow this account", "login_required"),
        ("The video is not available from your location due to geo restriction", "geo_blocked"),
        ("This live event will begin in 3 hours.", "live"),
        ("Video unavailable. This video has been removed by the uploader", "removed"),
        ("This video is DRM protected", "drm"),
        ("HTTP Error 429: Too Many Requests", "site_busy"),
        ("No video could be found in this tweet", "no_video"),
        ("Unable to extract uploader id", "site_changed"),
        # YouTube's storyboards were found and no stream
        ("[youtube] aqz-KE-bpKQ: Requested format is not available. Use --list-formats", "site_changed"),
        ("[youtube] aqz-KE-bpKQ: This live stream recording is not available.", "removed"),
        (
            "[youtube] aqz-KE-bpKQ: All player responses are invalid. Your IP is likely being blocked by Youtube",
            "bot_check",
        ),
        ("[TikTok] 7213245612512300330: Your IP address is blocked from accessing this post", "bot_check"),
        ("[BiliBili] 1x41117TL: Request is blocked by server (412), please wait and try later.", "bot_check"),
        ("[vimeo] 76979871: This request has been blocked due to its TLS fingerprint.", "bot_check"),
        ("[twitch:clips] Private-Captcha: This clip is no longer available", "removed"),
        ("unable to write data: [Errno 28] No space left on device", "disk_full"),
        ("unable to write data: [Errno 122] Disk quota exceeded", "disk_full"),
        ("[twitter] 1410624005669169154: Media #2 is not a video", "no_video"),
    ],
)
def test_the_sentences_of_yt_dlp_become_codes(sentence, code):
    from yt_dlp.utils import DownloadError

    assert reason(DownloadError(f"ERROR: {sentence}")) == code


def test_every_code_of_the_phrases_is_in_the_table():
    assert {code for _, code in PHRASES} <= set(ERRORS)
