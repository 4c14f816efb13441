"""What share of a long video a link costs: `python -m benchmarks.links [FILE...]`.

Each file of ten minutes lies on a web server of this machine, and is fetched through the guard in the pieces that the
default plan reads. Prints bytes and requests.
"""

import argparse
import secrets
import tempfile
from pathlib import Path

from benchmarks.clips import FOLDER, LAYOUTS, clip, repeat
from core import video
from core.fetch.download import fetch
from core.fetch.egress import Guard
from core.fetch.sites import Allowed, canonicalise
from core.pieces import Pieces
from core.plan import PLANS
from tests.site import Ranges, Site


def files() -> list[Path]:
    """Ten minutes of H.264 with the index at the end, at the start and in fragments, and of VP9."""
    made = []
    for layout, (container, muxer) in LAYOUTS.items():
        made.append(FOLDER / f"10min {layout}.{container}")
        if not made[-1].exists():
            source, times = ("10s-720p-vp9", 60) if container == "webm" else ("10min-1080p", 1)
            repeat(clip(source), made[-1], times, container, muxer)
    return made


def read_in_pieces(url: str, host: str, guard: Guard, folder: Path) -> None:
    """Decode what the default plan wants of a file behind a link."""
    allowed = Allowed(media=(host,))
    way_out = guard.exit(secrets.token_hex(8), 2**30, 600)
    remote = fetch(canonicalise(url, allowed), folder, way_out, allowed=allowed, in_pieces=True).remote
    with Pieces(remote.path, remote.size, remote.block, remote.bring) as pieces:
        video.probe(pieces)
        for _ in video.frames(pieces, PLANS["default"], []):
            pass
    remote.close()


def main(paths: list[Path]) -> None:
    with Site() as site, Guard(allow=(site.host,)) as guard, tempfile.TemporaryDirectory() as folder:
        for path in paths:
            page = site.pages["/video"] = Ranges(path.read_bytes())
            read_in_pieces(site.url("/video"), site.host, guard, Path(folder))
            size = len(page.body)
            share = f"{page.sent / 1e6:6.2f} of {size / 1e6:.0f} MB {page.sent / size:6.1%}"
            print(f"{path.name:32}{share} {len(page.given):4} requests")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="*", help="videos of ten minutes, made here, if left out")
    main(parser.parse_args().files or files())
