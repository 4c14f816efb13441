import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from yt_dlp.extractor import gen_extractor_classes

from core.errors import CheckError
from core.fetch.sites import SITES, Allowed, canonicalise, split

OPERATOR = Allowed(media=("media.example", "127.0.0.1:8123"), peertube=("tube.example",), mastodon=("social.example",))

SAME_VIDEO = [
    (
        "youtube:aqz-KE-bpKQ",
        "https://www.youtube.com/watch?v=aqz-KE-bpKQ",
        "http://m.youtube.com/watch?app=desktop&v=aqz-KE-bpKQ&t=10s",
        "https://youtu.be/aqz-KE-bpKQ?si=abc",
        "https://youtube.com/shorts/aqz-KE-bpKQ?feature=share",
        "https://www.youtube-nocookie.com/embed/aqz-KE-bpKQ",
        "https://YouTube.com./live/aqz-KE-bpKQ#t=3",
        "<https://youtu.be/aqz-KE-bpKQ>",
        "https://youtu.be/aqz-KE-bpKQ.",
        "https://www.youtube.com/watch?v=aqz-KE-bpKQ),",
        "\u200ehttps://youtu.be/aqz-KE-bpKQ\u200b",
    ),
    (
        "x:1410624005669169154",
        "https://x.com/NASA/status/1410624005669169154",
        "https://twitter.com/NASA/status/1410624005669169154/video/1",
        "https://mobile.twitter.com/i/web/status/1410624005669169154?s=20",
        "https://x.com/NASA/status/1410624005669169154/photo/2",
    ),
    (
        "x:1410624005669169154/video/2",
        "https://x.com/NASA/status/1410624005669169154/video/2",
        "https://mobile.twitter.com/i/web/status/1410624005669169154/video/2?s=20",
    ),
    (
        "tiktok:7213245612512300330",
        "https://www.tiktok.com/@nasa/video/7213245612512300330?lang=de",
        "https://m.tiktok.com/v/7213245612512300330.html",
        "https://www.tiktok.com/embed/v2/7213245612512300330",
    ),
    (
        "instagram:Chunk8-jurw",
        "https://www.instagram.com/reel/Chunk8-jurw/",
        "https://instagram.com/nasa/p/Chunk8-jurw",
    ),
    (
        "facebook:647537299265662",
        "https://www.facebook.com/watch/?v=647537299265662",
        "https://m.facebook.com/watch?ref=share&v=647537299265662",
        "https://de-de.facebook.com/NASA/videos/a-title/647537299265662/",
        "https://www.facebook.com/reel/647537299265662",
    ),
    (
        "facebook_post:attn/posts/pfbid0j1Czf2gGDVqeQ8KiML",
        "https://www.facebook.com/attn/posts/pfbid0j1Czf2gGDVqeQ8KiML",
        "https://m.facebook.com/attn/posts/words-of-the-post/pfbid0j1Czf2gGDVqeQ8KiML/?__cft__=1",
    ),
    (
        "facebook_post:Alliance.Police.Department/posts/4048563708499330",
        "https://m.facebook.com/Alliance.Police.Department/posts/4048563708499330",
        "https://www.facebook.com/Alliance.Police.Department/posts/4048563708499330/?comment_id=1",
    ),
    (
        "facebook_post:groups/1513990329015294/posts/2013209885760000",
        "https://www.facebook.com/groups/1513990329015294/posts/d41d8cd9/2013209885760000/?app=fbl",
        "https://www.facebook.com/groups/1513990329015294/permalink/2013209885760000/",
        "https://m.facebook.com/groups/1513990329015294/posts/2013209885760000",
    ),
    (
        "reddit:6rrwyj",
        "https://old.reddit.com/r/videos/comments/6rrwyj/that_small_heart_attack/",
        "https://redd.it/6rrwyj",
    ),
    ("vimeo:76979871", "https://vimeo.com/76979871", "https://player.vimeo.com/video/76979871?title=0"),
    ("vimeo:76979871", "https://vimeo.com/76979871", "https://vimeo.com/showcase/1234/video/76979871"),
    (
        "vimeo:76979871/ab12cd34ef",
        "https://vimeo.com/76979871/ab12cd34ef",
        "https://vimeo.com/76979871?h=ab12cd34ef",
        "https://player.vimeo.com/video/76979871?title=0&h=ab12cd34ef",
    ),
    ("dailymotion:x5kesuj", "https://www.dailymotion.com/video/x5kesuj_some-title", "https://dai.ly/x5kesuj"),
    (
        "twitch:FaintLight-Gull",
        "https://www.twitch.tv/x/clip/FaintLight-Gull",
        "https://clips.twitch.tv/FaintLight-Gull",
        "https://m.twitch.tv/clip/FaintLight-Gull?x=1",
    ),
    (
        "linkedin:7016901149999955968",
        "https://www.linkedin.com/feed/update/urn:li:activity:7016901149999955968/",
        "https://www.linkedin.com/posts/someone_words-activity-7016901149999955968-AbC1?utm=1",
    ),
    (
        "linkedin_post:nasa_moon-share-7016901149999955968-AbC1",
        "https://de.linkedin.com/posts/nasa_moon-share-7016901149999955968-AbC1?utm=1",
    ),
    (
        "bilibili:BV13x41117TL",
        "https://www.bilibili.com/video/BV13x41117TL",
        "https://m.bilibili.com/video/BV13x41117TL?p=1",
    ),
    ("bilibili:BV13x41117TL?p=12", "https://www.bilibili.com/video/BV13x41117TL/?spm=1&p=12&vd_source=2"),
    ("pinterest:664281013778109217", "https://www.pinterest.co.uk/pin/a-title--664281013778109217/"),
]


@pytest.mark.parametrize("case", SAME_VIDEO, ids=lambda case: case[0])
def test_every_link_to_a_video_has_the_same_key_and_form(case):
    key, *urls = case
    links = [canonicalise(url) for url in urls]
    assert {link.key for link in links} == {key}
    assert len({link.url for link in links}) == 1


@pytest.mark.parametrize("site", SITES, ids=lambda site: site.name)
def test_the_canonical_form_is_one_that_the_rows_own_extractor_takes(site):
    link = canonicalise(site.example)
    assert link.site is site
    extractors = [c for c in gen_extractor_classes() if any(re.fullmatch(e, c.IE_NAME) for e in site.extractors)]
    assert len(extractors) == len(site.extractors)
    assert any(extractor.suitable(link.url) for extractor in extractors)


@pytest.mark.parametrize("case", SAME_VIDEO, ids=lambda case: case[0])
def test_whatever_a_link_becomes_one_of_the_rows_extractors_takes(case):
    link = canonicalise(case[1])
    classes = [c for c in gen_extractor_classes() if any(re.fullmatch(e, c.IE_NAME) for e in link.site.extractors)]
    assert any(extractor.suitable(link.url) for extractor in classes)


@pytest.mark.parametrize(
    "url",
    [
        "https://vm.tiktok.com/ZMabc/",
        "https://www.tiktok.com/t/ZTabc",
        "https://fb.watch/abc-d/",
        "https://www.facebook.com/share/v/1abc/",
        "https://www.instagram.com/share/reel/BAabcdef1",
        "https://www.instagram.com/share/p/BAabcdef1/",
        "https://t.co/abc",
        "https://t.co/abc?amp=1",
        "https://v.redd.it/abc123",
        "https://www.reddit.com/r/videos/s/AbC",
        "https://b23.tv/abc",
        "https://b23.tv/abc?share_medium=android",
        "https://pin.it/abc",
        "https://pin.it/abc/",
        "https://lnkd.in/abc",
        "https://t.snapchat.com/AbC1",
        "https://www.snapchat.com/t/AbC1",
    ],
)
def test_short_links_are_known_but_have_no_id_yet(url):
    link = canonicalise(url)
    assert link.id is None
    assert link.url.startswith("https://")


def test_two_short_links_are_not_taken_for_one_video():
    assert canonicalise("https://vm.tiktok.com/ZM1").key != canonicalise("https://vm.tiktok.com/ZM2").key


def test_hosts_that_the_operator_names_are_taken_and_no_others():
    assert canonicalise("https://media.example/a.mp4", OPERATOR).site.name == "media"
    assert canonicalise("http://127.0.0.1:8123/a.mp4", OPERATOR).url == "http://127.0.0.1:8123/a.mp4"
    assert canonicalise("https://tube.example/w/kkGMgK9ZtnKfYAgnEtQxbv", OPERATOR).site.name == "peertube"
    assert canonicalise("https://social.example/@name/109123456789012345", OPERATOR).site.name == "mastodon"
    for url in ("https://media.example:8443/a.mp4", "http://127.0.0.1:8124/a.mp4", "https://other.example/a.mp4"):
        with pytest.raises(CheckError) as caught:
            canonicalise(url, OPERATOR)
        assert caught.value.code == "unsupported_site"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "not a link",
        "file:///etc/passwd",
        "ftp://youtube.com/watch?v=aqz-KE-bpKQ",
        "gopher://x.com/",
        "data:video/mp4;base64,AAAA",
        "javascript:alert(1)",
        "https://user:secret@www.youtube.com/watch?v=aqz-KE-bpKQ",
        "https://www.youtube.com@127.0.0.1/watch?v=aqz-KE-bpKQ",
        "https://www.youtube.com\\@127.0.0.1/",
        "https://x.com/a/status/1\r\nHost: other",
        "https://x.com:99999/a/status/1",
        "https:///watch?v=aqz-KE-bpKQ",
        "https://[::1/",
        "https://x.com/" + "a" * 3000,
    ],
)
def test_what_is_not_an_ordinary_web_link_is_refused(url):
    with pytest.raises(CheckError) as caught:
        canonicalise(url, Allowed(media=("*",)))
    assert caught.value.code == "bad_link"


@pytest.mark.parametrize(
    "url",
    [
        "https://youtube.com.evil.example/watch?v=aqz-KE-bpKQ",
        "https://www.youtube.com/embed/videoseries?list=PLabc",
        "https://www.youtube.com/embed/live_stream?channel=UCabc",
        "https://evilyoutube.com/watch?v=aqz-KE-bpKQ",
        "https://evil.example/?u=https://www.youtube.com/watch?v=aqz-KE-bpKQ",
        "https://www.youtube.com:8080/watch?v=aqz-KE-bpKQ",
        "https://www.youtube.com/redirect?q=http://127.0.0.1/",
        "https://x.com/NASA/status/141062400…",
        "https://x.com/NASA/status/141062400...",
        "https://x.com/NASA/status/141062400%E2%80%A6",
        "https://www.youtube.com/playlist?list=PL0123456789",
        "https://www.instagram.com/reels/audio/1234567890/",
        "https://www.facebook.com/attn/posts/",
        "https://www.facebook.com/attn/posts/5-reasons",
        "https://www.facebook.com/attn/posts/pfbid0j1Czf2…",
        "https://www.facebook.com/../posts/4048563708499330",
        "https://www.facebook.com/login/?next=https://www.facebook.com/attn/posts/4048563708499330",
        "https://www.facebook.com/groups/1513990329015294/",
        "http://127.0.0.1/x.mp4",
        "http://2130706433/x.mp4",
    ],
)
def test_a_link_that_no_row_knows_is_unsupported(url):
    with pytest.raises(CheckError) as caught:
        canonicalise(url)
    assert caught.value.code == "unsupported_site"


word = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20)
some_host = st.sampled_from(
    ["media.example", "tube.example", "social.example", "127.0.0.1:8123", "x.com", "WWW.YouTube.com."]
)
some_link = st.builds(
    "{}://{}/{}?{}#{}".format, st.sampled_from(["http", "https", "HTTPS"]), some_host, word, word, word
)
form_link = st.sampled_from([url for _, *urls in SAME_VIDEO for url in urls])


@example("http://media.example/>#")
@example("<http://media.example/>#>")
@example("http://media.example/\u200b#")
@given(st.one_of(some_link, form_link, st.builds("{}&{}".format, form_link, word), st.text()))
def test_canonicalising_twice_changes_nothing(url):
    try:
        once = canonicalise(url, OPERATOR)
    except CheckError as error:
        assert error.code in ("bad_link", "unsupported_site")
        return
    twice = canonicalise(once.url, OPERATOR)
    assert (twice.url, twice.key) == (once.url, once.key)
    assert split(once.url)[0] in ("http", "https")
