"""`python -m core`: see core/cli.py."""

import gc
import logging
import os
import sys

from core.cli import main
from core.settings import is_on


def keep_stderr_to_python() -> None:
    """Let no library write to stderr: MediaPipe's C++ has a line of warning where memory happens to lie badly."""
    if sys.stderr is None or is_on(os.environ, "UNMASK_DEBUG", False):
        return
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # warns where the home folder may not be written
    ours = {"encoding": sys.stderr.encoding, "errors": sys.stderr.errors, "buffering": 1}
    sys.stderr = os.fdopen(os.dup(2), "w", **ours)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    os.close(null)


if __name__ == "__main__":
    keep_stderr_to_python()
    status = main()
    gc.freeze()  # what is left goes with the process; to look for cycles in it first takes half a second
    sys.exit(status)
