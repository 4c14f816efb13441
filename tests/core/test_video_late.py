"""Pictures that begin long after the sound, as of a call whose camera was off."""

import pytest

from core.container import open_video
from core.timeline import read_timeline
from tests.media import greys, truncated, write_clip
from tests.reading import look

TIMES = [20 + i / 25 for i in range(150)]


@pytest.fixture(params=["mkv", "ts", "mp4"])
def clip(request, tmp_path):
    return write_clip(tmp_path / f"clip.{request.param}", greys(len(TIMES)), times=TIMES, with_audio=True)


def test_they_are_told_with_times_from_the_first_of_them_and_not_as_cut_short(clip):
    frames, warnings = look(clip)
    assert frames[0].t_s < 0.2
    assert warnings == {"late_picture"}


def test_a_file_that_was_cut_is_still_told(tmp_path):
    whole = write_clip(tmp_path / "a.mkv", greys(len(TIMES)), times=TIMES, with_audio=True)
    with open_video(truncated(whole, tmp_path / "b.mkv", whole.stat().st_size * 3 // 4)) as video:
        assert read_timeline(video).is_short


def test_sound_that_begins_with_the_picture_is_no_matter(tmp_path):
    clip = write_clip(tmp_path / "a.ts", greys(50), fps=25, with_audio=True)
    assert look(clip)[1] == set()
