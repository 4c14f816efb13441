"""A WebM of the example's portrait under its moving camera: what the test pages play, in every browser.

python clip.py target.webm [seconds]
"""

import sys

import av

from core.example import camera_view, portrait

FPS, SIZE = 12, (640, 480)


def write(target: str, seconds: int = 4) -> None:
    """Write the clip: VP8, the face in view throughout."""
    picture = portrait()
    with av.open(target, "w", format="webm") as container:
        stream = container.add_stream("libvpx", rate=FPS)
        stream.width, stream.height = SIZE
        stream.pix_fmt, stream.bit_rate = "yuv420p", 1_500_000
        for index in range(seconds * FPS):
            view = camera_view(picture, index / FPS, SIZE)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(view, format="rgb24")))
        container.mux(stream.encode())


if __name__ == "__main__":
    write(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 4)
