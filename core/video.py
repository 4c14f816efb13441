"""A file in, upright frames out: probe and decode (PyAV), by a sampling plan.

Times are whole milliseconds from the first picture on: Matroska rounds to them, and so a file moved from one
container to another gives the same frames at the same times.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import av
import numpy as np

from core.analysis import Media, Warning
from core.container import PILLOW_NAMES, OpenVideo, Source, exif_orientation, open_video
from core.errors import CheckError
from core.keyframes import keyframe_before
from core.picture import Geometry, Upright, geometry
from core.plan import Plan, window_times
from core.reader import Reader, Window, decode
from core.timeline import BROADCAST, Timeline, read_timeline
from core.words import clock

CONTAINER_NAMES = {"mov": "mp4/mov", "matroska": "mkv/webm", "asf": "wmv", "mpegts": "mpeg-ts", "mpeg": "mpeg-ps"}
LARGE = 1280  # pixels of the longer side: where faces have enough of them
FEW_PACKETS = 100  # decoded in search of one picture
FRUITLESS = 5000  # packets: minutes of a broadcast cut out before a key frame; where no picture came, none will


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


def probe(path: str | Source) -> Media:
    """What the file is, by its packets' times and its first picture rather than by what it says. Raises CheckError."""
    return look_into(path).media


def look_into(path: str | Source) -> Known:
    """As `probe`, with all that `frames` would have to find out again: the packets of a long file take a while."""
    with open_video(path) as video:
        timeline = read_timeline(video)
    with open_video(path) as video:
        shape = _shape(video, timeline)
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
    stopped: Callable[[], bool] = lambda: False,
    known: Known | None = None,
) -> Iterator[Frame]:
    """Decode the frames of the plan, window by window, in order of time. Raises CheckError.

    No frame comes twice. What could not be read or trusted is appended to `warnings` as it shows. Holds a few
    pictures at a time, however long the video is. `stopped` is asked at every picture, and many may lie before the next
    frame; True ends with CheckError("cancelled"). known: what `look_into` told of the file, where it was asked.
    """
    warn = _warner(warnings)
    known = known or look_into(path)
    timeline = known.timeline
    with open_video(path) as video:
        windows, late_s = _windows(video, timeline, plan), _late_s(video, timeline)
    if video.others:
        warn("further_tracks", "The file has further picture tracks, which were not looked at.")
    if timeline.doubtful:
        warn("untrusted_timestamps", "The times in the file make no sense; frames are placed by their number.")
    if late_s > 1:
        warn("late_picture", f"The picture begins {clock(late_s)} after the sound; times count from the first picture.")
    if timeline.is_short:
        warn(
            "shorter_than_declared",
            "The file ends before the length it states, as a download that was cut short. What is missing was not checked.",
        )
    failure = "damaged"
    with open_video(path) as video, Upright(known.shape) as upright:
        reader = Reader(video, timeline, warn, stopped)
        shots = reader.consecutive(plan.length) if plan.is_consecutive else reader.windows(windows)
        for shot in shots:
            try:
                rgb = upright(shot.picture)
            except av.FFmpegError:
                failure = failure and "unsupported_codec"
                reader.damage()
                continue
            failure = None
            yield Frame(rgb, shot.ms / 1000, shot.index, shot.window, upright.shape.scale, shot.until_ms / 1000)
        if failure:
            raise CheckError(failure)


def frames_at(path: str | Source, times_s: list[float]) -> Iterator[Frame]:
    """Decode single frames, as pictures of an analysis need them; `window` says which of the times a frame is for.

    times_s: ascending, each another. One that cannot be read is left out. Raises CheckError.
    """
    with open_video(path) as video:
        timeline = read_timeline(video)
        wanted = _to_ms(np.array(times_s) * 1000)
        seeks = not timeline.by_number and not timeline.is_still
        windows = [Window([ms], keyframe_before(video, timeline, ms) if seeks else None) for ms in wanted]
    with open_video(path) as video:
        shape = _shape(video, timeline)
    with open_video(path) as video, Upright(shape) as upright:
        for shot in Reader(video, timeline, lambda code, message: None).windows(windows):
            yield Frame(upright(shot.picture), shot.ms / 1000, shot.index, shot.window, upright.shape.scale)


def _shape(video: OpenVideo, timeline: Timeline) -> Geometry:
    """That of the first picture, or of one from the middle if it is larger, as a call's recording begins small. All are
    fitted to it, wherever decoding starts."""
    seen = [_next_picture(video, FRUITLESS)]
    # for its size alone no other piece is fetched
    is_small = seen[0] and max(seen[0].width, seen[0].height) < LARGE and isinstance(video.source, Path)
    if (seen[0] is None or is_small) and not timeline.by_number:
        seen.append(_picture_amid(video, timeline))
    seen = [picture for picture in seen if picture]
    if not seen:
        raise CheckError("damaged")
    first, largest = seen[0], max(seen, key=lambda picture: picture.width * picture.height)
    # of pictures it is a density for print, which viewers do not heed
    aspect = 1.0 if video.format in PILLOW_NAMES else float(video.stream.sample_aspect_ratio or 1)
    is_broadcast = video.format in BROADCAST
    if is_broadcast:  # the stream tells it of the first
        aspect *= first.width / first.height / (largest.width / largest.height)
    is_png = video.stream.codec_context.name in ("png", "apng")
    shape = geometry(largest, aspect, lambda: exif_orientation(video), is_png)
    return replace(shape, fills=is_broadcast)


def _picture_amid(video: OpenVideo, timeline: Timeline) -> av.VideoFrame | None:
    with suppress(av.FFmpegError):
        video.container.seek(timeline.to_pts(timeline.last_ms // 2), stream=video.stream)
        return _next_picture(video, FEW_PACKETS, at_keyframe=True)
    return None


def _next_picture(video: OpenVideo, most: int, at_keyframe: bool = False) -> av.VideoFrame | None:
    """None where the next `most` packets of pictures that are shown give none."""

    def few(packets: Iterator[av.Packet | None]) -> Iterator[av.Packet | None]:
        count = 0
        for packet in packets:
            count += packet is None or not packet.is_discard
            if count > most:
                return
            yield packet

    return next(decode(video, lambda: None, at_keyframe, few), None)


def _windows(video: OpenVideo, timeline: Timeline, plan: Plan) -> list[Window]:
    """The windows of the plan, each moved back to a key frame where one is near: decoding can then start with it."""
    if plan.is_consecutive:
        return []
    moving = window_times(timeline.moving_ms / 1000, plan)
    times = [_to_ms(timeline.shown_ms(window * 1000)) for window in moving]
    slot_ms = 1000 * plan.length / plan.rate_hz
    slack = max(0.0, (timeline.moving_ms / len(times) - slot_ms) / 2)  # stays clear of the window before
    windows = []
    for wanted in times:
        keyframe = keyframe_before(video, timeline, wanted[0]) if slack and not timeline.by_number else None
        back = wanted[0] - keyframe.ms if keyframe else 0
        # not onto a picture that stays
        if back > slack or any(begin < wanted[-1] and end > wanted[0] - back for begin, end in timeline.held):
            back = 0
        windows.append(Window([ms - back for ms in wanted], keyframe))
    return windows


def _late_s(video: OpenVideo, timeline: Timeline) -> float:
    """How long after the first sound the first picture is shown, as of a call whose camera was off; 0 where nothing tells."""
    sounds = [
        track.start_time * track.time_base for track in video.container.streams.audio if track.start_time is not None
    ]
    return 0.0 if timeline.by_number or not sounds else float(timeline.start * timeline.unit - min(sounds))


def _to_ms(times_ms: np.ndarray) -> list[int]:
    return [int(ms + 0.5) for ms in times_ms]


def _warner(warnings: list[Warning]) -> Callable[[str, str], None]:
    def warn(code: str, message: str) -> None:
        if all(known.code != code for known in warnings):
            warnings.append(Warning(code, message))

    return warn
