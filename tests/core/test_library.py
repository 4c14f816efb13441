"""The detector in programs of others: their processes, their settings of torch, machines short of memory."""

import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from core import engine as engines
from core.detector import Detector
from core.engine import Engine
from core.errors import CheckError
from core.plan import Plan
from core.pretrained import load_weights
from tests import media

ROOT = Path(__file__).parents[2]
BRIEF = Plan("brief", windows=1, length=4, rate_hz=8)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return media.portrait_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", seconds=1, fps=10)


def test_a_forked_process_is_told_to_load_its_own_rather_than_to_wait_for_ever(detector, clip):
    detector.check(clip, BRIEF)
    assert in_a_forked_process(lambda: said_by(detector, clip)) == 0


def said_by(detector, clip):
    with pytest.raises(RuntimeError, match="load one in each process"):
        detector.check(clip, BRIEF)


OWN_AFTER_A_FORK = """
import sys
from core.detector import Detector
from tests.core.test_library import BRIEF, in_a_forked_process
weights, clip = sys.argv[1:]
def probability():
    return Detector.load(weights, "cpu", "fp32").check(clip, BRIEF).probability
expected = probability()
def check():
    assert probability() == expected
assert in_a_forked_process(check) == 0
"""


@pytest.mark.slow
def test_a_forked_process_that_loads_its_own_gets_the_answer(weights, clip):
    """In a process of its own, with one thread: with more, or after other work, torch itself may not outlive a fork."""
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", OWN_AFTER_A_FORK, weights, clip], cwd=ROOT, env=env, timeout=120)
    assert done.returncode == 0


def in_a_forked_process(do):
    """Its exit status, 0 where nothing was raised; a signal after a minute."""
    if (child := os.fork()) == 0:
        status = 1
        try:
            signal.alarm(60)
            do()
            status = 0
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1]


def test_a_detector_is_not_sent_to_another_process(detector):
    with pytest.raises(TypeError, match="load one in each process"):
        pickle.dumps(detector)


@pytest.mark.parametrize("precision", ["fp16", "BF16", ""])
def test_a_precision_that_there_is_not_is_refused(weights, precision):
    with pytest.raises(ValueError, match="fp32"):
        Detector.load(weights, "cpu", precision)


def test_a_program_that_computes_in_double_precision_gets_the_same_answer(detector, clip, request):
    expected = detector.check(clip, BRIEF)
    request.addfinalizer(lambda: torch.set_default_dtype(torch.float32))
    torch.set_default_dtype(torch.float64)
    assert detector.check(clip, BRIEF).probability == expected.probability


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("part", ["encode", "judge"])
def test_a_network_that_gives_no_number_ends_the_check(weights, clip, monkeypatch, part, wrong):
    detector = Detector.load(weights, "cpu", "fp32")
    model = detector.model
    if part == "judge":
        monkeypatch.setattr(model, "judge", lambda *given: torch.full((1,), wrong))
    else:
        monkeypatch.setattr(
            detector.engine, "_encode", lambda crops: (torch.zeros(len(crops), 8), torch.full((len(crops),), wrong))
        )
    with pytest.raises(CheckError) as caught:
        detector.check(clip, BRIEF)
    assert (caught.value.code, caught.value.detail) == ("internal", "the network gave no number")


@pytest.fixture
def engine(weights, monkeypatch):
    monkeypatch.setattr(engines, "has_openvino", lambda: False)
    return Engine(load_weights(weights).model, "cpu", "fp32")


def test_what_torch_says_of_memory_is_told_as_lack_of_memory(engine, monkeypatch):
    for said in (
        "DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes",
        "could not create a primitive",
    ):

        def short(crops, said=said):
            raise RuntimeError(said)

        monkeypatch.setattr(engine, "_encode", short)
        with pytest.raises(MemoryError):
            engine.encode(np.zeros((2, 64, 64, 3), np.uint8))


def test_other_errors_of_torch_stay_what_they_are(engine, monkeypatch):
    monkeypatch.setattr(engine, "_encode", lambda crops: torch.ones(2) @ torch.ones(3))
    with pytest.raises(RuntimeError, match="size"):
        engine.encode(np.zeros((2, 64, 64, 3), np.uint8))


def test_a_full_graphics_card_gets_fewer_crops_at_a_time(engine, weights, monkeypatch):
    crops = np.random.default_rng(0).integers(0, 256, (7, 64, 64, 3), np.uint8)
    encode, passes = Engine(load_weights(weights).model, "cpu", "fp32").encode, []
    expected = encode(crops)

    def with_room_for(most):
        def small(some):
            passes.append(len(some))
            if len(some) > most:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return encode(some)

        return small

    monkeypatch.setattr(engine, "device", "cuda")
    monkeypatch.setattr(engine, "_encode", with_room_for(2))
    for one, other in zip(engine.encode(crops), expected, strict=True):
        assert torch.allclose(one, other, atol=1e-5)
    assert passes == [7, 3, 1, 2, 4, 2, 2]
    monkeypatch.setattr(engine, "_encode", with_room_for(0))
    with pytest.raises(MemoryError):
        engine.encode(crops)


def test_two_detectors_may_share_weights_on_two_devices(weights):
    shared = load_weights(weights)
    moved = Engine(shared.model, "meta", "fp32")
    assert {p.device.type for p in moved.model.parameters()} == {"meta"}
    assert {p.device.type for p in shared.model.parameters()} == {"cpu"}


def test_where_openvino_does_not_fit_the_system_torch_does_the_work(weights, clip, monkeypatch):
    expected = Detector.load(weights, "cpu", "fp32").check(clip, BRIEF)

    def misfit(*given):
        raise ImportError("libopenvino.so: cannot open shared object file")

    monkeypatch.setattr(engines, "compiled", misfit)
    answer = Detector.load(weights, "cpu", "fp32").check(clip, BRIEF)
    assert answer.probability == pytest.approx(expected.probability, abs=1e-4)
