"""Files that lie, are too large or no video at all: a clear error or a warning, and nothing else lost."""

import http.server
import io
import os
import struct
import threading
import zlib
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from core import container
from core.bombs import PACKED_IN_FILM, SCANS
from core.errors import CheckError
from core.video import probe
from tests.media import audio_clip, grey_clip, grey_number, remux
from tests.reading import code_of, look


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return grey_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", 60)


def patched(source, path, *changes):
    """A copy with bytes replaced: each change is (marker, offset after the marker's start, new bytes)."""
    data = bytearray(source.read_bytes())
    for marker, offset, new in changes:
        at = data.rindex(marker) + offset
        data[at : at + len(new)] = new
    path.write_bytes(data)
    return path


# --- no video at all


def test_a_missing_file_is_reported_as_not_found(tmp_path):
    assert code_of(tmp_path / "none.mp4") == "file_not_found"


def test_a_file_that_may_not_be_read_is_reported_so(tmp_path):
    path = tmp_path / "secret.mp4"
    path.write_bytes(b"secret")
    path.chmod(0)
    was_root = os.geteuid() == 0
    if was_root:
        for folder in (tmp_path, *tmp_path.parents[:2]):
            folder.chmod(0o755)
        os.seteuid(65534)  # root may read anything
    try:
        assert code_of(path) == "not_readable"
    finally:
        if was_root:
            os.seteuid(0)


def test_a_folder_and_a_pipe_are_reported_as_not_a_video(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    assert code_of(tmp_path / "pipe.mp4") == "not_a_video"
    assert code_of(tmp_path) == "not_a_video"


def test_an_empty_file_is_reported_as_damaged(tmp_path):
    (tmp_path / "empty.mp4").touch()
    assert code_of(tmp_path / "empty.mp4") == "damaged"


@pytest.mark.parametrize(
    "content",
    [
        b"Dear Sir or Madam",
        b"<!DOCTYPE html><html></html>",
        b'{"a": 1}',
        b"%PDF-1.7",
        b"PK\x03\x04",
        b"\x7fELF",
        bytes(2000),
    ],
)
def test_a_file_of_another_kind_named_mp4_is_reported_as_not_a_video(tmp_path, content):
    (tmp_path / "a.mp4").write_bytes(content)
    assert code_of(tmp_path / "a.mp4") == "not_a_video"


@pytest.mark.parametrize("name", ["a.m4a", "a.mka", "a.aac", "a.mp4"])
def test_sound_alone_is_reported_as_having_no_video_stream(tmp_path, name):
    assert code_of(audio_clip(tmp_path / name)) == "no_video_stream"


@pytest.mark.parametrize("head", [b"ID3\x04", b"fLaC", b"RIFF\x00\x00\x00\x00WAVEfmt ", b"\xff\xfb\x90"])
def test_music_files_are_reported_as_having_no_video_stream(tmp_path, head):
    (tmp_path / "a.mp4").write_bytes(head + bytes(500))
    assert code_of(tmp_path / "a.mp4") == "no_video_stream"


def test_a_coding_nobody_knows_is_reported_as_unsupported(tmp_path, clip):
    assert code_of(patched(clip, tmp_path / "a.mp4", (b"avc1", 0, b"zzzz"))) == "unsupported_codec"


def test_an_animated_webp_is_reported_as_unsupported(tmp_path):
    (tmp_path / "a.webp").write_bytes(b"RIFF\x00\x01\x00\x00WEBPVP8X\x0a\x00\x00\x00\x02" + bytes(100))
    assert code_of(tmp_path / "a.webp") == "unsupported_codec"


def test_a_tiff_compressed_as_jpeg_is_reported_as_unsupported_and_not_judged_as_black(tmp_path):
    Image.new("RGB", (64, 48), "white").save(tmp_path / "a.tiff", compression="jpeg")
    assert code_of(tmp_path / "a.tiff") == "unsupported_codec"


def test_a_picture_whose_colours_no_one_converts_is_reported_as_unsupported_and_not_as_without_a_face(tmp_path):
    import cv2

    floats = np.ones((48, 64, 4), np.float32)  # with transparency; without it they are read
    cv2.imwrite(str(tmp_path / "a.tiff"), floats, [cv2.IMWRITE_TIFF_COMPRESSION, 1])
    with pytest.raises(CheckError) as caught:
        look(tmp_path / "a.tiff")
    assert caught.value.code == "unsupported_codec"


# --- playlists disguised as video


@pytest.fixture
def server():
    """A loopback server that remembers what it was asked for."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.asked.append(self.path)
            self.send_error(404)

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.asked = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{url}\n#EXT-X-ENDLIST\n"
DASH = (
    '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet>'
    '<Representation id="1" mimeType="video/mp4"><BaseURL>{url}</BaseURL></Representation></AdaptationSet></Period></MPD>'
)
PLAYLISTS = {
    "hls": HLS,
    "dash": DASH,
    "concat": "ffconcat version 1.0\nfile {url}\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\na=control:{url}\n",
    "asx": '<asx version="3.0"><entry><ref href="{url}"/></entry></asx>',
    "url": "{url}\n",
    "hls behind an AVI's first bytes": "RIFF\x10\x10\x10\x10AVI " + HLS,
    "hls behind a GIF's first bytes": "GIF89a" + HLS,
    "hls behind an Ogg's first bytes": "OggS" + HLS,
    "hls behind an MP4's first bytes": "\x00\x00\x00\x18ftypisom" + "\x00" * 12 + HLS,
}


@pytest.mark.parametrize("playlist", PLAYLISTS.values(), ids=PLAYLISTS)
@pytest.mark.parametrize("name", ["a.mp4", "a.m3u8"])
def test_a_playlist_disguised_as_video_causes_no_request(tmp_path, server, playlist, name):
    path = tmp_path / name
    path.write_text(playlist.format(url=f"http://127.0.0.1:{server.server_port}/a.ts"))
    assert code_of(path) in ("not_a_video", "damaged", "no_video_stream", "too_large")
    assert server.asked == []


def test_a_file_named_like_an_address_is_only_a_file(tmp_path, server, clip, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "http:" / f"127.0.0.1:{server.server_port}"
    folder.mkdir(parents=True)
    (folder / "a.mp4").write_bytes(clip.read_bytes())
    assert len(look(f"http://127.0.0.1:{server.server_port}/a.mp4")[0]) == 8
    assert server.asked == []


# --- names and places


@pytest.mark.parametrize(
    "name",
    [
        "with space.mp4",
        'it\'s "quoted".mp4',
        "видео 影片 🎬.mp4",
        "a%03d.mp4",
        "-i.mp4",
        "concat:a|b.mp4",
        "new\nline.mp4",
        "none",
    ],
)
def test_any_file_name_will_do(tmp_path, clip, name):
    (tmp_path / name).write_bytes(clip.read_bytes())
    assert len(look(tmp_path / name)[0]) == 8


def test_a_name_that_is_no_text_will_do(tmp_path, clip):
    name = os.fsdecode(bytes(tmp_path) + b"/\xff\xfe.mp4")
    with open(name, "wb") as file:
        file.write(clip.read_bytes())
    assert len(look(name)[0]) == 8


def test_words_in_the_file_that_are_no_text_will_do(tmp_path, clip):
    assert len(look(patched(clip, tmp_path / "a.mp4", (b"Lavf", 0, b"\xff\xfe")))[0]) == 8


def test_reading_writes_nothing_beside_the_video(tmp_path, clip):
    (tmp_path / "clip.mp4").write_bytes(clip.read_bytes())
    tmp_path.chmod(0o555)
    look(tmp_path / "clip.mp4")
    assert [entry.name for entry in tmp_path.iterdir()] == ["clip.mp4"]
    tmp_path.chmod(0o755)


# --- what is too large


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("a.mp4", {}),
        ("a.mkv", {}),
        ("a.ts", {}),
        ("a.webm", {"codec": "libvpx-vp9"}),
        ("a.gif", {"codec": "gif", "pix_fmt": "rgb8"}),
        ("a.apng", {"codec": "apng", "pix_fmt": "rgb24"}),
        ("a.jpg", {"codec": "mjpeg", "pix_fmt": "yuvj420p", "container": "image2"}),
        ("a.png", {"codec": "png", "pix_fmt": "rgb24", "container": "image2"}),
        ("a.bmp", {"codec": "bmp", "pix_fmt": "bgr24", "container": "image2"}),
        ("a.tiff", {"codec": "tiff", "pix_fmt": "rgb24", "container": "image2"}),
        ("a.webp", {"codec": "libwebp", "container": "webp"}),
        ("a.avif", {"codec": "libsvtav1", "container": "avif"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_pictures_beyond_the_limit_are_refused(tmp_path, monkeypatch, name, encoding):
    path = grey_clip(tmp_path / name, 1, **encoding)
    monkeypatch.setattr(container, "MAX_PIXELS", 64 * 48 - 1)
    assert code_of(path) == "too_large"
    monkeypatch.setattr(container, "MAX_PIXELS", 64 * 48)
    assert len(look(path)[0]) == 1


def png(width, height, rows, more=()):
    """more: further chunks after the picture."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), *more, (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def test_a_decompression_bomb_is_refused(tmp_path):
    side = 30_000
    (tmp_path / "bomb.png").write_bytes(png(side, side, bytes((side // 8 + 1) * side)))
    assert (tmp_path / "bomb.png").stat().st_size < 200_000
    assert code_of(tmp_path / "bomb.png") == "too_large"


@pytest.mark.slow
@pytest.mark.parametrize("kind", [b"zTXt", b"iCCP"])
def test_a_picture_that_hides_a_bomb_in_its_words_is_refused(tmp_path, kind):
    """FFmpeg unpacks and keeps all of it: a hundred such chunks are a few MB, and were many GB in memory."""
    words = zlib.compress(bytes(64 * 2**20), 9)
    for name, count in (("few.png", 1), ("many.png", 2**20 // len(words) + 1)):
        chunks = [(kind, b"name %d\0\0" % number + words) for number in range(count)]
        (tmp_path / name).write_bytes(png(8, 8, bytes(16), chunks))
    assert probe(tmp_path / "few.png").width == 8
    assert code_of(tmp_path / "many.png") == "too_large"


def test_a_film_of_pictures_that_hide_a_bomb_in_their_words_is_refused(tmp_path):
    words = zlib.compress(bytes(2**20))
    for name, count in (("few", 1), ("many", PACKED_IN_FILM // len(words) + 1)):
        chunks = [(b"zTXt", b"name %d\0\0" % number + words) for number in range(count)]
        (tmp_path / f"{name}.png").write_bytes(png(8, 8, bytes(16), chunks))
        remux(tmp_path / f"{name}.png", tmp_path / f"{name}.mov")
    assert probe(tmp_path / "few.mov").width == 8
    assert code_of(tmp_path / "many.mov") == "too_large"


def test_a_photograph_of_very_many_scans_is_refused(tmp_path):
    """Each may go over the whole picture, at the cost of a few bytes: half a megabyte took minutes."""
    photo, whole = Image.new("RGB", (64, 48), "red"), io.BytesIO()
    photo.save(whole, "JPEG", progressive=True)
    data = whole.getvalue()
    last = data.rindex(b"\xff\xda")
    hidden = b"\xff\xfe\xff\xff" + b"\xff\xda" * 32766 + b"\xff"  # in a comment
    for name, count in (("few.jpg", 100), ("many.jpg", SCANS)):
        scans = data[last:-2] * count
        (tmp_path / name).write_bytes(data[:2] + hidden + data[2:last] + scans + data[-2:] + b"\xff\xda" * 1000)
    assert look(tmp_path / "few.jpg")[0][0].rgb.shape == (48, 64, 3)
    assert code_of(tmp_path / "many.jpg") == "too_large"
    scans, ends = data[last:-2] * SCANS, b"\xff\xd9" * 32
    early = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + ends  # heeded by nobody before the picture has begun
    table = b"\xff\xdb\x00\x43\x03" + ends  # numbers that look like an end
    for trick in (data[:2] + early + data[2:last] + scans, data[:last] + table + scans):
        (tmp_path / "trick.jpg").write_bytes(trick + data[-2:])
        assert code_of(tmp_path / "trick.jpg") == "too_large"
    film = tmp_path / "film.avi"
    with av.open(str(film), "w") as out:
        stream = out.add_stream("mjpeg", 10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        for i in range(2):
            packet = av.Packet(data[:last] + scans + data[-2:])
            packet.pts = packet.dts = i
            packet.time_base, packet.stream, packet.is_keyframe = Fraction(1, 10), stream, True
            out.mux(packet)
    assert code_of(film) == "too_large"


def test_a_gif_that_claims_the_largest_canvas_is_refused(tmp_path):
    path = grey_clip(tmp_path / "a.gif", 2, codec="gif", pix_fmt="rgb8")
    assert code_of(patched(path, tmp_path / "b.gif", (b"GIF89a", 6, b"\xff\xff\xff\xff"))) == "too_large"


def test_pictures_of_no_size_are_an_error_and_no_crash(tmp_path):
    (tmp_path / "a.png").write_bytes(png(0, 0, b""))
    assert code_of(tmp_path / "a.png") == "damaged"
    gif = grey_clip(tmp_path / "a.gif", 2, codec="gif", pix_fmt="rgb8")
    assert code_of(patched(gif, tmp_path / "b.gif", (b"GIF89a", 6, bytes(4)))) == "damaged"


# --- what lies


def test_a_video_that_says_it_has_no_size_shows_its_real_one(tmp_path, clip):
    path = patched(clip, tmp_path / "a.mp4", (b"avc1", 28, bytes(4)), (b"tkhd", 80, bytes(8)))
    assert {frame.rgb.shape for frame in look(path)[0]} == {(48, 64, 3)}
    assert (probe(path).width, probe(path).height) == (64, 48)


def test_an_absurd_duration_is_not_believed(tmp_path, clip):
    path = patched(clip, tmp_path / "a.mp4", (b"mvhd", 20, b"\xff\xff\xff\x7f"), (b"mdhd", 20, b"\xff\xff\xff\x7f"))
    assert probe(path).duration_s == 2
    found, warnings = look(path)
    assert [f.t_s for f in found] == [f.t_s for f in look(clip)[0]]
    assert warnings <= {"shorter_than_declared"}


@pytest.mark.parametrize("timescale", [1, 2**31 - 1], ids=["a frame in minutes", "all frames at once"])
def test_an_absurd_frame_rate_is_not_believed(tmp_path, timescale):
    whole = grey_clip(tmp_path / "a.mp4", 60, muxer={"use_editlist": "0"})
    path = patched(whole, tmp_path / "b.mp4", (b"mdhd", 16, struct.pack(">I", timescale)))
    found, warnings = look(path)
    assert "untrusted_timestamps" in warnings
    assert [grey_number(f.rgb, near=f.index) for f in found] == [f.index for f in found]
    assert 1 <= probe(path).duration_s <= 60


def test_an_absurd_frame_rate_of_an_avi_is_not_believed(tmp_path):
    path = grey_clip(tmp_path / "a.avi", 60, codec="mpeg4")
    found, warnings = look(patched(path, tmp_path / "b.avi", (b"strh", 28, struct.pack("<II", 1, 10_000_000))))
    assert "untrusted_timestamps" in warnings
    assert len(found) == 10  # all 60 pictures, taken for 25 a second
