"""A file that comes in pieces gives the frames that it would give whole."""

import pytest
from PIL import ExifTags, Image

from benchmarks.clips import LAYOUTS
from core import video
from core.errors import CheckError
from core.pieces import Pieces
from core.plan import PLANS
from tests import media

pytestmark = pytest.mark.slow

BLOCK = 96 * 2**10


@pytest.fixture(scope="module", params=LAYOUTS)
def long_clip(request, tmp_path_factory):
    return media.ten_minutes(tmp_path_factory.mktemp("long"), request.param)


def frames(source, plan="default"):
    warnings = []
    shown = [(f.t_s, f.index, f.window, f.rgb.tobytes()) for f in video.frames(source, PLANS[plan], warnings)]
    return shown, warnings


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_a_picture_that_comes_in_pieces_is_read_like_one_that_is_whole(tmp_path, name):
    path, turned = tmp_path / name, Image.Exif()
    turned[ExifTags.Base.Orientation] = 6  # a quarter
    Image.new("RGB", (64, 48)).save(path, exif=turned)
    assert (video.probe(path).width, video.probe(path).height) == (48, 64)
    with Pieces(path, path.stat().st_size, BLOCK, lambda number: None) as pieces:
        assert video.probe(pieces) == video.probe(path)


@pytest.mark.parametrize("plan", ["default", "first100"])
def test_the_same_frames_come_of_less_than_a_fifth_of_ten_minutes(long_clip, plan):
    size, brought = long_clip.stat().st_size, []
    with Pieces(long_clip, size, BLOCK, brought.append) as pieces:
        assert video.probe(pieces) == video.probe(long_clip)
        assert frames(pieces, plan) == frames(long_clip, plan)
    assert len(brought) == len(set(brought))
    assert len(brought) * BLOCK < 0.2 * size


def test_nothing_is_read_that_was_not_brought(tmp_path):
    """Where the blocks come from is another file: the one at hand starts as nothing but holes."""
    whole = media.portrait_clip(tmp_path / "whole.mp4", 3)
    content, part = whole.read_bytes(), tmp_path / "part"
    part.write_bytes(bytes(len(content)))

    def bring(number: int) -> None:
        with part.open("r+b") as file:
            file.seek(number * 1000)
            file.write(content[number * 1000 : (number + 1) * 1000])

    with Pieces(part, len(content), 1000, bring) as pieces:
        assert frames(pieces) == frames(whole)


@pytest.mark.parametrize("after", [0, 1, 3, 5])
def test_a_block_that_cannot_be_had_is_told_with_its_code(long_clip, after):
    brought = []

    def bring(number: int) -> None:
        if len(brought) == after:
            raise CheckError("site_busy", "later")
        brought.append(number)

    with pytest.raises(CheckError) as caught, Pieces(long_clip, long_clip.stat().st_size, BLOCK, bring) as pieces:
        video.probe(pieces)
        frames(pieces)
    assert (caught.value.code, caught.value.detail) == ("site_busy", "later")
    assert frames(long_clip)[0]  # and nothing of it is left for the next file


def test_a_failure_that_was_swallowed_inside_is_still_told_and_nothing_is_asked_for_after_it(long_clip):
    asked = []

    def bring(number: int) -> None:
        asked.append(number)
        raise CheckError("network")

    with pytest.raises(CheckError) as caught, Pieces(long_clip, 1000, 100, bring) as pieces:
        try:
            pieces.read(0, 10)
        except CheckError:
            assert pieces.read(0, 10) == pieces.read(500, 10) == b""
    assert (caught.value.code, asked) == ("network", [0])
