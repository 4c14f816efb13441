"""One check for the page: the road from what a visitor gave to the pieces and files that show the answer."""

import json
import logging
import queue
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from core.analysis import Analysis
from core.annotate import annotated_picture, annotated_video
from core.errors import CheckError
from core.render import Heat, key_pictures
from core.report import Shots, key_shots, report_page, sha256_of, utc_now
from core.trial import try_to_open
from demo.detectors import Loaded

log = logging.getLogger(__name__)

STEP_EVERY_S = 0.2  # more often, and the page does little but show progress
# Drawing takes longer than judging, and of a long video few people watch the copy.
LONGEST_COPY_S = 600.0
LONGEST_CHECK_S = 1800.0  # by the clock; a small file can hold days of work, and others wait for its place


@dataclass(frozen=True)
class Step:
    """How far the check is: a stage of `view.STAGES`, and 0 to 1 of it."""

    stage: str
    part: float


@dataclass(frozen=True)
class Answer:
    """The verdict is there; the annotated copy may follow."""

    analysis: Analysis
    shots: Shots
    json: Path
    report: Path


@dataclass(frozen=True)
class Copy:
    """The annotated copy: an MP4, or a PNG of a still. None where none was made, and why."""

    path: Path | None
    why_not: str = ""


Report = Callable[[Step | Answer | Copy], None]
Progress = Callable[[int, int, str], None]
Source = Callable[[Path, Progress, Callable[[], bool]], Path]  # folder, progress, cancel -> the file to check


def check(
    source: Source, load: Callable[[], Loaded], plan: str, folder: Path, stop: threading.Event
) -> Iterator[Step | Answer | Copy]:
    """Steps, then one Answer, more steps, then one Copy. Files go into `folder`. Raises CheckError.

    load: gives the detector, which may take seconds. `stop` ends the check wherever it is.
    """
    until = time.monotonic() + LONGEST_CHECK_S

    def cancel() -> bool:
        if time.monotonic() > until:
            raise CheckError("timed_out")
        return stop.is_set()

    def work(report: Report) -> None:
        progress = seldom(report)
        try:
            path = source(folder, progress, stop.is_set)
            progress(0, 1, "load")
            loaded = load()
            try_to_open(path, cancel)
            analysis = loaded.detector.check(path, plan, progress, cancel)
            progress(0, 1, "pictures")
            report(answer(path, analysis, loaded.heat, folder, stop.is_set))
            report(copy(path, analysis, folder, progress, cancel))
        except Exception as error:
            if not stop.is_set():
                raise
            raise CheckError("cancelled") from error  # who closes the page takes the files away under our hands

    try:
        yield from in_background(work)
    finally:
        stop.set()  # whoever stops listening wants no more work done


def answer(path: Path, analysis: Analysis, heat: Heat, folder: Path, cancel: Callable[[], bool]) -> Answer:
    """Write the JSON and the report. Raises CheckError, "cancelled" for one that was stopped before they were there."""
    shots = key_shots(key_pictures(path, analysis, heat))
    stop_if(cancel)
    stem = f"unmask-{path.stem[:60]}"
    found = Answer(analysis, shots, folder / f"{stem}.json", folder / f"{stem}.html")
    told = {"path": path.name, "analysis": analysis.to_json()}
    found.json.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    found.report.write_text(report_page(path.name, analysis, shots, utc_now(), sha256_of(path)), encoding="utf-8")
    stop_if(cancel)
    return found


def stop_if(cancel: Callable[[], bool]) -> None:
    if cancel():
        raise CheckError("cancelled")


def copy(path: Path, analysis: Analysis, folder: Path, progress: Progress, cancel: Callable[[], bool]) -> Copy:
    """Draw the annotated copy. An answer outlives its pictures: failing to draw is told, not raised."""
    stem = f"unmask-{path.stem[:60]}"
    try:
        stop_if(cancel)
        if analysis.media.is_still:
            annotated_picture(path, analysis, folder / f"{stem}.png")
            return Copy(folder / f"{stem}.png")
        if analysis.media.duration_s > LONGEST_COPY_S:
            return Copy(None, f"Videos longer than {LONGEST_COPY_S / 60:.0f} minutes get no annotated copy here.")
        annotated_video(path, analysis, folder / f"{stem}.mp4", progress, cancel)
        return Copy(folder / f"{stem}.mp4")
    except CheckError as error:
        if error.code == "cancelled":
            return Copy(None, "You stopped before the annotated copy was drawn; the answer is complete.")
        return Copy(None, f"The annotated copy could not be drawn. {error}")


def seldom(report: Report) -> Progress:
    """A progress function that reports a new stage at once, and steps within it now and then."""
    last_stage, last_s = "", 0.0

    def progress(done: int, total: int, stage: str) -> None:
        nonlocal last_stage, last_s
        now = time.monotonic()
        if stage != last_stage or now - last_s >= STEP_EVERY_S:
            last_stage, last_s = stage, now
            report(Step(stage, min(1.0, done / total) if total else 0.0))  # a site may not tell how much it is

    return progress


def in_background(work: Callable[[Report], None]) -> Iterator[Step | Answer | Copy]:
    """Run `work` in a thread of its own and yield what it reports; whatever it raises comes out as a CheckError."""
    reports: queue.SimpleQueue = queue.SimpleQueue()

    def run() -> None:
        try:
            work(reports.put)
            reports.put(None)
        except CheckError as error:
            reports.put(error)
        except MemoryError:
            reports.put(CheckError("out_of_memory"))
        except Exception as error:
            # without the exception's own words: they may hold the name of somebody's file
            log.error("%s\n%s", type(error).__name__, "".join(traceback.format_tb(error.__traceback__)))
            reports.put(CheckError("internal"))

    threading.Thread(target=run, daemon=True, name="check").start()
    while (report := reports.get()) is not None:
        if isinstance(report, CheckError):
            raise report
        yield report
