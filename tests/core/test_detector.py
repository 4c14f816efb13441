import dataclasses
import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache, partial

import numpy as np
import pytest
import torch

from core import pretrained, video
from core.analysis import Analysis, FaceResult
from core.calibration import Calibration, Curve
from core.detector import Detector
from core.errors import CheckError
from core.example import portrait
from core.explain import heat_of
from core.pieces import Pieces
from core.plan import Plan, plan_named
from core.pretrained import load_weights
from core.timeline import read_timeline
from tests import media
from tests.tiny import tiny_weights

BRIEF = Plan("brief", windows=1, length=4, rate_hz=8)


@pytest.fixture(scope="session")
def clips(tmp_path_factory):
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="session")
def talking(clips):
    """Nine seconds of one face: long enough for four windows."""
    return media.portrait_clip(clips / "talking.mp4", seconds=9, fps=10)


@pytest.fixture(scope="session")
def group(clips):
    """Nine seconds of five faces side by side, drifting."""
    still = media.paint_faces([(80 + 160 * i, 160, 150) for i in range(5)], (840, 320))
    return media.write_clip(clips / "group.mp4", (np.roll(still, i // 8, axis=1) for i in range(72)), fps=8)


@pytest.fixture(scope="session")
def crossing(clips):
    return media.crossing_clip(clips / "crossing.mp4")


@pytest.fixture(scope="session")
def judged(detector, talking):
    return detector.check(talking)


@pytest.fixture(scope="session")
def pair(detector, crossing):
    return detector.check(crossing)


def codes(analysis: Analysis) -> set[str]:
    return {warning.code for warning in analysis.warnings}


def save_picture(path, rgb):
    from PIL import Image

    Image.fromarray(rgb).save(path)
    return path


def test_one_person_in_one_static_shot_is_one_face_over_all_four_windows(judged):
    (face,) = judged.faces
    assert judged.coverage.windows == 4
    assert face.frames == judged.coverage.frames_examined == 32
    assert (judged.face_id, judged.probability) == (face.id, face.probability)
    assert judged.interval[0] <= judged.probability <= judged.interval[1]
    assert face.first_seen_s < 1 and face.last_seen_s > 8


def test_the_timeline_holds_every_judged_frame_in_order_with_its_box(judged):
    (face,) = judged.faces
    times = [moment.t_s for moment in face.timeline]
    assert len(times) == face.frames and times == sorted(set(times))
    for moment in face.timeline:
        x0, y0, x1, y1 = moment.box
        assert 0 < x0 < x1 < judged.media.width and 0 < y0 < y1 < judged.media.height


def test_key_frames_are_the_most_suspicious_moments_some_time_apart(judged):
    (face,) = judged.faces
    assert face.key_frames[0].probability == max(moment.probability for moment in face.timeline)
    times = sorted(frame.t_s for frame in face.key_frames)
    assert len(times) == 3 and min(np.diff(times)) >= 0.5
    assert all(frame.frame_index == round(frame.t_s * 10) for frame in face.key_frames)


@pytest.mark.slow
@pytest.mark.parametrize(("lean", "verdict"), [(9.0, "likely_manipulated"), (-9.0, "no_signs_found")])
def test_the_verdict_follows_the_network(tmp_path, crossing, lean, verdict):
    analysis = Detector.load(tiny_weights(tmp_path, lean=lean), "cpu").check(crossing)
    assert analysis.verdict == verdict
    assert {face.verdict for face in analysis.faces} == {verdict}


@pytest.mark.slow
def test_the_fast_plan_ends_with_the_window_that_settles_the_answer(tmp_path, talking):
    analysis = Detector.load(tiny_weights(tmp_path, lean=9.0), "cpu").check(talking, "fast")
    assert (analysis.coverage.windows, analysis.coverage.frames_examined) == (1, 8)
    assert analysis.verdict == "likely_manipulated"


@pytest.mark.slow
def test_the_fast_plan_goes_on_while_the_interval_reaches_into_another_band(tmp_path, talking):
    detector = Detector.load(tiny_weights(tmp_path, Calibration()), "cpu")  # which says inconclusive to all
    edge = detector.check(talking, "fast").probability  # of the first window
    unsure = Curve(likely_from=edge, no_signs_until=edge, uncertainty=(0.0, 0.01, 0.0))
    detector.calibration = Calibration((unsure,))
    assert detector.check(talking, "fast").coverage.windows == 4


@pytest.mark.slow
def test_untrained_weights_never_give_a_verdict(tmp_path, clips, monkeypatch):
    monkeypatch.setattr(pretrained, "BUNDLED", tmp_path)
    analysis = Detector.load(device="cpu").check(save_picture(clips / "untrained.png", portrait()))
    assert analysis.verdict == "inconclusive"
    assert "untrained_weights" in codes(analysis)
    assert "untrained" in analysis.reason
    assert not analysis.model.trained


def test_trained_weights_do_not_say_that_they_are_untrained(detector, judged):
    assert "untrained_weights" not in codes(judged)
    assert judged.model.sha256 == detector.info.sha256 != ""


def test_the_same_file_gives_the_same_analysis_twice(detector, crossing, pair):
    assert detector.check(crossing) == pair


def test_the_analysis_is_plain_json(pair):
    given = pair.to_json()
    assert json.loads(json.dumps(given)) == given
    assert {"open", "decode", "faces", "tracks", "network", "provenance"} == set(given["seconds"])


@pytest.mark.slow
def test_two_threads_at_once_get_the_answers_they_get_alone(detector, talking, crossing, judged, pair):
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(detector.check, [talking, crossing])) == [judged, pair]


def test_checks_one_after_another_share_a_thread(detector, talking):
    detector.check(talking, BRIEF)
    before = set(threading.enumerate())
    detector.check(talking, BRIEF)
    assert set(threading.enumerate()) == before


@pytest.mark.slow
def test_pieces_are_brought_in_the_thread_that_checks(detector, talking, judged):
    """Who brings them speaks over a line that two threads at once would garble."""
    threads = set()
    with Pieces(talking, talking.stat().st_size, 4096, lambda number: threads.add(threading.get_ident())) as pieces:
        assert detector.check(pieces) == judged
    assert threads == {threading.get_ident()}


def test_two_people_who_cross_are_two_faces(pair):
    left, right = (face.timeline for face in pair.faces)
    assert left[0].box[0] < right[0].box[0] and left[-1].box[0] > right[-1].box[0]


@pytest.mark.slow
def test_a_cut_starts_new_faces(detector, clips):
    def shot(number):
        rng = np.random.default_rng(number)
        wall = rng.integers(0, 256, (6, 8, 3), np.uint8).repeat(60, axis=0).repeat(80, axis=1)
        wall[:, 220:420] = media.paint_faces([(320, 180, 190)], (640, 360))[:, 220:420]
        return [wall] * 25

    path = media.write_clip(clips / "cut.mp4", [picture for number in range(3) for picture in shot(number)], fps=25)
    faces = detector.check(path, "thorough").faces
    assert [round(face.first_seen_s) for face in faces] == [0, 1, 2]
    assert [face.frames for face in faces] == [8, 8, 8]


@pytest.mark.slow
def test_five_faces_share_the_crops_of_two_and_all_are_judged(detector, group):
    analysis = detector.check(group)
    assert len(analysis.faces) == analysis.coverage.faces_judged == 5
    assert sum(face.frames for face in analysis.faces) <= 64
    assert analysis.probability == max(face.probability for face in analysis.faces)


@pytest.mark.slow
def test_faces_that_appear_together_are_numbered_from_the_left(detector, group):
    """Not by how sure the face detector is of each, which changes with the moment that a plan begins at."""
    left = [face.timeline[0].box[0] for face in detector.check(group).faces]
    assert len(left) == 5 and left == sorted(left)


@pytest.mark.slow
def test_forty_faces_are_followed_and_the_budget_holds(detector, clips):
    analysis = detector.check(media.crowd_clip(clips / "crowd.mp4", seconds=1.5, fps=8))
    assert 36 <= analysis.coverage.faces_found <= 44
    assert sum(face.frames for face in analysis.faces) <= 64
    assert analysis.coverage.faces_judged >= 8
    assert "many_faces" in codes(analysis)
    assert all(face.reason for face in analysis.faces)


def test_a_video_without_a_face_has_no_verdict_and_says_why(detector, clips):
    analysis = detector.check(media.grey_clip(clips / "grey.mp4"))
    assert (analysis.verdict, analysis.probability, analysis.interval, analysis.face_id) == (None,) * 4
    assert codes(analysis) == {"no_face"}
    assert analysis.coverage.frames_with_face == 0 < analysis.coverage.frames_examined


@pytest.mark.slow
def test_a_face_under_forty_pixels_is_named_and_not_judged(detector, clips):
    path = media.faces_clip(clips / "small.mp4", lambda t: [(160, 90, 50)], size=(320, 180))
    analysis = detector.check(path)
    (face,) = analysis.faces
    assert face.size_px < 40 and face.verdict is None and "40 pixels" in face.reason
    assert analysis.verdict is None
    assert codes(analysis) == {"face_too_small"}
    assert (analysis.coverage.faces_too_small, analysis.coverage.faces_judged) == (1, 0)


@pytest.mark.slow
def test_a_face_seen_in_two_frames_is_not_judged(detector, clips, monkeypatch):
    curves = Curve(likely_from=0.9, no_signs_until=0.2), Curve(likely_from=0.95, no_signs_until=0.1)
    monkeypatch.setattr(detector, "calibration", Calibration(curves))

    def places(t):
        return [(180, 180, 200)] + ([(480, 180, 200)] if t < 0.4 else [])

    analysis = detector.check(media.faces_clip(clips / "brief.mp4", places, fps=8))
    staying, leaving = sorted(analysis.faces, key=lambda face: -face.frames)
    assert staying.verdict is not None
    assert leaving.verdict is None and "fewer than 3" in leaving.reason
    assert analysis.face_id == staying.id
    assert analysis.bands == (0.2, 0.9)  # of one face
    assert "few_frames" in codes(analysis)


def moment(seconds):
    """A face that stays, and one that is there for so long."""
    return lambda t: [(180, 180, 200)] + ([(480, 180, 200)] if t < seconds else [])


@pytest.mark.slow
def test_a_face_seen_for_a_moment_is_not_judged_however_many_frames_of_it_there_are(detector, clips):
    analysis = detector.check(media.faces_clip(clips / "moment.mp4", moment(0.35), fps=24), plan="first100")
    staying, leaving = sorted(analysis.faces, key=lambda face: -face.frames)
    assert staying.verdict is not None and leaving.frames > 3
    assert leaving.verdict is None and "half a second" in leaving.reason
    assert analysis.coverage.faces_too_short == 1
    assert "half a second" in next(note.message for note in analysis.warnings if note.code == "few_frames")


@pytest.mark.slow
def test_where_no_face_is_seen_for_longer_a_moment_is_enough(detector, clips):
    few = plan_named("first100", length=8)
    analysis = detector.check(media.faces_clip(clips / "moments.mp4", moment(0.3), fps=24), plan=few)
    assert [face.verdict is not None for face in analysis.faces] == [True, True]


def test_a_still_is_judged_by_the_encoder_alone_and_says_so(detector, clips):
    analysis = detector.check(save_picture(clips / "still.png", portrait()))
    (face,) = analysis.faces
    assert face.frames == 1 and face.verdict is not None
    assert face.probability == face.timeline[0].probability
    assert "single_frame" in codes(analysis)


def test_a_video_of_one_frame_is_judged_as_a_still(detector, clips):
    path = media.write_clip(clips / "one.mp4", [portrait()])
    assert "single_frame" in codes(detector.check(path))


def test_a_face_that_fills_a_still_is_found(detector, clips):
    tight = portrait()[70:170, 180:265].repeat(3, axis=0).repeat(3, axis=1)[:298, :254]
    assert detector.check(save_picture(clips / "tight.png", tight)).coverage.faces_judged == 1


@pytest.mark.slow
def test_boxes_of_a_large_picture_are_in_its_own_pixels(detector, clips):
    large = portrait().repeat(5, axis=0).repeat(5, axis=1)
    analysis = detector.check(save_picture(clips / "large.png", large))
    x0, y0, x1, y1 = analysis.faces[0].timeline[0].box
    assert (x0, y0, x1, y1) == tuple(pytest.approx(5 * edge, abs=40) for edge in (173, 67, 276, 170))


@pytest.mark.slow
def test_a_small_judged_face_brings_a_warning_about_resolution(detector, clips):
    path = media.faces_clip(clips / "smallish.mp4", lambda t: [(160, 90, 90)], size=(320, 180))
    assert "low_resolution" in codes(detector.check(path))


def test_progress_rises_stage_by_stage_and_arrives(detector, crossing):
    seen = []
    detector.check(crossing, progress=lambda *report: seen.append(report))
    stages = [stage for _, _, stage in seen]
    assert list(dict.fromkeys(stages)) == ["open", "look", "judge"] and stages == sorted(
        stages, key=["open", "look", "judge"].index
    )
    for stage in ("open", "look", "judge"):
        reports = [(done, total) for done, total, name in seen if name == stage]
        assert reports == sorted(reports) and len({total for _, total in reports}) == 1
        assert reports[-1][0] == reports[-1][1]


@pytest.mark.slow
@pytest.mark.parametrize("after", [0, 1, 5, 17])
def test_a_cancelled_check_stops_at_the_next_frame_or_batch(detector, talking, after):
    asked, looked = [], []

    def cancel():
        asked.append(True)
        return len(asked) > after

    with pytest.raises(CheckError) as caught:
        detector.check(talking, progress=lambda done, total, stage: looked.append(stage), cancel=cancel)
    assert caught.value.code == "cancelled"
    assert len(asked) == after + 1
    assert looked.count("look") <= after


def test_a_file_that_cannot_be_looked_at_raises_its_code(detector, tmp_path):
    text = tmp_path / "text.mp4"
    text.write_text("not a video " * 100)
    with pytest.raises(CheckError) as caught:
        detector.check(text)
    assert caught.value.code == "not_a_video"


@pytest.mark.slow
def test_a_plan_may_be_given_by_name_or_as_a_plan(detector, crossing):
    by_name = detector.check(crossing, "first100").coverage
    assert (by_name.plan, by_name.frames_examined) == ("first100", 75)  # all that the clip has
    own = detector.check(crossing, Plan("own", windows=2, length=4, rate_hz=8)).coverage
    assert (own.plan, own.windows, own.frames_examined) == ("own", 2, 8)


@pytest.mark.parametrize("device", ["tpu", "cuda:99", "nonsense"])
def test_a_device_that_is_not_there_is_reported(weights, device):
    with pytest.raises(CheckError) as caught:
        Detector.load(weights, device)
    assert caught.value.code == "device_unavailable"


@pytest.mark.slow
def test_bf16_and_fp32_differ_by_less_than_two_hundredths(crossing):
    answers = [Detector(load_weights(), "cpu", precision).check(crossing, BRIEF) for precision in ("fp32", "bf16")]
    assert [answer.model.precision for answer in answers] == ["fp32", "bf16"]
    assert close(*answers)


@pytest.fixture(scope="module")
def on_processor(crossing):
    """Plan -> what the processor answers in float32."""
    detector = Detector(load_weights(), "cpu", "fp32")
    return cache(lambda plan: detector.check(crossing, plan))


@pytest.mark.needs_gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("plan", [BRIEF, "thorough"], ids=["brief", "thorough"])
@pytest.mark.parametrize(
    ("device", "precision", "told"), [("cuda", "fp32", "cuda"), ("cuda:0", "bf16", "cuda:0"), (None, None, "cuda")]
)
def test_the_gpu_answers_as_the_processor_does(crossing, on_processor, device, precision, told, plan):
    on_gpu = Detector(load_weights(), device, precision)
    first = on_gpu.check(crossing, plan)
    assert first.model.device == told
    assert close(first, on_processor(plan))
    with ThreadPoolExecutor(2) as threads:
        for again in threads.map(lambda _: on_gpu.check(crossing, plan), range(2)):
            assert close(again, first, 0.001)


@pytest.mark.needs_gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_heat_maps_of_the_gpu_are_those_of_the_processor():
    crops = np.stack([portrait()[:224, 112:336], portrait()[20:244, 100:324]])
    there, here = (heat_of(Detector(load_weights(), device, "fp32").model).maps(crops) for device in ("cuda", "cpu"))
    assert there.max() == pytest.approx(1)
    np.testing.assert_allclose(there, here, atol=0.05)


def close(one: Analysis, other: Analysis, most: float = 0.02) -> bool:
    """Whether two analyses, of faces that were judged, agree in every verdict and within `most` in every number."""
    judged = [face for face in other.faces if face.verdict]
    if not judged or one.verdict != other.verdict or len(one.faces) != len(other.faces):
        return False
    return all(map(partial(same, most), one.faces, other.faces))


def same(most: float, one: FaceResult, other: FaceResult) -> bool:
    if (one.verdict, one.first_seen_s, one.frames) != (other.verdict, other.first_seen_s, other.frames):
        return False
    numbers = [
        [face.probability or 0, *(face.interval or ()), *(moment.probability for moment in face.timeline)]
        for face in (one, other)
    ]
    return all(abs(a - b) < most for a, b in zip(*numbers, strict=True))


def test_answers_without_a_face_or_with_another_verdict_or_interval_are_never_taken_for_close(detector, crossing):
    answer = detector.check(crossing, BRIEF)
    (face, *others) = answer.faces
    assert close(answer, answer)
    assert not close(replace(answer, faces=()), replace(answer, faces=()))
    wide = replace(face, interval=(face.interval[0], face.interval[1] + 0.03))
    sure = replace(face, verdict="inconclusive" if face.verdict != "inconclusive" else "no_signs_found")
    for changed in (wide, sure):
        assert not close(answer, replace(answer, faces=(changed, *others)))
    assert not close(answer, replace(answer, faces=answer.faces[1:]))


def test_importing_the_detector_loads_neither_torch_nor_mediapipe():
    code = "import sys, core, core.detector; print([m for m in ('torch', 'mediapipe', 'cv2') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_model_is_there_for_who_wants_to_look_inside(detector):
    assert not detector.model.training
    assert detector.device == "cpu"
    assert dataclasses.asdict(detector.info)["name"] == "tiny"


def test_a_check_goes_through_the_packets_of_a_file_once(detector, clips, monkeypatch):
    """Of a large one it takes a tenth of a second and more."""
    path, read = media.grey_clip(clips / "once.mp4"), []
    monkeypatch.setattr(video, "read_timeline", lambda opened: read.append(opened) or read_timeline(opened))
    detector.check(path, BRIEF)
    assert len(read) == 1
