"""Through a real video encoder in memory and back: what every clip, and every frame of one, has been through."""

import io
from functools import cache
from importlib.util import find_spec

import cv2
import numpy as np


@cache
def has_h264() -> bool:
    """Whether the encoder is here; a machine that does nothing but train the frame encoder can do without."""
    return find_spec("av") is not None


def h264(images: list[np.ndarray], crf: int, gop: int, preset: str = "veryfast", rate: int = 8) -> list[np.ndarray]:
    """Frames (H, W, 3) uint8 through libx264 in memory and back, as many and as large.

    Sides are made up to multiples of 128 on the way: at others libx264 gave the same clip differently each time, as if
    it read past the edge.
    """
    import av

    memory = io.BytesIO()
    height, width = images[0].shape[:2]
    below, beside = -height % 128, -width % 128
    with av.open(memory, "w", format="mp4") as out:
        options = {"crf": str(crf), "preset": preset, "g": str(gop), "threads": "1"}
        stream = out.add_stream("libx264", rate=rate, options=options)
        stream.height, stream.width = height + below, width + beside
        stream.pix_fmt = "yuv420p"
        for image in images:
            padded = cv2.copyMakeBorder(image, 0, below, 0, beside, cv2.BORDER_REFLECT_101)
            planes = cv2.cvtColor(padded, cv2.COLOR_RGB2YUV_I420)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(planes, format="yuv420p")))
        out.mux(stream.encode(None))
    memory.seek(0)
    with av.open(memory, format="mp4") as back:
        frames = [cv2.cvtColor(frame.to_ndarray(), cv2.COLOR_YUV2RGB_I420) for frame in back.decode(video=0)]
    return [np.ascontiguousarray(frame[:height, :width]) for frame in frames]


def frame_of_video(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A still as one frame of an encoded video, drifting a little before and after it: (H, W, 3) uint8 both.

    A key frame now and then, otherwise one that is predicted from frames before it, and from later ones.
    """
    height, width = image.shape[:2]
    before, after = (0, 0) if rng.random() < 0.15 else (int(rng.integers(1, 5)), int(rng.integers(0, 2)))
    drift, turn = rng.normal(0, 1.2, 2), rng.normal(0, 0.15)
    frames = []
    for step in range(-before, after + 1):
        affine = cv2.getRotationMatrix2D((width / 2, height / 2), turn * step, 1.0)
        affine[:, 2] += drift * step
        moved = cv2.warpAffine(image, affine, (width, height), borderMode=cv2.BORDER_REFLECT_101)
        frames.append(moved if step else image)
    preset = str(rng.choice(["ultrafast", "veryfast", "medium"], p=[0.2, 0.6, 0.2]))
    return h264(frames, int(rng.integers(18, 37)), 250, preset, 25)[before]
