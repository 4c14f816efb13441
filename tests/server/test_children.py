"""How a worker gets on with its child processes."""

import time

import pytest

from server import children
from server.children import Child, Died
from server.queue import Lost
from tests.server.standin import video


@pytest.fixture
def child(monkeypatch):
    monkeypatch.setattr(children, "BEAT_S", 0.2)  # several while the slow model is loaded
    settings = {"detector": "tests.server.standin:Detector", "weights": None, "device": None, "memory": 2**32}
    child = Child("analyse", {**settings, "network": None})
    yield child
    child.kill()


def request(tmp_path, word: str) -> dict:
    path = tmp_path / "video"
    path.write_bytes(video(word))
    return {"path": str(path), "pieces": None, "plan": "default", "artifacts": None, "film": False, "name": "a file"}


def test_a_lease_is_renewed_while_the_model_is_loaded(child, tmp_path):
    child.settings["weights"] = "slow"
    beats = []
    answer = child.ask(request(tmp_path, "fine"), 60, lambda *now: beats.append(now))
    assert answer["verdict"] == "no_signs_found"
    assert len(beats) >= 2


def test_a_check_that_is_lost_while_the_model_is_loaded_costs_the_next_nothing_but_the_loading(child, tmp_path):
    child.settings["weights"] = "slow"

    def lost(*_):
        raise Lost

    with pytest.raises(Lost):
        child.ask(request(tmp_path, "fine"), 60, lost)
    assert not child.runs
    assert child.ask(request(tmp_path, "fine"), 60, lambda *_: False)["verdict"] == "no_signs_found"


def test_a_child_that_begins_a_message_and_never_ends_it_is_replaced(child, tmp_path, monkeypatch):
    monkeypatch.setattr(children, "MESSAGE_S", 1)
    begun = time.monotonic()
    with pytest.raises(Died):
        child.ask(request(tmp_path, "half"), 60, lambda *_: False)
    assert time.monotonic() - begun < 40
    assert child.ask(request(tmp_path, "fine"), 60, lambda *_: False)["verdict"] == "no_signs_found"
