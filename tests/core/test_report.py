"""The report: one HTML file that says everything and loads nothing."""

import hashlib
import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import numpy as np
import pytest

from core import report
from core.facts import meaning
from core.render import Heat, key_pictures
from tests import media
from tests.samples import a_face, an_analysis, an_unjudged_face, analysis_of

MADE = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return media.portrait_clip(tmp_path_factory.mktemp("report") / "clip.mp4", 2)


class Tags(HTMLParser):
    """Every tag with its attributes."""

    def __init__(self, page):
        super().__init__()
        self.seen = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))


def test_the_report_loads_nothing_and_runs_nothing(clip, tmp_path):
    analysis = analysis_of(clip)
    keys = key_pictures(clip, analysis, Heat(lambda crops: np.ones(crops.shape[:3])))
    report.write_report(clip, analysis, tmp_path / "r.html", keys)
    page = (tmp_path / "r.html").read_text()
    tags = Tags(page).seen
    sources = [attributes[name] for _, attributes in tags for name in ("src", "href") if name in attributes]
    assert sources and all(source.startswith("data:image/jpeg;base64,") for source in sources)
    assert not {tag for tag, _ in tags} & {"script", "link", "iframe", "object"}
    assert "url(" not in page and "default-src 'none'" in page


def test_faces_are_shown_with_and_without_heat_map(clip):
    analysis = analysis_of(clip)
    shots = report.key_shots(key_pictures(clip, analysis, Heat(lambda crops: np.ones(crops.shape[:3]))))
    page = report.report_page("clip.mp4", analysis, shots, MADE)
    assert len(shots[1]) == len(analysis.faces[0].key_frames)
    assert page.count("with its heat map") == len(shots[1])
    assert "no sign stands out" not in page


def test_a_heat_map_without_a_sign_says_so(clip):
    shots = report.key_shots(key_pictures(clip, analysis_of(clip), Heat(lambda crops: np.zeros(crops.shape[:3]))))
    assert all(shot.shows_nothing for shot in shots[1])
    assert "no sign stands out" in report.faces(analysis_of(clip), shots)


def test_names_and_words_from_outside_are_escaped():
    name = '"><script>alert(1)</script>.mp4'
    page = report.report_page(name, an_analysis(a_face()), {}, MADE)
    assert "<script" not in page and "&lt;script&gt;" in page


def test_a_name_may_be_any_bytes():
    page = report.report_page("bad_\udcff.mp4", an_analysis(a_face()), {}, MADE)
    assert "bad_\ufffd.mp4" in page.encode().decode()


def test_the_verdict_its_number_and_its_interval_are_told():
    page = report.report_page("clip.mp4", an_analysis(a_face()), {}, MADE)
    assert "Likely manipulated" in page and "<strong>89%</strong>" in page and "79% to 94%" in page
    assert "2026-01-02 03:04 UTC" in page


def test_a_report_says_of_which_file_it_is(clip, tmp_path):
    report.write_report(clip, analysis_of(clip), tmp_path / "r.html", key_pictures(clip, analysis_of(clip)))
    assert hashlib.sha256(clip.read_bytes()).hexdigest() in (tmp_path / "r.html").read_text()


def test_of_pictures_it_says_that_no_number_is_enough_where_none_is():
    analysis = an_analysis(a_face(), verdict="inconclusive")
    still = replace(analysis, media=replace(analysis.media, is_still=True), bands=(0.0, 1.0))
    page = report.report_page("a.jpg", still, {}, MADE)
    assert "these weights cannot tell manipulated pictures from real ones" in page and "too weak" not in page
    decided = replace(still, bands=(0.1, 0.9))
    assert "not a sign that the picture is real" in report.report_page("a.jpg", decided, {}, MADE)


def test_of_a_video_too_short_for_two_looks_it_says_that_pictures_are_not_told():
    analysis = an_analysis(a_face(), verdict="inconclusive", bands=(0.0, 1.0))
    short = replace(analysis, coverage=replace(analysis.coverage, frames_examined=1))
    assert "cannot tell manipulated pictures" in meaning(short) and "not a sign that the video is real" in meaning(
        short
    )
    assert "cannot tell manipulated videos" in meaning(analysis)


def test_of_a_picture_neither_times_nor_videos_are_told():
    still = replace(an_analysis().media, is_still=True, duration_s=0.0)
    nothing = an_analysis(an_unjudged_face(1), media=still)
    words = report.verdict(nothing) + report.faces(nothing, {}) + report.faces(an_analysis(a_face(), media=still), {})
    assert "Choose a picture" in words and "Face 1. Not judged" in words
    assert "video" not in words and "0:0" not in words and "second" not in words


def test_untrained_weights_are_told_and_their_numbers_are_not():
    analysis = an_analysis(a_face(), verdict="inconclusive")
    analysis = replace(analysis, model=replace(analysis.model, trained=False), bands=None)
    page = report.report_page("clip.mp4", analysis, {}, MADE)
    assert "untrained" in page and "89%" not in page


def test_a_face_that_was_not_judged_is_named_with_the_reason():
    words = report.faces(an_analysis(a_face(), an_unjudged_face()), {})
    assert "Face 2" in words and "under 40 pixels" in words


def test_an_answer_without_a_face_has_no_timeline_and_says_what_to_do():
    analysis = an_analysis()
    assert report.timeline(analysis, {}) == ""
    assert "No verdict" in report.verdict(analysis) and "check that" in report.verdict(analysis)


def test_the_line_is_broken_where_nothing_was_looked_at():
    times = (0.0, 0.1, 0.2, 1.5, 1.6, 1.7)
    face = a_face(probabilities=(0.9, 0.2, *(0.5,) * 4), times=times)
    paths = report.line_paths(face, an_analysis(face))
    assert [len(re.findall("[ML]", path)) for path in paths] == [3, 3]
    assert paths[0] == "M0.0 10.0 L50.0 80.0 L100.0 50.0"


def test_the_timeline_goes_on_to_where_a_face_was_last_seen():
    assert report.end_s(an_analysis(a_face(probabilities=(0.5, 0.5), times=(0.0, 3.0)))) == 3.0


def test_a_live_timeline_can_be_used_with_the_keyboard():
    tags = Tags(report.timeline(an_analysis(a_face()), {}, live=True)).seen
    sliders = [attributes for _, attributes in tags if attributes.get("role") == "slider"]
    assert [slider["tabindex"] for slider in sliders] == ["0"]
    assert sliders[0]["aria-valuemax"] == "2.0" and sliders[0]["aria-label"]
    assert len([1 for tag, a in tags if tag == "button" and a["aria-label"].startswith("Go to")]) == 3


def test_with_more_faces_than_there_are_edges_for_one_in_twenty_is_not_claimed():
    few, many = (an_analysis(*(a_face(number) for number in range(1, faces + 1))) for faces in (32, 33))
    assert "about 1 real video in 20 is flagged by mistake." in meaning(few)
    assert "mistake, and more of those with so many faces." in meaning(many)
