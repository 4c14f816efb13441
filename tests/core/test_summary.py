"""What is said of the faces, as pure functions of what is known of them."""

import pytest

from core.looks import Look
from core.summary import reason


@pytest.mark.parametrize("t_s, shown", [(7.96, "0:08"), (3723, "1:02:03")])
def test_a_reason_names_the_time_as_the_pictures_do_and_is_never_certain(t_s, shown):
    moments = [(a_look(0.0), 0.2), (a_look(t_s), 0.999)]
    assert reason("likely_manipulated", moments, ()).endswith(f"most at {shown} (99%).")


def a_look(t_s: float) -> Look:
    return Look(place=0, t_s=t_s, index=0, box=(0, 0, 60, 60), pixels=None)
