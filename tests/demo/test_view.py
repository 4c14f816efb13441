"""What stands on the page around an answer."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from core.analysis import VERDICT_MEANING, Provenance
from core.errors import ERRORS, CheckError
from core.plan import PLANS
from demo import view
from demo.about import NO_FIGURES, about, card
from demo.sources import links_from
from demo.work import Answer, Copy, Step
from tests.samples import TRAINED, a_face, an_analysis, an_unjudged_face


@pytest.mark.parametrize("code", sorted(set(ERRORS) - {"cancelled"}))
def test_every_error_is_told_with_what_to_do_next(code):
    told = view.problem(CheckError(code))
    assert 'role="alert"' in told and code in told
    assert view.inert(ERRORS[code].next_step.replace("'", "&#39;")) in told


def test_what_a_file_says_of_itself_is_neither_markup_nor_template():
    evil = "<img src=x onerror=alert(1)>{{value}}${alert(1)}"
    analysis = an_analysis(a_face(), provenance=Provenance("valid", evil, None, None, evil))
    shown = view.details(Answer(analysis, {}, Path("a.json"), Path("a.html")))
    assert "&lt;img src=x" in shown and "<img src=x" not in shown
    assert "{" not in shown and "$" not in shown


def test_a_file_name_cannot_leave_its_attribute():
    shown = view.copy(Copy(Path('/kept/"onclick="alert(1).mp4')))
    assert '"onclick' not in shown and "%22onclick" in shown


def test_progress_never_goes_back():
    stretches = [view.STAGES[stage][1:] for stage in ("wait", "make", "load", "open", "look", "judge", "pictures")]
    stretches.append(view.STAGES["annotate"][1:])
    assert all(before[1] <= after[1] for before, after in pairwise(stretches))
    assert 'value="0.140"' in view.busy(Step("look", 0))


def test_the_figures_are_those_that_came_with_the_weights(tmp_path):
    assert card(tmp_path) is None
    assert NO_FIGURES in about(tmp_path)
    (tmp_path / "README.md").write_text("---\nlicense: x\n---\n# Card\n\nAUC 0.9\n")
    assert card(tmp_path) == "### Card\n\nAUC 0.9\n"
    assert "AUC 0.9" in about(tmp_path) and NO_FIGURES not in about(tmp_path)


def test_where_verdicts_begin_is_told_from_the_calibration_of_the_weights(weights):
    assert "begins above 60% and *No signs found* below 40%." in about(weights)
    assert all(means in about(weights) for means in VERDICT_MEANING.values())


def test_a_line_of_ones_own_flags_the_faces_above_it_and_moves_no_verdict():
    analysis = an_analysis(a_face(1, (0.9,) * 4), a_face(2, (0.3,) * 4), an_unjudged_face(3))
    at_half, at_most = view.above(analysis, 0.5), view.above(analysis, 0.9)
    assert "1 of 2 judged faces are above your limit of 50%: face 1 (90%)." in at_half and "--um-own: 50%" in at_half
    assert "0 of 2 judged faces are above your limit of 90%." in at_most and "--um-own: 10%" in at_most
    assert "The verdict keeps its own limits, which were measured." in at_half
    assert view.above(analysis, 0.0) == "" and view.above(None, 0.5) == ""


def test_no_line_is_held_against_numbers_that_mean_nothing():
    untrained = replace(TRAINED, trained=False)
    assert view.above(an_analysis(a_face(), model=untrained), 0.5) == ""


def test_plans_of_the_first_frames_say_how_many_are_looked_at():
    lengths = {name: plan.length for name, plan in PLANS.items() if plan.is_consecutive}
    assert {name: view.PLAN_WORDS[name] for name in lengths} == {n: f"The first {m} frames" for n, m in lengths.items()}


def test_links_are_off_on_a_space_unless_switched_on():
    assert links_from({"SPACE_ID": "a/b"}) is None
    assert links_from({"SPACE_ID": "a/b", "UNMASK_DEMO_LINKS": "yes"})
    assert [links_from({"UNMASK_DEMO_LINKS": text}) for text in ("0", "off")] == [None, None]


def test_a_proxy_that_would_be_passed_by_is_refused_before_any_link_is_fetched():
    with pytest.raises(ValueError, match="UNMASK_EGRESS_PROXY is not a proxy address such as http://"):
        links_from({"UNMASK_EGRESS_PROXY": "__noproxy__"})


def test_the_verdict_is_told_in_a_sentence_with_its_number_only_if_that_means_something():
    assert view.told(an_analysis(a_face(1, (0.9,) * 4))) == "Likely manipulated, probability of manipulation 90%."
    untrained = an_analysis(a_face(1, (0.5,) * 4), model=replace(TRAINED, trained=False))
    assert view.told(untrained) == "Inconclusive."
    assert view.told(an_analysis()) == "No verdict."
