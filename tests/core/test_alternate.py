import numpy as np
import pytest

from core.alternate import faces_of
from core.example import camera_view, portrait
from core.faces import Face, FaceDetector
from core.tracks import Tracker
from core.video import Frame

RATE = 8.0  # frames a second
SIZE = (640, 360)


def face(x, y=180.0, width=120.0):
    return Face((x - width / 2, y - width / 2, x + width / 2, y + width / 2), 0.9, np.zeros((6, 2), np.float32))


def blank_frames(count, window=0, rate=RATE):
    return [Frame(np.full((1, 1, 3), i, np.uint8), i / rate, i, window) for i in range(count)]


def looked_for(frames, faces_at):
    """Which frames were looked at, by their index, and the centres' x of the faces of each."""
    looks = []

    def search(rgb):
        looks.append(int(rgb[0, 0, 0]))
        return faces_at(looks[-1])

    found = [
        (frame, [f.centre[0] for f in faces]) for frame, faces, _ in faces_of(frames, search, lambda rgb, face: True)
    ]
    assert [frame for frame, _ in found] == frames
    return sorted(looks), [places for _, places in found]


def test_a_steady_face_is_looked_for_in_every_other_frame_and_placed_half_way_in_between():
    looks, places = looked_for(blank_frames(7), lambda i: [face(100 + 2 * i + (9 if i % 2 else 0))])
    assert looks == [0, 2, 4, 6]
    assert places == [[100 + 2 * i] for i in range(7)]


def test_steady_faces_are_matched_by_their_place_not_by_their_order():
    looks, places = looked_for(blank_frames(3), lambda i: [face(100 + i), face(400)][:: -1 if i else 1])
    assert looks == [0, 2]
    assert places[1] == [101, 400]


def test_a_face_in_an_uneven_rate_is_placed_by_time():
    a, b, c = blank_frames(3)
    _, places = looked_for([a, Frame(b.rgb, 0.05, 1, 0), c], lambda i: [face(100 + 3 * i)])
    assert places[1] == [pytest.approx(101.2)]


@pytest.mark.parametrize(
    "faces_at",
    [
        lambda i: [face(100 + 40 * i)],
        lambda i: [face(200, width=120 + 20 * i)],
        lambda i: [face(100), face(400)] if i % 4 == 2 else [face(100)],
        lambda i: [face(100 + 60 * (i % 4))],
        lambda i: [],
    ],
    ids=["moves", "grows", "comes and goes", "jumps", "is not there"],
)
def test_every_frame_is_looked_at_where_a_face(faces_at):
    looks, places = looked_for(blank_frames(7), faces_at)
    assert looks == list(range(7))
    assert places == [[f.centre[0] for f in faces_at(i)] for i in range(7)]


def test_nothing_is_guessed_from_one_window_to_the_next():
    frames = [Frame(f.rgb + 10 * w, f.t_s + 10 * w, f.index, w) for w in range(2) for f in blank_frames(4)]
    looks, _ = looked_for(frames, lambda i: [face(100)])
    assert looks == [0, 2, 3, 10, 12, 13]


def test_nothing_is_guessed_where_frames_lie_far_apart():
    looks, _ = looked_for(blank_frames(5, rate=2), lambda i: [face(100)])
    assert looks == list(range(5))


def test_a_single_frame_is_looked_at():
    assert looked_for(blank_frames(1), lambda i: [face(100)]) == ([0], [[100]])
    assert looked_for([], lambda i: [face(100)]) == ([], [])


def tracks_in(pictures):
    """The track ids in each picture, by the real detector."""
    tracker, frames = Tracker(), [Frame(rgb, i / RATE, i, 0) for i, rgb in enumerate(pictures)]
    with FaceDetector() as finder:
        return [
            [track and track.id for track in tracker.update(frame.t_s, frame.rgb, faces, is_face)]
            for frame, faces, is_face in faces_of(frames, finder.search, finder.confirms)
        ]


def test_a_picture_without_a_face_put_in_between_two_looks_starts_no_track():
    usual = camera_view(portrait(), 0.0, SIZE)
    other = np.random.default_rng(0).integers(0, 255, (6, 8, 3)).astype(np.uint8).repeat(60, 0).repeat(80, 1)
    for put_in in (np.full_like(usual, 255), other):
        assert tracks_in([usual, put_in, usual]) == [[1], [None], [1]]


@pytest.mark.parametrize("cut", [1, 2])
def test_a_cut_between_two_looks_starts_a_new_track_where_it_is(cut):
    usual = camera_view(portrait(), 0.0, SIZE)
    with FaceDetector() as finder:
        (found,) = finder.search(usual)
    x0, y0, x1, y1 = (round(edge) for edge in found.box)
    other = np.full_like(usual, 60)
    other[:, ::2] = np.linspace(200, 20, SIZE[1], dtype=np.uint8)[:, None, None]
    head = np.s_[y0 - 20 : y1 + 10, x0 - 10 : x1 + 10]
    other[head] = usual[head]
    assert tracks_in([usual if i < cut else other for i in range(3)]) == [[1] if i < cut else [2] for i in range(3)]
