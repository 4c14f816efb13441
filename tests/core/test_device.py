import pytest
import torch

from core import device
from core.errors import CheckError


@pytest.fixture(params=[True, False], ids=["with bf16", "without"])
def has_bf16(request, monkeypatch):
    """The processor computes in bf16, or does not."""
    monkeypatch.setattr(device, "processor_has_bf16", lambda: request.param)
    return request.param


def test_a_processor_computes_in_bf16_only_where_it_can(has_bf16):
    assert device.pick_precision("cpu") == ("bf16" if has_bf16 else "fp32")
    with device.autocast("cpu"):
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert product.dtype == (torch.bfloat16 if has_bf16 else torch.float32)


@pytest.mark.parametrize(("precision", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_a_precision_that_is_asked_for_is_taken_whatever_the_processor_can(has_bf16, precision, dtype):
    with device.autocast("cpu", precision):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype


@pytest.fixture
def cards(monkeypatch):
    """A machine with two graphics cards, of which those named compute; the processor stands for them."""
    ones = torch.ones

    def cards(*working):
        def on(*size, dtype, device):
            if device not in working:
                raise RuntimeError("CUDA error: no kernel image is available for execution on the device\nmore of it")
            return ones(*size)

        monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
        monkeypatch.setattr(torch, "ones", on)

    return cards


def test_a_card_that_does_not_compute_leaves_the_work_to_the_processor_and_the_log_says_why(cards, caplog):
    cards("cuda")
    assert device.pick_device(None) == "cuda"
    assert not caplog.messages
    cards()
    assert device.pick_device(None) == "cpu"
    why = "CUDA error: no kernel image is available for execution on the device"
    assert caplog.messages == [f"cuda is not used: {why}"]


def test_a_card_that_is_lent_for_each_call_is_taken_untried(cards, monkeypatch):
    cards()
    monkeypatch.setenv("SPACES_ZERO_GPU", "1")
    assert device.pick_device(None) == "cuda"


def test_a_card_that_was_asked_for_and_does_not_compute_is_told_with_its_reason(cards):
    cards("cuda:1")
    assert device.pick_device("cuda:1") == "cuda:1"
    with pytest.raises(CheckError) as caught:
        device.pick_device("cuda:0")
    assert caught.value.code == "device_unavailable"
    assert caught.value.detail == "cuda:0: CUDA error: no kernel image is available for execution on the device"


@pytest.mark.parametrize("given", ["cpu", "cpu:0", torch.device("cpu")])
def test_the_processor_has_one_name(given):
    assert device.pick_device(given) == "cpu"


@pytest.mark.parametrize("given", ["cuda:2", torch.device("cuda", 2), "mps:3", "cpu:1", "meta", "tpu"])
def test_what_is_not_there_is_refused(cards, given):
    cards("cuda", "cuda:2")
    with pytest.raises(CheckError) as caught:
        device.pick_device(given)
    assert caught.value.code == "device_unavailable"
