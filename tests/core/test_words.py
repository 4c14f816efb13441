import pytest

from core.words import percent_range


@pytest.mark.parametrize(
    ("interval", "words"),
    [
        (None, ""),
        ((0.712, 0.94), "71% to 94%"),
        ((0.993, 0.9999), "99% or more"),
        ((0.0001, 0.004), "1% or less"),
        ((0.501, 0.503), "about 50%"),
    ],
)
def test_an_interval_without_width_is_not_told_as_if_it_had_one(interval, words):
    assert percent_range(interval) == words
