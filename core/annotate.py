"""The annotated copy of a video: a box around every face, and below the picture a timeline with a playhead."""

import io
from collections.abc import Callable, Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import chain, pairwise
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.codec.context import Flags
from av.container import OutputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, VideoReformatter

from core import video
from core.analysis import Analysis
from core.container import THREADS, OpenVideo, open_video, pictures_of, read_packets
from core.errors import CheckError
from core.follow import find_faces
from core.paint import Painter
from core.picture import UNSPECIFIED, Upright
from core.timeline import MAX_JUMP_S, Timeline
from core.writing import written_whole

TICK = Fraction(1, 90_000)  # fine enough for any frame rate
COPIED_AUDIO = {"aac", "mp3", "opus", "flac"}  # what both MP4 and browsers take
JITTER_S = 0.04  # by which times may be off, as containers round them, before sound is moved: nobody hears that


def annotated_video(
    path: Path,
    analysis: Analysis,
    out: Path,
    progress: Callable[[int, int, str], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> None:
    """Write an MP4 (H.264, as browsers play it) of the whole video with its sound, as far as that can be carried over.

    The video is read twice: for the faces of the frames between those that were judged, and for the copy. A face that
    coincides with no judged one is marked as not judged. Raises CheckError.
    """
    tenths = max(1, round(10 * analysis.media.duration_s))
    tell, cancel = progress or (lambda done, total, stage: None), cancel or (lambda: False)
    known = video.look_into(path)
    clock = known.timeline

    def found(t_s: float) -> None:
        tell(min(tenths, round(10 * t_s)), 2 * tenths, "annotate")

    faces = find_faces(path, analysis, found, cancel, known)
    painter = Painter(analysis)
    with (
        written_whole(out) as part,
        open_video(path) as source,
        av.open(str(part), "w", format="mp4", options={"movflags": "+faststart"}) as target,
    ):
        target.metadata["comment"] = "Unmask analysis: an annotated copy, not the original"
        rate = Fraction(analysis.media.fps or 25).limit_denominator(1001)
        # stored in the order of time, as else MP4 has no room for how long the last picture is held
        stream = target.add_stream("libx264", rate, {"crf": "20", "preset": "veryfast", "bf": "0"})
        stream.codec_context.flags |= Flags.frame_duration
        stream.width, stream.height, stream.pix_fmt = *painter.size, "yuv420p"
        stream.codec_context.time_base = TICK
        colours, converter = choose_colours(source, stream.codec_context), VideoReformatter()
        # pictures are encoded while the next are painted; more threads would only hold more of them
        stream.codec_context.thread_type, stream.codec_context.thread_count = "FRAME", THREADS
        sound = Sound(source, target, clock)
        last = -1
        for (t_s, rgb), (next_s, _) in pairwise(
            chain(_frames(source, known, sound), [(clock.duration_ms / 1000, None)])
        ):
            if cancel():
                raise CheckError("cancelled")
            painted = av.VideoFrame.from_ndarray(painter.paint(rgb, faces.at(t_s), t_s), format="rgb24")
            picture = converter.reformat(painted, format="yuv420p", dst_colorspace=colours)
            picture.pts, picture.time_base = max(last + 1, round(t_s / TICK)), TICK
            picture.duration = max(1, round(next_s / TICK) - picture.pts)
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


def choose_colours(source: OpenVideo, target: VideoCodecContext) -> Colorspace:
    """The coding of colours for the copy, which is marked with it unless the original leaves players to guess.

    They guess by size. So what is unmarked is coded again as it was decoded, and stays unmarked: players see the original's
    colours, whatever they guess.
    """
    given = source.stream.codec_context
    if given.colorspace == UNSPECIFIED and not (given.format and given.format.is_rgb):
        return Colorspace.ITU601  # FFmpeg's guess for pictures of any size
    target.colorspace, target.color_range = Colorspace.ITU709, ColorRange.MPEG
    target.color_primaries, target.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
    return Colorspace.ITU709


def _frames(source: OpenVideo, known: video.Known, sound: "Sound") -> Iterator[tuple[float, np.ndarray]]:
    """Every picture that can be decoded, with its time; the sound on the way is handed to `sound`."""
    number = 0
    with Upright(known.shape) as upright:
        for packet in read_packets(source, beside=sound.track):
            if sound.track and packet.stream.index == sound.track.index:
                sound.take(packet)
                continue
            try:
                for picture in pictures_of(source, packet):
                    yield known.timeline.ms_of(picture, number) / 1000, upright(picture)
                    number += 1
            except av.FFmpegError:  # a damaged stretch: the analysis has a warning for it
                number += 1


class Sound:
    """Carries the first sound track over: as it is where MP4 can hold it, else as AAC. What cannot be read or written of it
    is left out, and the copy made without."""

    def __init__(self, source: OpenVideo, target: OutputContainer, clock: Timeline):
        self.track = next((s for s in source.container.streams.audio if s.codec_context is not None), None)
        self._target = target
        self._last = None
        if self.track is None:
            return
        self._start_s = clock.start * clock.unit
        first_s = (self.track.start_time or 0) * self.track.time_base
        if clock.by_number and abs(self._start_s - first_s) > MAX_JUMP_S:
            self._start_s = first_s  # the pictures have no times that the sound could be in step with
        self._bridges, self._until_s = clock.by_number, None
        self._copies = fits_mp4(self.track)
        if self._copies:
            self._out = target.add_stream_from_template(self.track)
        else:
            self._out = target.add_stream("aac", rate=aac_rate(self.track.codec_context.sample_rate))
            self._kind, self._resampler = None, av.AudioResampler()
            self._at: int | None = None  # where the next sample belongs, in samples of the copy

    def take(self, packet: av.Packet) -> None:
        with suppress(av.FFmpegError, ValueError):
            if self._bridges and packet.dts is not None:
                self._bridge(packet)
            if self._copies:
                self._copy(packet)
                return
            for frame in packet.decode():
                self._move_to(frame)
                self._encode(self._resampled(frame))

    def finish(self) -> None:
        if self.track is not None and not self._copies:
            with suppress(av.FFmpegError, ValueError):
                self._encode(self._resampler.resample(None))
                self._target.mux(self._out.encode())

    def _bridge(self, packet: av.Packet) -> None:
        """Where recordings were put one after another, sound goes on as the pictures do, whatever times it has."""
        at_s = packet.dts * packet.time_base
        if self._until_s is not None and not -1 < at_s - self._until_s < MAX_JUMP_S:
            self._start_s += at_s - self._until_s
        self._until_s = at_s + (packet.duration or 0) * packet.time_base

    def _copy(self, packet: av.Packet) -> None:
        if packet.dts is None or packet.pts is None:  # the empty packet at the end
            return
        shift = round(self._start_s / packet.time_base)
        packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
        if self._last is None or packet.dts > self._last:
            self._last = packet.dts
            packet.stream = self._out
            self._target.mux(packet)

    def _move_to(self, frame: av.AudioFrame) -> None:
        """To where the frame belongs, which is further on where sound begins late or some is missing."""
        rate = self._out.codec_context.sample_rate
        at = 0 if frame.pts is None else round((frame.pts * frame.time_base - self._start_s) * rate)
        if self._at is None or at > self._at + JITTER_S * rate:
            self._at = at

    def _resampled(self, frame: av.AudioFrame) -> list[av.AudioFrame]:
        """As the encoder wants it. Broadcasts change from stereo to mono and back, each time for a resampler of its own."""
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        if kind == self._kind:
            return self._resampler.resample(frame)
        codec = self._out.codec_context
        resampler = av.AudioResampler(codec.format, codec.layout, codec.sample_rate)
        frames = resampler.resample(frame)
        held_back = self._resampler.resample(None)
        self._kind, self._resampler = kind, resampler
        return held_back + frames

    def _encode(self, frames: list[av.AudioFrame]) -> None:
        for frame in frames:
            frame.pts, frame.time_base = self._at, Fraction(1, self._out.codec_context.sample_rate)
            self._at += frame.samples
            self._target.mux(self._out.encode(frame))


def fits_mp4(track: AudioStream) -> bool:
    """Whether a sound track can be copied as it is."""
    if track.codec_context.codec.canonical_name not in COPIED_AUDIO:
        return False
    try:  # MP3 below 16 kHz is refused, for one
        with av.open(io.BytesIO(), "w", format="mp4") as trial:
            trial.add_stream_from_template(track)
            trial.start_encoding()
    except (av.FFmpegError, ValueError):
        return False
    return True


def aac_rate(rate: int) -> int:
    """The nearest of the rates that AAC has, in samples a second."""
    return min(av.Codec("aac", "w").audio_rates, key=lambda known: abs(known - (rate or 48_000)))
