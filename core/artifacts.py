"""The files that show an analysis: what --out writes, and what the server keeps beside a check."""

import json
import os
from collections.abc import Callable
from pathlib import Path

from core.analysis import Analysis
from core.annotate import annotated_picture, annotated_video
from core.container import Source
from core.draw import heat_over
from core.pieces import Pieces
from core.render import Heat, Keys, key_frame_sheet, key_pictures, timeline_picture
from core.report import write_report
from core.writing import written_whole


def write_artifacts(
    path: str | Source,
    analysis: Analysis,
    folder: str | Path,
    heat: Heat | None = None,
    progress: Callable[[int, int, str], None] | None = None,
    cancel: Callable[[], bool] | None = None,
    name: str | None = None,
    film: bool = True,
    link: str | None = None,
) -> list[Path]:
    """Write the report, the pictures and the annotated copy of one file into a folder, made if it is not there.

    heat: `core.explain.heat_of` the model that judged; without it there are no heat maps. name: what the report
    calls the file, where its own name says nothing. film: with the annotated copy of a video, which takes longer than all
    the rest together, as every frame is looked at. link: where the file is from, told in place of name and path. Returns
    what was written: report.html, report.json, key-frames.png, timeline.png, heat-maps/*.png, and annotated.mp4
    (annotated.png of a still).
    Raises CheckError (disk_full, not_writable, cancelled); each file is whole or absent.
    """
    path, folder = path if isinstance(path, Pieces) else Path(path), Path(folder)
    written = [folder / "report.json", folder / "key-frames.png", folder / "report.html"]
    with written_whole(written[0]) as part:
        # as it was named, for people; and where it lies, as another folder may hold another file of that name
        paths = {"path": link or str(path), "absolute_path": link or os.path.realpath(str(path))}
        report = {**paths, "analysis": analysis.to_json()}
        part.write_text(json.dumps(report, indent=2) + "\n")
    keys = key_pictures(path, analysis, heat)
    key_frame_sheet(path, analysis, written[1], keys)
    write_report(path, analysis, written[2], keys, link or name)
    if heat:
        written += heat_pictures(keys, folder / "heat-maps")
    if analysis.media.is_still:
        written.append(folder / "annotated.png")
        annotated_picture(path, analysis, written[-1])
        return written
    written.append(folder / "timeline.png")
    timeline_picture(path, analysis, written[-1], keys)
    if film:
        written.append(folder / "annotated.mp4")
        annotated_video(path, analysis, written[-1], progress, cancel)
    return written


def heat_pictures(keys: Keys, folder: Path) -> list[Path]:
    """A PNG of each key frame's crop under its heat map: face-1-at-3.25s.png."""
    from PIL import Image

    for old in folder.glob("[!.]*.png"):  # of a check before, maybe of other moments; not what another run writes now
        old.unlink(missing_ok=True)
    written = []
    for face_id, cut in keys.by_face.items():
        for key, picture, one in cut:
            written.append(folder / f"face-{face_id}-at-{key.t_s:.2f}s.png")
            with written_whole(written[-1]) as part:
                Image.fromarray(heat_over(picture, one)).save(part, "PNG")
    return written
