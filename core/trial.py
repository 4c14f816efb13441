"""Whether a stranger's file can be opened with little memory, tried in a process of its own.

FFmpeg fills the tables that a file claims to have before anybody can count them: two kilobytes of MP4 take gigabytes. With
less memory it would go on without them and tell nobody, so it is left to take what it wants, watched, and ended.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from core.errors import CheckError
from core.signatures import HEAD, recognise

MOST = 2**29  # bytes; a day at 60 pictures a second, its tables as full as they can be, takes four fifths
EVERY_S = 0.005  # FFmpeg fills some 10 MB in that time
ROOT = Path(__file__).resolve().parents[1]
OPEN = "import sys, pathlib, core.container as c; c.open_video(pathlib.Path(sys.argv[1])).__enter__()"


def try_to_open(path: Path, cancel: Callable[[], bool] = lambda: False) -> None:
    """Open the file elsewhere. What else is wrong with it is told by who opens it next.

    Raises CheckError: too_long, cancelled. Does nothing where the system does not tell what a process holds, as on
    macOS and Windows.
    """
    if is_picture(path) or not Path("/proc/self/statm").exists():
        return
    known = os.environ.get("PYTHONPATH")
    places = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep + known if known else ''}"}
    quiet = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    # -P: not what lies in the folder where we are
    with subprocess.Popen([sys.executable, "-P", "-c", OPEN, path], env=places, **quiet) as child:
        try:
            while child.poll() is None:
                if held(child.pid) > MOST:
                    raise CheckError("too_long", "the index")
                if cancel():
                    raise CheckError("cancelled")
                with suppress(subprocess.TimeoutExpired):
                    child.wait(EVERY_S)
        finally:
            child.kill()


def is_picture(path: Path) -> bool:
    """Whether it is a JPEG or the like, which `core.bombs` knows all about; of a folder of photographs each would wait."""
    with suppress(OSError):
        if not path.is_file():  # reading a pipe could wait for ever
            return False
        with path.open("rb") as file:
            return (recognise(file.read(HEAD)) or "").endswith("_pipe")
    return False


def held(pid: int) -> int:
    """Bytes of memory that a process holds; 0 of one that has ended."""
    with suppress(OSError, IndexError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0
