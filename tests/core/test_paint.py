"""What is drawn on the frames of a copy, and on the strip below them."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import ImageDraw

from core import paint
from core.draw import INK, LOOKS, WHITE
from core.faces import overlap
from core.follow import Sight
from core.paint import Painter, draw_box, put_label, strip_picture
from tests.samples import TRAINED, a_face, an_analysis

VERDICTS = ("likely_manipulated", "inconclusive", "no_signs_found", None)


def where(picture, colour):
    """(H, W) bool: which pixels are of about that colour; edges are drawn soft."""
    return (np.abs(picture - np.array(colour)) < 80).all(2)


def test_every_verdict_has_a_line_style_of_its_own():
    along, thick = {}, {}
    for verdict in VERDICTS:
        canvas = np.full((200, 200, 3), (0, 255, 0), np.uint8)
        draw_box(canvas, (20, 20, 180, 180), verdict, 4)
        line = where(canvas, LOOKS[verdict].colour if verdict else WHITE)[10:30, 40:160]
        along[verdict], thick[verdict] = line.any(0).mean(), line.sum(0).max()
        assert where(canvas, INK).any()  # beside the colour, so that it is seen on any picture
    assert along["likely_manipulated"] == along["no_signs_found"] == 1
    assert 0.4 < along["inconclusive"] < 0.9 and along[None] < along["inconclusive"]
    assert thick["likely_manipulated"] > thick["inconclusive"] > thick["no_signs_found"]


def test_the_gravest_face_lies_on_top_and_its_label_has_the_first_choice_of_room(monkeypatch):
    drawn, labelled = [], []

    def put(picture, box, sight, size, placed, others):
        labelled.append(sight.face and sight.face.verdict)
        assert len(others) == 3 and box not in others

    monkeypatch.setattr(paint, "draw_box", lambda picture, box, verdict, thick: drawn.append(verdict))
    monkeypatch.setattr(paint, "put_label", put)
    faces = [a_face(1, (0.5,) * 4), a_face(2, (0.95,) * 4), None, a_face(3, (0.05,) * 4)]
    sights = [Sight(face, (10 * n, 0, 10 * n + 50, 50)) for n, face in enumerate(faces)]
    Painter(an_analysis(*filter(None, faces))).paint(np.zeros((360, 640, 3), np.uint8), sights, 0.0)
    assert drawn == [None, "no_signs_found", "inconclusive", "likely_manipulated"]
    assert labelled == drawn[::-1]


def test_labels_do_not_cover_each_other():
    placed = []
    for number, x in enumerate((100, 130, 160), 1):
        box = (x, 100, x + 60, 160)
        put_label(np.zeros((360, 640, 3), np.uint8), box, Sight(a_face(number), box), 12, placed)
    assert len(placed) == 3
    assert all(overlap(a, b) == 0 for i, a in enumerate(placed) for b in placed[:i])


@pytest.mark.parametrize("box", [(600, 100, 640, 160), (0, 100, 30, 160), (300, 0, 360, 60), (300, 310, 360, 360)])
def test_a_label_stays_in_the_picture(box):
    placed = []
    put_label(np.zeros((360, 640, 3), np.uint8), box, Sight(a_face(), box), 12, placed)
    ((left, top, right, bottom),) = placed
    assert left >= 0 and top >= 0 and right <= 640 and bottom <= 360


def test_a_label_that_would_lie_over_another_face_becomes_a_short_one():
    spots = []
    for others in ([], [(200, 0, 460, 99), (200, 161, 460, 360)]):
        placed, box = [], (300, 100, 360, 160)
        put_label(np.zeros((360, 640, 3), np.uint8), box, Sight(a_face(), box), 12, placed, others)
        spots += placed
    long, short = spots
    assert long[2] - long[0] > 2 * (short[2] - short[0])


def test_a_label_for_which_there_is_no_room_is_left_out():
    canvas, box = np.zeros((16, 300, 3), np.uint8), (0, 0, 300, 16)
    put_label(canvas, box, Sight(a_face(), box), 30, placed := [])
    assert not placed and not canvas.any()


@pytest.mark.parametrize("bands", [None, (0.0, 1.0), (1.0, 1.0), (0.5, 0.501)])
def test_the_strip_can_be_drawn_whatever_the_bands(bands):
    analysis = an_analysis(a_face(), bands=bands)
    assert strip_picture(analysis, 640, 12).picture.shape[1] == 640


def test_the_playhead_goes_from_one_end_to_the_other_and_no_further():
    strip = strip_picture(an_analysis(a_face()), 640, 12)
    still = strip.at(-10)
    places = []
    for t_s in (0.0, 1.0, 2.0, 2.5):
        moved = (strip.at(t_s) != still).any(2)[40:-10]  # below the words
        places.append(np.flatnonzero(moved.all(0)).mean())
    assert places[1] == pytest.approx((places[0] + places[2]) / 2, abs=1)
    assert places[3] == places[2] > places[0] + 400
    assert (strip.at(0.0)[:20] != strip.at(1.0)[:20]).any()  # the time in words


def test_the_line_of_a_face_rises_with_its_probability():
    heights = []
    for probability in (0.1, 0.5, 0.9):
        face = a_face(1, (probability,) * 12, times=tuple(n / 8 for n in range(12)))
        picture = strip_picture(an_analysis(face), 640, 12).picture
        heights.append(np.nonzero(where(picture, WHITE)[22:-4, 200:])[0].mean())
    assert heights[0] > heights[1] + 5 > heights[2] + 10


def test_the_band_of_the_grave_verdict_is_the_upper_one():
    column = strip_picture(an_analysis(a_face()), 640, 12).picture[24:-6, -20].astype(int)
    shades = [
        [round(0.6 * a + 0.4 * b) for a, b in zip(INK, LOOKS[verdict].colour, strict=True)] for verdict in VERDICTS[:3]
    ]
    bands = [n for pixel in column for n, shade in enumerate(shades) if np.abs(pixel - shade).max() < 3]
    assert bands == sorted(bands) and set(bands) == {0, 1, 2}


def test_the_three_most_suspicious_faces_have_a_row_each():
    faces = [a_face(n, (p,) * 4) for n, p in enumerate((0.2, 0.9, 0.5, 0.7), 1)]
    strips = [strip_picture(an_analysis(*faces[:count]), 640, 12).picture for count in range(5)]
    rows = np.diff([len(strip) for strip in strips])
    assert rows[0] == rows[1] == rows[2] > 30 and rows[3] == 0
    assert (strips[4] == strip_picture(an_analysis(*faces[1:]), 640, 12).picture).all()


def test_a_face_that_was_judged_once_has_a_mark_in_the_strip():
    once = strip_picture(an_analysis(a_face(1, (0.5,), times=(1.0,))), 640, 12).picture
    assert where(once, WHITE)[22:-4, 200:].sum() >= 4


def test_the_strip_of_weights_that_are_not_trained_says_so():
    one, other = (
        strip_picture(an_analysis(a_face(), model=replace(TRAINED, trained=trained)), 640, 12).picture
        for trained in (True, False)
    )
    assert (one[:20] != other[:20]).any()


@pytest.mark.parametrize("trained", [True, False])
def test_a_copy_tells_no_number_of_weights_that_are_not_trained(trained, monkeypatch):
    words, write = [], ImageDraw.ImageDraw.text
    monkeypatch.setattr(
        ImageDraw.ImageDraw, "text", lambda self, at, text, *more: (words.append(text), write(self, at, text, *more))
    )
    paint._label.cache_clear()
    face = a_face()
    painter = Painter(an_analysis(face, model=replace(TRAINED, trained=trained)))
    painter.paint(np.zeros((360, 640, 3), np.uint8), [Sight(face, (200, 100, 300, 200))], 0.0)
    assert any("89% probability of manipulation" in text for text in words) == trained
    assert any("%" in text for text in words) == trained and "Face 1  Likely manipulated" in words


def test_a_name_that_no_judged_face_has_is_drawn_as_not_judged():
    painter = Painter(an_analysis(a_face()))
    blank = np.zeros((360, 640, 3), np.uint8)
    drawn = painter.paint(blank, [Sight(None, (200, 100, 300, 200))], 0.0)
    assert drawn[100:200, 195:205].max() > 200


@pytest.mark.parametrize(("width", "begins"), [(320, "▲ Likely manipulated"), (640, "▲ Likely manipulated, 89%")])
def test_a_narrow_strip_leaves_words_out_rather_than_running_into_the_time(monkeypatch, width, begins):
    words, write = [], ImageDraw.ImageDraw.text
    monkeypatch.setattr(
        ImageDraw.ImageDraw,
        "text",
        lambda self, at, text, *more: (words.append((at, text)), write(self, at, text, *more)),
    )
    strip = strip_picture(an_analysis(a_face()), width, 11)
    at, said = next((at, text) for at, text in words if "Likely" in text)
    assert said.startswith(begins)
    lit = np.abs(strip.picture[4:16].astype(int) - INK).max(axis=(0, 2)) > 60
    assert not lit[width - 80 :].any()  # where the time stands
