"""Unmask beside other pipelines, on the same clips in one run: `python -m benchmarks.compare [--quick] [--json]`.

Each run is a process of its own; rounds go over all clips and pipelines, so that whatever else the machine does hits all of
them; figures are medians. Ratios are of processor seconds, which other load on the machine changes least; `by_clock` are
those of seconds. Needs benchmarks/requirements.txt; makes its clips first.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from statistics import median

from benchmarks.clips import CLIPS, clip
from benchmarks.limit import floor

MAIN = "10s-720p"
ROW = "| {clip} | {pipeline} | {frames} | {seconds:.1f} | {per_frame:.1f} | {processor_s:.1f} | {start_processor_s:.1f} | {peak_mb:.0f} | {mb:.1f} |"
HEAD = """| clip | pipeline | frames | s | ms a frame | processor s | to load | peak MB | MB read |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |"""


def main() -> None:
    parser = argparse.ArgumentParser("python -m benchmarks.compare")
    parser.add_argument("--quick", action="store_true", help="the 10 s clip alone, once")
    parser.add_argument("--json", action="store_true", help="figures as one line of JSON")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    rounds = 1 if options.quick else options.rounds
    rows = measure([MAIN] if options.quick else list(CLIPS), rounds)
    limit = floor(clip(MAIN))
    found = {"rows": rows, "limit": limit, "ratios": ratios(rows, limit)}
    print(json.dumps(found) if options.json else table(found))


def measure(clips: list[str], rounds: int) -> list[dict]:
    """A row of medians for each clip, pipeline and number of frames."""
    jobs = [(name, "unmask") for name in clips] + [(MAIN, "reference"), (MAIN, "plain")]
    runs: dict[tuple, list[dict]] = {}
    for _ in range(rounds):
        for name, pipeline in jobs:
            for mark in run(pipeline, clip(name)):
                runs.setdefault((name, pipeline, mark["frames"]), []).append(mark)
    return [
        {"clip": name, "pipeline": pipeline} | {key: median(mark[key] for mark in marks) for key in marks[0]}
        for (name, pipeline, _), marks in runs.items()
    ]


def run(pipeline: str, path: Path) -> list[dict]:
    """The marks of one process."""
    command = [sys.executable, "-m", "benchmarks.pipelines", pipeline, str(path)]
    done = subprocess.run(command, cwd=Path(__file__).parents[1], stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def ratios(rows: list[dict], limit: dict[str, float]) -> dict:
    """How many times as much the others take as Unmask on the main clip, and Unmask as the limit."""
    main = {(row["pipeline"], row["frames"]): row for row in rows if row["clip"] == MAIN}
    ours = next(row for (pipeline, _), row in main.items() if pipeline == "unmask")
    others = {"plain" if p == "plain" else f"{p}_{n}_frames": row for (p, n), row in main.items() if p != "unmask"}
    by = {key: {name: row[key] / ours[key] for name, row in others.items()} for key in ("processor_s", "seconds")}
    return {**by["processor_s"], "limit": ours["processor_s"] / limit["sum"], "by_clock": by["seconds"]}


def table(found: dict) -> str:
    rows = [
        ROW.format(**row, per_frame=1000 * row["seconds"] / row["frames"], mb=row["bytes"] / 1e6)
        for row in found["rows"]
    ]
    parts = [f"{name}: {value:.2f} s" for name, value in found["limit"].items()]
    processor = {name: value for name, value in found["ratios"].items() if name != "by_clock"}
    times = [
        words + ", ".join(f"{name}: {value:.1f}" for name, value in given.items())
        for words, given in (("Ratios: ", processor), ("By the clock: ", found["ratios"]["by_clock"]))
    ]
    return "\n".join([HEAD, *rows, "", "Limit: " + ", ".join(parts), *times])


if __name__ == "__main__":
    main()
