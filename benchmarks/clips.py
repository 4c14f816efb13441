"""Clips to measure on, made once from the example's portrait and kept in `out/benchmarks`: `python -m benchmarks.clips`.

The portrait moves before a virtual camera. Five faces are five portraits side by side. The ten minutes are the same minute
ten times, joined without coding it anew: what is measured is how far apart the frames lie, not what they show.
"""

from pathlib import Path

import av
import numpy as np

from core.example import camera_view, portrait

FOLDER = Path(__file__).parents[1] / "out" / "benchmarks"
FPS = 25
H264 = ("libx264", {"preset": "veryfast", "crf": "23"}, "mp4")
VP9 = ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8", "b": "3M"}, "webm")
AV1 = ("libsvtav1", {"preset": "12", "crf": "35"}, "mp4")

# name -> seconds, size, faces, coding
CLIPS = {
    "10s-720p": (10, (1280, 720), 1, H264),
    "10s-720p-five": (10, (1280, 720), 5, H264),
    "10s-720p-vp9": (10, (1280, 720), 1, VP9),
    "10s-720p-av1": (10, (1280, 720), 1, AV1),
    "60s-1080p": (60, (1920, 1080), 1, H264),
    "10min-1080p": (600, (1920, 1080), 1, H264),
}

LAYOUTS = {  # where the index of a file lies: name -> container, muxer's options
    "index at the end": ("mp4", {}),
    "index at the start": ("mp4", {"movflags": "faststart"}),
    "in fragments": ("mp4", {"movflags": "frag_keyframe+empty_moov+default_base_moof+dash+global_sidx"}),
    "webm": ("webm", {}),
}


def clip(name: str) -> Path:
    """The clip of that name, made if it is not there yet."""
    seconds, size, faces, coding = CLIPS[name]
    path = FOLDER / f"{name}.{coding[2]}"
    if not path.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        if seconds > 60:
            repeat(clip("60s-1080p"), part, seconds // 60)
        else:
            write(part, seconds, size, faces, coding)
        part.rename(path)
    return path


def write(path: Path, seconds: int, size: tuple[int, int], faces: int, coding: tuple[str, dict, str]) -> None:
    codec, options, kind = coding
    with av.open(str(path), "w", format=kind) as container:
        stream = container.add_stream(codec, rate=FPS, options=options)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.gop_size = 2 * FPS
        for i in range(seconds * FPS):
            view = picture(i / FPS, size, faces)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(view, format="rgb24")))
        container.mux(stream.encode(None))


def picture(t_s: float, size: tuple[int, int], faces: int) -> np.ndarray:
    """(height, width, 3) uint8: so many portraits side by side, each moving in its own time."""
    width, height = size
    edges = np.linspace(0, width, faces + 1).round().astype(int)
    views = [
        camera_view(portrait(), t_s + i, (int(right - left), height if faces == 1 else height // 2))
        for i, (left, right) in enumerate(zip(edges[:-1], edges[1:], strict=True))
    ]
    row = np.concatenate(views, axis=1)
    return row if faces == 1 else np.concatenate([np.full_like(row, 90), row])


def repeat(source: Path, path: Path, times: int, kind: str = "mp4", muxer: dict[str, str] | None = None) -> None:
    """The clip so many times in a row, its packets copied with later times."""
    with av.open(str(path), "w", format=kind, options=muxer) as out, av.open(str(source)) as first:
        stream = out.add_stream_from_template(first.streams.video[0])
        length = int(first.duration / av.time_base / first.streams.video[0].time_base)
        for i in range(times):
            with av.open(str(source)) as again:
                for packet in again.demux(again.streams.video[0]):
                    if packet.dts is not None:
                        packet.pts, packet.dts = packet.pts + i * length, packet.dts + i * length
                        packet.stream = stream
                        out.mux(packet)


if __name__ == "__main__":
    for name in CLIPS:
        print(clip(name))
