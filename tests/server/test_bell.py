"""The doorbell: what a server and its workers share to wake each other."""

import signal
import sqlite3
import threading
from dataclasses import replace

import pytest
from sqlalchemy import event

from server.bell import RINGS_WAITING, Ringer, forget_old_rings, make_bell, ring
from server.config import Config
from tests.server.conftest import wait_for
from tests.server.stores import Redis, need_them


def test_two_processes_that_make_the_queue_in_the_same_moment_both_go_on(tmp_path):
    bell = make_bell(Config(data=tmp_path))
    with bell.connection_for_write() as one, bell.connection_for_write() as other:
        late, early = one.default_channel, other.default_channel
        raced = []

        def another_is_first(*_):
            if not raced:
                raced.append(early._get_or_create("unmask").name)

        event.listen(late.session, "before_flush", another_is_first)
        late._put("unmask", {"ring": 1})
        assert raced == ["unmask"]
        assert early._get("unmask") == {"ring": 1}


class Hangs:
    """A bell whose broker does not answer."""

    def __init__(self):
        self.end = threading.Event()

    def send_task(self, *_, **__) -> None:
        self.end.wait(60)


def test_a_broker_that_hangs_holds_up_nobody_who_rings():
    bell = Hangs()
    ringer = Ringer(bell)
    rings = threading.Thread(target=lambda: [ringer.ring() for _ in range(3 * RINGS_WAITING)], daemon=True)
    rings.start()
    rings.join(20)
    assert not rings.is_alive()
    bell.end.set()


def test_of_rings_that_were_heard_nothing_is_kept_and_the_others_still_ring(tmp_path):
    config = Config(data=tmp_path)
    with make_bell(config).connection_for_write() as connection:
        channel = connection.default_channel
        for number in range(3):
            channel._put("unmask", {"ring": number})
        channel._get("unmask")
        forget_old_rings(config)
        kept = sqlite3.connect(tmp_path / "broker.sqlite3")
        assert kept.execute("SELECT count(*) FROM kombu_message").fetchone() == (2,)
        kept.close()
        assert channel._get("unmask") == {"ring": 1}


@pytest.mark.slow
def test_a_redis_that_stands_still_holds_up_no_ring_for_ever_and_no_worker_counts_as_ready(tmp_path, make_app, config):
    need_them()
    redis = Redis(tmp_path / "redis")
    try:
        app = make_app(replace(config, broker_url=redis.url))
        services, client = app.extensions["unmask"], app.test_client()
        services.queue.sign_in("worker", {})
        wait_for(lambda: client.get("/ready").status_code == 200, 30)
        redis.process.send_signal(signal.SIGSTOP)  # it takes connections and says nothing
        rings = threading.Thread(target=ring, args=(services.ringer.bell,), daemon=True)
        rings.start()
        rings.join(30)
        assert not rings.is_alive()
        answer = client.get("/ready")
        assert (answer.status_code, answer.json["code"]) == (503, "not_ready")
        assert "no broker" in answer.json["detail"]
        redis.process.send_signal(signal.SIGCONT)
        wait_for(lambda: client.get("/ready").status_code == 200, 30)
    finally:
        redis.close()
