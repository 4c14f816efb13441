"""How a worker gets on with its child processes."""

import os
import signal
import socket
import struct
import subprocess
import time
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from core.errors import CheckError
from core.fetch.download import Limits
from core.fetch.sites import Allowed
from server import children
from server.child import serve
from server.children import Child, Died
from server.queue import Lost
from server.wire import MESSAGE_LIMIT, Wire
from tests.server.conftest import wait_for
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


@pytest.mark.slow
def test_a_lease_is_renewed_while_the_model_is_loaded(child, tmp_path):
    child.settings["weights"] = "slow"
    beats = []
    answer = child.ask(request(tmp_path, "fine"), 60, lambda *now: beats.append(now))
    assert answer["verdict"] == "no_signs_found"
    assert len(beats) >= 2


@pytest.mark.slow
def test_a_check_that_is_lost_while_the_model_is_loaded_costs_the_next_nothing_but_the_loading(child, tmp_path):
    child.settings["weights"] = "slow"

    def lost(*_):
        raise Lost

    with pytest.raises(Lost):
        child.ask(request(tmp_path, "fine"), 60, lost)
    assert not child.runs
    assert child.ask(request(tmp_path, "fine"), 60, lambda *_: False)["verdict"] == "no_signs_found"


@pytest.mark.slow
def test_a_child_that_begins_a_message_and_never_ends_it_is_replaced(child, tmp_path, monkeypatch):
    monkeypatch.setattr(children, "MESSAGE_S", 1)
    begun = time.monotonic()
    with pytest.raises(Died):
        child.ask(request(tmp_path, "half"), 60, lambda *_: False)
    assert time.monotonic() - begun < 40
    assert child.ask(request(tmp_path, "fine"), 60, lambda *_: False)["verdict"] == "no_signs_found"


@pytest.mark.slow
def test_a_child_that_asks_for_ever_and_listens_never_is_replaced(child, tmp_path, monkeypatch):
    monkeypatch.setattr(children, "MESSAGE_S", 1)
    with pytest.raises(Died) as died:
        child.ask(request(tmp_path, "deaf"), 60, lambda *_: False, lambda *_: None)
    assert isinstance(died.value.__cause__, BlockingIOError)  # not that the child ended by itself
    assert not child.runs


def test_a_message_longer_than_any_answer_is_not_taken_in():
    ours, theirs = socket.socketpair()
    with Connection(ours.detach()) as connection, theirs:
        theirs.sendall(struct.pack("!i", MESSAGE_LIMIT + 1))
        theirs.shutdown(socket.SHUT_WR)
        with pytest.raises(OSError, match="bad message length"):
            Wire(connection).receive()


def test_what_is_no_number_counts_as_a_fault_of_ours_and_is_not_sent():
    ours, theirs = socket.socketpair()
    with Connection(ours.detach()) as worker, Connection(theirs.detach()) as child:
        wire, requests = Wire(child), iter([{"path": "a file"}])
        wire.receive = lambda: next(requests)
        with pytest.raises(StopIteration):  # that was all
            serve(wire, lambda request: {"probability": float("nan")})
        assert Wire(worker).receive() == {"error": ["internal", ""]}


def test_a_code_that_there_is_not_counts_as_a_fault_of_ours(child, tmp_path):
    with pytest.raises(CheckError) as told:
        child.ask(request(tmp_path, "lie"), 60, lambda *_: False)
    assert told.value.code == "internal"


def test_a_check_that_runs_out_of_memory_leaves_no_dying_child_to_the_next(child, tmp_path):
    with pytest.raises(CheckError) as told:
        child.ask(request(tmp_path, "memory"), 60, lambda *_: False)
    assert told.value.code == "out_of_memory"
    assert not child.runs
    assert child.ask(request(tmp_path, "fine"), 60, lambda *_: False)["verdict"] == "no_signs_found"


@pytest.mark.parametrize(("word", "code"), [("damaged", "damaged"), ("sleep", "cancelled")])
def test_a_check_that_is_refused_or_cancelled_leaves_the_model_loaded(child, tmp_path, word, code):
    before = child.ask(request(tmp_path, "fine"), 60, lambda *_: False)
    with pytest.raises(CheckError) as told:
        child.ask(request(tmp_path, word), 60, lambda *_: True)
    assert told.value.code == code
    assert child.ask(request(tmp_path, "fine"), 60, lambda *_: False)["seconds"] == before["seconds"]  # its process


def test_a_check_that_does_not_hear_of_its_cancel_is_ended(child, tmp_path):
    child.grace_s = 0.5
    with pytest.raises(CheckError) as told:  # in this it hangs for 60 s, and then ends well
        child.ask(request(tmp_path, "hang"), 600, lambda *_: True)
    assert told.value.code == "cancelled"
    assert not child.runs


@pytest.mark.slow
def test_a_model_that_is_being_loaded_is_kept_although_its_check_is_cancelled(child):
    child.settings["weights"] = "slow"
    child.grace_s = 0.1
    assert child.start(lambda *_: True)["model"]["name"] == "stand-in"
    assert child.runs


def test_an_interrupt_in_the_terminal_is_for_the_worker_alone(child, tmp_path):
    pid = child.ask(request(tmp_path, "fine"), 60, lambda *_: False)["seconds"]["pid"]
    os.kill(pid, signal.SIGINT)
    assert child.ask(request(tmp_path, "fine"), 60, lambda *_: False)["seconds"]["pid"] == pid


def test_what_crossed_the_answer_to_one_check_is_not_taken_for_the_next():
    ours, theirs = socket.socketpair()
    with Connection(ours.detach()) as worker, Connection(theirs.detach()) as child:
        for message in ({"cancel": True}, {"brought": None}, {"path": "a file"}):
            Wire(worker).send(**message)

        def work(request):
            worker.close()
            return request

        answers = []
        child_wire = Wire(child)
        child_wire.send = lambda **message: answers.append(message)
        with pytest.raises(EOFError):
            serve(child_wire, work)
    assert answers == [{"result": {"path": "a file"}}]


def test_a_fetcher_started_anew_says_that_it_cannot_go_on_with_a_file():
    fetcher = Child("fetch", {"limits": asdict(Limits()), "allowed": asdict(Allowed()), "memory": 2**32})
    try:
        with pytest.raises(CheckError) as told:
            fetcher.ask({"block": 1}, 60, lambda *_: False)
        assert told.value.code == "network"  # by which the worker has all of it fetched
    finally:
        fetcher.kill()


@pytest.mark.slow
def test_what_a_child_started_ends_with_it(child):
    child.start()
    leads = os.getpgid(child._process.pid) == child._process.pid
    child.kill()
    assert leads
    command = ["sh", "-c", "sleep 600 & echo $!; wait"]
    child._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    started = int(child._process.stdout.readline())
    child.kill()
    wait_for(
        lambda: not os.path.exists(f"/proc/{started}") or "(sleep) Z" in Path(f"/proc/{started}/stat").read_text(), 10
    )
