"""The command line, run as people run it: as a process, by its output and its exit status."""

import io
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from core import cli
from core.analysis import VERDICT_WORDS
from core.calibration import Calibration, Curve
from core.cli import main, progress_bar
from core.errors import ERRORS
from core.example import portrait
from tests.media import audio_clip, grey_clip, portrait_clip
from tests.samples import a_face, an_analysis
from tests.tiny import tiny_weights

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "core"]


def run(*arguments, **environment):
    plain = {"NO_COLOR": "1", "COLUMNS": "100", **environment}
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], cwd=ROOT, env={**os.environ, **plain}, capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Folders with a tiny network that flags every face, and with one that flags none."""
    folder = tmp_path_factory.mktemp("weights")
    tiny_weights(folder / "flags", Calibration(*[(Curve(likely_from=0.0),)] * 2))
    tiny_weights(folder / "clears", Calibration(*[(Curve(likely_from=1.0, no_signs_until=1.0),)] * 2))
    return folder


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return portrait_clip(tmp_path_factory.mktemp("cli") / "portrait.mp4", with_audio=True)


@pytest.fixture(scope="module")
def folder_run(weights, tmp_path_factory):
    """One run over a folder with good and bad files, as JSON and with pictures."""
    folder = tmp_path_factory.mktemp("folder")
    portrait_clip(folder / "наш 'клип' \"1\".mp4", seconds=1.2, size=(320, 180))
    (folder / "again").mkdir()
    shutil.copy(folder / "наш 'клип' \"1\".mp4", folder / "again" / "b.mp4")  # to the bit, as an encoder need not be
    grey_clip(folder / "no face.mp4", 15)
    audio_clip(folder / "sound.mp4")
    (folder / "text.mp4").write_text("This is no video.")
    (folder / "notes.txt").write_text("Not a video, and not called one.")
    done = run(
        "check", folder, folder / "absent.mp4", "--json", "--weights", weights / "clears", "--out", folder / "out"
    )
    return folder, done, {line["path"]: line for line in map(json.loads, done.stdout.splitlines())}


def test_help_comes_at_once_and_names_every_option():
    done = run("check", "--help")
    assert done.returncode == 0
    for option in ("--json", "--out", "--thorough", "--fast", "--plan", "--frames", "--device", "--weights"):
        assert option in done.stdout


def test_help_says_what_an_exit_status_means_also_where_python_keeps_no_docstrings():
    done = run("check", "--help", PYTHONOPTIMIZE="2")
    assert done.returncode == 0
    assert "stopped by Ctrl-C" in " ".join(done.stdout.split())


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_reader_that_has_gone_is_not_told_that_something_was_flagged(options):
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "wb") as stdout:
        done = subprocess.run(
            [*COMMAND, "check", "none.mp4", *options], cwd=ROOT, stdout=stdout, stderr=subprocess.PIPE, text=True
        )
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("arguments", [["--help"], ["check", "--help"], ["--version"], ["check", "none.mp4"]])
def test_what_needs_no_network_does_not_load_it(arguments):
    code = f"import sys; from core.cli import main\ntry: main({arguments})\nexcept SystemExit: pass\nprint('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.endswith("False\n")


@pytest.mark.slow
def test_json_gives_one_line_for_each_video_and_nothing_else(folder_run):
    folder, done, lines = folder_run
    names = {Path(path).relative_to(folder).as_posix() for path in lines}
    assert names == {"наш 'клип' \"1\".mp4", "again/b.mp4", "no face.mp4", "sound.mp4", "text.mp4", "absent.mp4"}
    assert len(done.stdout.splitlines()) == 6
    assert done.stderr == ""


@pytest.mark.slow
def test_a_folder_goes_on_past_bad_files_and_exits_with_2(folder_run):
    folder, done, lines = folder_run
    codes = {Path(path).name: line["error"]["code"] for path, line in lines.items() if "error" in line}
    assert codes == {"sound.mp4": "no_video_stream", "text.mp4": "not_a_video", "absent.mp4": "file_not_found"}
    assert done.returncode == 2


@pytest.mark.slow
def test_json_has_the_promised_names(folder_run):
    folder, _, lines = folder_run
    analysis = lines[str(folder / "again" / "b.mp4")]["analysis"]
    assert analysis["verdict"] == "no_signs_found"
    assert analysis["interval"][0] <= analysis["probability"] <= analysis["interval"][1]
    assert analysis["faces"][0]["probability"] == analysis["probability"]
    assert len(analysis["model"]["sha256"]) == 64


@pytest.mark.slow
def test_a_video_without_a_face_is_answered_without_a_verdict(folder_run):
    folder, _, lines = folder_run
    analysis = lines[str(folder / "no face.mp4")]["analysis"]
    assert analysis["verdict"] is None
    assert "no_face" in [warning["code"] for warning in analysis["warnings"]]


@pytest.mark.slow
def test_the_same_video_gives_the_same_answer(folder_run):
    folder, _, lines = folder_run
    first, second = (lines[str(folder / name)]["analysis"] for name in ("again/b.mp4", "наш 'клип' \"1\".mp4"))
    assert {**first, "seconds": 0} == {**second, "seconds": 0}


@pytest.mark.slow
def test_out_gets_a_folder_for_each_video_with_every_picture(folder_run):
    folder, _, lines = folder_run
    written = {path.name for path in (folder / "out" / "b").iterdir()}
    assert written == {"report.html", "report.json", "key-frames.png", "timeline.png", "annotated.mp4", "heat-maps"}
    [face] = lines[str(folder / "again" / "b.mp4")]["analysis"]["faces"]
    assert len(list((folder / "out" / "b" / "heat-maps").glob("face-1-at-*.png"))) == len(face["key_frames"]) > 0
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["b", "no face", "наш 'клип' \"1\""]


@pytest.mark.slow
def test_what_is_flagged_exits_with_1_and_is_told_in_words(weights, tmp_path):
    Image.fromarray(portrait()).save(tmp_path / "a.png")
    done = run("check", tmp_path / "a.png", "--weights", weights / "flags", "--out", tmp_path / "flagged")
    assert done.returncode == 1
    assert VERDICT_WORDS["likely_manipulated"] in done.stdout
    assert str(tmp_path / "flagged") in done.stdout


@pytest.mark.parametrize(("absent", "status"), [([], 1), (["absent.mp4"], 2)])
def test_a_file_that_is_flagged_does_not_hide_one_that_could_not_be_checked(tmp_path, monkeypatch, absent, status):
    class Flags:
        def __init__(self, options):
            pass

        def check(self, path, progress):
            return an_analysis(a_face())

    monkeypatch.setattr(cli, "LazyDetector", Flags)
    (tmp_path / "a.mp4").touch()
    assert main(["check", *absent, str(tmp_path / "a.mp4")]) == status


@pytest.mark.slow
def test_an_answer_for_people_says_which_face_when_and_what_was_not_looked_at(clip, weights):
    done = run("check", clip, "--weights", weights / "clears", "--plan", "first100", "--frames", 8)
    assert done.returncode == 0
    for words in ("No signs found", "90% interval", "Face 1", "seen 0:00.0", "8 frames", "Not looked at", "the sound"):
        assert words in done.stdout
    assert "tiny 1" in done.stdout
    assert "\x1b" not in done.stdout


@pytest.mark.slow
def test_weights_that_are_not_there_are_reported(clip):
    done = run("check", clip, "--weights", ROOT / "core" / "absent", "--json")
    assert json.loads(done.stdout)["error"]["code"] == "weights_not_found"


def test_a_folder_without_videos_is_an_error(tmp_path):
    done = run("check", tmp_path, "--json")
    assert json.loads(done.stdout)["error"]["code"] == "no_videos"
    assert done.returncode == 2


@pytest.mark.slow
@pytest.mark.parametrize("option", [["--plan", "nonsense"], ["--device", "abacus"]])
def test_a_wrong_option_is_explained(option, clip, weights):
    done = run("check", clip, *option, "--weights", weights / "clears")
    assert done.returncode == 2
    assert "Traceback" not in done.stdout + done.stderr
    assert option[1] in done.stdout


@pytest.mark.slow
def test_an_answer_is_not_lost_when_its_pictures_cannot_be_written(clip, weights, tmp_path):
    (tmp_path / "file").write_text("in the way")
    done = run("check", clip, "--json", "--weights", weights / "clears", "--out", tmp_path / "file")
    line = json.loads(done.stdout)
    assert line["error"]["code"] == "not_writable"
    assert line["analysis"]["verdict"] == "no_signs_found"
    assert done.returncode == 2


@pytest.mark.parametrize(("debug", "told"), [("0", "ours\n"), ("1", "a warning\nours\n")])
def test_what_a_native_library_writes_to_stderr_is_for_debugging_alone(debug, told):
    code = "import os, sys; from core.__main__ import keep_stderr_to_python; keep_stderr_to_python()"
    code += "; os.write(2, b'a warning\\n'); print('ours', file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=os.environ | {"UNMASK_DEBUG": debug}, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, told)


@pytest.mark.slow
def test_ctrl_c_ends_with_one_line_and_nothing_half_written(weights, tmp_path):
    long = portrait_clip(tmp_path / "long.mp4", seconds=12, size=(320, 180))
    out = tmp_path / "out"
    arguments = [*COMMAND, "check", str(long), "--json", "--weights", str(weights / "clears"), "--out", str(out)]
    heeding = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}  # a job in the background ignores it
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(arguments, cwd=ROOT, **pipes, **heeding)
    while process.poll() is None and not list(out.rglob(".*.part.mp4")):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 130
    assert errors.strip() == "Stopped. Nothing was left half-written."
    written = {p.name for p in (out / "long").iterdir()}
    assert written == {"report.html", "report.json", "key-frames.png", "timeline.png", "heat-maps"}


@pytest.mark.slow
def test_a_terminal_gets_a_progress_bar_on_stderr_only(clip, weights):
    master, slave = pty.openpty()
    arguments = [*COMMAND, "check", str(clip), "--json", "--weights", str(weights / "clears")]
    with subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, stderr=slave) as process:
        os.close(slave)
        shown = read_all(master)
        output = process.stdout.read()
    assert "judging" in shown
    assert json.loads(output)["analysis"]


def test_the_name_over_the_progress_bar_cannot_steer_the_terminal(monkeypatch):
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress_bar("clips/a\x1b]0;b\x07.mp4") as progress:
        progress(0, 1, "open")
    assert "a\ufffd]0;b\ufffd.mp4: opening" in terminal.getvalue()


def test_info_says_what_a_file_is(clip):
    done = run("info", clip)
    assert done.returncode == 0
    for words in ("0:02.0", "640 x 360", "25 frames a second", "h264", "Sound"):
        assert words in done.stdout


def test_info_on_a_bad_file_is_an_error(tmp_path):
    done = run("info", tmp_path / "absent.mp4")
    assert done.returncode == 2
    assert done.stderr == "There is no such file. (absent.mp4) Check the path and try again.\n"


def test_what_is_said_of_a_bad_file_cannot_steer_the_terminal(tmp_path):
    assert "(a\ufffd[2J.mp4)" in run("info", tmp_path / "a\x1b[2J.mp4").stderr


@pytest.mark.slow
@pytest.mark.parametrize(("where", "code"), [("2>&-", None), (">/dev/full", "disk_full")])
def test_what_keeps_a_run_from_writing_is_no_fault_of_ours(clip, weights, tmp_path, where, code):
    command = f'"$0" -m core check --json "$1" "$2" --weights "$3" {where}'
    again = shutil.copy(clip, tmp_path)
    given = [sys.executable, clip, again, weights / "clears"]
    done = subprocess.run(["sh", "-c", command, *given], cwd=ROOT, capture_output=True, text=True, timeout=100)
    if code is None:
        assert [json.loads(line)["analysis"]["verdict"] for line in done.stdout.splitlines()] == ["no_signs_found"] * 2
    else:
        assert done.returncode == 2 and code in ERRORS and ERRORS[code].message in done.stderr


@pytest.mark.parametrize("command", ["core check clip.mp4", "server all", "demo"])
def test_a_python_without_our_packages_is_told_which_one_to_use(command):
    started = [sys.executable, "-S", "-m", *command.split()]  # -S: without site-packages
    done = subprocess.run(started, capture_output=True, text=True)
    assert done.returncode and not done.stdout
    assert "not installed" in done.stderr and ".venv/bin/python" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.slow
def test_example_makes_a_clip_that_info_reads(tmp_path):
    assert run("example", tmp_path / "new" / "example.mp4").returncode == 0
    assert "1280 x 720" in run("info", tmp_path / "new" / "example.mp4").stdout


def test_example_writes_over_no_file(tmp_path):
    (tmp_path / "mine.mp4").write_bytes(b"mine")
    done = run("example", tmp_path / "mine.mp4")
    assert done.returncode == 2 and "stays as it is" in done.stderr
    assert (tmp_path / "mine.mp4").read_bytes() == b"mine"


def read_all(terminal):
    """Everything written to a pseudo terminal until its other end closes."""
    text = b""
    while True:
        try:
            text += os.read(terminal, 4096)
        except OSError:
            return text.decode()
