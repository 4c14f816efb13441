"""A check as the page runs it, without the page."""

import json
import logging
import threading
from dataclasses import replace
from functools import partial

import pytest

from core.errors import CheckError
from demo import sources, work
from demo.detectors import load
from demo.work import Answer, Copy, Step, check
from tests import media
from tests.core.test_video_index import of_same_bytes


@pytest.fixture(scope="module")
def loaded(weights):
    return load(weights)


@pytest.fixture
def run(loaded, tmp_path):
    """Check a source and return everything that is reported."""
    folder = tmp_path / "check"
    folder.mkdir()

    def run(source, stop=None):
        return check(source, lambda: loaded, "default", folder, stop or threading.Event())

    return run


def test_a_small_file_that_takes_very_much_memory_is_turned_away_before_it_is_opened_here(run, tmp_path, monkeypatch):
    monkeypatch.setattr("core.container._container", None)
    with pytest.raises(CheckError, match="longer than the limit"):
        list(run(sources.upload(str(of_same_bytes(tmp_path / "a.mp4", 50_000)))))


def at_work():
    return [thread for thread in threading.enumerate() if thread.name == "check"]


@pytest.mark.slow
def test_steps_come_first_then_the_answer_and_last_the_annotated_copy(run, tmp_path):
    reports = list(run(sources.upload(str(media.portrait_clip(tmp_path / "clip.mp4", 1)))))
    kinds = [type(report) for report in reports if not isinstance(report, Step)]
    assert kinds == [Answer, Copy]
    assert reports[0].stage == "load" and isinstance(reports[-1], Copy)
    assert reports[-1].path.stat().st_size > 1000
    answer = next(report for report in reports if isinstance(report, Answer))
    assert json.loads(answer.json.read_text())["path"] == "clip.mp4"
    assert answer.report.read_text().startswith("<!doctype html>")


@pytest.mark.slow
def test_a_still_gets_an_annotated_picture(run, tmp_path):
    from PIL import Image

    from core.example import portrait

    Image.fromarray(portrait()).save(tmp_path / "still.png")
    assert list(run(sources.upload(str(tmp_path / "still.png"))))[-1].path.suffix == ".png"


@pytest.mark.slow
def test_stopping_ends_the_work_and_not_only_the_waiting(run, tmp_path):
    stop = threading.Event()
    reports = run(sources.upload(str(media.portrait_clip(tmp_path / "clip.mp4", 2))), stop)
    assert next(report.stage for report in reports if report.stage == "look")
    (worker,) = at_work()
    stop.set()
    with pytest.raises(CheckError) as error:
        list(reports)
    assert error.value.code == "cancelled"
    worker.join(30)
    assert not worker.is_alive()


def test_a_check_that_takes_too_long_gives_its_place_to_the_next(run, tmp_path, monkeypatch):
    monkeypatch.setattr(work, "LONGEST_CHECK_S", -1)
    with pytest.raises(CheckError) as error:
        list(run(sources.upload(str(media.portrait_clip(tmp_path / "clip.mp4", 1)))))
    assert error.value.code == "timed_out"


@pytest.mark.slow
@pytest.mark.parametrize("leaves", [False, True], ids=["stopped", "page closed"])
def test_who_stops_while_the_pictures_are_made_gets_no_answer_and_that_is_no_bug(
    loaded, tmp_path, caplog, monkeypatch, leaves
):
    stop, folder, clip = threading.Event(), tmp_path / "check", media.portrait_clip(tmp_path / "clip.mp4", 1)
    folder.mkdir()

    def maps(crops):
        stop.set()
        if leaves:
            folder.rmdir()
            clip.unlink()
        return loaded.heat.maps(crops)

    heat, reports = replace(loaded.heat, maps=maps), []
    with caplog.at_level(logging.ERROR), pytest.raises(CheckError) as error:
        for report in check(sources.upload(str(clip)), lambda: replace(loaded, heat=heat), "default", folder, stop):
            reports.append(report)
    assert error.value.code == "cancelled" and caplog.text == ""
    assert reports and {type(report) for report in reports} == {Step}


@pytest.mark.slow
def test_who_stops_while_the_copy_is_drawn_keeps_the_answer(run, tmp_path):
    stop, reports = threading.Event(), []
    for report in run(sources.upload(str(media.portrait_clip(tmp_path / "clip.mp4", 1))), stop):
        reports.append(report)
        if isinstance(report, Answer):
            stop.set()
    assert isinstance(reports[-1], Copy) and "the answer is complete" in reports[-1].why_not


@pytest.mark.slow
def test_work_stops_when_nobody_listens_any_more(run, tmp_path):
    reports = run(sources.upload(str(media.portrait_clip(tmp_path / "clip.mp4", 2))))
    next(reports)
    (worker,) = at_work()
    reports.close()
    worker.join(30)
    assert not worker.is_alive()


def test_a_download_of_unknown_size_is_not_shown_as_done():
    shown = []
    work.seldom(shown.append)(1_000_000, 0, "fetch")
    assert shown == [Step("fetch", 0.0)]


@pytest.mark.slow
def test_the_examples_are_made_on_the_spot_and_checked(run):
    answer = next(report for report in run(sources.example(blended=True)) if isinstance(report, Answer))
    assert answer.analysis.coverage.faces_judged == 1


def test_a_bug_becomes_a_sentence_and_its_log_names_no_file(run, caplog):
    def broken(name, folder, progress, cancel):
        raise ValueError(f"could not open {name}")

    with caplog.at_level(logging.ERROR), pytest.raises(CheckError) as error:
        list(run(partial(broken, "private-name.mp4")))
    assert error.value.code == "internal"
    assert "ValueError" in caplog.text and "private-name" not in caplog.text
