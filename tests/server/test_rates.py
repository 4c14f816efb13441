"""What counts requests: few threads, nothing kept for ever, and no Redis that keeps a request waiting."""

import socket
import threading
import time
from dataclasses import replace

import pytest
from limits.storage import storage_from_string

from server import rates
from server.config import from_env


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


def test_a_redis_that_hangs_holds_up_no_request_for_long(make_app, config):
    with socket.create_server(("127.0.0.1", 0)) as mute:  # takes connections and never says a word
        address = f"redis://127.0.0.1:{mute.getsockname()[1]}/0"
        client = make_app(replace(config, broker_url=address)).test_client()
        began = time.monotonic()
        assert client.get("/v1/checks").status_code == 200
        assert time.monotonic() - began < 5  # ten, where nobody says otherwise


def test_a_rate_that_cannot_be_read_is_refused_at_the_start():
    with pytest.raises(ValueError, match="UNMASK_RATE is not a rate: 3/min"):
        from_env({"UNMASK_RATE": "3/min"})
    assert from_env({"UNMASK_RATE": "3 per minute"}).rate == "3 per minute"


def test_names_of_the_host_may_be_given_in_capitals():
    assert from_env({"UNMASK_HOSTS": "Unmask.Example.org"}).hosts == ("unmask.example.org",)
