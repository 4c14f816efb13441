"""The folder of a run that was begun before: it goes on with the settings and from the step that its checkpoint has."""

import json
from pathlib import Path

from training.manifest import drop_cut_line

FREE = ("images", "every", "start")  # what may differ when a run goes on


def keep_config(out: Path, config: dict) -> str:
    """Write config.json; returns its "start", what the run began with, which going on does not change.

    Raises SystemExit where `out` holds a run of other settings: it would go on as neither. Its length may change.
    """
    path, now = out / "config.json", json.loads(json.dumps(config))  # tuples become lists
    if (out / "last.pt").exists() and path.exists():
        before = json.loads(path.read_text())
        now["start"] = before.get("start", now["start"])
        if other := [key for key, value in now.items() if key not in FREE and before.get(key, value) != value]:
            was = ", ".join(f"{key} {before[key]}" for key in other)
            raise SystemExit(f"{out} holds a run with {was}; name another folder with --out.")
    half = path.with_suffix(".part")
    half.write_text(json.dumps(now, indent=1) + "\n")
    half.rename(path)
    return now["start"]


def keep_log(log: Path, step: int) -> None:
    """Take out what a killed run wrote after its checkpoint of `step`, and will write again."""
    drop_cut_line(log)
    if log.exists():
        lines = log.read_text().splitlines(keepends=True)
        log.write_text("".join(line for line in lines if json.loads(line)["step"] <= step))
