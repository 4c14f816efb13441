"""Files whose index lies: about where decoding can start, and about how much there is."""

import struct
import zlib

import av
import numpy as np
import pytest

import core.reader
from core import container
from core.container import open_video
from core.errors import CheckError
from core.keyframes import keyframe_before
from core.timeline import LOOPED, read_timeline
from core.video import FRUITLESS
from tests.media import grey_clip, portrait_clip
from tests.reading import code_of, look


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


def box(kind, *numbers, content=b""):
    data = struct.pack(f">{len(numbers)}I", *numbers) + content
    return struct.pack(">I", 8 + len(data)) + kind + data


def grown(data, by, *kinds):
    """The file with the sizes of these boxes raised, the first of each kind."""
    data = bytearray(data)
    for kind in kinds:
        at = data.index(kind) - 4
        struct.pack_into(">I", data, at, int.from_bytes(data[at : at + 4], "big") + by)
    return bytes(data)


def of_same_bytes(path, chunks, samples=1000):
    """A video whose index names the same thousand bytes again and again, `samples` to a chunk."""

    data = grey_clip(path, 1, muxer={"movflags": "faststart", "use_editlist": "0"}).read_bytes()
    start = data.index(b"stbl") - 4
    end = start + int.from_bytes(data[start : start + 4], "big")
    entry = data.index(b"stsd") - 4
    entries = data[entry : entry + int.from_bytes(data[entry : entry + 4], "big")]
    media = data.index(b"mdat") - 4
    tables = [
        box(b"stts", 0, 1, chunks * samples, 512),
        box(b"stsc", 0, 1, 1, samples, 1),
        box(b"stsz", 0, 1, chunks * samples),
    ]
    more = 8 + len(entries) + sum(map(len, tables)) + 16 + 4 * chunks - (end - start)
    places = box(b"stco", 0, chunks, *[media + more + 8] * chunks)
    head = data[:start] + box(b"stbl", content=b"".join([entries, *tables, places])) + data[end:media]
    head = grown(head, more, b"moov", b"trak", b"mdia", b"minf")
    path.write_bytes(head + box(b"mdat", content=bytes(min(samples, 1000))))
    return path


def test_a_small_file_whose_index_names_the_same_bytes_without_end_is_given_up(tmp_path):
    path = of_same_bytes(tmp_path / "a.mp4", 2 * LOOPED // 1000)
    assert path.stat().st_size < 5000
    with open_video(path) as video, pytest.raises(CheckError, match="damaged"):
        read_timeline(video)


def test_a_file_that_shows_nothing_is_given_up_after_some_thousand_packets(tmp_path, monkeypatch):
    tried, real = [], core.reader.pictures_of
    monkeypatch.setattr(core.reader, "pictures_of", lambda *given: tried.append(True) or real(*given))
    assert code_of(of_same_bytes(tmp_path / "a.mp4", 3 * FRUITLESS // 1000)) == "damaged"
    assert len(tried) <= 2 * FRUITLESS  # by both ways in


def test_an_index_of_more_pictures_than_two_days_have_is_refused(tmp_path, monkeypatch):
    path = grey_clip(tmp_path / "a.mp4", 60)
    monkeypatch.setattr(container, "MAX_ENTRIES", 59)
    assert code_of(path) == "too_long"
    monkeypatch.setattr(container, "MAX_ENTRIES", 60)
    assert len(look(path)[0]) == 8


MANY = 50_000_000


def a_long_track(path):
    return of_same_bytes(path, 1, MANY).read_bytes()


def a_long_fragment(path):
    data = grey_clip(path, 30, muxer={"movflags": "frag_keyframe+empty_moov"}).read_bytes()
    at = data.index(b"trun") + 4
    return data[:at] + struct.pack(">II", 0, MANY) + data[at + 8 :]


def edited_again_and_again(path):
    data = of_same_bytes(path, 1, MANY // 500).read_bytes()
    edits = box(b"edts", content=box(b"elst", 0, 500, content=struct.pack(">IiI", 1000, 0, 65536) * 500))
    at = data.index(b"mdia") - 4
    return grown(data[:at] + edits + data[at:], len(edits), b"moov", b"trak")


def packed(data):
    """The file with its index compressed, as QuickTime once did."""
    at = data.index(b"moov") - 4
    end = at + int.from_bytes(data[at : at + 4], "big")
    index = box(b"cmvd", end - at, content=zlib.compress(data[at:end]))
    index = box(b"moov", content=box(b"cmov", content=box(b"dcom", content=b"zlib") + index))
    return data[:at] + index + data[end:]


def a_long_track_in_a_packed_index(path):
    return packed(a_long_track(path))


@pytest.mark.parametrize(
    "made", [a_long_track, a_long_fragment, edited_again_and_again, a_long_track_in_a_packed_index]
)
def test_a_few_bytes_that_claim_samples_without_end_are_told_before_memory_is_taken_for_them(
    tmp_path, monkeypatch, made
):
    path = tmp_path / "a.mp4"
    path.write_bytes(made(path))
    assert path.stat().st_size < 20_000
    monkeypatch.setattr(container, "_container", lambda *_: pytest.fail("it was opened"))
    assert code_of(path) == "too_long"


def test_a_packed_index_is_read(tmp_path):
    whole = grey_clip(tmp_path / "a.mov", 60)
    path = tmp_path / "b.mov"
    path.write_bytes(packed(whole.read_bytes()))
    assert [frame.t_s for frame in look(path)[0]] == [frame.t_s for frame in look(whole)[0]]


def test_minutes_of_plain_sound_are_no_such_claim(tmp_path, monkeypatch):
    """Each of its ticks is a sample, of which there are millions."""
    path = tmp_path / "a.mov"
    with av.open(str(path), "w") as out:
        video, sound = out.add_stream("mpeg4", rate=25), out.add_stream("pcm_s16le", rate=16_000, layout="mono")
        video.width, video.height = 64, 48
        for i in range(30):
            out.mux(video.encode(av.VideoFrame.from_ndarray(np.full((48, 64, 3), 8 * i, np.uint8))))
        for _ in range(30):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 640), np.int16), layout="mono")
            frame.rate = 16_000
            out.mux(sound.encode(frame))
        out.mux([*video.encode(None), *sound.encode(None)])
    monkeypatch.setattr(container, "MAX_ENTRIES", 60)
    assert len(look(path)[0]) == 5


def test_words_that_look_like_an_index_are_no_such_claim(tmp_path):
    whole = grey_clip(tmp_path / "a.mp4", 60)
    note = box(
        b"udta", content=box(b"note", content=b"This was truncated at Elstree: stsz, elst and trun are only words.")
    )
    path = tmp_path / "b.mp4"
    path.write_bytes(whole.read_bytes() + note)
    assert len(look(path)[0]) == len(look(whole)[0])
