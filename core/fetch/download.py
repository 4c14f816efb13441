"""yt-dlp as a library: a known link in, one small file out, every failure a code of core.errors."""

import html
import logging
import re
import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import requests

from core.errors import CheckError
from core.fetch.egress import Exit
from core.fetch.refusals import reason
from core.fetch.remote import Asked, Remote, Stop, open_remote
from core.fetch.sites import MEDIA, NOTHING_MORE, PEERTUBE, Allowed, Link, canonicalise

log = logging.getLogger(__name__)

HOPS = 5  # redirects of a short link
PAGE = 64 * 2**10  # bytes of a page that may send browsers on
SENT_ON = re.compile(rb"""http-equiv=["']?refresh["']?\s+content=["']\d+;\s*url=([^"'\s>]+)""", re.IGNORECASE)
LOGIN = re.compile(r"/(?:accounts/|uas/)?login\b|/authwall\b")  # the paths of a site's log-in page
# Faces of a talking person are some 200 pixels high at 720 lines; more lines cost time and add nothing the crop keeps.
LINES = 720
PROTOCOLS = "[protocol~='^(https?|m3u8|m3u8_native|http_dash_segments)$']"
USER_AGENT = "Mozilla/5.0 (compatible; Unmask)"

Progress = Callable[[int, int], None]  # bytes so far, bytes expected (0: not known)


@dataclass(frozen=True)
class Limits:
    """What one fetch may cost."""

    bytes: int = 512 * 2**20
    duration_s: float = 2 * 3600
    seconds: float = 600


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True)
class Fetched:
    """A file that was fetched."""

    path: Path
    remote: Remote | None = None  # `path` holds but the blocks that this one has brought; to be closed


def expand(link: Link, way_out: Exit, allowed: Allowed = NOTHING_MORE) -> Link:
    """Follow a short link until a row knows where it leads. Never leaves the shortener's site for an unknown one.

    Raises CheckError.
    """
    url, own_host = link.url, urlsplit(link.site.canonical).hostname.removeprefix("www.")
    proxies = {"http": way_out.proxy, "https": way_out.proxy}
    with requests.Session() as session:
        session.trust_env = False  # no proxy, netrc or certificate bundle of the environment
        for _ in range(HOPS):
            try:
                headers = {"User-Agent": USER_AGENT}
                answer = session.get(
                    url, proxies=proxies, headers=headers, allow_redirects=False, stream=True, timeout=15
                )
                with answer:
                    url = urljoin(url, _sent_on(answer))
                host = urlsplit(url).hostname or ""
            except requests.RequestException:
                raise CheckError(way_out.refused() or "network") from None
            except ValueError:  # it leads to what is no address; requests looks at that too, though it does not follow
                raise CheckError("no_video") from None
            if host != own_host and not host.endswith(f".{own_host}"):
                found = canonicalise(url, allowed)
            else:
                found = _known(url)
            if found and found.id:
                return found
            if not found and LOGIN.match(urlsplit(url).path):
                raise CheckError("login_required")
    raise CheckError("no_video")


def _sent_on(answer: requests.Response) -> str:
    """Where an answer sends a browser: by its head, or by its page as t.co does. Raises CheckError if it does not."""
    if answer.is_redirect:
        return answer.headers["Location"]
    if answer.status_code >= 400:
        raise CheckError(reason(Exception(f"HTTP Error {answer.status_code}")))
    page = next(answer.iter_content(PAGE), b"")  # no more of it, as it may be endless
    if not (found := SENT_ON.search(page)):
        raise CheckError("no_video")
    return html.unescape(found[1].decode("latin-1"))


def _known(url: str) -> Link | None:
    try:
        return canonicalise(url)
    except CheckError:
        return None


def fetch(
    link: Link,
    folder: Path,
    way_out: Exit,
    limits: Limits = DEFAULT_LIMITS,
    progress: Progress | None = None,
    cancel: Callable[[], bool] | None = None,
    allowed: Allowed = NOTHING_MORE,
    in_pieces: bool = False,
) -> Fetched:
    """Fetch the video behind a link into `folder` (which should be empty) as the file "video".

    `cancel` is asked several times a second while data flows. in_pieces: of a long file whose site gives ranges, fetch
    only the beginning now, and leave the rest to `Fetched.remote`. Raises CheckError; what was fetched so far is left
    for the owner of the folder to delete.
    """
    from yt_dlp import YoutubeDL  # half a second to import, and only this needs it
    from yt_dlp.postprocessor import FFmpegPostProcessor
    from yt_dlp.utils import MaxDownloadsReached, YoutubeDLError

    # A playlist encrypted in a way that yt-dlp does not know goes to an ffmpeg on the PATH: that would read hostile bytes
    # where there is network, pass by the guard wherever NO_PROXY says so, and show the ticket in the list of processes.
    FFmpegPostProcessor._ffmpeg_location.set("")  # nowhere; the option of that name is not asked everywhere
    if link.id is None:
        link = expand(link, way_out, allowed)
    target = f"peertube:{link.id}" if link.site is PEERTUBE else link.url

    def hold(info: dict) -> None:
        if in_pieces and (remote := _remote(ydl, info, folder, way_out, limits, cancel)):
            raise _Held(remote)

    try:
        with ExitStack() as stack:
            ydl = stack.enter_context(YoutubeDL(_options(link, folder, way_out, limits, progress, cancel, hold)))
            try:
                if link.site is MEDIA:  # yt-dlp would begin to download the file to see what it is
                    hold({"url": link.url, "protocol": "https"})
                ydl.extract_info(target)
            except MaxDownloadsReached:
                pass
            except _Held as held:
                held.remote.keep(stack.pop_all())
                return Fetched(held.remote.path, held.remote)
    except Stop as stop:
        raise CheckError(stop.code) from None
    except YoutubeDLError as error:
        if cancel and cancel():  # while a site was silent
            raise CheckError("cancelled") from None
        raise CheckError(way_out.refused() or reason(error)) from None
    except OSError as error:
        raise CheckError("disk_full") from error
    except MemoryError:
        raise CheckError("out_of_memory") from None
    except Exception as error:  # yt-dlp reads strangers' pages, and trips over some (a TypeError for a data: link)
        log.warning("yt-dlp tripped over a page: %s", type(error).__name__)
        raise CheckError("site_changed") from error
    path, refused = folder / "video", way_out.refused()
    # a stream of unknown length looks complete when the guard has cut it
    if refused in ("too_large", "timed_out") or not path.is_file():
        raise CheckError(refused or "no_video")
    return Fetched(path)


class _Held(Exception):
    """Ends yt-dlp where it would begin to download: the file will be read in pieces."""

    def __init__(self, remote: Remote):
        self.remote = remote
        super().__init__()


def _remote(ydl, info: dict, folder: Path, way_out: Exit, limits: Limits, cancel) -> Remote | None:
    """The chosen format as a file to be read in pieces; None where it is none, or is fetched better in one go."""
    from yt_dlp.networking import Request

    if info.get("protocol") not in ("http", "https") or info.get("request_data"):
        return None

    def get(first: int, last: int):
        headers = {**(info.get("http_headers") or {}), "Accept-Encoding": "identity", "Range": f"bytes={first}-{last}"}
        return ydl.urlopen(Request(info["url"], headers=headers))

    asked = Asked(get, lambda until: _go_on(folder, until, cancel), lambda: way_out.refused() or "network")
    return open_remote(folder / "pieces", asked, limits.bytes, limits.seconds, info.get("duration"))


def _go_on(folder: Path, until: float, cancel: Callable[[], bool] | None) -> None:
    """Raises Stop where a download has to end."""
    if cancel and cancel():
        raise Stop("cancelled")
    if shutil.disk_usage(folder).free < 64 * 2**20:
        raise Stop("disk_full")
    if time.monotonic() > until:
        raise Stop("timed_out")


def _options(link: Link, folder: Path, way_out: Exit, limits: Limits, progress, cancel, hold) -> dict:
    until = time.monotonic() + limits.seconds
    fits = f"[filesize<=?{limits.bytes}][filesize_approx<=?{limits.bytes}]"

    def watch(state: dict) -> None:
        done = state.get("downloaded_bytes") or 0
        total = state.get("total_bytes") or state.get("total_bytes_estimate") or 0
        _go_on(folder, until, cancel)
        # the folder, not the number yt-dlp gives: fragments and unpacked bodies count too
        on_disk = sum(file.stat().st_size for file in folder.iterdir())
        if max(done, on_disk, state.get("total_bytes") or 0) > limits.bytes:
            raise Stop("too_large")
        if progress:
            progress(int(done), int(total))

    def suitable(info: dict, *, incomplete: bool = False) -> str | None:
        formats = info.get("formats")
        if info.get("playlist_index") and formats is not None and all(f.get("vcodec") == "none" for f in formats):
            return "a picture or sound"  # as a post may hold beside its video
        if info.get("is_live") or info.get("live_status") in ("is_live", "is_upcoming"):
            raise Stop("live")
        if (info.get("duration") or 0) > limits.duration_s:
            raise Stop("too_long")
        if not incomplete:  # the format is chosen
            hold(info)
        return None

    return {
        "proxy": way_out.proxy,
        "allowed_extractors": list(link.site.extractors),
        "paths": {"home": str(folder), "temp": str(folder)},
        "outtmpl": {"default": "video"},  # names from outside never become names of files
        # one stream with a picture, no merging: sound is not looked at; of a long video rather fewer lines than none of it
        "format": f"bv*{PROTOCOLS}{fits}/b{PROTOCOLS}{fits}/bv*{PROTOCOLS}/b{PROTOCOLS}",
        "format_sort": [f"res:{LINES}", "vcodec:h264", "proto:https", "+size", "+br"],
        "match_filter": suitable,
        "progress_hooks": [watch],
        "noplaylist": True,
        "playlist_items": "1:20",  # of a post, whose first video is taken
        "max_downloads": 1,
        "external_downloader": {"default": "native"},
        "fixup": "never",
        "cachedir": False,
        "socket_timeout": 15,
        "retries": 1,
        "fragment_retries": 1,
        "extractor_retries": 1,
        "skip_unavailable_fragments": False,
        "geo_bypass": False,
        "enable_file_urls": False,
        "noprogress": True,
        "logger": _silent(),
    }


def _silent() -> logging.Logger:
    """yt-dlp's messages hold links, which are nobody's business by default."""
    log = logging.getLogger("core.fetch.yt_dlp")
    log.disabled = True
    return log
