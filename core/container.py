"""What kind of file this is, and opening it without letting it open anything else."""

import io
import os
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import av
from av.container import InputContainer
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from core.bombs import PACKED, PACKED_IN_FILM, SCANS, count_scans, look_into_png
from core.errors import CheckError
from core.pieces import Pieces
from core.signatures import HEAD, recognise

if TYPE_CHECKING:
    from PIL import Image

Source = Path | Pieces

THREADS = min(4, os.cpu_count() or 1)  # each holds a picture or two, and at 8K that is much
QUICK, SMALL = ("h264", "libdav1d"), 1280 * 720  # decoders, and pixels up to which more threads only cost them time
# Refused before it is decoded: what is beyond 8K either way up, and the largest photographs of telephones
MAX_PIXELS = 8192 * 8192
FEW_OF = 10  # so many times as many pictures has a film, beside which a track is no other
FIRST_PACKETS = 500  # of all tracks, where only they tell which of those move
MAX_ENTRIES = 20_000_000  # of a track in the index: a week of pictures; all would be read through


@dataclass(frozen=True, eq=False)
class OpenVideo:
    """An open file and the track that will be looked at."""

    source: Source
    container: InputContainer
    stream: VideoStream
    format: str  # as recognised
    is_picture: bool  # a format that holds a single picture
    is_cut: bool  # the file is smaller than it says of itself
    others: int  # further picture tracks, which nobody will look at
    size: int  # of the file, in bytes


PICTURES = ("jpeg_pipe", "png_pipe", "webp_pipe", "bmp_pipe", "tiff_pipe")
PILLOW_NAMES = {
    "jpeg_pipe": "JPEG",
    "png_pipe": "PNG",
    "apng": "PNG",
    "webp_pipe": "WEBP",
    "bmp_pipe": "BMP",
    "tiff_pipe": "TIFF",
    "gif": "GIF",
}

# What Pillow raises where a header makes no sense
UNREADABLE_HEADER = (OSError, SyntaxError, ValueError, IndexError, KeyError, TypeError, struct.error)


@contextmanager
def open_video(path: str | Source) -> Iterator[OpenVideo]:
    """Open a video or picture for reading; everything is released on leaving.

    Raises CheckError: file_not_found, not_readable, not_a_video, no_video_stream, unsupported_codec, too_large or
    damaged.
    """
    source = Path(path) if isinstance(path, str) else path
    head, size = _head_and_size(source)
    kind = recognise(head)
    if kind is None:
        raise CheckError("damaged" if not head else "not_a_video")
    if kind == "webp_pipe" and head[12:16] == b"VP8X" and len(head) > 20 and head[20] & 2:
        raise CheckError("unsupported_codec", "animated WebP")  # FFmpeg 8 cannot
    if kind == "audio":
        raise CheckError("no_video_stream")
    if kind == "tiff_pipe" and _is_jpeg_in_tiff(source):
        raise CheckError("unsupported_codec", "JPEG within TIFF")  # FFmpeg 8 makes a black picture of it
    if kind in ("png_pipe", "jpeg_pipe"):
        with _opened(source) as file:
            if kind == "jpeg_pipe" and count_scans(file) > SCANS:
                raise CheckError("too_large", "scans")
            if kind == "png_pipe":
                packed, is_animated = look_into_png(file)
                if packed > PACKED:
                    raise CheckError("too_large", "packed text")
                kind = "apng" if is_animated else kind
    try:
        container = _container(source, kind)
    except av.FFmpegError as error:
        raise CheckError("damaged", error.strerror or "") from error
    with container:
        stream, *others = _picture_tracks(container, lambda: _first_packets(source, kind))
        pixels = stream.width * stream.height
        if pixels > MAX_PIXELS or (pixels == 0 and _claimed_pixels(source, kind) > MAX_PIXELS):
            raise CheckError("too_large")
        if any(len(track.index_entries) > MAX_ENTRIES for track in container.streams):
            raise CheckError("too_long", "the index")
        codec = stream.codec_context
        codec.options = {"max_pixels": str(MAX_PIXELS)}
        # several HEVC pictures at once: FFmpeg 8.1 can wait for ever where one is damaged (found by the fuzz test)
        codec.thread_type = "SLICE" if codec.name == "hevc" else "AUTO"
        codec.thread_count = 1 if codec.name in QUICK and pixels <= SMALL else THREADS
        is_cut = size < _promised_bytes(head, kind)
        others = sum(_is_film(other) for other in others)
        yield OpenVideo(source, container, stream, kind, kind in PICTURES, is_cut, others, size)


def read_packets(
    video: OpenVideo, damage: Callable[[], None] = lambda: None, beside: Stream | None = None
) -> Iterator[av.Packet]:
    """The packets of the picture track from where the container stands, going on past what cannot be read.

    `damage` is called for each such place; those of the track `beside` come on the way. The last packet of a track is
    empty: it makes the decoder give what it still holds.
    """
    tracks = [video.stream] if beside is None else [video.stream, beside]
    for _ in range(100):  # a demuxer that only fails would keep us here
        try:
            yield from video.container.demux(tracks)
            return
        except av.FFmpegError:
            damage()
        except IndexError:  # PyAV 18, at the end of a damaged file in which further tracks came to light
            return


def pictures_of(video: OpenVideo, packet: av.Packet) -> list[av.VideoFrame]:
    """What the decoder gives for one packet of the picture track. Raises av.FFmpegError, and CheckError("too_large").

    Films may be made of PNGs or JPEGs, and each may hold what is refused in a single one.
    """
    name = video.stream.codec_context.name if packet.size and not video.is_picture else None
    if name == "png" and look_into_png(io.BytesIO(packet))[0] > PACKED_IN_FILM:
        raise CheckError("too_large", "packed text")
    if name == "mjpeg" and count_scans(io.BytesIO(packet)) > SCANS:
        raise CheckError("too_large", "scans")
    return packet.decode()


def exif_orientation(video: OpenVideo) -> int | None:
    """How EXIF says that a photograph is to be turned, 1 (not at all) to 8; 1 where it does not say, None for videos."""
    if video.format not in PILLOW_NAMES:
        return None
    try:
        with _pillow_header(video.source, video.format) as picture:
            return _exif_of(picture).get(0x0112, 1)
    except UNREADABLE_HEADER:
        return 1


def _exif_of(picture: "Image.Image") -> "Image.Exif":
    """Without what Pillow adds of XMP, which viewers do not heed."""
    from PIL import Image

    for name in ("xmp", "XML:com.adobe.xmp"):
        picture.info.pop(name, None)
    if "exif" not in picture.info:
        return picture.getexif()
    exif = Image.Exif()
    exif.load(picture.info["exif"])  # what `getexif` gives may be from when the header was read
    return exif


def _is_jpeg_in_tiff(source: Source) -> bool:
    try:
        with _pillow_header(source, "tiff_pipe") as picture:
            return picture.tag_v2.get(0x0103) in (6, 7)  # compression: the old way of JPEG and the new
    except UNREADABLE_HEADER:
        return False


def _for_ffmpeg(source: Source) -> str | io.RawIOBase:
    """With "file:" and a forced format a name such as "http:x.mp4" or "a%03d.png" is only a name."""
    return source.open() if isinstance(source, Pieces) else f"file:{source.absolute()}"


def _opened(source: Source) -> BinaryIO:
    return io.BufferedReader(source.open()) if isinstance(source, Pieces) else source.open("rb")


def _head_and_size(path: Source) -> tuple[bytes, int]:
    if isinstance(path, Pieces):
        return path.read(0, HEAD), path.size
    try:
        if not path.exists():
            raise CheckError("file_not_found", path.name)
        if not path.is_file():  # reading a pipe or a device could wait for ever
            raise CheckError("not_a_video", path.name)
        with path.open("rb") as file:
            return file.read(HEAD), path.stat().st_size
    except PermissionError as error:
        raise CheckError("not_readable", path.name) from error
    except OSError as error:
        raise CheckError("not_readable", error.strerror or "") from error


def _promised_bytes(head: bytes, kind: str) -> int:
    """How large the file says it is, where its first bytes tell (Matroska, WebM, AVI); 0 where they do not."""
    if kind == "avi":
        return 8 + int.from_bytes(head[4:8], "little")
    if kind != "matroska":
        return 0
    at, header = _matroska_number(head, 4)
    at, segment = _matroska_number(head, at + (header or 0) + 4)  # past the header and the name of the one segment
    return at + (segment or 0)


def _matroska_number(head: bytes, at: int) -> tuple[int, int | None]:
    """A number of one to eight bytes, the length in the first one's leading zeros: (what follows it, the number).

    None for a size that its writer did not know.
    """
    size = 9 - (head[at] if at < len(head) else 0).bit_length()
    data = int.from_bytes(head[at : at + size], "big") & (1 << 7 * size) - 1
    return at + size, None if data == (1 << 7 * size) - 1 else data


def _claimed_pixels(source: Source, kind: str) -> float:
    """The size that the file itself claims, 0 if it does not say: FFmpeg hides that of what is beyond the limit."""
    from PIL import Image

    try:
        if kind in PILLOW_NAMES:
            with _pillow_header(source, kind) as picture:
                return picture.width * picture.height
        with av.open(_for_ffmpeg(source), format=kind, options={"protocol_whitelist": "file"}) as container:
            stream = _picture_tracks(container, Counter)[0]
            return stream.width * stream.height
    except Image.DecompressionBombError:
        return float("inf")
    except (*UNREADABLE_HEADER, CheckError):
        return 0


@contextmanager
def _pillow_header(source: Source, kind: str) -> Iterator["Image.Image"]:
    """What Pillow reads of a picture before decoding it. Image.open would warn on stderr of what is large."""
    from PIL import Image

    Image.init()
    read_header, _ = Image.OPEN[PILLOW_NAMES[kind]]
    with _opened(source) as file, read_header(file, source.name) as picture:
        yield picture


def _container(source: Source, kind: str) -> InputContainer:
    options = {"protocol_whitelist": "file", "max_pixels": str(MAX_PIXELS)}
    return av.open(_for_ffmpeg(source), format=kind, options=options, metadata_errors="replace")


def _first_packets(source: Source, kind: str) -> Counter[int]:
    """How many of the first packets each track has, by its number; opens the file once more to see."""
    found: Counter[int] = Counter()
    with suppress(av.FFmpegError, IndexError), _container(source, kind) as container:  # as in `read_packets`
        for packet in islice(container.demux(), FIRST_PACKETS):
            found[packet.stream_index] += packet.size > 0
    return found


def _picture_tracks(container: InputContainer, first_packets: Callable[[], Counter[int]]) -> list[VideoStream]:
    """Those that are no cover art, a film before a few pictures; the one that players show first: one marked as default, of
    several the largest, of equals the longest, as animated AVIF has its first picture twice.

    first_packets: asked where the file does not say how many pictures a track has.
    """
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        raise CheckError("no_video_stream")
    # HEIC photographs come as many tiles, and PyAV does not say how they lie
    if any(s.disposition & Disposition.dependent for s in streams):
        raise CheckError("unsupported_codec", "a picture in tiles")
    readable = [s for s in streams if s.codec_context is not None]
    if not readable:
        raise CheckError("unsupported_codec")

    is_told = len(readable) == 1 or all(stream.frames for stream in readable)
    counts = {stream.index: stream.frames for stream in readable} if is_told else first_packets()
    most = max(counts[stream.index] for stream in readable)

    def rank(stream: VideoStream) -> tuple[bool, bool, int, int]:
        is_film = counts[stream.index] > max(1, most / FEW_OF)
        is_default = bool(stream.disposition & Disposition.default)
        return is_film, is_default, stream.width * stream.height, stream.frames

    return sorted(readable, key=rank, reverse=True)


def _is_film(stream: VideoStream) -> bool:
    """Whether a track shows more than one picture, and no transparency of another track."""
    return stream.frames != 1 and stream.codec_context.pix_fmt != "gray"
