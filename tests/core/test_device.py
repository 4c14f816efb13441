import pytest
import torch

from core import device


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
