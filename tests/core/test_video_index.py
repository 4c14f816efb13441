"""Files whose index lies: about where decoding can start, and about how much there is."""

import numpy as np
import pytest

from core.container import open_video
from core.timeline import keyframe_before, read_timeline
from tests.media import grey_clip, portrait_clip
from tests.reading import look


def without_sync_samples(source, path):
    """The same file less the list of its key frames, which then all its pictures are taken for."""
    data = source.read_bytes()
    assert data.count(b"stss") == 1
    path.write_bytes(data.replace(b"stss", b"free"))
    return path


@pytest.mark.parametrize("codec", ["libx264", "libx265", "mpeg4", "libvpx-vp9"])
def test_a_video_whose_pictures_are_all_called_key_frames_is_read_as_if_it_had_one(tmp_path, codec):
    options = {"g": "999", "x265-params": "log-level=none:keyint=999"} if codec == "libx265" else {"g": "999"}
    whole = portrait_clip(tmp_path / "a.mp4", 12, (160, 90), codec=codec, options=options)
    found, warnings = look(without_sync_samples(whole, tmp_path / "b.mp4"))
    expected, _ = look(whole)
    assert warnings == set()
    assert [frame.t_s for frame in found] == [frame.t_s for frame in expected]
    assert all(np.array_equal(a.rgb, b.rgb) for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("codec", ["libx265", "mpeg4"])
def test_where_all_pictures_are_key_frames_decoding_starts_at_the_one_that_is_wanted(tmp_path, codec):
    options = {"g": "1", "x265-params": "log-level=none:keyint=1"} if codec == "libx265" else {"g": "1"}
    with open_video(grey_clip(tmp_path / "a.mp4", 90, fps=10, codec=codec, options=options)) as video:
        timeline = read_timeline(video)
        assert timeline.all_key
        assert keyframe_before(video, timeline, 5000).ms == 5000
