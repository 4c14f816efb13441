"""A clip anyone may use: NASA's portrait of an astronaut, moved by a virtual camera, and labelled as made.

The portrait (Eileen Collins, public domain) comes inside scikit-image, so nothing is fetched. The `blended` clip holds
a mild manipulation made from the same face, for showing what a sign of manipulation is.
"""

import math
from pathlib import Path

import numpy as np

FPS = 25
TITLE = "made by Unmask from a NASA portrait"
FACE_CENTRE, FACE_AXES = (224, 124), (44, 56)  # pixels of the portrait: an ellipse from brow to chin


def make_example(
    path: str | Path, seconds: float = 6.0, blended: bool = False, size: tuple[int, int] = (1280, 720)
) -> Path:
    """Write the clip as H.264 in MP4 and return its path. size: width and height in pixels, even numbers.

    At 1280 x 720 the face is about 300 pixels wide.
    """
    import av

    picture = blend(portrait()) if blended else portrait()
    with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as container:
        container.metadata["title"] = TITLE + (", the face blended with itself" if blended else "")
        stream = container.add_stream("libx264", rate=FPS, options={"crf": "20", "preset": "veryfast"})
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        for i in range(max(1, round(seconds * FPS))):
            view = camera_view(picture, i / FPS, size)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(view, format="rgb24")))
        container.mux(stream.encode(None))
    return Path(path)


def portrait() -> np.ndarray:
    """(512, 512, 3) uint8 RGB: a woman in an orange suit, her face about 100 pixels wide."""
    from skimage import data

    return data.astronaut()


def camera_view(picture: np.ndarray, t_s: float, size: tuple[int, int]) -> np.ndarray:
    """What a slowly moving hand-held camera sees of the portrait at `t_s`: (height, width, 3) uint8."""
    import cv2

    width, height = size
    turn = math.radians(3 * math.sin(0.9 * t_s))
    zoom = max(width / 480, height / 300) * (1.06 + 0.06 * math.sin(0.7 * t_s + 1))
    centre_x = 232 + 18 * math.sin(1.1 * t_s) + 2 * math.sin(5.3 * t_s)
    centre_y = 144 + 7 * math.sin(0.8 * t_s + 2) + 1.5 * math.sin(4.7 * t_s + 1)
    cos, sin = zoom * math.cos(turn), zoom * math.sin(turn)
    to_view = np.array(
        [
            [cos, -sin, width / 2 - cos * centre_x + sin * centre_y],
            [sin, cos, height / 2 - sin * centre_x - cos * centre_y],
        ]
    )
    return cv2.warpAffine(picture, to_view, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)


def blend(picture: np.ndarray) -> np.ndarray:
    """The portrait with its face replaced by a changed copy of itself: other colours, resampled, a soft edge.

    The idea is that of Shiohara and Yamasaki 2022 (Self-Blended Images): source and target are one picture, so that
    nothing but the traces of blending differs.
    """
    import cv2

    height, width = picture.shape[:2]
    small = cv2.resize(picture, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    source = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.float32)
    source = source * np.float32([1.08, 0.97, 0.90]) + 6
    shift = np.float32([[1.02, 0, -0.02 * FACE_CENTRE[0] + 1.5], [0, 1.02, -0.02 * FACE_CENTRE[1] + 1]])
    source = cv2.warpAffine(source, shift, (width, height), borderMode=cv2.BORDER_REFLECT)
    mask = np.zeros((height, width), np.float32)
    cv2.ellipse(mask, FACE_CENTRE, FACE_AXES, 0, 0, 360, 1, -1)
    mask = cv2.GaussianBlur(mask, (15, 15), 4)[:, :, None]
    return np.clip(source * mask + picture * (1 - mask), 0, 255).round().astype(np.uint8)
