"""What people read at a terminal."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from core.analysis import Provenance
from core.errors import CheckError
from core.terminal import show, show_error, show_folder, show_media, show_summary, sparkline
from tests.samples import TRAINED, a_face, an_analysis, an_unjudged_face


def shown(analysis, width=100, encoding="utf-8"):
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    show(Console(file=file, width=width, no_color=True, highlight=False, markup=False), "clip.mp4", analysis)
    file.flush()
    return file.buffer.getvalue().decode(encoding)


def test_the_verdict_comes_first_in_words_with_probability_and_interval():
    lines = shown(an_analysis(a_face())).splitlines()
    assert lines[0] == "clip.mp4"
    assert lines[1].rstrip() == "▲ Likely manipulated   89% probability of manipulation, 90% interval 79% to 94%"
    assert lines[2].count("━") > 3 and lines[2].count("●") == 1


def test_the_words_say_what_the_verdict_does_not_mean():
    assert "does not prove the video is real" in " ".join(shown(an_analysis(a_face(1, (0.1, 0.2)))).split())


def test_the_share_of_forgeries_that_a_probability_presumes_is_told_with_it():
    assert "half of the videos that are checked are" in shown(an_analysis(a_face()))
    for without in (
        an_analysis(an_unjudged_face()),
        replace(an_analysis(a_face()), model=replace(TRAINED, trained=False)),
    ):
        assert "half of the" not in shown(without)


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_nothing_is_wider_than_the_window(width):
    text = shown(an_analysis(a_face(), an_unjudged_face()), width)
    assert max(map(len, text.splitlines())) <= width


def test_it_reads_where_only_ascii_can_be_shown():
    text = shown(an_analysis(a_face(), an_unjudged_face()), encoding="ascii")
    assert "Likely manipulated" in text and "?" not in text


def test_the_most_suspicious_face_comes_first_and_an_unjudged_one_last():
    text = shown(an_analysis(a_face(1, (0.1, 0.1)), an_unjudged_face(2), a_face(3, (0.9, 0.9))))
    assert text.index("Face 3") < text.index("Face 1") < text.index("Face 2")


def test_many_faces_are_counted_rather_than_listed():
    text = shown(an_analysis(*(a_face(i) for i in range(1, 41))))
    assert text.count("▲ Face") == 8 and "32 more faces" in text


def test_one_is_told_as_one_and_more_as_more():
    analysis = an_analysis(*(a_face(i) for i in range(1, 10)))
    one = replace(analysis.coverage, frames_examined=1, faces_too_small=1, faces_too_short=1)
    text = " ".join(shown(replace(analysis, coverage=one)).split())
    assert "1 more face;" in text and "1 frame," in text and "1 face too small, 1 face seen too briefly" in text
    two = replace(analysis.coverage, frames_examined=2, faces_too_small=2, faces_too_short=2)
    text = " ".join(shown(replace(analysis, coverage=two)).split())
    assert "2 frames," in text and "2 faces too small, 2 faces seen too briefly" in text


@pytest.mark.parametrize("fps, words", [(1.0, "1 frame a second"), (29.97, "29.97 frames a second")])
def test_a_rate_of_one_frame_is_told_as_one(fps, words):
    file = io.StringIO()
    show_media(Console(file=file, width=100), "clip.mp4", replace(an_analysis().media, fps=fps), None)
    assert f" {words}" in file.getvalue()


def test_who_had_all_looked_at_is_not_told_to_do_so():
    partly = replace(an_analysis(a_face()).coverage, seconds_examined=0.5)
    assert "--thorough looks all through it" in shown(an_analysis(a_face(), coverage=partly))
    text = shown(an_analysis(a_face(), coverage=replace(partly, plan="thorough")))
    assert "1.5 s of the video" in text and "--thorough" not in text


def test_the_line_of_a_face_is_high_where_it_is_suspicious_and_a_dot_where_nothing_was_judged():
    face = a_face(1, (0.05, 0.05, 0.95, 0.95), times=(0.0, 0.2, 1.5, 1.7))
    assert sparkline(face, an_analysis(face), 2.0, 20) == "▁▁▁············███··"


def test_names_with_brackets_are_shown_as_they_are():
    file = io.StringIO()
    console = Console(file=file, width=80, markup=False)
    show(console, "[bold]a[/b].mp4", an_analysis())
    assert "[bold]a[/b].mp4" in file.getvalue()


def test_a_name_cannot_steer_the_terminal_and_may_be_any_bytes():
    file = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    show_error(Console(file=file, width=80, markup=False), "a\x1b[2Jb\udcff.mp4", CheckError("not_a_video"))
    file.flush()
    assert file.buffer.getvalue().decode().startswith("a\ufffd[2Jb\ufffd.mp4")


def test_a_signers_name_cannot_steer_the_terminal():
    found = Provenance("untrusted", "\x1b[2J", None, None, "Signed by \x1b[2J.")
    file, analysis = io.StringIO(), an_analysis(provenance=found)
    console = Console(file=file, width=80, markup=False)
    show(console, "clip.mp4", analysis)
    show_media(console, "clip.mp4", analysis.media, found)
    assert "\x1b" not in file.getvalue() and file.getvalue().count("Signed by \ufffd[2J.") == 2


@pytest.mark.parametrize("encoding, shown", [("utf-8", "bild_ü\ufffd[2J"), ("ascii", "bild_??[2J")])
def test_a_folder_is_named_in_one_line_that_neither_steers_the_terminal_nor_fails(encoding, shown):
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    show_folder(Console(file=file, width=20, markup=False), Path("a-long-name/bild_ü\x1b[2J"))
    file.flush()
    assert file.buffer.getvalue().decode(encoding) == f"Pictures and report: a-long-name/{shown}\n\n"


def test_credentials_are_told_when_there_are_any():
    found = Provenance("untrusted", "Test Camera", None, None, "Signed by Test Camera.")
    assert "Signed by Test Camera." in shown(an_analysis(provenance=found))


def test_untrained_weights_are_named_where_the_verdict_stands():
    from dataclasses import replace

    text = shown(an_analysis(a_face(), model=replace(TRAINED, trained=False)))
    assert "untrained" in " ".join(text.splitlines()[:5])


def test_after_several_files_it_is_told_how_many_came_to_which_verdict():
    file = io.StringIO()
    show_summary(Console(file=file, width=100), {"failed": 1, None: 1, "likely_manipulated": 2})
    assert file.getvalue() == "4 files: 2 ▲ likely manipulated, 1 ○ no verdict, 1 could not be checked\n"


def test_where_no_face_was_judged_it_is_told_what_to_do():
    text = " ".join(shown(an_analysis(an_unjudged_face())).split())
    assert "○ No verdict" in text and "Choose a part of the video in which a face is larger" in text
