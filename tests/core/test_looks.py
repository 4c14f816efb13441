import gc
import tracemalloc

import numpy as np
import pytest
import torch

from core.crops import crop
from core.engine import Engine
from core.errors import CheckError
from core.faces import Face
from core.looks import BATCH, MIN_FRAMES, WATCHED, Looks, first_looks
from core.tracks import Track
from core.video import Frame
from tests.tiny import tiny_model

LENGTH = 16


@pytest.fixture(scope="module")
def engine():
    return Engine(tiny_model(), "cpu", "fp32")


def looks_of(engine, budget=64, windows=4, cancel=lambda: False):
    return Looks(engine, budget, windows, cancel)


def tracks_of(count):
    return [Track(i + 1, 0.0, 0.0, (0, 0, 60, 60), np.zeros(192)) for i in range(count)]


def add_window(looks, tracks, window=0, size=60, light=1.0, scale=1.0):
    """One window in which every track has a face of its own texture in each frame. light: 0 to 1, of all or of each."""
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (len(tracks), 60, 60, 3), np.uint8)
    rgb = np.concatenate((pictures * np.reshape(light, (-1, 1, 1, 1))).astype(np.uint8), axis=1)
    faces = [Face((60.0 * i, 0.0, 60.0 * i + size, float(size)), 0.9, np.zeros((6, 2))) for i in range(len(tracks))]
    for i in range(LENGTH):
        t_s = window * 10 + i / 8
        looks.add(Frame(np.roll(rgb, i, axis=0), t_s, round(t_s * 30), window, scale=scale), faces, tracks)
    looks.close_window()


def counts(looks):
    return [len(record.looks) for record in looks.records.values()]


@pytest.mark.slow
def test_one_face_gets_every_frame(engine):
    looks, tracks = looks_of(engine), tracks_of(1)
    for window in range(4):
        add_window(looks, tracks, window)
    assert counts(looks) == [64]
    assert len(looks.records[1].window_logits) == 4


def test_five_faces_share_the_budget_and_the_most_suspicious_gets_most(engine):
    def encode(crops):
        features = torch.zeros(len(crops), engine.model.config.encoder.features)
        return features, torch.from_numpy(crops).float().mean((1, 2, 3))

    looks, tracks = looks_of(Engine(engine.model, "cpu", "fp32", encode)), tracks_of(5)
    for window in range(4):
        add_window(looks, tracks, window, light=[0.2, 0.4, 1.0, 0.3, 0.1])
    assert 56 <= sum(counts(looks)) <= 64
    assert min(counts(looks)) >= MIN_FRAMES
    most = max(looks.records.values(), key=lambda record: len(record.looks))
    assert len(most.looks) >= 2 * np.median(counts(looks))
    assert most is looks.records[3]  # the brightest


def test_of_a_crowd_the_movement_of_the_largest_faces_is_measured(engine):
    looks, sizes = looks_of(engine), np.random.default_rng(0).permutation(np.arange(44, 60))
    faces = [Face((60.0 * i, 0.0, 60.0 * i + edge, float(edge)), 0.9, np.zeros((6, 2))) for i, edge in enumerate(sizes)]
    rgb = np.random.default_rng(1).integers(0, 256, (60, 60 * len(faces), 3), np.uint8)
    for i in range(8):
        looks.add(Frame(rgb, i / 4, i, 0), faces, tracks_of(len(faces)))
    watched = [len(record.movement.kept) > 0 for record in looks.records.values()]
    assert watched == [edge > 51 for edge in sizes] and sum(watched) == WATCHED


def test_without_a_budget_every_face_gets_every_frame(engine):
    looks = looks_of(engine, budget=None)
    add_window(looks, tracks_of(3))
    assert counts(looks) == [16, 16, 16]


@pytest.mark.slow
def test_without_a_budget_a_long_window_of_many_faces_holds_few_crops(engine):
    looks, tracks = looks_of(engine, budget=None), tracks_of(5)
    rgb = np.random.default_rng(0).integers(0, 256, (60, 300, 3), np.uint8)
    faces = [Face((60.0 * i, 0.0, 60.0 * i + 60, 60.0), 0.9, np.zeros((6, 2))) for i in range(5)]
    for i in range(20):
        looks.add(Frame(rgb, i / 30, i, 0), faces, tracks)
        looks.encode_full_batches()
        assert sum(look.pixels is not None for open_looks in looks._open.values() for look in open_looks) < BATCH
    looks.close_window()
    assert counts(looks) == [20] * 5


@pytest.mark.slow
def test_forty_faces_stay_within_the_budget_and_some_are_judged(engine):
    looks, tracks = looks_of(engine), tracks_of(40)
    for window in range(4):
        add_window(looks, tracks, window)
    assert sum(counts(looks)) <= 64
    assert sum(count >= MIN_FRAMES for count in counts(looks)) >= 8


@pytest.mark.slow
def test_a_face_that_comes_late_is_looked_at_too(engine):
    looks, tracks = looks_of(engine), tracks_of(9)
    for window in range(3):
        add_window(looks, tracks[:8], window)
    add_window(looks, tracks, 3)
    assert counts(looks)[8] >= MIN_FRAMES


def test_windows_without_a_face_leave_their_share_to_later_ones(engine):
    looks, (track,) = looks_of(engine, budget=32), tracks_of(1)
    blank = np.zeros((60, 60, 3), np.uint8)
    for window in range(3):
        looks.add(Frame(blank, window * 10.0, 0, window), [], [])
        looks.close_window()
    add_window(looks, [track], 3)
    assert counts(looks) == [16]


@pytest.mark.slow
def test_more_windows_than_expected_are_no_error(engine):
    looks, tracks = looks_of(engine, windows=1), tracks_of(1)
    for window in range(6):
        add_window(looks, tracks, window)
    assert counts(looks) == [64]


def test_the_first_looks_go_to_the_largest_faces_when_they_do_not_suffice_for_all():
    everyone = dict.fromkeys(range(20), 16)
    sizes = {track: 100.0 + track for track in everyone}
    given = first_looks(everyone, dict.fromkeys(everyone, 0), sizes, share=16, left=64)
    assert given == dict.fromkeys(range(10, 20), MIN_FRAMES)


@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_faces_under_forty_pixels_are_counted_and_not_encoded_however_large_the_original_is(engine, scale):
    looks = looks_of(engine)
    add_window(looks, tracks_of(1), size=39, scale=scale)
    record = looks.records[1]
    assert (record.looks, record.usable, record.too_small) == ([], 0, LENGTH)


def test_boxes_are_in_pixels_of_the_original_picture(engine):
    looks, (track,) = looks_of(engine), tracks_of(1)
    face = Face((10.0, 20.0, 70.0, 80.0), 0.9, np.zeros((6, 2)))
    looks.add(Frame(np.zeros((100, 100, 3), np.uint8), 0.0, 0, 0, scale=2.0), [face], [track])
    looks.close_window()
    record = looks.records[1]
    assert record.looks[0].box == (20.0, 40.0, 140.0, 160.0)
    assert record.sizes == [120.0]


def test_a_windows_logit_is_that_of_the_whole_network(engine):
    """The batches and the masks on the way must change nothing."""
    from core.model import normalise

    rgb = np.random.default_rng(1).integers(0, 256, (LENGTH, 60, 120, 3), np.uint8)
    faces = [Face((60.0 * i, 0.0, 60.0 * i + 60, 60.0), 0.9, np.zeros((6, 2))) for i in range(2)]
    crops = [np.stack([crop(picture, face.box, 64) for picture in rgb]) for face in faces]
    batch = torch.stack([normalise(those) for those in crops])
    looks, tracks = looks_of(engine, budget=None), tracks_of(2)
    there = torch.ones(2, LENGTH, dtype=torch.bool)
    there[1, 3:7] = False  # the second face is missed for a while
    for i in range(LENGTH):
        seen = [n for n in range(2) if there[n, i]]
        looks.add(Frame(rgb[i], i / 8, i, 0), [faces[n] for n in seen], [tracks[n] for n in seen])
    looks.close_window()
    times = (torch.arange(LENGTH) / 8).expand(2, -1)
    with torch.no_grad():
        expected = engine.model(batch, there, times).tolist()
        unmasked = engine.model(batch, torch.ones_like(there), times).tolist()
    assert abs(expected[1] - expected[0]) > 0.01 and abs(expected[1] - unmasked[1]) > 0.01
    found = [looks.records[n + 1].window_logits[0] for n in range(2)]
    assert found == pytest.approx(expected, abs=1e-4)


def test_a_head_hears_each_look_at_its_place_and_time():
    model = tiny_model()
    with torch.no_grad():
        model.head.out.weight.fill_(5)  # as made, it is 0, and the head hears nothing

    def encode(crops):
        values = torch.from_numpy(crops.reshape(len(crops), -1)).float() / 255
        return values[:, : model.config.encoder.features], 9 * values.mean(1)

    looks, tracks = looks_of(Engine(model, "cpu", "fp32", encode), budget=None), tracks_of(2)
    rng, there, times = np.random.default_rng(1), np.ones((2, LENGTH), bool), np.cumsum(np.linspace(0.1, 0.4, LENGTH))
    there[1, 3:7] = False  # the second face is missed for a while
    faces = [Face((60.0 * i, 0.0, 60.0 * i + 60, 60.0), 0.9, np.zeros((6, 2))) for i in range(2)]
    rgb = (rng.integers(0, 256, (LENGTH, 60, 120, 3)) * np.linspace(0.2, 1, LENGTH)[:, None, None, None]).astype(
        np.uint8
    )
    for i in range(LENGTH):
        seen = [n for n in range(2) if there[n, i]]
        looks.add(Frame(rgb[i], times[i], i, 0), [faces[n] for n in seen], [tracks[n] for n in seen])
    looks.close_window()
    for n in range(2):
        crops = np.stack([crop(picture, faces[n].box, 64) for picture in rgb])
        mask, when = torch.from_numpy(there[n : n + 1]), torch.from_numpy(times[None])
        with torch.no_grad():
            expected = model.judge(*(x[None] for x in encode(crops)), mask, when).item()
        record = looks.records[n + 1]
        assert record.window_logits == pytest.approx([expected], abs=1e-4)
        assert np.mean(record.corrected) == pytest.approx(expected, abs=1e-4)


def test_a_share_that_does_not_suffice_is_spread_over_the_window(engine):
    looks = looks_of(engine, budget=3, windows=1)
    add_window(looks, tracks_of(1))
    assert [look.place for look in looks.records[1].looks] == [0, 8, 15]

    looks = looks_of(engine, budget=64, windows=8)  # a share of 8 for 16 frames
    add_window(looks, tracks_of(1))
    places = np.sort([look.place for look in looks.records[1].looks])
    assert len(places) == 8 and places[0] == 0 and places[-1] == LENGTH - 1 and np.diff(places).max() <= 4


def test_a_window_lasts_until_its_last_frame_is_no_longer_shown(engine):
    looks = looks_of(engine)
    for window, start in enumerate((0.0, 5.0)):
        for t_s in (start, start + 1):
            looks.add(Frame(np.zeros((60, 60, 3), np.uint8), t_s, 0, window, until_s=t_s + 3), [], [])
        looks.close_window()
    assert looks.spans == [(0.0, 1.0, 4.0), (5.0, 6.0, 9.0)]


def test_frames_are_counted_in_which_somebody_is_followed(engine):
    looks, blank = looks_of(engine), np.zeros((60, 120, 3), np.uint8)
    two = [Face((60.0 * i, 0.0, 60.0 * i + 60, 60.0), 0.9, np.zeros((6, 2))) for i in range(2)]
    one, other = tracks_of(2)
    for tracks in ([one, other], [one, None], [None, None]):
        looks.add(Frame(blank, 0.0, 0, 0), two, tracks)
    assert (looks.frames, looks.frames_with_face) == (3, 2)


def test_frame_logits_are_moved_to_the_logit_of_their_window(engine):
    looks = looks_of(engine)
    add_window(looks, tracks_of(1))
    record = looks.records[1]
    assert np.mean(record.corrected) == pytest.approx(record.window_logits[0], abs=1e-6)


def test_a_cancelled_check_encodes_no_further_batch(engine):
    looks = looks_of(engine, budget=None, cancel=lambda: True)
    with pytest.raises(CheckError) as caught:
        add_window(looks, tracks_of(3))
    assert caught.value.code == "cancelled"
    assert counts(looks) == [0, 0, 0]


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_windows(engine):
    looks, tracks = looks_of(engine, budget=None), tracks_of(1)
    for window in range(3):
        add_window(looks, tracks, window)
    gc.collect()
    tracemalloc.start()
    for window in range(3, 23):
        add_window(looks, tracks, window)
    gc.collect()
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    kept = [look for record in looks.records.values() for look in record.looks]
    assert len(kept) == 23 * LENGTH
    assert all(look.pixels is None and look.features is None for look in kept)
    assert grown / (20 * LENGTH) < 1000  # bytes a frame; a crop alone has 12,288


def test_of_a_face_that_has_gone_no_pictures_are_kept(engine):
    looks, (gone, here) = looks_of(engine), tracks_of(2)
    add_window(looks, [gone, here])
    assert looks.records[gone.id].movement._recent
    add_window(looks, [here], window=1)
    assert not looks.records[gone.id].movement._recent
    assert looks.records[here.id].movement._recent
