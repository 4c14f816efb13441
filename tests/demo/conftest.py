import os
import shutil
import socket
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests import tiny


@pytest.fixture(scope="session")
def weights(tmp_path_factory):
    """A small network that says it is trained."""
    return tiny.tiny_weights(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """The folder in which the page keeps what visitors send and get."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(scope="module")
def serve(weights, kept):
    """Serve a page on a free port and return its address. links: as for `build`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(kept))
        patch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
        from demo.app import LAUNCH, build
        from demo.detectors import DEFAULT, Detectors

        detectors = Detectors(weights)
        detectors.get(DEFAULT)
        pages = []

        def serve(links=None):
            pages.append(build(detectors, links))
            port = free_port()
            return pages[-1].launch(server_name="127.0.0.1", server_port=port, prevent_thread_lock=True, **LAUNCH)[1]

        yield serve
        for page in pages:
            page.close()


@pytest.fixture(scope="module")
def address(serve):
    """The page, without links."""
    return serve()


@pytest.fixture(scope="module")
def chromium():
    """Start a real Chromium with further arguments."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("google-chrome")
    assert program, "these tests need Chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        yield lambda *more: playwright.chromium.launch(executable_path=program, args=["--no-sandbox", *more])


@pytest.fixture(scope="module")
def browser(chromium):
    browser = chromium()
    yield browser
    browser.close()


def files_in(folder):
    """Its files; unlike Path.rglob, os.walk does not mind a folder that is deleted meanwhile."""
    return [Path(inside, name) for inside, _, names in os.walk(folder) for name in names]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(address):
    try:
        return urllib.request.urlopen(address, timeout=5).status == 200
    except (urllib.error.URLError, OSError):
        return False


def waited(condition, seconds=60):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never came to be"
        time.sleep(0.1)
