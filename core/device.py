"""Where the network computes, and in which numbers."""

import functools
import logging
import os
from pathlib import Path

import torch

from core.errors import CheckError

log = logging.getLogger(__name__)


def pick_device(device: str | torch.device | None) -> str:
    """The device asked for ("cpu", "cuda", "cuda:1", "mps"), else the best there is that computes.

    Raises CheckError("device_unavailable").
    """
    count = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}
    if device is None:
        return next(name for name in ("cuda", "mps", "cpu") if count[name] and not passed_over(name))
    try:
        wanted = torch.device(device)
    except RuntimeError as error:
        raise CheckError("device_unavailable", str(device)) from error
    name = "cpu" if wanted.type == "cpu" else str(wanted)
    if (wanted.index or 0) >= count.get(wanted.type, 0):
        raise CheckError("device_unavailable", name)
    if why := fault(name):
        raise CheckError("device_unavailable", f"{name}: {why}")
    return name


def passed_over(device: str) -> bool:
    if why := fault(device):
        log.warning("%s is not used: %s", device, why)
    return why is not None


def fault(device: str) -> str | None:
    """Why a device that there is cannot be computed on: a card too old for this torch, or one that is full, is listed too."""
    if device == "cpu" or os.environ.get("SPACES_ZERO_GPU"):  # such a Space lends its card for a call, and not before
        return None
    try:
        ones = torch.ones(2, 1, 1, 3, 3, dtype=torch.float32, device=device)
        nine = torch.nn.functional.conv2d(*ones).item()
    except RuntimeError as error:
        return str(error).partition("\n")[0]
    return None if nine == 9 else f"it computes {nine} where 9 is right"


def pick_precision(device: str) -> str:
    """What is quicker there: "bf16", or "fp32" where the device would only imitate it."""
    if device.startswith("cuda"):
        return "bf16" if torch.cuda.get_device_capability(torch.device(device))[0] >= 8 else "fp32"
    return "bf16" if device.startswith("cpu") and processor_has_bf16() else "fp32"


@functools.cache
def processor_has_bf16() -> bool:
    """Without it, a product of matrices in bf16 takes many times as long as one in float32."""
    flags = Path("/proc/cpuinfo")  # torch's own question to the processor is not public in every version we run on
    return flags.exists() and "avx512_bf16" in flags.read_text()


def autocast(device: str, precision: str | None = None) -> torch.autocast:
    """A context in which layers compute in `precision`, "fp32" or "bf16"; None takes that of `pick_precision`."""
    is_bf16 = (precision or pick_precision(device)) == "bf16"
    return torch.autocast(device.split(":")[0], torch.bfloat16, enabled=is_bf16)
