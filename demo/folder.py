"""Where everything lies that visitors send and get. Enter it before gradio loads, which reads the environment then."""

import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


def end_with_terminal() -> None:
    """Clean up also when the terminal is closed; by itself that would end this process at once."""
    hang_up = getattr(signal, "SIGHUP", None)  # Windows has none
    if hang_up and signal.getsignal(hang_up) is not signal.SIG_IGN:  # as nohup has it
        signal.signal(hang_up, lambda *_: signal.raise_signal(signal.SIGTERM))


@contextmanager
def visitors_folder() -> Iterator[None]:
    """One folder for all of it, which goes with this process; and gradio tells nobody that it runs."""
    with tempfile.TemporaryDirectory(prefix="unmask-demo-") as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder
        os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
        yield
