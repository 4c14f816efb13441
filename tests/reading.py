"""What of a file can be read, and what is said of it."""

import pytest

from core.errors import CheckError
from core.plan import PLANS
from core.video import frames, probe


def look(path, plan="default", **options):
    """The frames of a plan, and the codes of the warnings."""
    warnings = []
    return list(frames(path, PLANS[plan], warnings, **options)), {w.code for w in warnings}


def code_of(path, **options):
    """The error code that both ways in agree on."""
    with pytest.raises(CheckError) as from_frames:
        look(path, **options)
    with pytest.raises(CheckError) as from_probe:
        probe(path, **options)
    assert from_frames.value.code == from_probe.value.code
    return from_frames.value.code
