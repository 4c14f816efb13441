import numpy as np

from core.movement import Movement
from training.stillness import row, speaking


def test_a_speaking_still_moves_at_its_lips_alone(sample):
    frames = [
        frame.astype(int) for frame, _ in zip(speaking(sample, np.random.default_rng(0)), range(12), strict=False)
    ]
    moved = np.max([np.abs(frame - sample.rgb) for frame in frames], axis=(0, 3))
    x, y = sample.landmarks[[13, 14]].mean(0).astype(int)
    assert moved[y - 6 : y + 6, x - 6 : x + 6].max() > 10
    assert moved[: int(sample.landmarks[:, 1].min())].max() <= 1


def test_clips_too_short_to_compare_are_counted_apart():
    long, short = Movement([0.1] * 14, [0.5] * 14), Movement([0.1] * 5, [0.5] * 5)
    assert row("some", [long, short, short]) == ["some", 1, 2, "0.10", "0.10", "0.10", "0.50", 1]
    assert row("none", [short]) == ["none", 0, 1, "-", "-", "-", "-", 0]
