"""From packets to decoded pictures: forward through one open video, past what is damaged, with jumps where that saves work."""

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import dropwhile, islice

import av
from av.video.frame import PictureType

from core.container import OpenVideo, pictures_of, read_packets
from core.errors import CheckError
from core.keyframes import KeyFrame
from core.timeline import REORDERED, Timeline

# Codecs of which each picture stands alone. FFmpeg's own mark says it of some that repeat parts of the last one, too.
ALONE = {"dnxhd", "dvvideo", "ffvhuff", "huffyuv", "jpeg2000", "mjpeg", "prores", "rawvideo", "utvideo", "v210"}


@dataclass(frozen=True)
class Window:
    """When its frames are wanted, and where decoding may start for them."""

    wanted: list[int]  # ms, ascending
    keyframe: KeyFrame | None  # None: read on from wherever decoding is


@dataclass(frozen=True, eq=False)
class Shot:
    """A picture and when it is shown."""

    ms: int
    index: int
    picture: av.VideoFrame
    window: int = 0
    until_ms: float = 0.0


class Reader:
    """Decodes one open video forward, jumping ahead where that saves decoding."""

    def __init__(
        self,
        video: OpenVideo,
        timeline: Timeline,
        warn: Callable[[str, str], None],
        stopped: Callable[[], bool] = lambda: False,
    ):
        self._video = video
        self._stopped = stopped
        self._timeline = timeline
        self._warn = warn
        self._number = 0  # of pictures decoded
        self._whole = True  # nothing was jumped over or lost
        self._last_ms = -1
        self._wanted: list[int] | None = None  # ms, ascending; None: every picture
        self._next_ms: dict[int, int] = {}  # of pictures still to come, by their packets: when the one after is shown
        self._stream = self._pictures()

    def damage(self) -> None:
        self._whole = False
        self._warn("damaged_stretch", "A part of the video is damaged and was not checked.")

    def _count(self) -> None:
        self._number += 1

    def consecutive(self, length: int) -> Iterator[Shot]:
        """The first `length` pictures."""
        yield from islice(self._stream, length)

    def windows(self, windows: list[Window]) -> Iterator[Shot]:
        """The pictures shown at the wanted times, each once."""
        if not self._timeline.by_number:  # else every picture counts
            self._wanted = [ms for window in windows for ms in window.wanted]
        shown, coming, given = None, None, -1
        for number, window in enumerate(windows):
            # none is decoded before the first jump; to the first key frame of all there is none
            jumps = window.keyframe and window.keyframe.ms > max(0, self._last_ms) and self._jump(window.keyframe)
            if jumps or number == 0:
                shown, coming = None, next(self._stream, None)
            for ms in window.wanted:
                while coming is not None and coming.ms <= ms:
                    shown, coming = coming, next(self._stream, None)
                if shown is not None and shown.ms > given:
                    given = shown.ms
                    # the next picture that is kept may come much later: behind damage, or behind some that were left out
                    until_ms = self._next_ms.get(given, coming.ms if coming else self._timeline.duration_ms)
                    self._next_ms = {ms: after for ms, after in self._next_ms.items() if ms > given}
                    yield Shot(shown.ms, shown.index, shown.picture, number, until_ms)

    def _jump(self, keyframe: KeyFrame) -> bool:
        try:
            self._video.container.seek(keyframe.seek_pts, stream=self._video.stream)
        except av.FFmpegError:
            return False  # reading on finds it as well
        self._whole = False
        self._last_ms = keyframe.ms - 1  # what comes before the key frame cannot be decoded rightly
        self._stream = self._pictures(at_keyframe=True)
        return True

    def _pictures(self, at_keyframe: bool = False) -> Iterator[Shot]:
        """Every picture from here on, in order of time; what is damaged or out of order is left out."""
        for picture in decode(self._video, self.damage, at_keyframe, self._spare, self._count):
            number = self._number
            self._count()
            ms = self._timeline.ms_of(picture, number)
            if ms <= self._last_ms or ms > self._timeline.last_ms + 1000:
                if ms != self._last_ms and self._whole:
                    self._warn("untrusted_timestamps", "Some pictures have impossible times and were left out.")
                continue
            self._last_ms = ms
            counted = self._whole and self._wanted is None
            yield Shot(ms, number if counted else self._timeline.number_at(ms), picture)

    def _spare(self, packets: Iterator[av.Packet | None]) -> Iterator[av.Packet | None]:
        """The packets; before each the decoder is told whether it may leave out a picture that no other one needs. Where
        no picture needs another, as in ProRes, it is not even given those, and notices no damage in them.

        It may where the picture is shown at none of the wanted times, that is, where none lies before the next picture
        is shown. That one is found among the packets around this one: pictures are stored out of order by a few places.
        """
        packets = self._until_stopped(packets)
        if self._wanted is None:
            yield from packets
            return
        codec, around = self._video.stream.codec_context, deque(maxlen=2 * REORDERED)
        coming: deque[tuple[av.Packet | None, int | None]] = deque()
        alone = codec.name in ALONE

        def next_of_these() -> Iterator[av.Packet | None]:
            packet, ms = coming.popleft()
            after = min((other for other in around if ms is not None and other > ms), default=None)
            if after is not None:
                self._next_ms[ms] = after
            wanted = after is None or bisect_left(self._wanted, ms) < bisect_left(self._wanted, after)
            # a decoder that reads this only when it is opened, such as dav1d, must not leave out what comes later
            codec.skip_frame = "DEFAULT" if wanted or not codec.is_open else "NONREF"
            if wanted or not alone:
                yield packet

        for packet in packets:
            ms = None if packet is None or packet.pts is None else self._timeline.ms_of(packet, 0)
            coming.append((packet, ms))
            if ms is not None:
                around.append(ms)
            if len(coming) > REORDERED:
                yield from next_of_these()
        while coming:
            yield from next_of_these()

    def _until_stopped(self, packets: Iterator[av.Packet | None]) -> Iterator[av.Packet | None]:
        """Asked for each packet, as behind damage minutes may pass without a picture."""
        for packet in packets:
            if self._stopped():
                raise CheckError("cancelled")
            yield packet


def decode(
    video: OpenVideo,
    damage: Callable[[], None],
    at_keyframe: bool = False,
    spare: Callable[[Iterator[av.Packet | None]], Iterator[av.Packet | None]] = iter,
    missing: Callable[[], None] = lambda: None,
) -> Iterator[av.VideoFrame]:
    """Decode from where the container stands (or the next key frame), going on past what cannot be read.

    `spare` is given the packets, None where some could not be read, and hands them on. `missing` is called for each
    picture that is not given.

    After damage nothing is given until the next key frame: decoders paint over what is missing, and the smear would
    pass for a manipulation. Small damage can pass unnoticed (docs/architecture.md).
    """
    smeared = False
    starts: deque[int | None] = deque(maxlen=2 * REORDERED)  # times of pictures that may be still in the decoder

    def lost() -> None:
        nonlocal smeared
        smeared = True
        damage()

    packets = _packets(video)
    if at_keyframe:
        packets = dropwhile(lambda packet: packet and not packet.is_keyframe, packets)
    for packet in spare(packets):
        if packet is None:
            lost()
            continue
        if _is_start(video, packet):
            starts.append(packet.pts)
        try:
            pictures = pictures_of(video, packet)
        except av.FFmpegError:
            lost()
            missing()
            continue
        for picture in pictures:
            if picture.is_corrupt:
                lost()
            elif picture.key_frame or (picture.pict_type == PictureType.I and picture.pts in starts):
                smeared = False
            if smeared:
                missing()
                continue
            yield picture
            if video.is_picture:
                return  # telephones hide further pictures behind the first


def _is_start(video: OpenVideo, packet: av.Packet) -> bool:
    """Whether the index of the file says that decoding may start here, which an H.264 picture itself need not say.

    That a picture is whole in itself is not enough: at a cut those behind it may still be made from some before it. An
    index that says it of all pictures says nothing.
    """
    index = video.stream.index_entries
    at = -1 if packet.dts is None else index.search_timestamp(packet.dts)  # the last such place until then
    return at > 0 and index[at].timestamp == packet.dts and not index[at - 1].is_keyframe


def _packets(video: OpenVideo) -> Iterator[av.Packet | None]:
    """The packets, None where some could not be read: said in its place, as they may be read ahead of decoding."""
    torn = []
    for packet in read_packets(video, lambda: torn.append(True)):
        if torn:
            torn.clear()
            yield None
        yield packet
    if torn:
        yield None
