"""Clips that the tests make for themselves.

Grey clips tell the time: picture i is flat grey of level `grey_level(i)`, so that pixels say which picture one holds.
Portrait clips show the astronaut that scikit-image ships (public domain).
"""

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from benchmarks.clips import LAYOUTS, repeat
from core.example import camera_view, portrait

Picture = np.ndarray  # (H, W, 3) uint8 RGB

GREY_STEP = 4  # levels between two pictures: lossy codecs move a flat grey by 1 or 2
GREY_CYCLE = 48  # pictures after which the levels start again


def grey_level(i: int) -> int:
    return 16 + GREY_STEP * (i % GREY_CYCLE)


def grey_number(rgb: Picture, near: int | None = None) -> int:
    """Which picture of a grey clip this is; `near` a guess within 24 pictures for clips longer than the cycle."""
    number = round((float(rgb.mean()) - 16) / GREY_STEP) % GREY_CYCLE
    if near is None:
        return number
    return near + (number - near + GREY_CYCLE // 2) % GREY_CYCLE - GREY_CYCLE // 2


def greys(count: int, size: tuple[int, int] = (64, 48)) -> Iterable[Picture]:
    return (np.full((size[1], size[0], 3), grey_level(i), np.uint8) for i in range(count))


def write_clip(
    path: Path,
    pictures: Iterable[Picture],
    codec: str = "libx264",
    fps: Fraction | int = 30,
    pix_fmt: str = "yuv420p",
    container: str | None = None,
    options: dict[str, str] | None = None,
    muxer: dict[str, str] | None = None,
    times: list[float] | None = None,
    rotation: float | None = None,
    mirror: bool = False,
    aspect: Fraction | None = None,
    with_audio: bool = False,
    prepare: Callable[[av.VideoFrame], av.VideoFrame] | None = None,
) -> Path:
    """Encode pictures with PyAV and return the path.

    times: seconds of each picture, for a variable rate. rotation: degrees counterclockwise that a player has to turn
    the picture. aspect: width of a pixel over its height. prepare: changes each frame before it is encoded.
    """
    unit = Fraction(1, 1000) if times else 1 / Fraction(fps)
    with av.open(str(path), "w", format=container, options=muxer) as out:
        sound = out.add_stream("aac", rate=16_000, layout="mono") if with_audio else None
        stream = None
        for i, picture in enumerate(pictures):
            if stream is None:
                stream = out.add_stream(codec, rate=fps, options=QUICK.get(codec, {}) | (options or {}))
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt = pix_fmt
                stream.codec_context.time_base = unit
                if aspect is not None:
                    stream.codec_context.sample_aspect_ratio = aspect
                if rotation is not None or mirror:
                    stream.set_display_rotation(rotation or 0, hflip=mirror)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=pix_fmt)
            frame.pts = round(times[i] * 1000) if times else i
            frame.time_base = unit
            out.mux(stream.encode(prepare(frame) if prepare else frame))
        out.mux(stream.encode(None))
        if sound is not None:
            write_silence(out, sound, float(times[-1]) if times else float((i + 1) * unit))
    if codec == "libsvtav1":
        _leave_real_time()
    return path


def _leave_real_time() -> None:
    """Run by root, SVT-AV1 makes the whole process real-time: what it starts then takes a processor for itself."""
    tasks = Path("/proc/self/task")  # Linux
    for task in tasks.iterdir() if tasks.exists() else ():
        with suppress(ProcessLookupError):
            os.sched_setscheduler(int(task.name), os.SCHED_OTHER, os.sched_param(0))


# what makes each encoder quick enough for tests
QUICK = {
    "libx264": {"preset": "veryfast", "crf": "18"},
    "libx265": {"preset": "ultrafast", "crf": "14", "x265-params": "log-level=none"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "crf": "10", "b": "0"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8", "b": "1M"},
    "libsvtav1": {"preset": "12", "crf": "20"},
    "mpeg4": {"qscale": "2", "b": "4M"},
    "mpeg2video": {"b": "4M"},
    "wmv2": {"b": "4M"},
}


def write_silence(out, stream, seconds: float) -> None:
    """Into an open container, and its sound track to the end."""
    for start in range(0, round(seconds * 16_000), 1024):
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 16_000, start
        out.mux(stream.encode(frame))
    out.mux(stream.encode(None))


def grey_clip(path: Path, count: int = 60, size: tuple[int, int] = (64, 48), **encoding) -> Path:
    """A grey clip of `count` pictures; `encoding` as for `write_clip`."""
    return write_clip(path, greys(count, size), **encoding)


def audio_clip(path: Path, seconds: float = 1.0) -> Path:
    """Sound alone; the name's ending chooses the container."""
    with av.open(str(path), "w") as out:
        write_silence(out, out.add_stream("aac", rate=16_000, layout="mono"), seconds)
    return path


def remux(source: Path, path: Path) -> Path:
    """The same packets of the picture track in another container."""
    with av.open(str(source)) as given, av.open(str(path), "w") as out:
        track = given.streams.video[0]
        stream = out.add_stream_from_template(track)
        for packet in given.demux(track):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    return path


def spoiled(source: Path, path: Path, number: int) -> Path:
    """The same packets of the picture track, that of this number with random bytes behind its first ones."""
    with av.open(str(source)) as given, av.open(str(path), "w") as out:
        track = given.streams.video[0]
        stream = out.add_stream_from_template(track)
        for n, packet in enumerate(packet for packet in given.demux(track) if packet.size):
            if n == number:
                data = bytes(packet)
                noise = av.Packet(data[:12] + np.random.default_rng(0).bytes(len(data) - 12))
                noise.pts, noise.dts, noise.time_base = packet.pts, packet.dts, packet.time_base
                packet = noise
            packet.stream = stream
            out.mux(packet)
    return path


def truncated(source: Path, path: Path, size: int) -> Path:
    """The first `size` bytes."""
    path.write_bytes(source.read_bytes()[:size])
    return path


def scratched(source: Path, path: Path, start: float, end: float, seed: int = 0) -> Path:
    """A copy with random bytes between the fractions `start` and `end` of its length."""
    data = bytearray(source.read_bytes())
    first, last = int(start * len(data)), int(end * len(data))
    data[first:last] = np.random.default_rng(seed).bytes(last - first)
    path.write_bytes(data)
    return path


def portrait_clip(
    path: Path, seconds: float = 2.0, size: tuple[int, int] = (640, 360), fps: int = 25, **encoding
) -> Path:
    """One face, before a slowly moving camera; about half as high as the picture."""
    picture = portrait()
    views = (camera_view(picture, i / fps, size) for i in range(round(seconds * fps)))
    return write_clip(path, views, fps=fps, **encoding)


def ten_minutes(folder: Path, layout: str) -> Path:
    """Ten seconds of the portrait sixty times over, some 24 MB: a key frame every four seconds, as on the web."""
    container, muxer = LAYOUTS[layout]
    rate = {"b": "300k", "minrate": "300k", "maxrate": "300k", "g": "100"}
    codec = "libvpx-vp9" if container == "webm" else "libx264"
    quick = {"bufsize": "300k", "nal-hrd": "cbr"} if codec == "libx264" else {"deadline": "realtime", "cpu-used": "8"}
    once = portrait_clip(folder / f"once.{container}", 10, (320, 180), codec=codec, options=rate | quick)
    repeat(once, folder / f"long.{container}", 60, container, muxer)
    return folder / f"long.{container}"


def faces_clip(
    path: Path,
    places: Callable[[float], list[tuple[float, float, float]]],
    seconds: float = 2.0,
    size: tuple[int, int] = (640, 360),
    fps: int = 25,
    **encoding,
) -> Path:
    """Faces on grey: `places(t)` gives the centre x, centre y and width (pixels) of each face's head at `t` seconds.

    Later ones cover earlier ones. Every other face is mirrored, so that two can be told apart.
    """
    views = (paint_faces(places(i / fps), size) for i in range(round(seconds * fps)))
    return write_clip(path, views, fps=fps, **encoding)


def paint_faces(places: list[tuple[float, float, float]], size: tuple[int, int]) -> Picture:
    """One picture of `faces_clip`, (height, width, 3) uint8."""
    import cv2

    head = portrait()[0:210, 130:320]  # 190 x 210 pixels: the face with hair and neck
    shape = np.zeros(head.shape[:2], np.float32)
    cv2.ellipse(shape, (95, 105), (80, 100), 0, 0, 360, 1, -1)
    canvas = np.full((size[1], size[0], 3), 120, np.float32)
    for i, (x, y, width) in enumerate(places):
        scale = width / head.shape[1]
        flip = -1 if i % 2 else 1
        place = np.float32([[flip * scale, 0, x - flip * scale * 95], [0, scale, y - scale * 105]])
        # area averaging is what warpAffine lacks
        soft = cv2.GaussianBlur(head, (0, 0), 0.5 / scale) if scale < 0.7 else head
        mask = cv2.warpAffine(shape, place, size)[:, :, None]
        canvas = cv2.warpAffine(soft, place, size).astype(np.float32) * mask + canvas * (1 - mask)
    return canvas.round().astype(np.uint8)


def crossing_clip(path: Path, seconds: float = 3.0, **encoding) -> Path:
    """Two faces that change sides, the second passing in front."""

    def places(t: float) -> list[tuple[float, float, float]]:
        way = 400 * t / seconds
        return [(120 + way, 160, 150), (520 - way, 200, 170)]

    return faces_clip(path, places, seconds, **encoding)


def crowd_clip(path: Path, seconds: float = 1.0, fps: int = 25, **encoding) -> Path:
    """Forty faces, 8 by 5, drifting to the right."""
    crowd = paint_faces([(80 + 160 * c, 72 + 144 * r, 130.0) for r in range(5) for c in range(8)], (1280, 720))
    return write_clip(path, (np.roll(crowd, i, axis=1) for i in range(round(seconds * fps))), fps=fps, **encoding)


def cuts_clip(path: Path, shots: int = 3, shot_seconds: float = 1.0, **encoding) -> Path:
    """One face that jumps to another place and size at every cut."""

    def places(t: float) -> list[tuple[float, float, float]]:
        shot = int(t / shot_seconds)
        return [(160 + 320 * (shot % 2), 180, 140 + 50 * (shot % 3))]

    return faces_clip(path, places, shots * shot_seconds, **encoding)
