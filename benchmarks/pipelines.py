"""The pipelines that are compared, each in a process of its own: `python -m benchmarks.pipelines NAME CLIP`.

    unmask      Unmask's default check
    reference   the shape of the published recipe (Unmasking Deepfakes: Using ResNeXt and LSTM): OpenCV reads consecutive
                frames, dlib's HOG detector with one up-sampling looks at each, the first face is stretched to 112 pixels,
                ResNeXt-50 and an LSTM of 2048 in float32; its weights are random, which costs the same
    plain       what one would write first: MediaPipe on every frame, Unmask's encoder in float32 by PyTorch

Prints a line of JSON for each number of frames with what an answer from so many takes: seconds, processor seconds and bytes
read once all is loaded, the seconds of that loading (without NumPy's), and the peak memory.
"""

import argparse
import json
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

# yields at each mark the frames looked at so far and what has still to be done for an answer after that many
Video = Callable[[Path], Iterator[tuple[int, Callable[[], None]]]]
MARKS = (20, 60, 100)  # frames of the reference


def unmask() -> Video:
    from core.detector import Detector

    detector = Detector.load(device="cpu")

    def check(path):
        yield detector.check(path).coverage.frames_examined, lambda: None

    return check


def reference() -> Video:
    import cv2
    import dlib
    import torch
    from torchvision.models import resnext50_32x4d

    find = dlib.get_frontal_face_detector()
    backbone = torch.nn.Sequential(*list(resnext50_32x4d(weights=None).children())[:-1]).eval()
    lstm, out = torch.nn.LSTM(2048, 2048, batch_first=True), torch.nn.Linear(2048, 2)

    def judge(crops: list[np.ndarray]) -> None:
        from core.model import normalise

        with torch.inference_mode():
            features = torch.cat([backbone(normalise(np.stack([crop]))).flatten(1) for crop in crops])
            out(lstm(features[None])[0].mean(dim=1))

    def check(path):
        video, crops = cv2.VideoCapture(str(path)), []
        for count in range(1, MARKS[-1] + 1):
            there, frame = video.read()
            if not there:
                return
            rgb = cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
            if faces := find(rgb, 1):
                box = faces[0]
                face = rgb[max(box.top(), 0) : box.bottom(), max(box.left(), 0) : box.right()]
                crops.append(cv2.resize(face, (112, 112)))
            if count in MARKS and crops:
                yield count, lambda: judge(crops)

    return check


def plain() -> Video:
    import av
    import torch

    from core.crops import crop
    from core.faces import FaceDetector
    from core.model import normalise
    from core.pretrained import load_weights

    finder, encoder = FaceDetector(), load_weights().model.encoder

    def check(path):
        crops, count = [], 0
        with av.open(str(path)) as video, torch.inference_mode():
            for picture in video.decode(video=0):
                count += 1
                rgb = picture.to_ndarray(format="rgb24")
                crops += [crop(rgb, face.box) for face in finder.detect(rgb)]
                if len(crops) >= 32:
                    encoder(normalise(np.stack(crops)))
                    crops = []
            if crops:
                encoder(normalise(np.stack(crops)))
        yield count, finder.close

    return check


def processor() -> float:
    """Processor seconds of this process, all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def bytes_read() -> int:
    """Bytes asked of files so far; 0 where the system does not count."""
    try:
        return int(Path("/proc/self/io").read_text().split()[1])
    except OSError:
        return 0


def now() -> np.ndarray:
    """Seconds, processor seconds and bytes read."""
    return np.array([time.perf_counter(), processor(), bytes_read()])


def main() -> None:
    pipelines = {"unmask": unmask, "reference": reference, "plain": plain}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=pipelines)
    parser.add_argument("clip", type=Path)
    given = parser.parse_args()
    begun = now()
    check = pipelines[given.name]()
    start = now() - begun
    looked, mark = np.zeros(3), now()
    for frames, judge in check(given.clip):
        looked += now() - mark  # judging at earlier marks is no part of it
        mark = now()
        judge()
        seconds, used, read = (looked + now() - mark).tolist()
        row = {"frames": frames, "seconds": seconds, "processor_s": used, "bytes": read}
        row |= {"start_s": start[0], "start_processor_s": start[1]}
        row |= {"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
        print(json.dumps(row), flush=True)
        mark = now()


if __name__ == "__main__":
    main()
