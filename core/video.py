"""A file in, upright frames out: probe and decode (PyAV), by a sampling plan.

Times are whole milliseconds from the first picture on: Matroska rounds to them, and so a file moved from one
container to another gives the same frames at the same times.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import dropwhile

import av
import numpy as np

from core.analysis import Media, Warning
from core.container import DEFAULT_LIMITS, Limits, OpenVideo, Source, exif_orientation, open_video, read_packets
from core.errors import CheckError
from core.picture import Geometry, Upright, geometry
from core.plan import PLANS, Plan, plan_named, window_times
from core.timeline import REORDERED, KeyFrame, Timeline, keyframe_before, read_timeline

__all__ = [
    "PLANS",
    "Frame",
    "Limits",
    "Plan",
    "frames",
    "frames_at",
    "look_into",
    "plan_named",
    "probe",
    "window_times",
]

CONTAINER_NAMES = {"mov": "mp4/mov", "matroska": "mkv/webm", "asf": "wmv", "mpegts": "mpeg-ts", "mpeg": "mpeg-ps"}


@dataclass(frozen=True, eq=False)
class Frame:
    """One decoded picture, upright, as shown."""

    rgb: np.ndarray  # (H, W, 3) uint8, the longer side at most 1920
    t_s: float  # presentation time, seconds from the start of the video, whole milliseconds
    index: int  # in the order of presentation; an estimate from time and rate where pictures were left out
    window: int  # which window of the plan it belongs to
    scale: float = 1.0  # pixels of the upright original = pixels of the frame * scale
    until_s: float = 0.0  # when the next one is shown, as far as that is known


@dataclass(frozen=True)
class Known:
    """What one look at the packets and the first picture tells, for who goes on to the frames."""

    media: Media
    timeline: Timeline
    shape: Geometry


def probe(path: str | Source, limits: Limits = DEFAULT_LIMITS) -> Media:
    """What the file is, by its packets' times and its first picture rather than by what it says. Raises CheckError."""
    return look_into(path, limits).media


def look_into(path: str | Source, limits: Limits = DEFAULT_LIMITS) -> Known:
    """As `probe`, with all that `frames` would have to find out again: the packets of a long file take a while."""
    with open_video(path, limits) as video:
        timeline = read_timeline(video)
    with open_video(path, limits) as video:
        shape = _first_shape(video)
        media = Media(
            duration_s=round(timeline.duration_ms / 1000, 2),
            width=shape.width,
            height=shape.height,
            fps=round(timeline.fps, 3),
            codec=video.stream.codec_context.codec.canonical_name,
            container=CONTAINER_NAMES.get(video.format, video.format.removesuffix("_pipe")),
            has_audio=bool(video.container.streams.audio),
            is_still=timeline.is_still,
        )
    return Known(media, timeline, shape)


def frames(
    path: str | Source,
    plan: Plan,
    warnings: list[Warning],
    limits: Limits = DEFAULT_LIMITS,
    stopped: Callable[[], bool] = lambda: False,
    known: Known | None = None,
) -> Iterator[Frame]:
    """Decode the frames of the plan, window by window, in order of time. Raises CheckError.

    No frame comes twice. What could not be read or trusted is appended to `warnings` as it shows. Holds a few
    pictures at a time, however long the video is. `stopped` is asked at every picture, and many may lie before the next
    frame; True ends with CheckError("cancelled"). known: what `look_into` told of the file, where it was asked.
    """
    warn = _warner(warnings)
    known = known or look_into(path, limits)
    timeline, upright = known.timeline, Upright(known.shape)
    with open_video(path, limits) as video:
        windows = _windows(video, timeline, plan)
    if video.others:
        warn("further_tracks", "The file has further picture tracks, which were not looked at.")
    if timeline.doubtful:
        warn("untrusted_timestamps", "The times in the file make no sense; frames are placed by their number.")
    if timeline.is_short:
        warn("shorter_than_declared", "The file promises a longer video than it holds.")
    is_damaged = True
    with open_video(path, limits) as video:
        reader = _Reader(video, timeline, warn, stopped)
        shots = reader.consecutive(plan.length) if plan.is_consecutive else reader.windows(windows)
        for shot in shots:
            is_damaged = False
            try:
                rgb = upright(shot.picture)
            except av.FFmpegError:
                reader.damage()
                continue
            yield Frame(rgb, shot.ms / 1000, shot.index, shot.window, upright.shape.scale, shot.until_ms / 1000)
        if is_damaged:
            raise CheckError("damaged")


def frames_at(path: str | Source, times_s: list[float]) -> Iterator[Frame]:
    """Decode single frames, as pictures of an analysis need them; `window` says which of the times a frame is for.

    times_s: ascending, each another. One that cannot be read is left out. Raises CheckError.
    """
    with open_video(path, DEFAULT_LIMITS) as video:
        timeline = read_timeline(video)
        wanted = _to_ms(np.array(times_s))
        seeks = not timeline.by_number and not timeline.is_still
        windows = [_Window([ms], keyframe_before(video, timeline, ms) if seeks else None) for ms in wanted]
    with open_video(path, DEFAULT_LIMITS) as video:
        upright = Upright(_first_shape(video))
    with open_video(path, DEFAULT_LIMITS) as video:
        for shot in _Reader(video, timeline, lambda code, message: None).windows(windows):
            yield Frame(upright(shot.picture), shot.ms / 1000, shot.index, shot.window, upright.shape.scale)


def _first_shape(video: OpenVideo) -> Geometry:
    """That of the first picture, which all others are fitted to: where decoding starts elsewhere, it may be another."""
    picture = next(_decode(video, lambda: None), None)
    if picture is None:
        raise CheckError("damaged")
    return shape_of(video, picture)


def shape_of(video: OpenVideo, first: av.VideoFrame) -> Geometry:
    """How the pictures of a video become upright frames; `first` is one of them."""
    aspect = float(video.stream.sample_aspect_ratio or 1)
    is_png = video.stream.codec_context.name in ("png", "apng")
    return geometry(first, aspect, lambda: exif_orientation(video), is_png)


@dataclass(frozen=True)
class _Window:
    """When its frames are wanted, and where decoding may start for them."""

    wanted: list[int]  # ms, ascending
    keyframe: KeyFrame | None  # None: read on from wherever decoding is


@dataclass(frozen=True, eq=False)
class _Shot:
    """A picture and when it is shown."""

    ms: int
    index: int
    picture: av.VideoFrame
    window: int = 0
    until_ms: float = 0.0


def _windows(video: OpenVideo, timeline: Timeline, plan: Plan) -> list[_Window]:
    """The windows of the plan, each moved back to a key frame where one is near: decoding can then start with it."""
    if plan.is_consecutive:
        return []
    times = [_to_ms(window) for window in window_times(timeline.until_ms / 1000, plan)]
    slot_ms = 1000 * plan.length / plan.rate_hz
    slack = max(0.0, (timeline.until_ms / len(times) - slot_ms) / 2)  # stays clear of the window before
    windows = []
    for wanted in times:
        keyframe = keyframe_before(video, timeline, wanted[0]) if slack and not timeline.by_number else None
        back = wanted[0] - keyframe.ms if keyframe else 0
        windows.append(_Window([ms - back for ms in wanted] if back <= slack else wanted, keyframe))
    return windows


def _to_ms(seconds: np.ndarray) -> list[int]:
    return [int(s * 1000 + 0.5) for s in seconds]


class _Reader:
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
        self._stream = self._pictures()

    def damage(self) -> None:
        self._whole = False
        self._warn("damaged_stretch", "A part of the video is damaged and was left out.")

    def consecutive(self, length: int) -> Iterator[_Shot]:
        """The first `length` pictures."""
        for _, shot in zip(range(length), self._stream, strict=False):
            yield shot

    def windows(self, windows: list[_Window]) -> Iterator[_Shot]:
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
                    until_ms = coming.ms if coming else self._timeline.duration_ms
                    yield _Shot(shown.ms, shown.index, shown.picture, number, until_ms)

    def _jump(self, keyframe: KeyFrame) -> bool:
        try:
            self._video.container.seek(keyframe.seek_pts, stream=self._video.stream)
        except av.FFmpegError:
            return False  # reading on finds it as well
        self._whole = False
        self._last_ms = keyframe.ms - 1  # what comes before the key frame cannot be decoded rightly
        self._stream = self._pictures(at_keyframe=True)
        return True

    def _pictures(self, at_keyframe: bool = False) -> Iterator[_Shot]:
        """Every picture from here on, in order of time; what is damaged or out of order is left out."""
        for picture in _decode(self._video, self.damage, at_keyframe, self._spare):
            if self._stopped():
                raise CheckError("cancelled")
            number, self._number = self._number, self._number + 1
            ms = self._timeline.ms_of(picture, number)
            if ms <= self._last_ms or ms > self._timeline.last_ms + 1000:
                if ms != self._last_ms and self._whole:
                    self._warn("untrusted_timestamps", "Some pictures have impossible times and were left out.")
                continue
            self._last_ms = ms
            counted = self._whole and self._wanted is None
            yield _Shot(ms, number if counted else round(ms * self._timeline.fps / 1000), picture)

    def _spare(self, packets: Iterator[av.Packet | None]) -> Iterator[av.Packet | None]:
        """The packets; before each the decoder is told whether it may leave out a picture that no other one needs.

        It may where the picture is shown at none of the wanted times, that is, where none lies before the next picture
        is shown. That one is found among the packets around this one: pictures are stored out of order by a few places.
        """
        if self._wanted is None:
            yield from packets
            return
        codec, around = self._video.stream.codec_context, deque(maxlen=2 * REORDERED)
        coming: deque[tuple[av.Packet | None, int | None]] = deque()

        def next_of_these() -> av.Packet | None:
            packet, ms = coming.popleft()
            after = min((other for other in around if ms is not None and other > ms), default=None)
            wanted = after is None or bisect_left(self._wanted, ms) < bisect_left(self._wanted, after)
            # a decoder that reads this only when it is opened, such as dav1d, must not leave out what comes later
            codec.skip_frame = "DEFAULT" if wanted or not codec.is_open else "NONREF"
            return packet

        for packet in packets:
            ms = None if packet is None or packet.pts is None else self._timeline.ms_of(packet, 0)
            coming.append((packet, ms))
            if ms is not None:
                around.append(ms)
            if len(coming) > REORDERED:
                yield next_of_these()
        while coming:
            yield next_of_these()


def _decode(
    video: OpenVideo,
    damage: Callable[[], None],
    at_keyframe: bool = False,
    spare: Callable[[Iterator[av.Packet | None]], Iterator[av.Packet | None]] = iter,
) -> Iterator[av.VideoFrame]:
    """Decode from where the container stands (or the next key frame), going on past what cannot be read.

    `spare` is given the packets, None where some could not be read, and hands them on.

    After damage nothing is given until the next key frame: decoders paint over what is missing, and the smear would
    pass for a manipulation. Small damage can pass unnoticed (docs/architecture.md).
    """
    smeared = False

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
        try:
            pictures = packet.decode()
        except av.FFmpegError:
            lost()
            continue
        for picture in pictures:
            if picture.is_corrupt:
                lost()
            elif picture.key_frame or not smeared:
                smeared = False
                yield picture
                if video.is_picture:
                    return  # telephones hide further pictures behind the first


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


def _warner(warnings: list[Warning]) -> Callable[[str, str], None]:
    def warn(code: str, message: str) -> None:
        if all(known.code != code for known in warnings):
            warnings.append(Warning(code, message))

    return warn
