"""Where a check's file comes from: an upload, an example, or a link, if links are switched on."""

import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import CheckError
from core.example import make_example
from core.settings import is_on
from demo.work import Progress, Source

if TYPE_CHECKING:
    from core.fetch.links import Links

MAX_BYTES = 512 * 2**20  # of an upload
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


def link(links: "Links", url: str | None) -> Source:
    """What is behind a link."""
    if not (url or "").strip():
        raise CheckError("nothing_chosen")

    def fetched(folder: Path, progress: Progress, cancel: Callable[[], bool]) -> Path:
        progress(0, 1, "fetch")
        return links.bring(url, folder, lambda done, total: progress(done, total, "fetch"), cancel)

    return fetched


def links_from(env: Mapping[str, str]) -> "Links | None":
    """Links where they can work and nobody switched them off, else None.

    UNMASK_DEMO_LINKS=1 or 0 decides; without it they are on, except on a Space, whose addresses the big sites refuse. What
    `demo.deploy` sends there has nothing to fetch them with. Raises ValueError for a proxy that cannot be one.
    """
    wanted = is_on(env, "UNMASK_DEMO_LINKS", not env.get("SPACE_ID"))
    if not wanted or not importlib.util.find_spec("core.fetch"):
        return None
    from core.fetch.links import Links

    return Links.from_env(env)


LINKS_OFF = (
    "Links are switched off here: most sites turn away servers like this one. "
    "Download the video with your browser or app, and choose the file instead."
)
