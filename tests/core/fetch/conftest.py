import pytest

from core.fetch.egress import Guard
from tests.site import Site, make_clip


@pytest.fixture
def site():
    """The site whose videos are asked for."""
    with Site() as server:
        yield server


@pytest.fixture
def forbidden():
    """A server on this machine that nobody asked to be reachable."""
    with Site() as server:
        yield server


@pytest.fixture
def guard(site):
    with Guard(allow=(site.host,)) as guard:
        yield guard


@pytest.fixture(scope="session")
def clip(tmp_path_factory) -> dict[str, bytes]:
    """Names and contents of the files of `make_clip`."""
    return make_clip(tmp_path_factory.mktemp("clip"))
