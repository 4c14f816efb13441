"""Files whose index lies: about where decoding can start, and about how much there is."""

import struct

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


def of_same_bytes(path, chunks, samples=1000):
    """A video whose index names the same thousand bytes again and again, `samples` to a chunk."""

    def box(kind, *numbers, content=b""):
        data = struct.pack(f">{len(numbers)}I", *numbers) + content
        return struct.pack(">I", 8 + len(data)) + kind + data

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
    grown = 8 + len(entries) + sum(map(len, tables)) + 16 + 4 * chunks - (end - start)
    places = box(b"stco", 0, chunks, *[media + grown + 8] * chunks)
    head = bytearray(data[:start] + box(b"stbl", content=b"".join([entries, *tables, places])) + data[end:media])
    for kind in (b"moov", b"trak", b"mdia", b"minf"):
        at = head.index(kind) - 4
        struct.pack_into(">I", head, at, int.from_bytes(head[at : at + 4], "big") + grown)
    path.write_bytes(head + box(b"mdat", content=bytes(samples)))
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


def test_an_index_of_more_pictures_than_a_week_has_is_refused(tmp_path, monkeypatch):
    path = grey_clip(tmp_path / "a.mp4", 60)
    monkeypatch.setattr(container, "MAX_ENTRIES", 59)
    assert code_of(path) == "too_long"
    monkeypatch.setattr(container, "MAX_ENTRIES", 60)
    assert len(look(path)[0]) == 8
