"""The pictures of an analysis: files, sizes, and what is to be seen in them."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image, ImageDraw

from core.draw import LOOKS, heat_over, runs, short
from core.errors import CheckError
from core.render import Heat, key_crops, key_frame_sheet, key_pictures, timeline_picture
from core.words import clock, percent
from core.writing import written_whole
from tests.media import portrait_clip
from tests.samples import a_face, an_analysis, an_unjudged_face, analysis_of

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return portrait_clip(tmp_path_factory.mktemp("render") / "portrait.mp4")


def draw(make, path, analysis, out, heat=None):
    make(path, analysis, out, key_pictures(path, analysis, heat))


def test_every_verdict_has_a_mark_and_words_of_its_own():
    assert len({look.mark for look in LOOKS.values()}) == len({look.words for look in LOOKS.values()}) == 4


@pytest.mark.parametrize("given, shown", [(0.0, "1%"), (0.004, "1%"), (0.5, "50%"), (0.999, "99%"), (1.0, "99%")])
def test_no_probability_is_shown_as_certain(given, shown):
    assert percent(given) == shown


@pytest.mark.parametrize("given, shown", [(0, "0:00"), (59.96, "1:00"), (61, "1:01"), (3723, "1:02:03")])
def test_times_read_as_on_a_clock(given, shown):
    assert clock(given) == shown


def test_a_long_name_keeps_its_beginning_and_its_end():
    assert short("a" * 100 + ".mp4", 20) == "aaaaaaaaaa … aaaaaa.mp4"


def test_a_line_breaks_where_nothing_was_looked_at():
    face = a_face(1, (0.5,) * 6, times=(0, 0.125, 0.25, 3.0, 3.125, 3.25))
    assert [len(stretch) for stretch in runs(face, an_analysis(face))] == [3, 3]


def test_a_line_breaks_between_windows_even_for_a_face_judged_rarely():
    often = a_face(1, (0.5,) * 32, times=tuple(start + i / 8 for start in (0, 2.5) for i in range(16)))
    rarely = a_face(2, (0.5,) * 8, times=tuple(start + i / 2 for start in (0, 2.5) for i in range(4)))
    assert [len(stretch) for stretch in runs(rarely, an_analysis(often, rarely))] == [4, 4]


@pytest.mark.parametrize(
    ("steps", "parts"),
    [
        ([0.25] * 7 + [0.75] + [0.25] * 7, 2),  # two windows of the default plan
        ([0.2, 0.2, 0.2, 0.4, 0.2, 0.2], 1),  # a frame taken early, of a video of five a second
        ([2.0] * 5, 1),  # of a video of one in two seconds
        ([0.75, 3.3], 2),
    ],
)
def test_a_line_ends_at_a_pause_and_not_within_a_window(steps, parts):
    times = tuple(np.cumsum([0.5, *steps]))
    face = a_face(1, (0.5,) * len(times), times=times)
    assert len(runs(face, an_analysis(face))) == parts


def test_a_heat_map_leaves_cold_places_grey_and_makes_hot_ones_bright():
    crop, heat = np.full((8, 8, 3), (200, 100, 60), np.uint8), np.zeros((8, 8))
    heat[:, 4:] = 1
    shown = heat_over(crop, heat)
    assert np.ptp(shown[:, :4], axis=2).max() == 0
    assert shown[0, 7, 0] > shown[0, 0, 0]


def test_key_crops_show_the_face_at_the_time_named(clip):
    analysis = analysis_of(clip)
    crops = key_crops(clip, list(analysis.faces))[1]
    assert [picture.shape for _, picture in crops] == [(224, 224, 3)] * 3
    assert [key.t_s for key, _ in crops] == sorted(key.t_s for key in analysis.faces[0].key_frames)
    red, _, blue = crops[0][1][100:150, 100:130].mean(axis=(0, 1))  # skin in the middle
    assert red > blue + 20


@pytest.mark.parametrize("size", [64, 224, 299])
def test_heat_maps_are_made_of_the_crops_that_the_weights_judge_and_shown_in_one_size(clip, size):
    analysis, given = analysis_of(clip), []

    def maps(crops):
        given.append(crops)
        return np.ones(crops.shape[:3], np.float32)

    cut = key_pictures(clip, analysis, Heat(maps, size, 2.0)).by_face[1]
    judged = [picture for _, picture in key_crops(clip, list(analysis.faces), size, 2.0)[1]]
    np.testing.assert_array_equal(given[0], judged)
    assert given[0].shape == (3, size, size, 3)
    assert {(picture.shape, heat.shape) for _, picture, heat in cut} == {((224, 224, 3), (224, 224))}
    close, wide = (
        np.int16(key_pictures(clip, analysis, how).by_face[1][0][1]) for how in (None, Heat(maps, size, 2.0))
    )
    assert abs(close - wide).mean() > 10  # more of the picture than the bundled weights judge


@pytest.mark.slow
def test_the_timeline_grows_by_a_row_for_each_face(clip, tmp_path):
    one, two = a_face(1), a_face(2, (0.2, 0.1, 0.2, 0.1))
    draw(timeline_picture, clip, an_analysis(one, path=clip), tmp_path / "one.png")
    draw(timeline_picture, clip, an_analysis(one, two, path=clip), tmp_path / "two.png")
    small, large = Image.open(tmp_path / "one.png"), Image.open(tmp_path / "two.png")
    assert large.width == small.width and large.height > small.height + 100


def test_a_name_with_dollar_signs_is_no_formula(clip, tmp_path):
    named = tmp_path / "a$\\frac$b.mp4"
    named.symlink_to(clip)
    draw(timeline_picture, named, an_analysis(a_face(), path=clip), tmp_path / "timeline.png")
    assert (tmp_path / "timeline.png").stat().st_size > 1000


def test_the_timeline_shades_each_band_in_its_own_colour(clip, tmp_path):
    def colours(analysis):
        draw(timeline_picture, clip, analysis, tmp_path / "timeline.png")
        return len(
            set(np.asarray(Image.open(tmp_path / "timeline.png").convert("RGB"))[130:230, 1000].reshape(-1, 3)[:, 0])
        )

    analysis = an_analysis(a_face(), path=clip)
    assert colours(analysis) > colours(replace(analysis, bands=None))


@pytest.mark.parametrize("faces", [(), (an_unjudged_face(1),)], ids=["none", "unjudged"])
def test_pictures_without_a_judged_face_say_so_instead_of_failing(faces, clip, tmp_path):
    draw(timeline_picture, clip, an_analysis(*faces, path=clip), tmp_path / "timeline.png")
    draw(key_frame_sheet, clip, an_analysis(*faces, path=clip), tmp_path / "sheet.png")
    assert (tmp_path / "timeline.png").stat().st_size > 1000
    assert (tmp_path / "sheet.png").stat().st_size > 1000


@pytest.mark.slow
def test_the_sheet_has_a_second_row_of_pictures_when_there_are_heat_maps(clip, tmp_path):
    analysis = analysis_of(clip)
    draw(key_frame_sheet, clip, analysis, tmp_path / "plain.png")
    draw(
        key_frame_sheet, clip, analysis, tmp_path / "heat.png", Heat(lambda crops: np.ones(crops.shape[:3], np.float32))
    )
    plain, heat = Image.open(tmp_path / "plain.png"), Image.open(tmp_path / "heat.png")
    assert heat.height > plain.height + 200
    bright = np.asarray(heat.convert("HSV"))[plain.height - 60 : plain.height + 100, 100:200, 2]
    assert bright.mean() > 150


def test_the_sheet_of_a_picture_tells_no_times(clip, tmp_path, monkeypatch):
    words = []
    write = ImageDraw.ImageDraw.text
    monkeypatch.setattr(
        ImageDraw.ImageDraw, "text", lambda self, at, text, *more: (words.append(text), write(self, at, text, *more))
    )
    analysis = analysis_of(clip)
    draw(key_frame_sheet, clip, replace(analysis, media=replace(analysis.media, is_still=True)), tmp_path / "sheet.png")
    assert "90%" in words and not any(":0" in text or "seen" in text for text in words)


@pytest.mark.slow
@pytest.mark.parametrize("trained", [True, False])
def test_pictures_tell_no_number_of_weights_that_are_not_trained(trained, clip, tmp_path, monkeypatch):
    words = []
    for owner in (ImageDraw.ImageDraw, Figure):
        monkeypatch.setattr(
            owner,
            "text",
            lambda self, *given, _write=owner.text, **more: (words.extend(given), _write(self, *given, **more)),
        )
    analysis = analysis_of(clip)
    analysis = replace(analysis, model=replace(analysis.model, trained=trained))
    for make in (timeline_picture, key_frame_sheet):
        words.clear()
        draw(make, clip, analysis, tmp_path / "picture.png", Heat(lambda crops: np.zeros(crops.shape[:3], np.float32)))
        said = [text for text in words if isinstance(text, str)]
        assert any("90%" in text for text in said) == trained, said
        assert any("%" in text for text in said) == trained, said
        assert any("Face 1" in text for text in said)
    assert trained or any(text.startswith("at 0:") and text.endswith(": no sign stands out") for text in said)


@pytest.mark.slow
def test_forty_faces_fit_on_one_sheet(clip, tmp_path):
    analysis = an_analysis(*(a_face(i) for i in range(1, 41)), path=clip)
    draw(key_frame_sheet, clip, analysis, tmp_path / "sheet.png")
    assert Image.open(tmp_path / "sheet.png").height < 4000


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    with pytest.raises(RuntimeError), written_whole(tmp_path / "new" / "a.txt") as part:
        part.write_text("half")
        raise RuntimeError
    assert list((tmp_path / "new").iterdir()) == []


def test_a_failure_leaves_the_older_file_alone(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(KeyboardInterrupt), written_whole(tmp_path / "a.txt") as part:
        part.write_text("half")
        raise KeyboardInterrupt
    assert [p.read_text() for p in tmp_path.iterdir()] == ["old"]


def test_a_file_in_the_place_of_the_folder_is_reported(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckError) as caught, written_whole(tmp_path / "file" / "a.txt") as part:
        part.write_text("never")
    assert caught.value.code == "not_writable"


def test_a_folder_that_cannot_be_made_is_reported(tmp_path):
    for folder in ("long" * 100, "loop"):
        (tmp_path / "loop").unlink(missing_ok=True)
        (tmp_path / "loop").symlink_to(tmp_path / "loop")
        with pytest.raises(CheckError) as caught, written_whole(tmp_path / folder / "a.txt"):
            pass
        assert caught.value.code == "not_writable"


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="file size limits are POSIX")
@pytest.mark.parametrize("what", ["key_frame_sheet", "timeline_picture", "annotated_video"])
def test_a_full_disk_is_reported_and_leaves_nothing_behind(what, clip, tmp_path):
    # a limit on the size of files stands for the full disk: both end a write with an error number
    code = f"""
import resource
import signal
from pathlib import Path
from core import annotate, render
from core.errors import CheckError
from tests.samples import analysis_of
clip = Path({str(clip)!r})
analysis = analysis_of(clip)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, resource.RLIM_INFINITY))
out = Path({str(tmp_path / "out" / "file.out")!r})
try:
    if {what!r} == "annotated_video":
        annotate.annotated_video(clip, analysis, out)
    else:
        render.{what}(clip, analysis, out, render.key_pictures(clip, analysis))
except CheckError as error:
    print(error.code)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "disk_full", done.stderr
    assert list((tmp_path / "out").iterdir()) == []
