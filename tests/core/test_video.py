import os
import subprocess
import sys
from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
import pytest
from PIL import Image

import core.reader
from core.errors import CheckError
from core.example import camera_view, portrait
from core.pieces import Pieces
from core.plan import PLANS, plan_named
from core.video import frames, frames_at, probe
from tests.media import grey_clip, grey_number, greys, remux, write_clip


def look(path, plan="default", warnings=None):
    plan = PLANS[plan] if isinstance(plan, str) else plan
    return list(frames(path, plan, [] if warnings is None else warnings))


@pytest.fixture(scope="module")
def ten_seconds(tmp_path_factory):
    return grey_clip(tmp_path_factory.mktemp("clips") / "ten.mp4", 300)


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory):
    """Two minutes with a key frame every four seconds."""
    return grey_clip(tmp_path_factory.mktemp("clips") / "long.mp4", 3600, options={"g": "120", "keyint_min": "120"})


def test_ten_seconds_give_four_windows_of_eight_frames(ten_seconds):
    found = look(ten_seconds)
    assert [sum(f.window == w for f in found) for w in range(4)] == [8] * 4
    assert all(a.t_s < b.t_s for a, b in pairwise(found))


def test_decoding_can_be_stopped_on_the_way_to_the_next_frame(ten_seconds):
    asked = []

    def stopped():
        asked.append(True)
        return len(asked) > 20

    with pytest.raises(CheckError, match="cancelled"):
        list(frames(ten_seconds, PLANS["default"], [], stopped=stopped))
    assert len(asked) == 21


def test_every_frame_is_the_one_shown_at_its_time(ten_seconds):
    for frame in look(ten_seconds):
        assert grey_number(frame.rgb, near=frame.index) == frame.index == round(frame.t_s * 30)


@pytest.mark.slow
def test_frames_after_a_seek_are_the_ones_shown_at_their_time(long_clip):
    found = look(long_clip)
    assert len(found) == 32
    for frame in found:
        assert grey_number(frame.rgb, near=frame.index) == frame.index == round(frame.t_s * 30)


def test_frames_asked_for_by_their_times_are_the_ones_that_had_them(tmp_path):
    clip = grey_clip(tmp_path / "clip.mp4", 61, fps=Fraction(30000, 1001))
    shown = look(clip, "first100")
    again = list(frames_at(clip, [frame.t_s for frame in shown]))  # 1.001 s times a thousand is a hair under 1001
    assert [(f.t_s, f.window) for f in again] == [(f.t_s, number) for number, f in enumerate(shown)]
    assert all(np.array_equal(a.rgb, b.rgb) for a, b in zip(shown, again, strict=True))


def test_thorough_looks_at_all_of_it(ten_seconds):
    found = look(ten_seconds, "thorough")
    assert max(b.t_s - a.t_s for a, b in pairwise(found)) < 0.135
    assert (found[0].t_s, found[-1].t_s) == (0, 9.867)


def test_first100_takes_the_first_hundred_frames(ten_seconds):
    found = look(ten_seconds, "first100")
    assert [f.index for f in found] == list(range(100))
    assert [grey_number(f.rgb, near=f.index) for f in found] == list(range(100))


def test_mean_takes_as_many_frames_as_the_plan_says(ten_seconds):
    assert len(look(ten_seconds, plan_named("mean", length=37))) == 37


def test_consecutive_frames_end_where_the_video_ends(tmp_path):
    assert len(look(grey_clip(tmp_path / "short.mp4", 20), "first100")) == 20


def test_no_frame_comes_twice_where_the_video_is_slower_than_the_plan(tmp_path):
    found = look(grey_clip(tmp_path / "slow.mp4", 16, fps=5), "thorough")
    assert [grey_number(f.rgb) for f in found] == list(range(16))


def test_a_video_of_one_frame_gives_that_frame(tmp_path):
    clip = grey_clip(tmp_path / "one.mp4", 1)
    assert [f.t_s for f in look(clip)] == [0]
    assert probe(clip).is_still
    assert probe(clip).duration_s == 0


def test_variable_frame_rate_is_sampled_by_time_not_by_index(tmp_path):
    fast = [i / 50 for i in range(40)]
    slow = [0.8 + i / 4 for i in range(8)]
    times = fast + slow
    found = look(grey_clip(tmp_path / "vfr.mp4", len(times), times=times), "thorough")
    assert [f.t_s for f in found[:5]] == [0, 0.12, 0.24, 0.36, 0.5]
    for frame in found:
        assert times[grey_number(frame.rgb)] == pytest.approx(frame.t_s, abs=0.001)
    assert [grey_number(f.rgb) for f in found][-8:] == list(range(40, 48))
    assert [f.index for f in look(tmp_path / "vfr.mp4", "first100")] == list(range(48))


def test_a_frame_shown_for_long_stands_for_all_moments_it_is_shown(tmp_path):
    clip = grey_clip(tmp_path / "slides.mp4", 3, times=[0.0, 5.0, 6.0])
    assert [f.t_s for f in look(clip, "thorough")] == [0, 5, 6]


@pytest.mark.slow
@pytest.mark.parametrize("fps", [24, 25, 30, 50, 60, Fraction(30000, 1001), Fraction(24000, 1001)])
def test_timestamps_are_exact_to_the_millisecond(tmp_path, fps):
    clip = grey_clip(tmp_path / "clip.mp4", 45, fps=fps)
    expected = [float(int(i * 1000 / fps + Fraction(1, 2)) / 1000) for i in range(45)]
    assert [f.t_s for f in look(clip, "first100")] == expected


def test_time_starts_with_the_first_picture_wherever_the_file_starts_it(tmp_path):
    late = grey_clip(tmp_path / "late.mkv", 40, times=[100 + i / 20 for i in range(40)])
    assert [f.t_s for f in look(late)][:3] == [f.t_s for f in look(grey_clip(tmp_path / "a.mkv", 40, fps=20))][:3]
    assert probe(late).duration_s == pytest.approx(2, abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("fps", [25, 30, Fraction(30000, 1001)])
@pytest.mark.parametrize("ending", ["mkv", "mov"])
def test_another_container_with_the_same_packets_gives_the_same_frames(tmp_path, fps, ending):
    clip = grey_clip(tmp_path / "clip.mp4", 1500, fps=fps, options={"g": "100"})
    for plan in ("default", "first100"):
        one, other = look(clip, plan), look(remux(clip, tmp_path / f"clip.{ending}"), plan)
        assert [(f.t_s, f.index, f.window) for f in one] == [(f.t_s, f.index, f.window) for f in other]
        assert all(np.array_equal(a.rgb, b.rgb) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("count", [41, 60, 100])
@pytest.mark.parametrize(("name", "codec", "pix_fmt"), [("a.gif", "gif", "rgb8"), ("a.apng", "apng", "rgb24")])
def test_animated_pictures_are_read_to_their_end(tmp_path, name, codec, pix_fmt, count):
    clip = grey_clip(tmp_path / name, count, codec=codec, pix_fmt=pix_fmt, fps=10)
    warnings = []
    assert look(clip, "thorough", warnings)[-1].t_s == pytest.approx((count - 1) / 10, abs=0.11)
    assert probe(clip).duration_s == pytest.approx(count / 10, abs=0.02)
    assert warnings == []


def test_the_last_picture_is_looked_at_for_as_long_as_it_is_held(tmp_path):
    pictures = [Image.fromarray(picture) for picture in greys(3)]
    pictures[0].save(tmp_path / "a.gif", save_all=True, append_images=pictures[1:], duration=[100, 100, 8000])
    warnings = []
    found = look(tmp_path / "a.gif", "thorough", warnings)
    assert [(frame.t_s, frame.until_s) for frame in found] == [(0, 0.1), (0.1, 0.2), (0.2, 8.2)]
    assert probe(tmp_path / "a.gif").duration_s == 8.2
    assert warnings == []


def test_slides_that_stay_for_minutes_are_shown_at_their_times(tmp_path):
    times, warnings = [0, 70, 150, 300, 400], []
    found = look(write_clip(tmp_path / "slides.mp4", greys(5), times=times), "thorough", warnings)
    assert [frame.t_s for frame in found] == times
    assert warnings == []


@pytest.mark.parametrize("name, codec", [("a.ts", "libx264"), ("a.mpg", "mpeg2video")])
def test_recordings_put_one_after_another_are_looked_at_to_the_end_of_the_last(tmp_path, name, codec):
    part, both = grey_clip(tmp_path / name, 100, fps=25, codec=codec), tmp_path / f"both-{name}"
    both.write_bytes(2 * part.read_bytes())
    warnings = []
    found = look(both, "thorough", warnings)
    assert probe(both).duration_s == 8
    assert [grey_number(f.rgb, near=f.index % 100) for f in found] == pytest.approx(
        [f.index % 100 for f in found], abs=1
    )
    assert [one.code for one in warnings] == ["untrusted_timestamps"]


def with_one_late(clip, path, late):
    """The same packets, that number `late` an hour later than it was."""
    with av.open(str(clip)) as given, av.open(str(path), "w") as out:
        stream = out.add_stream_from_template(given.streams.video[0])
        for number, packet in enumerate(packet for packet in given.demux(video=0) if packet.size):
            packet.stream = stream
            packet.pts += int(3600 / packet.time_base) if number == late else 0
            out.mux(packet)
    return path


@pytest.mark.parametrize("ending", ["mp4", "mkv", "ts"])
def test_a_picture_with_a_time_far_ahead_hides_none_of_those_after_it(tmp_path, ending):
    clip = grey_clip(tmp_path / "a.mp4", 75, fps=25, options={"bf": "0"})
    late, warnings = with_one_late(clip, tmp_path / f"late.{ending}", 30), []
    assert len(look(late, "thorough", warnings)) == 24
    assert probe(late).duration_s == 3
    assert [one.code for one in warnings] == ["untrusted_timestamps"]


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["ts", "flv", "avi"])
def test_containers_with_poorer_times_tell_the_time_as_well(tmp_path, ending):
    found = look(grey_clip(tmp_path / f"clip.{ending}", 300))
    assert len(found) == 32
    for frame in found:
        assert grey_number(frame.rgb, near=round(frame.t_s * 30)) == pytest.approx(frame.t_s * 30, abs=0.1)


@pytest.mark.slow
def test_a_picture_with_a_time_far_ahead_hides_none_of_those_after_it_where_not_all_can_be_read_first(tmp_path):
    clip = grey_clip(tmp_path / "a.mp4", 400, fps=25, options={"bf": "0", "g": "25"})
    late, warnings = with_one_late(clip, tmp_path / "late.mp4", 100), []
    with Pieces(late, late.stat().st_size, 1000, lambda number: None) as pieces:
        found = look(pieces, "thorough", warnings)
    assert {frame.t_s for frame in look(clip, "thorough")} - {frame.t_s for frame in found} <= {4.0}
    assert [one.code for one in warnings] == ["untrusted_timestamps"]


def decoded(monkeypatch, path, plan="default"):
    """How many pictures the decoder gives for a plan."""
    count = 0
    real = core.reader.decode

    def counting(*args):
        nonlocal count
        for picture in real(*args):
            count += 1
            yield picture

    with monkeypatch.context() as patch:
        patch.setattr(core.reader, "decode", counting)
        look(path, plan)
    return count


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["mp4", "mkv", "ts", "webm"])
def test_ten_minutes_cost_at_most_twice_what_ten_seconds_cost(tmp_path, monkeypatch, ending):
    codec = {"webm": "libvpx-vp9"}.get(ending, "libx264")
    short = grey_clip(tmp_path / f"short.{ending}", 100, fps=10, codec=codec, options={"g": "100"})
    long = grey_clip(tmp_path / f"long.{ending}", 6000, fps=10, codec=codec, options={"g": "100"})
    assert len(look(long)) == len(look(short)) == 32
    assert decoded(monkeypatch, long) <= 2 * decoded(monkeypatch, short)


@pytest.mark.slow
def test_a_long_video_with_a_single_key_frame_is_read_on_and_not_again_and_again(tmp_path, monkeypatch):
    clip = grey_clip(tmp_path / "one-gop.mp4", 1200, options={"g": "9999", "sc_threshold": "0"})
    found = look(clip)
    assert [grey_number(f.rgb, near=f.index) for f in found] == [f.index for f in found]
    assert decoded(monkeypatch, clip) <= 1200


@pytest.mark.slow
@pytest.mark.parametrize("codec", ["libx264", "libx265", "libvpx-vp9", "libsvtav1"])
def test_pictures_left_out_by_the_decoder_change_none_that_are_given(tmp_path, monkeypatch, codec):
    views = (camera_view(portrait(), i / 25, (320, 180)) for i in range(150))
    clip = write_clip(tmp_path / "clip.mkv", views, codec=codec, fps=25, options={"g": "50"})
    found, count = look(clip), decoded(monkeypatch, clip)
    monkeypatch.setattr(core.reader.Reader, "_spare", lambda self, packets: packets)
    whole = look(clip)
    assert len(whole) == 24
    assert [frame.t_s for frame in found] == [frame.t_s for frame in whole]
    assert all(np.array_equal(a.rgb, b.rgb) for a, b in zip(found, whole, strict=True))
    if codec in ("libx264", "libx265"):  # the decoders of the others leave nothing out
        assert count < 0.8 * decoded(monkeypatch, clip)


def test_where_no_picture_needs_another_those_that_nobody_wants_are_not_decoded(tmp_path, monkeypatch):
    views = [camera_view(portrait(), i / 25, (160, 90)) for i in range(250)]
    clip = write_clip(tmp_path / "clip.mov", views, codec="mjpeg", pix_fmt="yuvj420p", fps=25)
    found, count = look(clip), decoded(monkeypatch, clip)
    monkeypatch.setattr(core.reader.Reader, "_spare", lambda self, packets: packets)
    whole = look(clip)
    assert [(frame.t_s, frame.until_s, frame.rgb.tobytes()) for frame in found] == [
        (frame.t_s, frame.until_s, frame.rgb.tobytes()) for frame in whole
    ]
    assert count < 1.5 * len(found)


def test_what_cannot_be_read_is_left_out_where_it_is_though_packets_are_read_ahead(tmp_path, monkeypatch):
    clip = grey_clip(tmp_path / "clip.mp4", 300, options={"bf": "0", "g": "30", "sc_threshold": "0"})
    real = core.reader.read_packets

    def unreadable_at_100(video, damage=lambda: None):
        for number, packet in enumerate(real(video)):
            if number == 100:
                damage()
            else:
                yield packet

    whole = [frame.t_s for frame in look(clip, "thorough")]
    monkeypatch.setattr(core.reader, "read_packets", unreadable_at_100)
    warnings = []
    found = [frame.t_s for frame in look(clip, "thorough", warnings)]
    assert [t for t in found if t < 3.2 or t >= 4] == [t for t in whole if t < 3.2 or t >= 4]
    assert not [t for t in found if 3.31 < t < 4]
    assert [warning.code for warning in warnings] == ["damaged_stretch"]


def test_a_picture_shown_for_long_is_not_left_out(tmp_path):
    times = [0.0, *(5 + i / 30 for i in range(120)), 20.0, 20.1]
    clip = grey_clip(tmp_path / "held.mkv", len(times), times=times, options={"bf": "3"})
    found = look(clip, "thorough")
    assert {0.0, 8.967, 20.0} <= {frame.t_s for frame in found} and len(found) > 30
    for frame in found:
        shown = sum(t <= frame.t_s + 0.0005 for t in times) - 1
        assert times[shown] == pytest.approx(frame.t_s, abs=0.0006)
        assert grey_number(frame.rgb, near=shown) == shown


PEAK = """
import resource, sys
from core.plan import PLANS
from core.video import frames
count = sum(1 for _ in frames(sys.argv[1], PLANS["thorough"], []))
print(count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_reading_needs_no_more_memory_for_a_longer_video(tmp_path):
    peaks = []
    for count in (60, 900):
        clip = grey_clip(tmp_path / f"{count}.mp4", count, (640, 360))
        out = subprocess.run([sys.executable, "-c", PEAK, clip], check=True, capture_output=True, text=True).stdout
        looked_at, peak_kb = map(int, out.split())
        assert looked_at >= count * 8 // 30
        peaks.append(peak_kb)
    # 224 more frames of 0.7 MB would be 155 MB
    assert peaks[1] < peaks[0] + 20_000


def test_closing_early_lets_go_of_the_file(ten_seconds):
    def files_open():
        return sum(os.path.realpath(f"/proc/self/fd/{fd}") == str(ten_seconds) for fd in os.listdir("/proc/self/fd"))

    found = frames(ten_seconds, PLANS["default"], [])
    next(found)
    assert files_open() == 1
    found.close()
    assert files_open() == 0


def test_the_same_file_gives_the_same_pixels_twice(ten_seconds):
    one, other = look(ten_seconds), look(ten_seconds)
    assert all(np.array_equal(a.rgb, b.rgb) and a.t_s == b.t_s for a, b in zip(one, other, strict=True))


def test_probe_says_what_the_file_is(tmp_path):
    media = probe(grey_clip(tmp_path / "clip.mp4", 50, (96, 64), fps=25, with_audio=True))
    assert (media.width, media.height, media.fps, media.duration_s) == (96, 64, 25, 2)
    assert (media.codec, media.container, media.has_audio, media.is_still) == ("h264", "mp4/mov", True, False)
    silent = probe(grey_clip(tmp_path / "silent.mkv", 60, fps=Fraction(30000, 1001)))
    assert (silent.fps, silent.container, silent.has_audio) == (29.97, "mkv/webm", False)
