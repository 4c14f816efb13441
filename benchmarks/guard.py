"""Keeps the check fast: `python -m benchmarks.guard` fails where it has become a quarter slower; `--store` keeps a new mark.

What is compared is a ratio: processor seconds of the default check of a small clip over those of fixed work of the same
kind that is none of ours (all frames decoded by PyAV, scaled by OpenCV, convolutions in PyTorch), taken in turn, each the
best of a few. A slower or a busier machine slows both; where the ratio is too high it is measured anew, twice at most.
Which back end, precision and processor there is does change the ratio, so there is a mark for each.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import av
import cv2
import torch

from benchmarks.pipelines import processor
from core.detector import Detector
from core.example import make_example
from core.fused import has_openvino

MARKS = Path(__file__).parent / "marks.json"
ROUNDS, LOSS, TRIES = 5, 1.25, 3


def fixed_work(path: Path) -> None:
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            cv2.resize(frame.to_ndarray(format="rgb24"), (192, 192), interpolation=cv2.INTER_AREA)
    torch.manual_seed(0)
    pixels, kernel = torch.randn(8, 64, 112, 112), torch.randn(64, 64, 3, 3)
    with torch.inference_mode():
        for _ in range(4):
            torch.nn.functional.conv2d(pixels, kernel, padding=1).relu_()


def measured(work) -> float:
    begin = processor()
    work()
    return processor() - begin


def ratio(detector: Detector) -> float:
    """Processor seconds of a check, in units of the fixed work."""
    with tempfile.TemporaryDirectory() as folder:
        path = make_example(Path(folder) / "clip.mp4", seconds=4)
        pairs = [(measured(lambda: detector.check(path)), measured(lambda: fixed_work(path))) for _ in range(ROUNDS)]
    return min(check for check, _ in pairs) / min(fixed for _, fixed in pairs)


def kind_of_processor() -> str:
    """Family and model, as Linux tells them."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return "unknown"
    told = dict(line.replace("\t", "").split(":", 1) for line in lines if ":" in line)
    return f"family{told.get('cpu family', ' ?')} model{told.get('model', ' ?')}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", action="store_true", help="keep what is measured as the mark")
    is_mark = parser.parse_args().store
    detector = Detector.load(device="cpu")
    name = f"{'openvino' if has_openvino() else 'pytorch'}-{detector.info.precision} on {kind_of_processor()}"
    marks = json.loads(MARKS.read_text()) if MARKS.exists() else {}
    mark, now = marks.get(name), ratio(detector)
    for _ in range(TRIES - 1):
        if mark and now > LOSS * mark:
            now = min(now, ratio(detector))
    if is_mark:
        MARKS.write_text(json.dumps({**marks, name: round(now, 2)}, indent=2) + "\n")
    print(f"{name}: a check takes {now:.2f} times the fixed work; the mark is {mark or 'not set'}")
    return int(mark is not None and now > LOSS * mark and not is_mark)


if __name__ == "__main__":
    sys.exit(main())
