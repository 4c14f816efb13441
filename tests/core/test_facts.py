"""What is told beside a verdict."""

from dataclasses import replace

import pytest

from core.analysis import Provenance, Warning
from core.facts import facts, where_fewer
from tests.samples import TRAINED, a_face, an_analysis, an_unjudged_face


def told(analysis):
    return dict(facts(analysis))


def covering(**changes):
    """An analysis whose coverage differs so from that of all of a video without sound."""
    analysis = an_analysis(a_face())
    coverage = replace(analysis.coverage, audio="absent", seconds_examined=2.0, seconds_total=2.0)
    return replace(analysis, coverage=replace(coverage, **changes))


def test_how_much_of_the_video_was_looked_at_is_told():
    partly = covering(frames_examined=32, frames_with_face=20, seconds_examined=8.0, seconds_total=10.0)
    assert told(partly)["Looked at"] == "32 frames, 8.0 of 10.0 s (plan default); a face in 20"


def test_what_was_not_looked_at_is_told_and_where_that_is_nothing_no_word_is_said():
    assert "Not looked at" not in told(covering())
    assert "Not looked at" not in told(covering(seconds_total=2.9))  # between frames
    assert told(covering(seconds_total=3.5))["Not looked at"].startswith(
        "1.5 s of the video (the thorough plan looks all through it)"
    )
    assert told(covering(audio="not_examined"))["Not looked at"] == "the sound"


def test_a_picture_is_told_as_one():
    analysis = an_analysis(a_face())
    rows = told(replace(analysis, media=replace(analysis.media, is_still=True)))
    assert rows["Looked at"] == "one still picture"
    assert rows["89% holds"].startswith("if half of the pictures that are checked are")


def test_what_a_probability_becomes_where_few_are_manipulated_is_told_by_bayes():
    assert where_fewer(0.9, 100) == pytest.approx(0.9 * 0.01 / (0.9 * 0.01 + 0.1 * 0.99))
    assert where_fewer(0.3, 2) == pytest.approx(0.3)
    assert told(an_analysis(a_face()))["89% holds"].endswith("it is 47% if 1 in 10 is, and 7% if 1 in 100 is")
    assert told(an_analysis(a_face(1, (0.2,))))["20% holds"].endswith("and under 1% if 1 in 100 is")


def test_that_nothing_about_a_person_should_rest_on_a_verdict_is_told_with_each_one():
    assert "no decision about a person" in told(an_analysis(a_face()))["Please note"]
    assert "Please note" not in told(an_analysis(an_unjudged_face()))


def test_warnings_are_told_but_for_untrained_weights_which_stand_at_the_top():
    warnings = (Warning("untrained_weights", "Untrained."), Warning("damaged_stretch", "A part is damaged."))
    notes = [words for title, words in facts(an_analysis(a_face(), warnings=warnings)) if title == "Note"]
    assert notes == ["A part is damaged. [damaged_stretch]"]


def test_an_origin_is_told_only_where_the_file_speaks_of_it():
    for state, is_told in (("untrusted", True), ("none", False)):
        assert ("Origin" in told(an_analysis(provenance=Provenance(state, None, None, None, "Words.")))) == is_told


def test_who_answered_and_how_long_it_took_altogether_is_told():
    analysis = an_analysis(a_face(), seconds={"decode": 0.5, "network": 1.0})
    assert told(analysis)["Model"] == "residual-lstm 1.0 (abababababab) on cpu in fp32, 1.5 s"
    untrained = replace(analysis, model=replace(TRAINED, trained=False))
    assert told(untrained)["Model"].startswith("untrained weights on cpu")


def test_faces_that_were_seen_and_not_judged_are_not_told_as_not_looked_at():
    rows = told(covering(faces_too_small=1, faces_too_short=2))
    assert rows["Not judged"] == "1 face too small, 2 faces seen too briefly" and "Not looked at" not in rows
