import hashlib
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import pytest

from core import faces
from core.errors import CheckError
from core.example import portrait
from core.faces import DETECTOR_MODEL, FaceDetector
from core.landmarks import Landmarker
from tests.media import paint_faces


@pytest.fixture(scope="module")
def detector():
    with FaceDetector() as detector:
        yield detector


def centre_of(face):
    return (face.box[0] + face.box[2]) / 2, (face.box[1] + face.box[3]) / 2


def test_the_face_of_the_portrait_is_found_with_its_keypoints_in_the_box(detector):
    (face,) = detector.detect(portrait())
    x0, y0, x1, y1 = face.box
    assert centre_of(face) == (pytest.approx(224, abs=15), pytest.approx(115, abs=20))
    eyes_nose_mouth = face.keypoints[:4]
    assert ((eyes_nose_mouth > (x0, y0)) & (eyes_nose_mouth < (x1, y1))).all()
    assert face.keypoints[0, 0] < face.keypoints[1, 0]  # the right eye is on the left of the picture


def test_every_face_of_a_group_is_found_where_it_is(detector):
    places = [(120, 180, 150), (330, 180, 150), (540, 180, 150)]
    found = detector.detect(paint_faces(places, (660, 360)))
    assert sorted(round(centre_of(face)[0] / 10) for face in found) == pytest.approx([12, 33, 54], abs=2)
    assert [face.score for face in found] == sorted((face.score for face in found), reverse=True)


def test_a_picture_without_a_face_gives_none(detector):
    noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)
    for picture in (noise, np.zeros((1, 1, 3), np.uint8), np.full((720, 1280, 3), 128, np.uint8)):
        assert detector.search(picture) == []


def test_a_face_that_fills_the_picture_is_found_with_the_border(detector):
    tight = portrait()[70:170, 180:265]
    assert detector.detect(tight) == []
    (face,) = detector.search(tight)
    assert centre_of(face) == (pytest.approx(45, abs=10), pytest.approx(48, abs=10))
    assert 85 < face.box[2] - face.box[0] < 120


def test_loading_and_closing_the_detector_keeps_standard_error_quiet(capfd):
    with FaceDetector() as detector:
        detector.detect(portrait())
    assert capfd.readouterr().err == ""


def test_after_the_first_use_nothing_is_lost_that_others_write_to_standard_error(capfd):
    FaceDetector().close()
    Landmarker()
    done, written = threading.Event(), []

    def write():
        while not done.is_set():
            written.append(os.write(2, b"a line of somebody else\n"))
            done.wait(0.001)

    writer = threading.Thread(target=write)
    writer.start()
    for _ in range(5):
        with FaceDetector() as detector:
            detector.detect(portrait())
        Landmarker()
        time.sleep(0.01)
    done.set()
    writer.join()
    assert len(written) > 10
    assert capfd.readouterr().err.count("a line of somebody else\n") == len(written)


def test_a_detector_serves_another_thread_after_it_was_closed_with_the_same_answers():
    def boxes(_=None):
        with FaceDetector() as detector:
            return [(face.box, face.score) for face in detector.search(portrait())]

    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(boxes, range(12))) == [boxes()] * 12


def test_no_two_detectors_ever_share_what_one_left():
    first = FaceDetector()
    first.close()
    first.close()
    with FaceDetector() as one, FaceDetector() as other:
        assert one._graph is not other._graph


@pytest.mark.parametrize(("error", "again"), [(CheckError("cancelled"), True), (RuntimeError(), False)])
def test_a_detector_is_used_again_unless_something_unforeseen_happened_to_it(error, again):
    with suppress(CheckError, RuntimeError), FaceDetector() as detector:
        graph = detector._graph
        raise error
    with FaceDetector() as detector:
        assert (detector._graph is graph) is again
        assert len(detector.detect(portrait())) == 1


def test_others_may_load_pyplot_while_a_detector_is_made(monkeypatch):
    seen = []
    with FaceDetector():
        monkeypatch.setattr(faces, "_found_by", lambda *_: seen.append(sys.modules.get("matplotlib.pyplot")))
        before = sys.modules.pop("matplotlib.pyplot", None)
        try:
            faces._end(faces._new_graph())
        finally:
            if before:
                sys.modules["matplotlib.pyplot"] = before
    assert seen == [None]


def test_a_process_that_used_detectors_ends_without_a_word():
    code = """if True:
        from core.faces import FaceDetector
        with FaceDetector(), FaceDetector():
            pass
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.slow
def test_the_detector_loads_no_plotting_and_leaves_it_whole_for_others():
    code = """if True:
        import sys
        from core.faces import FaceDetector
        FaceDetector().close()
        assert "matplotlib.pyplot" not in sys.modules
        from matplotlib import pyplot
        assert pyplot.figure() is not None
    """
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "MPLBACKEND": "Agg"})


def test_the_bundled_face_model_is_the_one_it_says(detector):
    notice = (DETECTOR_MODEL.parent / "NOTICE.md").read_text()
    assert hashlib.sha256(DETECTOR_MODEL.read_bytes()).hexdigest() in notice
