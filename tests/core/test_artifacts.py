"""What --out writes of one file, together."""

import numpy as np
import pytest

from core import render
from core.artifacts import write_artifacts
from tests.media import portrait_clip
from tests.samples import analysis_of


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return portrait_clip(tmp_path_factory.mktemp("artifacts") / "portrait.mp4")


@pytest.mark.slow
def test_key_frames_and_their_heat_maps_are_made_once_for_all_pictures(clip, tmp_path, monkeypatch):
    """Four pictures show them, and a heat map takes longer than all else about a picture."""
    decoded, heated, frames_at = [], [], render.video.frames_at

    def maps(crops):
        heated.append(len(crops))
        return np.ones(crops.shape[:3], np.float32)

    monkeypatch.setattr(render.video, "frames_at", lambda *asked: decoded.append(asked) or frames_at(*asked))
    analysis = analysis_of(clip)
    of_another_run = tmp_path / "out" / "heat-maps" / ".face-1.part.png"
    of_another_run.parent.mkdir(parents=True)
    of_another_run.touch()
    written = write_artifacts(clip, analysis, tmp_path / "out", render.Heat(maps), film=False)
    assert heated == [len(analysis.faces[0].key_frames)] and len(decoded) == 1
    assert all(path.stat().st_size for path in written) and of_another_run.exists()
    assert {path.name for path in written} >= {"key-frames.png", "report.html", "timeline.png"}


def test_a_file_and_a_folder_may_be_named_in_plain_text(clip, tmp_path):
    written = write_artifacts(str(clip), analysis_of(clip), str(tmp_path / "out"), film=False)
    assert {path.name for path in written} == {"report.json", "key-frames.png", "report.html", "timeline.png"}
    assert all(path.stat().st_size for path in written)
