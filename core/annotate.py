"""The annotated copy of a video: a box around every face, and below the picture a timeline with a playhead."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer

from core import video
from core.analysis import Analysis
from core.container import THREADS, Limits, OpenVideo, open_video
from core.errors import CheckError
from core.follow import find_faces
from core.paint import Painter
from core.picture import Upright
from core.render import written_whole
from core.timeline import Timeline, read_timeline

TICK = Fraction(1, 90_000)  # fine enough for any frame rate
COPIED_AUDIO = {"aac", "mp3", "opus", "flac"}  # what both MP4 and browsers take


def annotated_video(
    path: Path,
    analysis: Analysis,
    out: Path,
    progress: Callable[[int, int, str], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> None:
    """Write an MP4 (H.264, as browsers play it) of the whole video with its sound.

    The video is read twice: for the faces of the frames between those that were judged, and for the copy. A face that
    coincides with no judged one is marked as not judged. Raises CheckError.
    """
    tenths = max(1, round(10 * analysis.media.duration_s))
    tell, cancel = progress or (lambda done, total, stage: None), cancel or (lambda: False)
    faces = find_faces(path, analysis, lambda t_s: tell(min(tenths, round(10 * t_s)), 2 * tenths, "annotate"), cancel)
    painter = Painter(analysis)
    clock = _clock(path)
    with (
        written_whole(out) as part,
        open_video(path, Limits()) as source,
        av.open(str(part), "w", format="mp4", options={"movflags": "+faststart"}) as target,
    ):
        target.metadata["comment"] = "Unmask analysis: an annotated copy, not the original"
        rate = Fraction(analysis.media.fps or 25).limit_denominator(1001)
        stream = target.add_stream("libx264", rate, {"crf": "20", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = *painter.size, "yuv420p"
        stream.codec_context.time_base = TICK
        # pictures are encoded while the next are painted; more threads would only hold more of them
        stream.codec_context.thread_type, stream.codec_context.thread_count = "FRAME", THREADS
        sound = Sound(source, target, clock)
        last = -1
        for t_s, rgb in _frames(source, clock, sound):
            if cancel():
                raise CheckError("cancelled")
            picture = av.VideoFrame.from_ndarray(painter.paint(rgb, faces.at(t_s), t_s), format="rgb24")
            picture.pts, picture.time_base = max(last + 1, round(t_s / TICK)), TICK
            last = picture.pts
            target.mux(stream.encode(picture))
            tell(tenths + min(tenths, round(10 * t_s)), 2 * tenths, "annotate")
        target.mux(stream.encode())
        sound.finish()


def annotated_picture(path: Path, analysis: Analysis, out: Path) -> None:
    """The same for a still image, as a PNG."""
    from PIL import Image

    frame = next(video.frames_at(path, [0.0]))
    with written_whole(out) as part:
        Image.fromarray(Painter(analysis).paint(frame.rgb, find_faces(path, analysis).at(0.0), 0.0)).save(part, "PNG")


def _clock(path: Path) -> Timeline:
    with open_video(path, Limits()) as source:  # reading it moves the container, so it gets one of its own
        return read_timeline(source)


def _frames(source: OpenVideo, clock: Timeline, sound: "Sound") -> Iterator[tuple[float, np.ndarray]]:
    """Every picture that can be decoded, with its time; the sound on the way is handed to `sound`."""
    upright, number = None, 0
    for packet in _packets(source, [source.stream, *([sound.track] if sound.track else [])]):
        if packet.stream.type == "audio":
            sound.take(packet)
            continue
        try:
            for picture in packet.decode():
                upright = upright or Upright(video.shape_of(source, picture))
                yield clock.ms_of(picture, number) / 1000, upright(picture)
                number += 1
        except av.FFmpegError:  # a damaged stretch: the analysis has a warning for it
            continue


def _packets(source: OpenVideo, tracks: list) -> Iterator[av.Packet]:
    """Packets as far as they can be read."""
    failures = 0
    while failures < 100:  # a demuxer that only fails would keep us here
        try:
            yield from source.container.demux(tracks)
            return
        except av.FFmpegError:
            failures += 1


class Sound:
    """Carries the first sound track over: as it is where MP4 can hold it, else as AAC."""

    def __init__(self, source: OpenVideo, target: OutputContainer, clock: Timeline):
        self._start_s = clock.start * clock.unit
        self.track = next((s for s in source.container.streams.audio if s.codec_context is not None), None)
        self._target = target
        self._last = None
        if self.track is None:
            return
        self._copies = self.track.codec_context.name in COPIED_AUDIO
        if self._copies:
            self._out = target.add_stream_from_template(self.track)
        else:
            self._out = target.add_stream("aac", rate=self.track.codec_context.sample_rate)

    def take(self, packet: av.Packet) -> None:
        if not self._copies:
            try:
                for frame in packet.decode():
                    frame.pts = None  # counted on by the encoder
                    self._target.mux(self._out.encode(frame))
            except av.FFmpegError:  # a damaged stretch of sound is left out
                pass
            return
        if packet.dts is None or packet.pts is None:  # the empty packet at the end
            return
        shift = round(self._start_s / packet.time_base)
        packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
        if self._last is None or packet.dts > self._last:
            self._last = packet.dts
            packet.stream = self._out
            self._target.mux(packet)

    def finish(self) -> None:
        if self.track is not None and not self._copies:
            self._target.mux(self._out.encode())
