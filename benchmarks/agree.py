"""Does the quick road answer what the plain one does? `python -m benchmarks.agree FOLDER`.

Every video of the folder is judged by the default, and in float32 by PyTorch. Printed are the largest difference of a
probability and the number of verdicts that changed; with files below `real/` and `fake/`, also both areas under the curve.
`fast` is how many checks the plan of that name ends early, how many verdicts that changes and what share of the frames it
looks at.
"""

import argparse
import json
import os
import sys
from pathlib import Path

import numpy as np

from core.analysis import Analysis
from core.detector import Detector
from core.errors import CheckError
from core.inputs import is_video_name
from training.metrics import label_auc


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of videos")
    folder = parser.parse_args().folder
    quick = Detector.load(device="cpu")
    os.environ["UNMASK_OPENVINO"] = "0"
    plain = Detector.load(device="cpu", precision="fp32")
    rows = []
    for path in sorted(path for path in folder.rglob("*") if is_video_name(path)):
        try:
            rows.append((path, quick.check(path), plain.check(path), quick.check(path, "fast")))
        except CheckError as error:
            print(f"{path.name}: {error}", file=sys.stderr)
    judged = [row for row in rows if all(analysis.probability is not None for analysis in row[1:])]
    answers = np.array([[analysis.probability for analysis in analyses] for _, *analyses in judged])
    fake = np.array(["fake" in path.relative_to(folder).parts for path, *_ in judged])
    labelled = 0 < fake.sum() < len(fake)
    found = {
        "videos": len(rows),
        "judged": len(judged),
        "largest_difference": float(np.abs(answers[:, 0] - answers[:, 1]).max()),
        "verdicts_changed": sum(a.verdict != b.verdict for _, a, b, _ in rows),
        "fast": {
            "ended_early": sum(examined(e) < examined(a) for _, a, _, e in rows),
            "verdicts_changed_to_default": sum(a.verdict != e.verdict for _, a, _, e in rows),
            "frames": sum(examined(e) for *_, e in rows) / sum(examined(a) for _, a, *_ in rows),
        },
        "auc": [label_auc(fake, answers[:, i]) for i in (0, 1)] if labelled else None,
    }
    print(json.dumps(found))
    return int(found["largest_difference"] > 0.02)


def examined(analysis: Analysis) -> int:
    return analysis.coverage.frames_examined


if __name__ == "__main__":
    sys.exit(main())
