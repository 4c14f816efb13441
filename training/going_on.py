"""The folder of a run that was begun before: it goes on with the settings and from the step that its checkpoint has."""

import json
from pathlib import Path

from training.manifest import DataError, drop_cut_line, read_json

FREE = ("images", "every")  # what may differ when a run goes on


def require_run(run: Path) -> None:
    """Raises DataError where training.train kept nothing."""
    if lacking := [name for name in ("config.json", "last.pt") if not (run / name).exists()]:
        raise DataError(f"{run} is no run of training.train, as it lacks {' and '.join(lacking)}; name one that is.")


def begun(out: Path) -> dict:
    """The settings of the run that `out` holds; none where nothing was trained there yet."""
    path = out / "config.json"
    return read_json(path, dict) if (out / "last.pt").exists() and path.exists() else {}


def check_config(out: Path, config: dict) -> None:
    """Raises SystemExit where `out` holds a run of other settings: it would go on as neither. Its length may change, and
    what an earlier version did not write down may be anything."""
    before, now = begun(out), json.loads(json.dumps(config))  # tuples become lists
    if other := [key for key, value in now.items() if key not in FREE and before.get(key, value) != value]:
        was = ", ".join("other faces" if key == "faces" else f"{key} {before[key]}" for key in other)
        raise SystemExit(f"{out} holds a run with {was}; name another folder with --out.")


def keep_config(out: Path, config: dict) -> None:
    """Write config.json."""
    half = out / "config.part"
    half.write_text(json.dumps(config, indent=1) + "\n")
    half.rename(out / "config.json")


def keep_log(log: Path, step: int) -> None:
    """Take out what a killed run wrote after its checkpoint of `step`, and will write again."""
    drop_cut_line(log)
    if log.exists():
        lines = log.read_text().splitlines(keepends=True)
        log.write_text("".join(line for line in lines if json.loads(line)["step"] <= step))
