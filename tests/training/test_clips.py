from dataclasses import replace

import cv2
import numpy as np
import pytest

from training.clips import KINDS, LENGTH, blended, make_clip, under_camera, windows
from training.h264 import frame_of_video, h264
from training.shards import Sample, Shards, Source, write_shard


@pytest.fixture
def shards(tmp_path, sample, partner):
    """One clip of 20 frames whose mouth opens, and two stills."""
    rows = []
    for t in range(20):
        points = sample.landmarks.copy()
        points[[17, 84, 314, 152], 1] += 3 * np.sin(t)
        rows.append(Sample(sample.rgb, points, sample.box, Source("clip", "tv", "anna", "clip", t / 8)))
    rows += [
        Sample(p.rgb, p.landmarks, p.box, Source(f"s{i}", "site", f"b{i}", "still"))
        for i, p in enumerate((partner, sample))
    ]
    write_shard(tmp_path / "s-00.npz", rows)
    return Shards(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_clip_pair_is_a_pure_function_of_its_seed(kind, shards):
    runs = windows(shards, np.arange(len(shards)))
    one, other = (make_clip(shards, runs, np.array([20, 21]), np.random.default_rng(4), kind) for _ in range(2))
    assert one.real.shape == one.fake.shape == (LENGTH, 224, 224, 3)
    assert np.array_equal(one.real, other.real)
    assert np.array_equal(one.fake, other.fake)
    assert not np.array_equal(one.real, one.fake)


def test_windows_never_cross_clips_and_keep_their_order(shards):
    for run in windows(shards, np.arange(len(shards))):
        assert len(run) == LENGTH
        times = [shards.sources[i].t_s for i in run]
        assert times == sorted(times)
        assert {shards.sources[i].id for i in run} == {"clip"}


def test_clips_prepared_at_another_rate_are_refused(sample, tmp_path):
    write_shard(
        tmp_path / "s-00.npz",
        [
            Sample(sample.rgb, sample.landmarks, sample.box, Source("clip", "tv", "a", "clip", t / 25))
            for t in range(40)
        ],
    )
    shards = Shards(tmp_path)
    with pytest.raises(SystemExit, match="25 frames a second.*wants 8"):
        windows(shards, np.arange(len(shards)))


def test_around_a_face_that_lags_the_members_of_a_clip_are_equal(sample):
    frames = []
    for t in range(LENGTH):  # of many sizes, as faces of a clip are cut out
        side = len(sample.rgb) - t
        rgb = np.roll(sample.rgb, t, axis=1)[:side, :side]
        frames.append(Sample(rgb, sample.landmarks + [t, 0], sample.box, replace(sample.source, t_s=t / 8)))
    for seed in range(12):
        real, fake = blended(frames, "lag", np.random.default_rng(seed))
        for a, b in zip(real, fake, strict=True):
            assert np.array_equal(a.rgb[:6], b.rgb[:6]) and np.array_equal(a.rgb[:, :6], b.rgb[:, :6])


def test_a_part_time_fake_is_clean_at_its_ends(sample):
    frames = [replace(sample, source=replace(sample.source, t_s=t / 8)) for t in range(LENGTH)]
    for seed in range(4):
        real, fake = blended(frames, "part_time", np.random.default_rng(seed))
        differs = [not np.array_equal(a.rgb, b.rgb) for a, b in zip(real, fake, strict=True)]
        assert not differs[0]
        assert 0 < sum(differs) < LENGTH


def test_a_still_under_a_camera_moves_as_a_whole(sample):
    frames = under_camera(sample, np.random.default_rng(1))
    first, last = frames[0].landmarks, frames[-1].landmarks
    assert np.abs(first - last).max() > 0.5
    affine = cv2.estimateAffinePartial2D(first, last)[0]
    assert np.abs(first @ affine[:, :2].T + affine[:, 2] - last).max() < 0.05


def test_h264_gives_back_every_frame():
    ramp = [np.full((128, 128, 3), 10 * t, np.uint8) for t in range(LENGTH)]
    back = h264(ramp, 23, 8)
    assert [round(f.mean() / 10) for f in back] == list(range(LENGTH))


def test_h264_keeps_any_size():
    image = np.full((90, 201, 3), 120, np.uint8)
    (back,) = h264([image], 23, 8)
    assert back.shape == image.shape
    assert np.abs(back.astype(int) - image).max() < 6


def test_a_frame_of_a_video_is_the_same_picture_encoded(sample):
    changes = [
        np.abs(frame_of_video(sample.rgb, np.random.default_rng(seed)).astype(int) - sample.rgb).mean()
        for seed in range(6)
    ]
    assert min(changes) > 0.2
    assert max(changes) < 12
    again = [frame_of_video(sample.rgb, np.random.default_rng(3)) for _ in range(2)]
    assert (again[0] == again[1]).all()
