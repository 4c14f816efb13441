"""Where the network computes, and in which numbers."""

import functools
from pathlib import Path

import torch

from core.errors import CheckError


def pick_device(device: str | None) -> str:
    """The device asked for ("cpu", "cuda", "cuda:1", "mps"), else the best there is. Raises CheckError("device_unavailable")."""
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if device is None:
        return next(name for name in ("cuda", "mps", "cpu") if available[name])
    try:
        index = torch.device(device).index or 0
        fits = available.get(torch.device(device).type, False)
    except RuntimeError as error:
        raise CheckError("device_unavailable", device) from error
    if not fits or (device.startswith("cuda") and index >= torch.cuda.device_count()):
        raise CheckError("device_unavailable", device)
    return device


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
