import pytest

from core.detector import Detector
from tests.tiny import tiny_weights


@pytest.fixture(scope="session")
def weights(tmp_path_factory):
    return tiny_weights(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="session")
def detector(weights):
    return Detector.load(weights, device="cpu", precision="fp32")
