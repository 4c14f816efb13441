"""A folder of its own below --out for what is found in each file."""

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from core.writing import as_writing_error

WRITTEN = {
    "annotated.mp4",
    "annotated.png",
    "key-frames.png",
    "timeline.png",
    "heat-maps",
}  # pictures, beside the report


class OutFolders:
    """The folders of one run, each named after its file."""

    def __init__(self, out: Path | None):
        self._out = out

    @contextmanager
    def of(self, path: Path, link: str | None = None) -> Iterator[Path | None]:
        """The folder for one file, made if it is not there; it does not stay if nothing is written to it. link: where
        the file is from, and what its folder is named after."""
        if self._out is None:
            yield None
            return
        folder = self._take(path, link)
        try:
            yield folder
        finally:
            with suppress(OSError):  # it takes away only what is empty
                folder.rmdir()

    def _take(self, path: Path, link: str | None) -> Path:
        # that of "...mp4" is "..", the folder above; of a link as much as a name of 255 bytes holds in any script
        stem = re.sub(r"\W+", "-", link.partition("://")[2])[:60].strip("-") if link else path.stem.strip(".")
        stem, place = stem or "video", link or os.path.realpath(path)
        with as_writing_error():
            self._out.mkdir(parents=True, exist_ok=True)
            for number in count(1):
                folder = self._out / (stem if number == 1 else f"{stem}-{number}")
                if report_in(folder).get("absolute_path") == place:
                    return folder
                with suppress(FileExistsError):  # somebody's own, of another file, or of a run at this moment
                    folder.mkdir()
                    return folder


def report_in(folder: Path) -> dict:
    """The report.json that a run wrote into a folder; empty where there is none, or one of another program."""
    path = folder / "report.json"
    try:
        report = json.loads(path.read_bytes()) if path.is_file() else {}
    except (OSError, ValueError, RecursionError):
        return {}
    analysis = report.get("analysis") if isinstance(report, dict) else None
    return report if isinstance(analysis, dict) and "schema_version" in analysis else {}
