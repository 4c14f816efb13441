"""Many clients at once. `python -m benchmarks.load` is the long edition, with figures."""

import asyncio

import pytest

from benchmarks.load import load
from tests.server.conftest import served


@pytest.mark.slow
def test_a_crowd_is_served_or_told_when_to_come_back(tmp_path):
    with served(tmp_path / "data", ("web",), UNMASK_MAX_QUEUE="30") as server:
        seen = asyncio.run(load(server.port, 10, polling=50, submitting=20))  # nobody works: the queue fills
    expected = {("submit", 202), ("submit", 503), ("poll", 200)}
    assert set(seen.statuses) == expected, server.log.read_text()[-4000:]
    assert seen.statuses["submit", 202] == 30  # not one more than fits, however many ask at once
    assert (seen.without_retry_after, seen.unanswered) == (0, 0)
