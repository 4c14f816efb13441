"""Videos a second for a folder on all cores, and crops a second: `python -m benchmarks.throughput [FOLDER] [--device cuda]`.

One thread for each core asks the same detector. The target on a GPU of the H100's class is 3,000 crops a second in bf16.
"""

import argparse
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from benchmarks.clips import clip
from core.detector import Detector
from core.engine import Engine
from core.inputs import is_video_name
from core.looks import BATCH

SECONDS = 3.0  # of crops


def videos_a_second(detector: Detector, paths: list[Path]) -> float:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    begin = time.perf_counter()
    with ThreadPoolExecutor(cores) as pool:
        list(pool.map(detector.check, paths))
    return len(paths) / (time.perf_counter() - begin)


def crops_a_second(detector: Detector) -> float:
    engine = Engine(detector.model, detector.device, detector.info.precision)
    batch = BATCH if detector.device == "cpu" else 8 * BATCH
    crops = np.random.default_rng(0).integers(0, 256, (batch, *2 * (detector.model.config.size,), 3), np.uint8)
    engine.encode(crops)  # warms up
    count, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < SECONDS:
        engine.encode(crops)  # returns logits on the processor, so it has waited for the GPU
        count += len(crops)
    return count / (time.perf_counter() - begin)


def main() -> None:
    parser = argparse.ArgumentParser("python -m benchmarks.throughput")
    parser.add_argument("folder", nargs="?", type=Path, help="videos; without one the 10 s clip, eight times")
    parser.add_argument("--device")
    options = parser.parse_args()
    paths = [p for p in options.folder.rglob("*") if is_video_name(p)] if options.folder else [clip("10s-720p")] * 8
    detector = Detector.load(device=options.device)
    found = {"crops_a_second": crops_a_second(detector), "videos_a_second": videos_a_second(detector, paths)}
    print(json.dumps({"device": detector.device, "precision": detector.info.precision, "videos": len(paths), **found}))


if __name__ == "__main__":
    main()
