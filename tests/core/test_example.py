import av
import numpy as np
import pytest

from core.example import blend, make_example, portrait
from core.plan import PLANS
from core.video import frames, probe


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("example")
    return {kind: make_example(folder / f"{kind}.mp4", 1.2, blended=kind == "blended") for kind in ("plain", "blended")}


@pytest.mark.parametrize(("kind", "title"), [("plain", "portrait"), ("blended", "the face blended with itself")])
def test_the_example_says_that_it_is_made(clips, kind, title):
    with av.open(str(clips[kind])) as container:
        assert container.metadata["title"].startswith("made by Unmask from a NASA portrait")
        assert container.metadata["title"].endswith(title)


def test_the_example_is_an_ordinary_video_of_the_length_asked_for(clips):
    media = probe(clips["plain"])
    assert (media.width, media.height, media.fps, media.duration_s, media.codec) == (1280, 720, 25, 1.2, "h264")


def test_the_camera_moves(clips):
    found = list(frames(clips["plain"], PLANS["default"], []))
    assert np.abs(found[0].rgb.astype(int) - found[-1].rgb).mean() > 3


@pytest.mark.parametrize("kind", ["plain", "blended"])
def test_every_frame_shows_one_large_face(clips, kind):
    from core.faces import FaceDetector

    with FaceDetector() as detector:
        for frame in frames(clips[kind], PLANS["default"], []):
            (face,) = detector.detect(frame.rgb)
            assert face.box[2] - face.box[0] > 120


def test_blending_changes_the_face_and_nothing_else():
    change = np.abs(blend(portrait()).astype(int) - portrait()).max(axis=2)
    assert change[90:150, 200:250].mean() > 5
    change[50:200, 160:290] = 0
    assert change.max() == 0
