"""Makes the pictures of the README from a real check of the example: `python docs/pictures.py`.

The example is a public-domain NASA portrait under a virtual camera; `blended` holds a manipulation made from that same
face. No other person is shown anywhere in this project.
"""

import sys
import tempfile
from pathlib import Path

import av
from PIL import Image

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS.parent))

from core.artifacts import write_artifacts  # noqa: E402
from core.detector import Detector  # noqa: E402
from core.example import make_example  # noqa: E402
from core.explain import heat_of  # noqa: E402

SHOWN_AT_S = 2.0
WIDTH = 880  # pixels


def main() -> None:
    detector = Detector.load()
    with tempfile.TemporaryDirectory() as folder:
        clip = make_example(Path(folder) / "example.mp4", blended=True)
        out = Path(folder) / "out"
        write_artifacts(clip, detector.check(clip), out, heat_of(detector.model))
        with av.open(str(out / "annotated.mp4")) as container:
            frame = next(f for f in container.decode(video=0) if f.time >= SHOWN_AT_S)
            save(frame.to_image(), "annotated.jpg")
        save(Image.open(out / "key-frames.png"), "key-frames.jpg")
        save(Image.open(out / "timeline.png").convert("RGB"), "timeline.png")


def save(picture: Image.Image, name: str) -> None:
    target = DOCS / "images" / name
    target.parent.mkdir(exist_ok=True)
    picture.resize((WIDTH, round(picture.height * WIDTH / picture.width))).save(target, quality=88, optimize=True)
    print(f"wrote docs/images/{name}, {target.stat().st_size // 1024} kB")


if __name__ == "__main__":
    main()
