"""Files that are cut off or damaged: what can be read of them is, and the answer says that it was not all."""

import av
import numpy as np
import pytest

from core.errors import CheckError
from core.example import camera_view, portrait
from core.video import probe
from tests.media import grey_clip, grey_number, portrait_clip, scratched, spoiled, truncated, write_clip, write_silence
from tests.reading import code_of, look


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("a.mp4", {"options": {"g": "10"}}),
        ("a.mkv", {"options": {"g": "10"}}),
        ("a.ts", {"options": {"g": "10"}}),
        ("a.flv", {"options": {"g": "10"}}),
        ("a.webm", {"codec": "libvpx-vp9"}),
        ("a.avi", {"codec": "mpeg4"}),
        ("a.gif", {"codec": "gif", "pix_fmt": "rgb8"}),
        ("a.wmv", {"codec": "wmv2"}),
        ("a.jpg", {"codec": "mjpeg", "pix_fmt": "yuvj420p", "container": "image2"}),
        ("a.png", {"codec": "png", "pix_fmt": "rgb24", "container": "image2"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_cut_off_anywhere_is_read_as_far_as_it_goes_or_reported(tmp_path, name, encoding):
    still = name.endswith(("jpg", "png"))
    whole = grey_clip(tmp_path / name, 1 if still else 40, **encoding)
    length = whole.stat().st_size
    sizes = sorted({*range(0, 40), *np.linspace(40, length - 1, 60).astype(int).tolist()})
    outcomes = []
    for size in sizes:
        try:
            found, _ = look(truncated(whole, tmp_path / f"cut-{name}", size), "first100")
            assert found
            outcomes.append(len(found))
        except CheckError as error:
            assert error.code in ("damaged", "not_a_video", "no_video_stream", "unsupported_codec")
            outcomes.append(error.code)
    assert "damaged" in outcomes
    if not still and name != "a.mp4":  # there the index stands at the end
        assert 20 <= outcomes[-10] <= 40


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a.mkv", "a.webm", "a.avi"])
def test_a_file_that_lost_its_last_tenth_says_so(tmp_path, name):
    whole = grey_clip(tmp_path / name, 100, codec="libvpx-vp9" if name == "a.webm" else "mpeg4")
    assert "shorter_than_declared" not in look(whole)[1]
    _, warnings = look(truncated(whole, tmp_path / f"cut-{name}", int(0.9 * whole.stat().st_size)))
    assert "shorter_than_declared" in warnings


def test_a_broadcast_that_was_cut_out_amid_a_packet_is_read(tmp_path):
    whole = grey_clip(tmp_path / "a.ts", 60)
    (tmp_path / "cut.ts").write_bytes(whole.read_bytes()[100:])
    assert len(look(tmp_path / "cut.ts")[0]) == 8
    (tmp_path / "letters.txt").write_text("G" * 187 + " and so on" * 1000)
    assert code_of(tmp_path / "letters.txt") == "not_a_video"


def test_a_recording_whose_times_go_on_from_an_earlier_part_is_not_called_cut_short(tmp_path):
    part = grey_clip(tmp_path / "part.mkv", 100, codec="mpeg4", times=[100 + i / 30 for i in range(100)])
    assert "shorter_than_declared" not in look(part)[1]


@pytest.mark.parametrize(("name", "codec"), [("a.mkv", "libx264"), ("a.flv", "libx264"), ("a.wmv", "wmv2")])
def test_a_recording_whose_sound_goes_on_behind_the_last_picture_is_not_called_cut_short(tmp_path, name, codec):
    """As of a screen on which nothing moved any more; with the sound cut off as well it is."""
    pictures = grey_clip(tmp_path / f"silent-{name}", 100, codec=codec)
    with av.open(str(pictures)) as given, av.open(str(tmp_path / name), "w") as out:
        stream = out.add_stream_from_template(given.streams.video[0])
        sound = out.add_stream("aac", rate=16_000, layout="mono")
        for packet in given.demux(video=0):
            if packet.size:
                packet.stream = stream
                out.mux(packet)
        write_silence(out, sound, 12)
    assert look(tmp_path / name)[1] == set()
    cut = truncated(tmp_path / name, tmp_path / f"cut-{name}", int(0.7 * (tmp_path / name).stat().st_size))
    assert name == "a.wmv" or look(cut)[1] == {"shorter_than_declared"}


def test_a_recording_whose_writer_could_not_go_back_to_tell_its_size_is_not_called_cut_short(tmp_path):
    assert look(grey_clip(tmp_path / "a.mkv", 60, muxer={"live": "1"}))[1] == set()


@pytest.mark.slow
@pytest.mark.parametrize("part", [0.1, 0.5, 0.94])
def test_a_download_that_broke_off_is_read_as_far_as_it_goes_and_says_so(tmp_path, part):
    whole = grey_clip(tmp_path / "a.mp4", 600, options={"g": "30"}, muxer={"movflags": "faststart"})
    index = whole.read_bytes().index(b"mdat")
    size = int(index + part * (whole.stat().st_size - index))
    found, warnings = look(truncated(whole, tmp_path / "b.mp4", size))
    assert len(found) >= 4
    assert "shorter_than_declared" in warnings
    assert all(grey_number(f.rgb, near=f.index) == f.index for f in found)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "libx264"), ("a.mkv", "libx264"), ("a.ts", "libx264")])
def test_a_damaged_stretch_is_left_out_and_named(tmp_path, name, codec):
    whole = portrait_clip(tmp_path / name, 4, (320, 180), codec=codec, options={"g": "25"})
    clean = {frame.t_s: frame.rgb for frame in look(whole, "thorough")[0]}
    found, warnings = look(scratched(whole, tmp_path / f"bad-{name}", 0.5, 0.51), "thorough")
    assert "damaged_stretch" in warnings
    assert len(clean) - 10 <= len(found) < len(clean)
    assert found[-1].t_s > 3.8
    # the smeared pictures that a decoder makes up would pass for a manipulation
    assert all(np.array_equal(frame.rgb, clean[frame.t_s]) for frame in found if frame.t_s in clean)


def without_recovery_points(source, path):
    """The same packets without what tells a decoder that it can start at a picture which begins no new sequence."""
    with av.open(str(source)) as given, av.open(str(path), "w") as out:
        stream = out.add_stream_from_template(given.streams.video[0])
        for packet in given.demux(video=0):
            if packet.size:
                data, units = bytes(packet), []
                while data:
                    size = 4 + int.from_bytes(data[:4], "big")
                    units += [data[:size]] if data[4] & 31 != 6 else []  # supplemental information
                    data = data[size:]
                plain = av.Packet(b"".join(units))
                plain.pts, plain.dts, plain.time_base = packet.pts, packet.dts, packet.time_base
                plain.is_keyframe, plain.stream = packet.is_keyframe, stream
                out.mux(plain)
    return path


def test_behind_damage_reading_goes_on_at_a_key_frame_that_only_the_file_calls_one(tmp_path):
    encoding = {"g": "25", "bf": "2", "x264-params": "open-gop=1:keyint=25:scenecut=0"}
    whole = portrait_clip(tmp_path / "a.mp4", 4, (320, 180), options=encoding)
    clean = {frame.t_s: frame.rgb for frame in look(whole, "thorough")[0]}
    bad = without_recovery_points(spoiled(whole, tmp_path / "b.mp4", 30), tmp_path / "c.mp4")
    found, warnings = look(bad, "thorough")
    assert "damaged_stretch" in warnings
    assert len(clean) - 8 <= len(found) < len(clean)
    assert all(np.array_equal(frame.rgb, clean[frame.t_s]) for frame in found if frame.t_s in clean)


def test_behind_damage_a_cut_is_no_key_frame(tmp_path):
    """The first picture of a shot is whole in itself, but those behind it may be made from ones before it."""
    there, back = portrait(), np.ascontiguousarray(portrait()[::-1])
    views = (camera_view(there if i // 6 % 2 else back, i / 25, (320, 180)) for i in range(100))
    encoding = {"g": "250", "bf": "2", "x264-params": "keyint=250:min-keyint=250:scenecut=60:ref=8"}
    whole = write_clip(tmp_path / "a.mp4", views, fps=25, options=encoding)
    clean = {frame.t_s: frame.rgb for frame in look(whole, "thorough")[0]}
    found, warnings = look(spoiled(whole, tmp_path / "b.mp4", 30), "thorough")
    assert "damaged_stretch" in warnings
    assert all(np.array_equal(frame.rgb, clean[frame.t_s]) for frame in found if frame.t_s in clean)


def test_frames_behind_a_damaged_stretch_are_numbered_by_their_time(tmp_path):
    whole = portrait_clip(tmp_path / "a.mkv", 4, (320, 180), options={"g": "25"})
    found, warnings = look(scratched(whole, tmp_path / "b.mkv", 0.3, 0.31), "first100")
    assert "damaged_stretch" in warnings
    assert len(found) < found[-1].index == round(found[-1].t_s * probe(whole).fps)


def test_frames_placed_by_their_number_keep_their_places_behind_a_damaged_stretch(tmp_path):
    encoding = {"g": "50", "bf": "2", "sc_threshold": "1000000"}
    whole = grey_clip(tmp_path / "a.avi", 300, (160, 120), codec="mpeg4", options=encoding)
    found, warnings = look(spoiled(whole, tmp_path / "b.avi", 103), "thorough")
    assert "damaged_stretch" in warnings
    numbers = [round(frame.t_s * probe(whole).fps) for frame in found]
    assert [grey_number(frame.rgb, near=n) for frame, n in zip(found, numbers, strict=True)] == numbers
    assert numbers[-1] > 280


def test_what_lies_behind_damage_does_not_count_as_looked_at(tmp_path):
    whole = portrait_clip(tmp_path / "a.mp4", 4, (320, 180), options={"g": "1000", "bf": "0"})
    bad = scratched(whole, tmp_path / "b.mp4", 0.5, 0.51)
    found, warnings = look(bad, "thorough")
    assert "damaged_stretch" in warnings and 1 < found[-1].t_s < 3
    assert found[-1].until_s - found[-1].t_s < 2 / 25


def test_pictures_that_are_left_out_between_two_do_not_count_as_looked_at(tmp_path):
    encoding = {"g": "250", "bf": "8", "x264-params": "b-adapt=0:b-pyramid=none:scenecut=0"}
    sparse = grey_clip(tmp_path / "a.mp4", 120, times=[float(i) for i in range(120)], options=encoding)
    found, _ = look(sparse)
    assert max(frame.until_s - frame.t_s for frame in found) < 1.1


def test_reading_can_be_stopped_where_damage_leaves_no_picture_to_be_read(tmp_path):
    whole = portrait_clip(tmp_path / "a.mkv", 8, (320, 180), options={"g": "1000", "bf": "0"})
    asked = []

    def stopped() -> bool:
        asked.append(True)
        return len(asked) > 150  # of 200 packets; a quarter of the pictures can be read

    with pytest.raises(CheckError, match="cancelled"):
        look(spoiled(whole, tmp_path / "b.mkv", 50), "thorough", stopped=stopped)
