import cv2
import numpy as np
import pytest

from core.example import camera_view, portrait
from core.faces import Face
from core.tracks import NO_MATCH, Scene, Track, Tracker, is_part, link_costs, thumbnail
from tests.media import paint_faces

SIZE = (640, 360)
RATE = 8.0  # frames a second


def face(x, y, width):
    return Face((x - width / 2, y - width / 2, x + width / 2, y + width / 2), 0.9, np.zeros((6, 2), np.float32))


def picture(places, tint=(0, 0, 0)):
    """Heads painted at (x, y, width), on a background of their own with something in it."""
    rgb = paint_faces(places, SIZE).astype(np.int16)
    rgb += np.linspace(-40, 40, SIZE[0], dtype=np.int16)[None, :, None] + np.array(tint, np.int16)
    return np.clip(rgb, 0, 255).astype(np.uint8)


def follow(tracker, places, t_s, found=None, rgb=None):
    """One frame; `found` are the numbers of the faces that the detector finds. Returns the track ids."""
    found = range(len(places)) if found is None else found
    rgb = picture(places) if rgb is None else rgb
    tracks = tracker.update(t_s, rgb, [face(*places[i]) for i in found])
    return [track and track.id for track in tracks]


def walk(places_at, steps, missed=lambda i: ()):
    """The ids of each face in each frame in which it was found."""
    tracker, ids = Tracker(), {}
    for i in range(steps):
        places = places_at(i)
        found = [n for n in range(len(places)) if n not in missed(i)]
        for n, track in zip(found, follow(tracker, places, i / RATE, found), strict=True):
            ids.setdefault(n, []).append(track)
    return ids


def test_a_face_that_moves_keeps_its_track():
    assert set(walk(lambda i: [(100 + 25 * i, 180, 110)], 16)[0]) == {1}


def test_a_face_missed_for_half_a_second_keeps_its_track():
    ids = walk(lambda i: [(100 + 25 * i, 180, 110)], 16, missed=lambda i: [0] if 5 <= i < 9 else [])
    assert ids[0] == [1] * 12


def test_two_faces_that_cross_keep_their_tracks():
    def places(i):
        return [(120 + 26 * i, 170, 110), (520 - 26 * i, 190, 110)]

    ids = walk(places, 16, missed=lambda i: [0] if abs(i - 7.7) < 2 else [])
    assert set(ids[0]) == {1} and set(ids[1]) == {2}


def test_faces_keep_their_tracks_through_a_pan():
    ids = walk(lambda i: [(340 - 40 * i, 180, 90), (460 - 40 * i, 180, 90), (580 - 40 * i, 180, 90)], 8)
    assert [set(ids[n]) for n in range(3)] == [{1}, {2}, {3}]


def test_the_order_in_which_faces_are_found_does_not_matter():
    tracker, places = Tracker(), [(120, 180, 110), (320, 180, 110), (520, 180, 110)]
    assert follow(tracker, places, 0.0) == [1, 2, 3]
    assert follow(tracker, places, 0.125, found=[2, 0, 1]) == [3, 1, 2]


def test_a_face_elsewhere_in_the_picture_is_somebody_else():
    tracker = Tracker()
    assert follow(tracker, [(120, 180, 110)], 0.0) == [1]
    assert follow(tracker, [(520, 180, 110)], 0.125) == [2]


def test_a_cut_starts_a_new_track_for_a_face_in_the_same_place():
    tracker, places = Tracker(), [(320, 180, 120)]
    other_scene = np.random.default_rng(0).integers(0, 255, (6, 8, 3)).astype(np.uint8).repeat(60, 0).repeat(80, 1)
    head = picture(places)[100:260, 260:380]
    other_scene[100:260, 260:380] = head
    assert [follow(tracker, places, i / RATE)[0] for i in range(4)] == [1] * 4
    assert [follow(tracker, places, (4 + i) / RATE, rgb=other_scene)[0] for i in range(4)] == [2] * 4


@pytest.mark.slow
def test_somebody_who_is_still_there_seconds_later_keeps_the_track():
    tracker = Tracker()
    for window in range(4):
        for i in range(16):
            assert follow(tracker, [(320 + 10 * window, 180, 120)], 30 * window + i / RATE) == [1]


def test_a_flash_does_not_end_a_track():
    tracker, places = Tracker(), [(320, 180, 120)]
    usual, white = picture(places), np.full((360, 640, 3), 255, np.uint8)
    bright = np.clip(usual.astype(int) * 2 + 30, 0, 255).astype(np.uint8)
    shown = [usual, usual, bright, white, usual, usual]
    ids = [follow(tracker, places, i / RATE, [] if rgb is white else None, rgb) for i, rgb in enumerate(shown)]
    assert ids == [[1], [1], [1], [], [1], [1]]


def test_a_shaking_hand_does_not_end_a_track():
    rng, tracker = np.random.default_rng(0), Tracker()
    view = camera_view(portrait(), 0.0, (720, 440))
    for i in range(16):
        x, y = rng.integers(0, 80, 2)
        ids = tracker.update(i / RATE, view[y : y + 360, x : x + 640], [face(360 - x, 200 - y, 160)])
        assert [track.id for track in ids] == [1]


def test_a_pair_of_glasses_taken_for_a_face_gets_no_track():
    tracker, places = Tracker(), [(320, 180, 200)]
    assert follow(tracker, places, 0.0) == [1]
    assert follow(tracker, [*places, (320, 150, 60)], 0.125) == [1, None]
    assert follow(tracker, [*places, (320, 150, 60)], 0.25, found=[1]) == [None]


@pytest.mark.slow
def test_forty_faces_keep_forty_tracks():
    def crowd(i):
        return [(50 + 70 * column + 2 * i, 40 + 70 * row, 60) for row in range(5) for column in range(8)]

    ids = walk(crowd, 4)
    assert all(len(set(ids[n])) == 1 for n in range(40))
    assert len({ids[n][0] for n in range(40)}) == 40


def test_those_who_appear_together_are_numbered_from_the_left():
    assert follow(Tracker(), [(520, 180, 110), (120, 180, 110), (320, 180, 110)], 0.0) == [3, 1, 2]


def test_a_track_begins_only_with_what_is_a_face_in_close_up():
    places = [(320, 180, 120)]
    tracker, rgb, found = Tracker(), picture(places), [face(*places[0])]
    assert tracker.update(0.0, rgb, found, is_face=lambda face: False) == [None]
    assert tracker.update(0.1, rgb, found)[0].id == 1
    assert tracker.update(0.2, rgb, found, is_face=lambda face: False)[0].id == 1  # asked at the beginning only


def test_an_endless_stream_of_passers_by_does_not_grow_without_bound():
    tracker, rgb = Tracker(), picture([])
    for i in range(300):
        tracker.update(i / RATE, rgb, [face(60 + 160 * (i % 4), 60 + 120 * (i // 4 % 3), 20 + 60 * (i // 12 % 2))])
    assert len(tracker._tracks) <= 100


def test_of_too_many_those_are_forgotten_who_were_unseen_for_longest(monkeypatch):
    monkeypatch.setattr("core.tracks.MAX_TRACKS", 2)
    tracker, places = Tracker(), [(120, 180, 110), (320, 180, 110), (520, 180, 110)]
    shown = ([0, 1], [1, 2], [1, 2], [0, 1, 2])
    ids = [follow(tracker, places, i / RATE, found) for i, found in enumerate(shown)]
    assert ids == [[1, 2], [2, 3], [2, 3], [4, 2, 3]]


def test_for_a_second_a_face_is_expected_to_go_on_moving_as_it_did():
    look = np.eye(192)[0]
    track = Track(1, 0.0, 0.0, face(30, 30, 60).box, look)
    for i in range(1, 9):
        track.follow(i / 8, face(30 + 10 * i, 30 - 5 * i, 60), look)
    assert track.expected_at(1.5) == pytest.approx((150, -30), abs=1)
    assert track.expected_at(2.5) == pytest.approx((110, -10))
    track.follow(1.125, face(110, -10, 60), look)
    assert track.expected_at(1.625) == pytest.approx((130, -20), abs=1)  # as if it had stopped but half
    track.follow(2.5, face(300, 30, 60), look)  # nobody knows how it came there
    assert track.expected_at(3.0) == pytest.approx((300, 30))


@pytest.mark.parametrize(
    ("place", "likeness", "gap_s", "fits"),
    [
        ((190, 100, 100), 1.0, 0.125, True),
        ((215, 100, 100), 1.0, 0.125, False),
        ((100, 215, 100), 1.0, 0.125, False),
        ((100, 240, 100), 1.0, 1.0, True),
        ((100, 260, 100), 1.0, 9.0, False),
        ((250, 100, 180), 1.0, 0.125, True),
        ((100, 100, 190), 1.0, 0.125, True),
        ((100, 100, 210), 1.0, 0.125, False),
        ((100, 100, 47), 1.0, 0.125, False),
        ((100, 100, 100), 0.5, 0.125, True),
        ((100, 100, 100), 0.4, 0.125, False),
    ],
    ids=[
        "a step aside",
        "too far aside",
        "too far down",
        "further off, a second later",
        "no further off, much later",
        "a step of a face that comes nearer",
        "nearly twice as large",
        "more than twice as large",
        "less than half as large",
        "a little like it",
        "unlike it",
    ],
)
def test_a_face_fits_a_track_by_place_size_and_look(place, likeness, gap_s, fits):
    before = Track(1, 0.0, 0.0, face(100, 100, 100).box, np.eye(192)[0])
    look = likeness * np.eye(192)[0] + np.sqrt(1 - likeness**2) * np.eye(192)[1]
    assert (link_costs([before], gap_s, [face(*place)], [look])[0, 0] < NO_MATCH) == fits


def test_nearer_more_alike_and_closer_in_size_fits_better():
    before, same, other = Track(1, 0.0, 0.0, face(100, 100, 100).box, np.eye(192)[0]), *np.eye(192)[:2]
    like = 0.8 * same + 0.6 * other
    faces = [face(100, 100, 100), face(110, 100, 100), face(100, 100, 120), face(100, 100, 80), face(100, 100, 100)]
    costs = link_costs([before], 0.125, faces, [same, same, same, same, like])[0]
    assert costs == pytest.approx([0, 0.1, np.log(1.2), np.log(1.25), 0.2])


@pytest.mark.parametrize("width", [100, 150, 300])
def test_a_face_looks_the_same_however_large_it_is_shown(width):
    view = camera_view(portrait(), 0.0, SIZE)
    box = np.array([230, 80, 330, 180])
    larger = cv2.resize(view, None, fx=width / 100, fy=width / 100, interpolation=cv2.INTER_AREA)
    assert thumbnail(view, box) @ thumbnail(larger, box * width / 100) > 0.98


def test_how_a_face_looked_fades_with_time_and_not_with_the_number_of_looks():
    """Or somebody who turns the head would be parted where frames are taken half as often."""
    before, now = np.eye(192)[:2]

    def look_after(rate, seconds=0.5):
        track = Track(1, 0.0, 0.0, (0, 0, 60, 60), before)
        for i in range(1, int(rate * seconds) + 1):
            track.follow(i / rate, face(30, 30, 60), now)
        return track.look

    assert look_after(8) @ now == pytest.approx(look_after(4) @ now, abs=0.02)
    assert look_after(4) @ now > 0.9
    assert look_after(8, seconds=1 / 8) @ before > look_after(8, seconds=1 / 8) @ now


def test_a_track_knows_when_it_was_first_and_last_seen():
    tracker = Tracker()
    for t_s in (0.5, 0.625, 0.75):
        (track,) = tracker.update(t_s, picture([(320, 180, 120)]), [face(320, 180, 120)])
    assert (track.first_s, track.last_s) == (0.5, 0.75)


def test_a_face_that_leaves_the_picture_keeps_its_track():
    assert set(walk(lambda i: [(60 - 15 * i, 180, 110)], 5)[0]) == {1}


@pytest.mark.parametrize("change", ["darker", "shifted"])
def test_a_darker_or_shifted_picture_is_no_cut(change):
    view = camera_view(portrait(), 0.0, SIZE)
    other = {"darker": view // 3, "shifted": np.roll(view, 90, axis=1)}[change]
    assert not Scene.of(0.1, other).is_cut_from(Scene.of(0.0, view))


@pytest.mark.parametrize(
    ("box", "later_s", "part"),
    [
        ((150, 150, 230, 230), 0.1, True),
        ((320, 100, 400, 180), 0.1, False),
        ((100, 320, 180, 400), 0.1, False),
        ((256, 100, 336, 180), 0.1, True),
        ((264, 100, 344, 180), 0.1, False),
        ((150, 150, 280, 280), 0.1, False),
        ((150, 150, 230, 230), 5.0, False),
    ],
    ids=["inside", "beside", "below", "half inside", "half outside", "as large", "long after"],
)
def test_only_what_lies_inside_a_face_just_seen_is_a_part_of_it(box, later_s, part):
    seen = Track(1, 0.0, 1.0, (100, 100, 300, 300), np.zeros(192))
    assert is_part(box, 1.0 + later_s, seen) == part
