"""What counts requests: few threads, and nothing kept for ever."""

import threading
import time

from limits.storage import storage_from_string

from server import rates


def test_counting_requests_starts_no_thread_for_each(monkeypatch):
    started = []
    start = threading.Thread.start
    monkeypatch.setattr(threading.Thread, "start", lambda thread: (started.append(thread), start(thread)))
    storage = storage_from_string("quiet-memory://")
    for _ in range(30):
        storage.incr("somebody", 60)
        time.sleep(0.005)
    assert storage.get("somebody") == 30
    assert len(started) <= 2  # the library's first, over at once, and ours


def test_who_does_not_come_back_is_forgotten(monkeypatch):
    monkeypatch.setattr(rates, "SWEEP_S", 0.3)
    storage = storage_from_string("quiet-memory://")
    time.sleep(0.1)  # the library's first look is over
    storage.incr("once", 0.1)
    until = time.monotonic() + 10
    while "once" in storage.storage and time.monotonic() < until:
        time.sleep(0.05)
    assert "once" not in storage.storage
