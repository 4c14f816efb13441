"""The sites as a table: which links we know, the one form of each, and the yt-dlp extractors that may serve them.

A link that no row knows is refused before any request leaves the machine. The canonical form and the id are what two
people's links to the same video have in common; the server finds duplicates by them.
"""

import hashlib
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from core.errors import CheckError

MAX_LINK = 2048  # characters


@dataclass(frozen=True)
class Site:
    """One row: how its links look, what they become, and who fetches them.

    `forms` match host, path and query without the scheme; their group `id` is the video's id, to which `part` is added
    where they have a group of that name: one of several videos of a post, one of whoever's posts, or the key of an
    unlisted video. A link that matches `short` says nothing by itself and must be expanded (`download.expand`) first.
    """

    name: str
    title: str
    forms: tuple[str, ...]
    canonical: str  # with {id}
    extractors: tuple[str, ...]  # yt-dlp's names, as regular expressions
    example: str
    short: tuple[str, ...] = ()
    part: str = ""  # with {}


@dataclass(frozen=True)
class Link:
    """A link we know. `id` is None for a short link; `site` then is that of the shortener."""

    site: Site
    url: str
    id: str | None

    @property
    def key(self) -> str:
        """The same for every link to the same video; of a short link its own, as whose video it is only a request tells."""
        return f"{self.site.name}:{self.id or self.url}"


@dataclass(frozen=True)
class Allowed:
    """What the operator allows beyond the table.

    `media` are hosts ("example.org", "example.org:8443", or "*" for every host) whose links may lead to a media file or
    to a page that names one; the other two are instances of federated software.
    """

    media: tuple[str, ...] = ()
    peertube: tuple[str, ...] = ()
    mastodon: tuple[str, ...] = ()


NOTHING_MORE = Allowed()

UNSEEN = re.compile("[\u200b\u200e\u200f\u2060\ufeff]")  # marks that are copied along with a link
SUB = r"(?:[\w-]+\.)?"  # www., m., mobile., a language; whatever it is, the canonical form replaces it
# The rest of the address, or what follows a link in a text. An ellipsis is neither: of a shortened number it would make
# another video's.
END = r"(?:[/?&].*|[,;:!)\]\"'»”]*\.?)"
FACEBOOK_POST = r"(?:[^/?]+/)?(?P<part>pfbid[A-Za-z0-9]+|\d+)"  # words of the post may stand before its id

SITES: tuple[Site, ...] = (
    Site(
        "youtube",
        "YouTube",
        (
            rf"{SUB}youtube\.com/watch/?\?(?:.*&)?v=(?P<id>[\w-]{{11}}){END}",
            rf"{SUB}youtube(?:-nocookie)?\.com/(?:shorts|live|embed|v)/(?P<id>(?!videoseries|live_stream)[\w-]{{11}}){END}",
            rf"youtu\.be/(?P<id>[\w-]{{11}}){END}",
        ),
        "https://www.youtube.com/watch?v={id}",
        ("youtube",),
        "https://www.youtube.com/shorts/aqz-KE-bpKQ",
    ),
    Site(
        "x",
        "X (Twitter)",
        (rf"{SUB}(?:x|twitter)\.com/(?:i/web|\w+)/status(?:es)?/(?P<id>\d+)(?:/video/(?P<part>[2-9]))?{END}",),
        "https://x.com/i/status/{id}",
        ("twitter", "twitter:card", "twitter:amplify"),
        "https://x.com/NASA/status/1410624005669169154",
        (rf"t\.co/\w+{END}",),
        "/video/{}",
    ),
    Site(
        "tiktok",
        "TikTok",
        (
            rf"{SUB}tiktok\.com/@[\w.-]*/video/(?P<id>\d+){END}",
            rf"{SUB}tiktok\.com/(?:embed(?:/v\d)?|share/video|v)/(?P<id>\d+)(?:\.html)?{END}",
        ),
        "https://www.tiktok.com/@_/video/{id}",
        ("TikTok",),
        "https://www.tiktok.com/@nasa/video/7213245612512300330",
        (rf"v[mt]\.tiktok\.com/\w+{END}", rf"{SUB}tiktok\.com/t/\w+{END}"),
    ),
    Site(
        "instagram",
        "Instagram",
        (rf"{SUB}instagram\.com/(?:[\w.]+/)?(?:p|reels?(?!/audio/)|tv)/(?P<id>[\w-]{{5,40}}){END}",),
        "https://www.instagram.com/p/{id}/",
        ("Instagram",),
        "https://www.instagram.com/reel/Chunk8-jurw/",
        (rf"{SUB}instagram\.com/share/.+",),
    ),
    Site(
        "facebook",
        "Facebook",
        (
            rf"{SUB}facebook\.com/watch/?(?:live/?)?\?(?:.*&)?v=(?P<id>\d+){END}",
            rf"{SUB}facebook\.com/(?:video/)?video\.php\?(?:.*&)?v=(?P<id>\d+){END}",
            rf"{SUB}facebook\.com/reel/(?P<id>\d+){END}",
            rf"{SUB}facebook\.com/[^/?]+/videos/(?:[^/?]+/)?(?P<id>\d+){END}",
        ),
        "https://www.facebook.com/watch/?v={id}",
        ("facebook", "facebook:reel"),
        "https://www.facebook.com/watch/?v=647537299265662",
        (rf"fb\.watch/[\w-]+{END}", rf"{SUB}facebook\.com/share/.+"),
    ),
    Site(
        "facebook_post",  # their numbers name no video, and are looked up at whose they are
        "Facebook",
        (
            rf"{SUB}facebook\.com/(?P<id>groups/\w[\w.-]*)/(?:posts|permalink)/{FACEBOOK_POST}{END}",
            rf"{SUB}facebook\.com/(?P<id>\w[\w.-]*)/posts/{FACEBOOK_POST}{END}",
        ),
        "https://www.facebook.com/{id}",
        ("facebook",),
        "https://www.facebook.com/attn/posts/pfbid0j1Czf2gGDVqeQ8KiMLFm3pWN8GxsQmeRrVhimWDzMuKQoR8r4b1knNsejELmUgyhl",
        part="/posts/{}",
    ),
    Site(
        "reddit",
        "Reddit",
        (
            rf"{SUB}reddit\.com/(?:(?:r|u|user)/[^/?]+/)?comments/(?P<id>[a-z0-9]+){END}",
            rf"redd\.it/(?P<id>[a-z0-9]+){END}",
        ),
        "https://www.reddit.com/comments/{id}",
        ("Reddit",),
        "https://www.reddit.com/r/videos/comments/6rrwyj/that_small_heart_attack/",
        (rf"v\.redd\.it/\w+{END}", rf"{SUB}reddit\.com/(?:r|u|user)/[^/?]+/s/\w+{END}"),
    ),
    Site(
        "vimeo",
        "Vimeo",
        (
            # an unlisted video opens only with the hash that its link carries
            rf"{SUB}vimeo\.com/(?P<id>\d+)/(?P<part>[0-9a-f]{{8,12}}){END}",
            rf"{SUB}vimeo\.com/(?:video/)?(?P<id>\d+)/?\?(?:.*&)?h=(?P<part>[0-9a-f]{{8,12}}){END}",
            rf"{SUB}vimeo\.com/(?:video/|channels/[\w-]+/|groups/[\w-]+/videos/|showcase/\d+/video/)?(?P<id>\d+){END}",
        ),
        "https://vimeo.com/{id}",
        ("vimeo",),
        "https://vimeo.com/76979871",
        part="/{}",
    ),
    Site(
        "dailymotion",
        "Dailymotion",
        (
            rf"{SUB}dailymotion\.com/(?:embed/)?video/(?P<id>[A-Za-z0-9]+)(?:_[^/?]*)?{END}",
            rf"dai\.ly/(?P<id>[A-Za-z0-9]+){END}",
        ),
        "https://www.dailymotion.com/video/{id}",
        ("dailymotion",),
        "https://www.dailymotion.com/video/x5kesuj",
    ),
    Site(
        "bluesky",
        "Bluesky",
        (rf"bsky\.app/profile/(?P<id>[\w.:%-]+/post/\w+){END}",),
        "https://bsky.app/profile/{id}",
        ("Bluesky",),
        "https://bsky.app/profile/blu3blue.bsky.social/post/3l4omssdl632g",
    ),
    Site(
        "twitch",
        "Twitch clips",
        (
            rf"clips\.twitch\.tv/(?P<id>(?!embed)[\w-]+){END}",
            r"clips\.twitch\.tv/embed/?\?(?:.*&)?clip=(?P<id>[\w-]+)(?:&.*)?",
            rf"{SUB}twitch\.tv/(?:\w+/)?clip/(?P<id>[\w-]+){END}",
        ),
        "https://clips.twitch.tv/{id}",
        ("twitch:clips",),
        "https://clips.twitch.tv/FaintLightGullWholeWheat",
    ),
    Site(
        "linkedin",
        "LinkedIn",
        (
            rf"{SUB}linkedin\.com/feed/update/urn(?::|%3A)li(?::|%3A)activity(?::|%3A)(?P<id>\d+){END}",
            rf"{SUB}linkedin\.com/posts/[^/?]+-activity-(?P<id>\d+)-[\w-]{{4}}{END}",
        ),
        "https://www.linkedin.com/feed/update/urn:li:activity:{id}",
        ("LinkedIn",),
        "https://www.linkedin.com/feed/update/urn:li:activity:7016901149999955968",
        (rf"lnkd\.in/(?:p/)?[\w-]+{END}",),
    ),
    Site(
        "linkedin_post",  # their numbers name no activity
        "LinkedIn",
        (rf"{SUB}linkedin\.com/posts/(?P<id>[^/?]+-(?:ugcPost|share)-\d+-[\w-]{{4}}){END}",),
        "https://www.linkedin.com/posts/{id}",
        ("LinkedIn",),
        "https://www.linkedin.com/posts/somebody_a-title-ugcPost-6850898786781339649-mM20",
    ),
    Site(
        "rumble",
        "Rumble",
        (rf"{SUB}rumble\.com/(?P<id>embed/[0-9a-z.]+){END}", rf"{SUB}rumble\.com/(?P<id>v(?!ideos)[\w.-]+){END}"),
        "https://rumble.com/{id}",
        ("Rumble", "RumbleEmbed"),
        "https://rumble.com/vdmum1-moose-the-dog-helps-girls-dig-a-snow-fort.html",
    ),
    Site(
        "bilibili",
        "Bilibili",
        (
            rf"{SUB}bilibili\.com/(?:s/)?video/(?P<id>BV[0-9A-Za-z]+|av\d+)/?\?(?:.*&)?p=(?P<part>[2-9]|[1-9]\d+){END}",
            rf"{SUB}bilibili\.com/(?:s/)?video/(?P<id>BV[0-9A-Za-z]+|av\d+){END}",
        ),
        "https://www.bilibili.com/video/{id}",
        ("BiliBili",),
        "https://www.bilibili.com/video/BV13x41117TL",
        (rf"b23\.tv/\w+{END}",),
        "?p={}",
    ),
    Site(
        "snapchat",
        "Snapchat",
        (rf"{SUB}snapchat\.com/(?:@[\w.-]+/)?spotlight/(?P<id>[\w-]+){END}",),
        "https://www.snapchat.com/spotlight/{id}",
        ("SnapchatSpotlight",),
        "https://www.snapchat.com/spotlight/W7_EDlXWTBiXAEEniNoMPwAAYYWtidGhudGZpAX1TKn0JAX1TKnXJAAAAAA",
        (rf"t\.snapchat\.com/\w+{END}", rf"{SUB}snapchat\.com/t/\w+{END}"),
    ),
    Site(
        "pinterest",
        "Pinterest",
        (rf"{SUB}pinterest\.(?:com?(?:\.\w\w)?|\w\w)/pin/(?:[\w-]+--)?(?P<id>\d+){END}",),
        "https://www.pinterest.com/pin/{id}/",
        ("Pinterest",),
        "https://www.pinterest.com/pin/664281013778109217/",
        (rf"pin\.it/\w+{END}",),
    ),
)

# Rows for what an operator allows; their links carry the host, so they have no forms of their own.
PEERTUBE = Site(
    "peertube", "PeerTube", (), "peertube:{id}", ("PeerTube",), "https://example.org/w/kkGMgK9ZtnKfYAgnEtQxbv"
)
MASTODON = Site(
    "mastodon", "Mastodon", (), "https://{id}", ("generic", "html5"), "https://example.org/@name/109123456789012345"
)
MEDIA = Site("media", "Direct media links", (), "https://{id}", ("generic", "html5"), "https://example.org/clip.mp4")

PEERTUBE_PATH = re.compile(
    r"/(?:w|videos/watch|videos/embed)/(?P<id>[\da-zA-Z]{22}|[\da-fA-F]{8}(?:-[\da-fA-F]{4}){3}-[\da-fA-F]{12})/?"
)
MASTODON_PATH = re.compile(r"/@[\w.@-]+/(?P<id>\d+)/?")


def canonicalise(url: str, allowed: Allowed = NOTHING_MORE) -> Link:
    """Find the row that knows a link, and the form in which it is fetched and compared.

    Idempotent: the canonical form of a canonical form is itself. Raises CheckError bad_link, unsupported_site.
    """
    scheme, host, port, rest = split(url)
    if port is None:
        plain = host + rest
        for site in SITES:
            if any(re.fullmatch(form, plain, re.DOTALL) for form in site.short):
                return Link(site, f"https://{plain}", None)
            for form in site.forms:
                if match := re.fullmatch(form, plain, re.DOTALL):
                    part = match.groupdict().get("part")
                    video = match["id"] + (site.part.format(part) if part else "")
                    return Link(site, site.canonical.format(id=video), video)
    return _federated(host, port, rest, allowed) or _direct(scheme, host, port, rest, allowed)


def split(url: str) -> tuple[str, str, int | None, str]:
    """Scheme, host in lower-case ASCII, port (None for the usual one), and path with query; the fragment is dropped.

    Raises CheckError bad_link for whatever is not an ordinary http(s) link: other schemes, credentials, control
    characters.
    """
    url = UNSEEN.sub("", url).strip()
    if url.startswith("<") and url.endswith(">"):  # as in a mail or a chat
        url = url[1:-1]
    if not url or len(url) > MAX_LINK or re.search(r"[\x00-\x20\x7f\\]", url):
        raise CheckError("bad_link")
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").rstrip(".").encode("idna").decode().lower()
    except (ValueError, UnicodeError):
        raise CheckError("bad_link") from None
    if parts.scheme not in ("http", "https"):
        raise CheckError("bad_link", "only http and https")
    if "@" in parts.netloc:
        raise CheckError("bad_link", "without a name and password in it")
    if not host or not re.fullmatch(r"[a-z0-9._-]+|[0-9a-f:.]+", host):
        raise CheckError("bad_link")
    if port == {"http": 80, "https": 443}[parts.scheme]:
        port = None
    rest = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return parts.scheme, host, port, rest


def _federated(host: str, port: int | None, rest: str, allowed: Allowed) -> Link | None:
    if port is not None:
        return None
    path = rest.partition("?")[0]
    if host in allowed.peertube and (match := PEERTUBE_PATH.fullmatch(path)):
        # the name stays a web link, which people can open; `download` hands yt-dlp its own "peertube:" form
        return Link(PEERTUBE, f"https://{host}/w/{match['id']}", f"{host}:{match['id']}")
    if host in allowed.mastodon and (match := MASTODON_PATH.fullmatch(path)):
        return Link(MASTODON, f"https://{host}{path.rstrip('/')}", f"{host}/{match['id']}")
    return None


def _direct(scheme: str, host: str, port: int | None, rest: str, allowed: Allowed) -> Link:
    shown = f"[{host}]" if ":" in host else host
    netloc = shown if port is None else f"{shown}:{port}"
    if netloc not in allowed.media and not ("*" in allowed.media and port is None):
        raise CheckError("unsupported_site", host)
    url = f"{scheme}://{netloc}{rest}"
    return Link(MEDIA, url, hashlib.sha256(url.encode()).hexdigest()[:32])


def supported(allowed: Allowed) -> list[dict[str, str]]:
    """The rows in use, for people: name, title and an example."""
    extra = [(PEERTUBE, allowed.peertube), (MASTODON, allowed.mastodon), (MEDIA, allowed.media)]
    rows = [*SITES, *(site for site, hosts in extra if hosts)]
    return [{"name": site.name, "title": site.title, "example": site.example} for site in rows]
