"""Pictures that stay for long, as slides do: they take no windows from what moves."""

import numpy as np
import pytest
from av.video.frame import PictureType
from hypothesis import given
from hypothesis import strategies as st

from core.container import open_video
from core.plan import PLANS
from core.timeline import HELD_MS, Timeline, read_timeline
from core.video import frames, probe
from tests.media import camera_view, portrait, write_clip

TALK = [i / 10 for i in range(60)]
TIMES = [*TALK, 6.0, *(100 + t for t in TALK), 106.0, 200.0]  # a slide at 6, one at 106 and one at 200


@pytest.fixture(scope="module", params=["mp4", "webm"])
def clip(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("pauses") / f"clip.{request.param}"
    views = (camera_view(portrait(), t, (160, 90)) for t in TIMES)
    codec = "libvpx-vp9" if request.param == "webm" else "libx264"
    return write_clip(path, views, times=TIMES, codec=codec)


def test_held_pictures_are_found(clip):
    with open_video(clip) as video:
        timeline = read_timeline(video)
    assert timeline.held == ((6000, 100_000), (106_000, 200_000))
    assert timeline.moving_ms == 200_000 - 94_000 - 94_000 + 2 * HELD_MS


def test_rate_and_numbers_of_the_frames_are_those_of_what_moves(clip):
    assert probe(clip).fps == 10
    found = list(frames(clip, PLANS["default"], []))
    assert [frame.index for frame in found] == [TIMES.index(frame.t_s) for frame in found]


def test_where_every_picture_is_held_the_rate_is_that_of_the_pictures(tmp_path):
    slides = (camera_view(portrait(), t, (160, 90)) for t in range(4))
    clip = write_clip(tmp_path / "slides.mp4", slides, times=[0, 5, 10, 15])
    assert 0.2 <= probe(clip).fps < 0.3  # as FFmpeg has it, which takes the last one for shorter
    assert [(frame.t_s, frame.index) for frame in frames(clip, PLANS["thorough"], [])] == [
        (0, 0),
        (5, 1),
        (10, 2),
        (15, 3),
    ]


def test_windows_lie_where_something_moves(clip):
    moments = [frame.t_s for frame in frames(clip, PLANS["default"], [])]
    moving = [t for t in moments if t < 6 or 100 <= t < 106]
    assert len(moving) >= 0.9 * len(moments)
    assert min(moments) < 6 < 100 < max(moments)


def test_a_window_behind_a_slide_is_not_moved_back_onto_it(tmp_path):
    """As windows are moved to key frames, and a change to a slide is one where what follows is none."""
    parts = [42 * part for part in range(12)]  # 30 s of talk and 12 of a slide
    times = [part + t for part in parts for t in (*np.arange(0, 30, 0.2), 30)]

    def shown(picture):
        picture.pict_type = (
            PictureType.I if picture.pts in (0, *(1000 * part + 30_000 for part in parts)) else PictureType.NONE
        )
        return picture

    black = (np.zeros((32, 32, 3), np.uint8) for _ in times)
    options = {"g": "9999", "sc_threshold": "0", "bf": "0"}
    clip = write_clip(tmp_path / "clip.mp4", black, times=times, options=options, prepare=shown)
    moments = [frame.t_s for frame in frames(clip, PLANS["default"], [])]
    assert len(moments) > 24


@given(st.lists(st.tuples(st.integers(1, 5000), st.integers(HELD_MS + 1, 90_000)), max_size=5))
def test_each_time_is_one_of_the_video_and_no_held_picture_takes_more_than_its_share(parts):
    held, at = [], 0
    for moves, stays in parts:
        held.append((at + moves, at + moves + stays))
        at += moves + stays
    timeline = Timeline(0, 1, at + 1000, 40, 40, False, False, False, False, tuple(held))
    shown = timeline.shown_ms(np.arange(timeline.moving_ms))
    assert (np.diff(shown) >= 1).all() and shown[-1] <= timeline.until_ms
    for begin, end in held:
        assert ((shown >= begin) & (shown < end)).sum() == HELD_MS
