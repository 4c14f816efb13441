import socket

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
def address(weights, kept):
    """The page, served on a free port."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(kept))
        patch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
        from demo.app import LAUNCH, build
        from demo.detectors import DEFAULT, Detectors

        detectors = Detectors(weights)
        detectors.get(DEFAULT)
        page = build(detectors)
        _, url, _ = page.launch(server_name="127.0.0.1", server_port=free_port(), prevent_thread_lock=True, **LAUNCH)
        yield url
        page.close()


def files_in(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
