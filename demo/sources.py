"""Where a check's file comes from: an upload, an example, or a link, if links are switched on."""

import importlib.util
import secrets
import shutil
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from core.errors import CheckError
from core.example import make_example
from core.settings import is_on, proxy_address, read
from demo.work import Progress, Source

MAX_BYTES = 512 * 2**20
MAX_SECONDS = 300.0
EXAMPLE_SECONDS = 5.0


def upload(path: str | None) -> Source:
    """A file that the visitor chose or recorded, untouched."""
    if not path or not Path(path).exists():  # one that was chosen long ago has gone
        raise CheckError("nothing_chosen")
    return lambda folder, progress, cancel: Path(path)


def example(blended: bool) -> Source:
    """The NASA portrait under a virtual camera, as it is or blended with itself; made on the spot."""

    def make(folder: Path, progress: Progress, cancel: Callable[[], bool]) -> Path:
        progress(0, 1, "make")
        name = "portrait-blended.mp4" if blended else "portrait.mp4"
        return make_example(folder / name, EXAMPLE_SECONDS, blended, size=(960, 540))

    return make


class Links:
    """Fetches what is behind a link, through the guard of `core.fetch`.

    allow, own_proxy, media: as for `core.fetch`'s Guard and Allowed; beyond the known sites nothing is allowed unless named.
    """

    def __init__(self, allow: tuple[str, ...] = (), media: tuple[str, ...] = (), own_proxy: str | None = None):
        self._allow, self._media, self._own_proxy = allow, media, own_proxy
        self._guard = None
        self._lock = threading.Lock()

    def source(self, url: str | None) -> Source:
        if not (url or "").strip():
            raise CheckError("nothing_chosen")

        def fetched(folder: Path, progress: Progress, cancel: Callable[[], bool]) -> Path:
            from core.fetch.download import Limits, fetch
            from core.fetch.sites import Allowed, canonicalise

            progress(0, 1, "fetch")
            allowed = Allowed(media=self._media)
            link = canonicalise(url.strip(), allowed)
            way_out = self._start().exit(secrets.token_hex(8), MAX_BYTES, MAX_SECONDS)
            room = folder / "link"
            room.mkdir()
            limits = Limits(bytes=MAX_BYTES, seconds=MAX_SECONDS)

            def told(done: int, total: int) -> None:
                progress(done, total, "fetch")

            try:
                return fetch(link, room, way_out, limits, told, cancel, allowed).path
            except CheckError:
                shutil.rmtree(room, ignore_errors=True)  # half a video may be large, and the page stay open for long
                raise

        return fetched

    def _start(self):
        from core.fetch.egress import Guard

        with self._lock:
            if self._guard is None:
                self._guard = Guard(self._allow, self._own_proxy)
            return self._guard


def links_from(env: Mapping[str, str]) -> Links | None:
    """Links where they can work and nobody switched them off, else None.

    UNMASK_DEMO_LINKS=1 or 0 decides; without it they are on, except on a Space, whose addresses the big sites refuse. What
    `demo.deploy` sends there has nothing to fetch them with. Raises ValueError for a proxy that cannot be one.
    """
    own_proxy = read(env, "UNMASK_EGRESS_PROXY", proxy_address, None)
    wanted = is_on(env, "UNMASK_DEMO_LINKS", not env.get("SPACE_ID"))
    return Links(own_proxy=own_proxy) if wanted and importlib.util.find_spec("core.fetch") else None


LINKS_OFF = (
    "Links are switched off here: most sites turn away servers like this one. "
    "Download the video with your browser or app, and choose the file instead."
)
