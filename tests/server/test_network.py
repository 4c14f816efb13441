"""One network for several checks at a time: real processes, with the weights that ship."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest
import torch

from core.detector import Detector
from core.engine import Engine
from core.errors import CheckError
from core.example import make_example
from core.looks import BATCH
from core.pretrained import load_weights
from server.children import Network
from server.config import from_env
from server.network import LIMIT, Passes
from server.remote import RemoteEncoder
from tests.server.conftest import ROOT, Running, served, wait_for

CLOSE = 0.01  # equal on the processors tried; others may compute another size of batch in another order, in bf16
SEATS = 3


def some_crops(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 224, 224, 3), np.uint8)


@pytest.fixture(scope="module")
def encode():
    return Engine(load_weights().model, "cpu", "fp32").encode


def waiting(passes: Passes, requests: list[np.ndarray]) -> tuple[list[threading.Thread], dict[int, tuple]]:
    """Threads that ask, once all their requests wait, and where the answers will be."""
    answers: dict[int, tuple] = {}
    threads = [
        threading.Thread(target=lambda i=i, crops=crops: answers.update({i: passes.ask(crops)}), daemon=True)
        for i, crops in enumerate(requests)
    ]
    for thread in threads:
        thread.start()
    wait_for(lambda: passes._waiting.qsize() == len(requests), 20)
    return threads, answers


def test_requests_that_wait_together_go_through_the_network_together_and_get_their_own_answers(encode):
    passes, requests = Passes(encode), [some_crops(1, 1), some_crops(3, 2)]
    threads, answers = waiting(passes, requests)
    passes.one()
    for thread in threads:
        thread.join()
    assert passes.told() == [[2, 1, 4]]
    assert signal.alarm(0) == 0  # which would end a network that has nothing to do
    for i, crops in enumerate(requests):
        features, logits = encode(crops)
        np.testing.assert_allclose(answers[i][0], features, atol=1e-4)
        np.testing.assert_allclose(answers[i][1], logits, atol=1e-4)


def test_a_pass_has_its_limit():
    sizes = []

    def encode(crops):
        sizes.append(len(crops))
        return torch.zeros(len(crops), 1), torch.zeros(len(crops))

    passes = Passes(encode)
    waiting(passes, [some_crops(BATCH, 0)] * 5)
    passes.one()
    passes.one()
    assert sizes == [LIMIT, BATCH]
    assert passes.told() == [[1, 1, BATCH], [4, 1, LIMIT]]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("encode", "ended"), [("time.sleep(60)", -signal.SIGALRM), ("1 / 0", 1)], ids=["hangs", "fails"]
)
def test_a_network_that_hangs_or_fails_ends_so_that_it_is_replaced(encode, ended):
    code = f"""
import time
from server import network
network.HANGS_S = 1
passes = network.Passes(lambda crops: {encode})
network.threading.Thread(target=passes.run, daemon=True).start()
passes.ask(network.as_crops(bytes(224 * 224 * 3), 224))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True)
    assert done.returncode == ended, done.stderr


def test_crops_that_the_network_has_no_number_for_end_their_own_request_alone():
    def encode(crops):
        if crops[0, 0, 0, 0] == 1:
            raise CheckError("internal", "the network gave no number")
        return torch.zeros(len(crops), 2), torch.zeros(len(crops))

    passes, told = Passes(encode), []

    def ask(kind):
        try:
            told.append(len(passes.ask(np.full((1, 2, 2, 3), kind, np.uint8))[1]))
        except CheckError as error:
            told.append(error.detail)

    for kind in (1, 2):
        thread = threading.Thread(target=ask, args=(kind,))
        thread.start()
        passes.one()
        thread.join()
    assert told == ["the network gave no number", 1]


def test_a_setting_that_is_neither_on_nor_off_is_named():
    assert [from_env({"UNMASK_SHARED_NETWORK": text}).shared_network for text in ("", "0", "1")] == [None, False, True]
    with pytest.raises(ValueError, match="UNMASK_SHARED_NETWORK"):
        from_env({"UNMASK_SHARED_NETWORK": "both"})


@pytest.fixture(scope="module")
def network():
    child = Network({"weights": None, "device": "cpu", "gpu_only": False})
    child.start()
    yield child
    child.kill()


@contextmanager
def line_to(network):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        network.connect(theirs)
        theirs.close()  # the process has its copy
        with Connection(ours.detach()) as line:
            yield line


@pytest.mark.parametrize(
    "size", [0, 1, 224 * 224 * 3 - 1, (BATCH + 1) * 224 * 224 * 3], ids=lambda size: f"{size} bytes"
)
def test_who_sends_something_else_than_crops_is_hung_up_on_and_the_others_are_answered(network, size):
    with line_to(network) as good, line_to(network) as bad:
        with suppress(BrokenPipeError, ConnectionResetError):  # it hangs up before it has read all of that
            bad.send_bytes(bytes(size))
        with pytest.raises((EOFError, ConnectionResetError)):
            bad.recv_bytes()
        features, logits = RemoteEncoder(good, 2048)(some_crops(2, 3))
        assert (features.shape, logits.shape) == ((2, 2048), (2,))
    assert network.runs


def test_who_promises_much_and_sends_nothing_keeps_nobody_waiting(network):
    with line_to(network) as good, line_to(network) as bad:
        os.write(bad.fileno(), (BATCH * 224 * 224 * 3).to_bytes(4, "big") + b"a little")
        assert len(RemoteEncoder(good, 2048)(some_crops(1, 4))[1]) == 1


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> list[Path]:
    """As many as are checked at a time; each has one window, whose crops wait once all its frames are looked at."""
    folder = tmp_path_factory.mktemp("clips")
    size = (640, 360)
    return [make_example(folder / f"{i}.mp4", 2.5 + i / 2, blended=i == 1, size=size) for i in range(SEATS)]


@pytest.fixture(scope="module")
def alone(clips) -> list[dict]:
    """What a detector with its own network answers."""
    detector = Detector.load(device="cpu")
    return [detector.check(clip).to_json() for clip in clips]


SEVERAL = {"UNMASK_DETECTOR": "core.detector:Detector", "UNMASK_CHECKS": str(SEATS), "UNMASK_DEDUPE_S": "0"}


@pytest.fixture(scope="module")
def sharing(tmp_path_factory):
    shared = {"UNMASK_SHARED_NETWORK": "1", "UNMASK_DEVICE": "cpu"}
    with served(tmp_path_factory.mktemp("sharing") / "data", **SEVERAL, **shared) as server:
        yield server


def children(server: Running, kind: str) -> list[int]:
    """Process ids of a worker's children of one kind."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (process / "cmdline").read_bytes().split(b"\0")
            parent = int(re.search(r"PPid:\s+(\d+)", (process / "status").read_text())[1])
            if command[2:4] == [b"server.child", kind.encode()] and parent == server.processes[-1].pid:
                found.append(int(process.name))
    return found


@contextmanager
def held(server: Running, clips: list[Path]):
    """Checks of clips whose crops wait for a network that is held; its process id."""
    [pid] = children(server, "network")
    os.kill(pid, signal.SIGSTOP)
    try:
        checks = [server.upload(clip.read_bytes()).json()["id"] for clip in clips]
        looking = [lambda id=id: server.get(f"/v1/checks/{id}").json()["progress"] > 0.89 for id in checks]
        wait_for(lambda: all(ask() for ask in looking), 60, server.log)
        yield pid, checks
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def assert_same(check: dict, alone: dict, close: float = CLOSE) -> None:
    assert check["status"] == "done", check["error"]
    ours = check["analysis"]
    assert ours["verdict"] == alone["verdict"] is not None
    np.testing.assert_allclose(ours["interval"], alone["interval"], rtol=0, atol=close)
    assert abs(ours["probability"] - alone["probability"]) < close
    assert ours["coverage"] == alone["coverage"]
    for one, other in zip(ours["faces"], alone["faces"], strict=True):
        points = zip(one["timeline"], other["timeline"], strict=True)
        assert all(abs(a["probability"] - b["probability"]) < close for a, b in points)


def shared_passes(server: Running) -> float:
    """How many passes held crops of more than one check."""
    rows = re.findall(r'unmask_pass_crops_count\{checks="(\d+)"\} (\S+)', server.get("/metrics").text)
    return sum(float(count) for checks, count in rows if int(checks) > 1)


@pytest.mark.slow
def test_checks_at_once_share_passes_and_are_answered_as_if_alone(sharing, clips, alone):
    for _ in range(3):  # where the first pass begins before the others have sent all, they miss each other, seldom
        with held(sharing, clips) as (_, checks):
            pass
        for check_id, expected in zip(checks, alone, strict=True):
            assert_same(sharing.wait(check_id), expected)
        with suppress(AssertionError):
            return wait_for(lambda: shared_passes(sharing) > 0, 15)
    raise AssertionError("no pass held crops of two checks")


@pytest.mark.slow
def test_a_network_that_is_killed_in_the_middle_of_checks_loses_none(sharing, clips, alone):
    with held(sharing, clips) as (pid, checks):
        os.kill(pid, signal.SIGKILL)
    for check_id, expected in zip(checks, alone, strict=True):
        assert_same(sharing.wait(check_id), expected)
    assert children(sharing, "network") != [pid]


@pytest.mark.slow
def test_an_analyst_that_is_killed_while_it_waits_harms_only_its_own_check(sharing, clips, alone):
    deaths = sharing.log.read_text().count("its process died")
    with held(sharing, clips) as (pid, checks):
        os.kill(children(sharing, "analyse")[0], signal.SIGKILL)
    for check_id, expected in zip(checks, alone, strict=True):
        assert_same(sharing.wait(check_id), expected)
    assert children(sharing, "network") == [pid]
    assert sharing.log.read_text().count("its process died") == deaths + 1


@pytest.mark.slow
def test_unasked_a_network_is_shared_only_on_a_graphics_card(tmp_path):
    with served(tmp_path / "data", **SEVERAL) as server:
        assert len(children(server, "network")) == torch.cuda.is_available()


@pytest.mark.slow
@pytest.mark.needs_gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_shared_network_on_a_graphics_card_answers_as_the_processor_does(tmp_path, clips, alone):
    with served(tmp_path / "data", **SEVERAL) as server:
        with held(server, clips) as (_, checks):
            pass
        for check_id, expected in zip(checks, alone, strict=True):
            check = server.wait(check_id)
            assert check["analysis"]["model"]["device"] == "cuda"
            assert_same(check, expected, 0.02)
        wait_for(lambda: shared_passes(server) > 0, 20, server.log)
