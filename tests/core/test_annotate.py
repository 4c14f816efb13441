"""The annotated copy: plays where the original did, sounds the same, and marks the right faces."""

from dataclasses import replace

import av
import numpy as np
import pytest
from av.video.reformatter import Colorspace
from PIL import Image

from core import video
from core.annotate import annotated_picture, annotated_video
from core.errors import CheckError
from core.example import portrait
from core.follow import Faces, find_faces, names
from tests.media import cuts_clip, faces_clip, grey_clip, greys, paint_faces, portrait_clip, write_clip
from tests.samples import a_face, an_analysis, analysis_of


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return portrait_clip(tmp_path_factory.mktemp("annotate") / "portrait.mp4", with_audio=True)


@pytest.fixture(scope="module")
def copy(clip):
    out = clip.with_name("annotated.mp4")
    annotated_video(clip, analysis_of(clip), out)
    return out


def test_the_copy_is_h264_that_browsers_play_and_starts_before_it_is_loaded(copy):
    with av.open(str(copy)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
    content = copy.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_the_copy_shows_every_frame_at_its_time(clip, copy):
    with av.open(str(clip)) as before, av.open(str(copy)) as after:
        times = [[frame.time for frame in container.decode(video=0)] for container in (before, after)]
    assert len(times[0]) == len(times[1]) == 50
    np.testing.assert_allclose(times[1], times[0], atol=0.001)


def test_frames_of_a_variable_rate_keep_their_times(tmp_path):
    times = [0, 0.02, 0.3, 0.35, 0.9, 1.5]
    source = write_clip(tmp_path / "vfr.mp4", (paint_faces([], (320, 240)) for _ in times), times=times)
    annotated_video(source, an_analysis(path=source), tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        np.testing.assert_allclose([frame.time for frame in container.decode(video=0)], times, atol=0.001)


def test_the_copy_lasts_as_long_as_the_original_where_the_last_picture_is_held(tmp_path):
    pictures = [Image.fromarray(paint_faces([], (64, 48))) for _ in range(3)]
    pictures[1].putpixel((0, 0), 0)  # Pillow makes one of equal pictures
    pictures[0].save(tmp_path / "a.gif", save_all=True, append_images=pictures[1:], duration=[100, 100, 8000])
    times = [0, 0.1, 0.5, 3, 10]
    slides = write_clip(tmp_path / "slides.mp4", (paint_faces([], (64, 48)) for _ in times), times=times)
    for source in (tmp_path / "a.gif", slides):
        with av.open(str(copy_of(source))) as container:
            lasts = float(container.streams.video[0].duration * container.streams.video[0].time_base)
            assert lasts == pytest.approx(video.probe(source).duration_s, abs=0.02)
            assert lasts > 8


@pytest.mark.slow
@pytest.mark.parametrize("mark, kept", [("bt709", 1), ("smpte170m", 1), ("unknown", 2)])
def test_the_copy_has_the_colours_of_the_original_whatever_players_guess(mark, kept, tmp_path):
    red = np.full((720, 1280, 3), (200, 80, 60), np.uint8)
    source = write_clip(tmp_path / "red.mp4", [red] * 3, options={"colorspace": mark})
    shown = []
    for path in (source, copy_of(source)):
        with av.open(str(path)) as container:
            frame = next(container.decode(video=0))
            guess = Colorspace.ITU709 if frame.colorspace == 2 else None  # as players do at that size
            shown.append(frame.reformat(format="rgb24", src_colorspace=guess).to_ndarray()[10, 300].astype(int))
    assert frame.colorspace == kept
    assert np.abs(shown[0] - shown[1]).max() <= 4


@pytest.mark.slow
def test_the_copy_of_a_video_in_rgb_says_how_its_colours_are_coded(tmp_path):
    red = np.full((720, 1280, 3), (200, 80, 60), np.uint8)
    source = write_clip(tmp_path / "red.mkv", [red] * 3, codec="ffv1", pix_fmt="bgr0")
    with av.open(str(copy_of(source))) as container:
        frame = next(container.decode(video=0))
    assert frame.colorspace == Colorspace.ITU709
    assert np.abs(frame.to_ndarray(format="rgb24")[10, 300].astype(int) - red[0, 0]).max() <= 4


def test_the_sound_is_copied_packet_by_packet(clip, copy):
    assert sound_packets(copy) == sound_packets(clip)


@pytest.mark.slow
def test_sound_that_mp4_cannot_hold_becomes_aac_of_the_same_length(clip, tmp_path):
    out = copy_of(with_tone(clip, tmp_path / "pcm.mov"))
    assert sound_kind(out) == ("aac", 16_000)
    assert loud_from_to(out) == pytest.approx((0, 2), abs=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("given, kept", [(192_000, 96_000), (11_127, 11_025), (6_000, 7_350)])
def test_sound_at_a_rate_that_aac_lacks_gets_the_nearest_that_it_has(given, kept, clip, tmp_path):
    out = copy_of(with_tone(clip, tmp_path / "pcm.mov", rate=given))
    assert sound_kind(out) == ("aac", kept)
    assert loud_from_to(out) == pytest.approx((0, 2), abs=0.02)


@pytest.mark.slow
def test_sound_that_begins_late_or_stops_for_a_while_stays_in_step_with_the_picture(clip, tmp_path):
    late = with_tone(clip, tmp_path / "late.mkv", tones=[("mono", 0.975, 1.5)])
    halting = with_tone(clip, tmp_path / "halting.mkv", tones=[("mono", 0, 0.5), ("mono", 1.2, 2)])
    assert loud_from_to(copy_of(late)) == pytest.approx((0.975, 1.5), abs=0.02)
    assert loud_from_to(copy_of(halting)) == pytest.approx((0, 2), abs=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("codec", ["aac", "mp2"])
def test_recordings_put_one_after_another_keep_their_sound(codec, clip, tmp_path):
    part = with_tone(clip, tmp_path / "part.ts", codec, 48_000, tones=[("mono", 0.1, 1.9)])
    (tmp_path / "both.ts").write_bytes(2 * part.read_bytes())
    assert loud_from_to(copy_of(tmp_path / "both.ts")) == pytest.approx((0.1, 3.7), abs=0.1)


@pytest.mark.slow
def test_sound_that_goes_from_stereo_to_mono_is_kept_whole(clip, tmp_path):
    source = with_tone(clip, tmp_path / "change.ts", "ac3", 48_000, tones=[("stereo", 0, 1), ("mono", 1, 2)])
    assert loud_from_to(copy_of(source)) == pytest.approx((0, 2), abs=0.05)


@pytest.mark.slow
def test_mp3_is_copied_packet_by_packet_unless_mp4_has_none_of_its_rate(clip, tmp_path):
    usual, low = (with_tone(clip, tmp_path / f"{rate}.mkv", "libmp3lame", rate) for rate in (44_100, 8_000))
    assert sound_packets(copy_of(usual)) == sound_packets(usual)
    assert sound_kind(copy_of(low)) == ("aac", 8_000)


@pytest.mark.slow
def test_a_copy_is_made_without_sound_that_cannot_be_encoded(clip, tmp_path):
    out = copy_of(with_tone(clip, tmp_path / "many.mov", tones=[("20 channels", 0, 2)]))
    with av.open(str(out)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 50


def test_the_copy_says_in_its_metadata_that_it_is_no_original(copy):
    with av.open(str(copy)) as container:
        assert "Unmask analysis" in container.metadata["comment"]


def test_the_picture_stays_whole_above_the_strip(clip, copy):
    with av.open(str(clip)) as before, av.open(str(copy)) as after:
        original, shown = (next(container.decode(video=0)).to_ndarray(format="rgb24") for container in (before, after))
    assert shown.shape[1] == original.shape[1] and shown.shape[0] > original.shape[0] + 30
    corner = (slice(300, 360), slice(0, 60))  # no box and no label there
    assert np.abs(shown[corner].astype(int) - original[corner]).mean() < 6


def test_a_rotated_video_is_shown_upright(tmp_path):
    lying = portrait_clip(tmp_path / "lying.mp4", 0.4, rotation=90)
    annotated_video(lying, an_analysis(path=lying), tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        frame = next(container.decode(video=0))
        assert frame.width < frame.height and frame.rotation == 0


@pytest.mark.parametrize("size", [(176, 144), (98, 402), (2560, 100)], ids=str)
def test_odd_sizes_give_a_copy_with_room_for_the_labels(size, tmp_path):
    source = write_clip(tmp_path / "odd.mp4", (paint_faces([], size) for _ in range(3)))
    annotated_video(source, an_analysis(a_face(), path=source), tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        frame = next(container.decode(video=0))
        assert 320 <= frame.width <= 1920 and frame.height >= 100


@pytest.mark.slow
def test_a_damaged_stretch_does_not_stop_the_copy(clip, tmp_path):
    content = bytearray(clip.read_bytes())
    middle = content.index(b"mdat") + len(content) // 2
    content[middle : middle + 400] = bytes(400)
    (tmp_path / "scratched.mp4").write_bytes(content)
    annotated_video(tmp_path / "scratched.mp4", analysis_of(clip), tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) > 25


def test_the_pictures_of_a_broadcast_are_copied_up_to_where_their_place_is_taken_by_sound(tmp_path):
    pictures = grey_clip(tmp_path / "pictures.ts").read_bytes()
    source = tmp_path / "spliced.ts"
    source.write_bytes(pictures + write_clip(tmp_path / "next.ts", greys(30, (64, 48)), with_audio=True).read_bytes())
    annotated_video(source, an_analysis(path=source), tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) > 50


def test_a_cancelled_copy_leaves_nothing_behind(clip, tmp_path):
    with pytest.raises(CheckError) as caught:
        annotated_video(clip, analysis_of(clip), tmp_path / "out.mp4", cancel=lambda: True)
    assert caught.value.code == "cancelled"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_progress_rises_to_the_length_of_the_video(clip, tmp_path):
    seen = []
    annotated_video(
        clip, analysis_of(clip), tmp_path / "out.mp4", lambda done, total, stage: seen.append((done, total))
    )
    assert seen == sorted(seen) and seen[-1][0] >= seen[-1][1] - 1 == 39


def test_a_still_becomes_a_picture(tmp_path):
    Image.fromarray(paint_faces([(160, 120, 120)], (320, 240))).save(tmp_path / "still.png")
    annotated_picture(tmp_path / "still.png", an_analysis(path=tmp_path / "still.png"), tmp_path / "out.png")
    assert Image.open(tmp_path / "out.png").width == 640


@pytest.mark.slow
def test_a_face_has_its_verdict_also_where_it_was_not_judged(tmp_path):
    # longer than the windows of a check
    clip = faces_clip(tmp_path / "walk.mp4", lambda t: [(150 + 25 * t, 180, 150)], seconds=10, fps=6)
    first = analysis_of(clip)
    face = replace(first.faces[0], timeline=first.faces[0].timeline[8:10])
    faces = find_faces(clip, replace(first, faces=(face,)))
    assert all([sight.face for sight in faces.at(t)] == [face] for t in np.arange(0.1, 10, 0.1))


@pytest.mark.slow
def test_a_cut_to_another_place_ends_the_verdict(tmp_path):
    clip = cuts_clip(tmp_path / "cut.mp4", shots=2)
    first = analysis_of(clip)
    face = replace(first.faces[0], timeline=tuple(m for m in first.faces[0].timeline if m.t_s < 0.8))
    faces = find_faces(clip, replace(first, faces=(face,)))
    assert [sight.face for sight in faces.at(0.5)] == [face]
    assert [sight.face for sight in faces.at(1.5)] == [None]


def test_two_faces_keep_their_own_verdicts():
    left, right = (0, 0, 100, 100), (200, 0, 300, 100)
    one, two = a_face(1, boxes=(left,)), a_face(2, boxes=(right,))
    looks = [(i / 8, {7: right, 9: left}) for i in range(4)]
    sights = Faces(looks, an_analysis(one, two)).at(0.2)
    assert {sight.box: sight.face.id for sight in sights} == {left: 1, right: 2}


@pytest.mark.parametrize(("t_s", "place", "track"), [(0.0, 0, 1), (0.1, 0, 2), (0.125, 200, 1), (0.15, 0, 2)])
def test_a_face_is_named_by_the_look_nearest_to_when_it_was_judged(t_s, place, track):
    left, right = (0, 0, 100, 100), (200, 0, 300, 100)
    face = a_face(1, (0.9,), boxes=((place, 0, place + 100, 100),), times=(t_s,))
    swapped = [(0.0, {1: left, 2: right}), (0.125, {1: right, 2: left}), (0.25, {1: left, 2: right})]
    assert list(names(swapped, an_analysis(face))) == [track]


def test_a_face_beside_the_judged_one_or_long_before_or_after_it_has_no_name():
    face = a_face(1, (0.9,), boxes=((0, 0, 100, 100),), times=(0.0,))
    assert names([(0.0, {1: (60, 0, 160, 100)})], an_analysis(face)) == {}
    assert names([(0.2, {1: (0, 0, 100, 100)})], an_analysis(face)) == {}
    late = replace(face, timeline=(replace(face.timeline[0], t_s=0.2),))
    assert names([(0.0, {1: (0, 0, 100, 100)})], an_analysis(late)) == {}
    assert names([], an_analysis(face)) == {}


def test_a_face_that_the_analysis_parted_in_two_has_each_name_at_its_time():
    box = (0, 0, 100, 100)
    one, two = (
        a_face(1, boxes=(box,)),
        a_face(2, boxes=(box,), times=tuple(1 + i / 8 for i in range(8)), probabilities=(0.5,) * 8),
    )
    faces = Faces([(i / 8, {7: box}) for i in range(20)], an_analysis(one, two))
    assert [faces.at(t)[0].face.id for t in (0.05, 0.3, 0.95, 1.2, 2.3)] == [1, 1, 2, 2, 2]


def test_a_box_glides_between_two_looks():
    faces = Faces([(0.0, {1: (0, 0, 10, 10)}), (0.1, {1: (10, 0, 20, 10)})], an_analysis())
    assert faces.at(0.05)[0].box == pytest.approx((5, 0, 15, 10))


def test_a_box_goes_half_way_to_the_look_that_no_longer_has_it():
    faces = Faces([(0.0, {1: (0, 0, 10, 10)}), (0.1, {})], an_analysis())
    assert [len(faces.at(t)) for t in (0.04, 0.06, 0.1)] == [1, 0, 0]


def test_boxes_are_in_pixels_of_the_original(tmp_path):
    path = tmp_path / "large.jpg"
    Image.fromarray(portrait()).resize((2400, 2400)).save(path)
    (face,) = analysis_of(path).faces
    (sight,) = find_faces(path, an_analysis(path=path)).at(0.0)
    assert sight.box == pytest.approx(face.timeline[0].box) and sight.box[2] > 0.5 * 2400


def test_around_a_cut_nobody_bears_the_name_of_who_is_seen_on_its_other_side():
    faces = Faces([(0.0, {1: (0, 0, 10, 10)}), (0.1, {2: (5, 0, 15, 10)})], an_analysis())
    assert [[sight.box[0] for sight in faces.at(t)] for t in (0.0, 0.04, 0.06, 0.1)] == [[0], [], [], [5]]


def test_before_the_first_look_nobody_is_seen():
    later = {1: (0, 0, 10, 10)}
    assert Faces([(0.5, later), (0.6, later)], an_analysis()).at(0.4) == Faces([], an_analysis()).at(0.0) == []


def test_boxes_do_not_stay_where_no_more_could_be_looked_at():
    faces = Faces([(0.0, {1: (0, 0, 10, 10)})], an_analysis())
    assert [len(faces.at(t)) for t in (0.1, 0.5)] == [1, 0]


def sound_packets(path):
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def with_tone(clip, path, codec="pcm_s16le", rate=16_000, tones=(("mono", 0, 2),)):
    """The clip with other sound. tones: layout, first and last second of each."""
    with av.open(str(clip)) as given, av.open(str(path), "w") as out:
        picture = out.add_stream_from_template(given.streams.video[0])
        sound = out.add_stream(codec, rate=rate, layout=tones[0][0])
        for packet in given.demux(given.streams.video[0]):
            if packet.dts is not None:
                packet.stream = picture
                out.mux(packet)
        for layout, start_s, end_s in tones:
            encoder = av.CodecContext.create(codec, "w")
            encoder.sample_rate, encoder.layout, encoder.format = rate, layout, sound.codec_context.format
            wave = (10_000 * np.sin(np.arange(round((end_s - start_s) * rate)) / 3)).astype(np.int16)
            waves = np.repeat(wave, encoder.layout.nb_channels)[None]
            frame = av.AudioFrame.from_ndarray(waves, format="s16", layout=layout)
            frame.sample_rate, frame.pts = rate, round(start_s * rate)
            for packet in (*encoder.encode(frame), *encoder.encode()):
                packet.stream = sound
                out.mux(packet)
    return path


def copy_of(source):
    out = source.with_name(f"copy of {source.name}.mp4")
    annotated_video(source, an_analysis(path=source), out)
    return out


def sound_kind(path):
    with av.open(str(path)) as container:
        codec = container.streams.audio[0].codec_context
        return codec.codec.canonical_name, codec.sample_rate


def loud_from_to(path):
    """The first and the last second in which the tone is heard."""
    with av.open(str(path)) as container:
        heard = [
            frame.time + np.flatnonzero(np.abs(frame.to_ndarray()[0]) > 0.1) / frame.sample_rate
            for frame in container.decode(audio=0)
        ]
    return tuple(np.concatenate(heard)[[0, -1]])
