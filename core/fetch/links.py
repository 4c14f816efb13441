"""The video behind a link as a file in a folder, for whoever runs no server: the page and the command line."""

import secrets
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from core.errors import CheckError
from core.fetch.download import Limits, Progress, fetch
from core.fetch.egress import Guard
from core.fetch.sites import Allowed, canonicalise
from core.settings import proxy_address, read

LIMITS = Limits(seconds=300)


class Links:
    """Fetches what is behind links, through one guard, which starts with the first. Safe to call from several threads.

    allow, own_proxy, litter: as for Guard; media: as for Allowed. Beyond the known sites nothing is allowed unless named.
    """

    def __init__(
        self,
        allow: tuple[str, ...] = (),
        media: tuple[str, ...] = (),
        own_proxy: str | None = None,
        litter: Path | None = None,
    ):
        self._guard, self._allowed = Guard(allow, own_proxy, litter), Allowed(media=media)

    @classmethod
    def from_env(cls, env: Mapping[str, str], litter: Path | None = None) -> "Links":
        """By way of UNMASK_EGRESS_PROXY, where there is one. Raises ValueError for one that cannot be a proxy."""
        return cls(own_proxy=read(env, "UNMASK_EGRESS_PROXY", proxy_address, None), litter=litter)

    def bring(self, url: str, folder: Path, progress: Progress, cancel: Callable[[], bool]) -> Path:
        """The file, in a new folder below `folder`. Raises CheckError, and leaves nothing then: half a video may be large."""
        link = canonicalise(url.strip(), self._allowed)
        way_out = self._guard.exit(secrets.token_hex(8), LIMITS.bytes, LIMITS.seconds)
        room = folder / "link"
        room.mkdir()
        try:
            return fetch(link, room, way_out, LIMITS, progress, cancel, self._allowed).path
        except CheckError:
            shutil.rmtree(room, ignore_errors=True)
            raise

    def close(self) -> None:
        """End the guard."""
        self._guard.close()
