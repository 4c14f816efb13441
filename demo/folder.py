"""Where everything lies that visitors send and get. Enter it before gradio loads, which reads the environment then."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def visitors_folder() -> Iterator[None]:
    """One folder for all of it, which goes with this process; and gradio tells nobody that it runs."""
    with tempfile.TemporaryDirectory(prefix="unmask-demo-") as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder
        os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
        yield
