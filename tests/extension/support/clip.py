"""A WebM of a public-domain portrait (scikit-image's astronaut) that slowly moves: what the test pages play.

python clip.py target.webm [seconds]
"""

import sys

import av
import numpy as np
from skimage import data

FPS, WIDTH, HEIGHT = 12, 384, 288


def write(target: str, seconds: int = 4) -> None:
    """Write the clip: VP8, `FPS` frames a second, the face in view throughout."""
    portrait = data.astronaut()
    with av.open(target, "w", format="webm") as container:
        stream = container.add_stream("libvpx", rate=FPS)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = WIDTH, HEIGHT, "yuv420p", 600_000
        for index in range(seconds * FPS):
            shift = round(24 * np.sin(index / FPS))
            picture = portrait[0:HEIGHT, 40 + shift : 40 + shift + WIDTH]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")))
        container.mux(stream.encode())


if __name__ == "__main__":
    write(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 4)
