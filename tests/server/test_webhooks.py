import base64
import hashlib
import hmac
import json
import os
import random
import re
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from core.fetch.egress import Guard
from server import webhooks
from server.database import Database
from server.tables import Check, Delivery
from server.webhooks import ATTEMPTS, TIMEOUT_S, Postman, secret_bytes, sign, wait_s
from tests.site import Site

DOCS = Path(__file__).parents[2] / "docs"
SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()


@pytest.fixture
def receiver():
    server = Site()
    server.got = []
    server.answer = 204

    def receive(handler):
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        server.got.append((dict(handler.headers), body))
        handler.send_response(server.answer)
        if 300 <= server.answer < 400:
            handler.send_header("Location", server.elsewhere)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    server.pages["/hook"] = receive
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def postman(tmp_path, receiver):
    database = Database(f"sqlite:///{tmp_path}/hooks.sqlite3")
    database.migrate()
    with Guard(allow=(receiver.host,)) as guard:
        yield Postman(database, guard, SECRET)
    database.close()


def deliver(postman) -> None:
    """A round, to its end."""
    postman.deliver_due()
    postman.wait()


def owe(postman, url: str, check_id: str = "abc", **more) -> str:
    delivery_id = os.urandom(8).hex()
    with postman.database.write() as session:
        body = json.dumps({"type": "check.done", "data": {"id": check_id}})
        session.add(Delivery(id=delivery_id, check_id=check_id, url=url, body=body, next_at=time.time(), **more))
    return delivery_id


def check_of(postman, owner: str) -> str:
    with postman.database.write() as session:
        common = {"same": "x:1 default - -", "site": "x", "plan": "default", "created_at": 0, "expires_at": 9e9}
        session.add(Check(id=owner, owner=owner, artifacts=False, priority=0, **common))
    return owner


def read(postman, delivery_id: str) -> Delivery:
    with postman.database.read() as session:
        return session.get(Delivery, delivery_id)


def is_ours(secret, headers, body) -> bool:
    """As the documentation has it."""
    [example] = re.findall(r"```python\n(.*?)```", (DOCS / "api.md").read_text(encoding="utf-8"), re.DOTALL)
    names = {"base64": base64, "hashlib": hashlib, "hmac": hmac}
    exec(example, names)
    return names["is_ours"](secret, headers, body)


def test_a_webhook_arrives_with_a_signature_that_the_receiver_can_check(postman, receiver):
    delivery_id = owe(postman, receiver.url("/hook"))
    deliver(postman)
    headers, body = receiver.got[0]
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert headers["webhook-id"] == delivery_id
    assert is_ours(SECRET, headers, body) and not is_ours(SECRET, headers, body + b" ")
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    assert read(postman, delivery_id).state == "delivered"


def test_a_receiver_that_does_not_answer_holds_up_nobody_else(postman, receiver):
    others = threading.Event()

    def wait(handler):
        handler.begin(204 if others.wait(TIMEOUT_S / 2) else 503, {"Content-Length": "0"})

    def release(handler):
        others.set()
        handler.begin(204, {"Content-Length": "0"})

    receiver.pages |= {"/waits": wait, "/others": release}
    deliveries = [owe(postman, receiver.url(path)) for path in ("/waits", "/waits", "/others")]
    deliver(postman)
    assert {read(postman, delivery).state for delivery in deliveries} == {"delivered"}


@pytest.fixture
def slow(receiver):
    """A receiver at /waits that answers when it is told to, which sets `slow.answer`, and says by `slow.asked` that it was
    asked."""

    def wait(handler):
        wait.asked.set()
        handler.begin(204 if wait.answer.wait(TIMEOUT_S / 2) else 503, {"Content-Length": "0"})

    wait.asked, wait.answer = threading.Event(), threading.Event()
    receiver.pages["/waits"] = wait
    yield wait
    wait.answer.set()


def test_a_receiver_that_does_not_answer_holds_up_nobody_of_the_rounds_after_it(postman, receiver, slow):
    first = owe(postman, receiver.url("/waits"))
    postman.deliver_due()
    assert slow.asked.wait(TIMEOUT_S)
    later = owe(postman, receiver.url("/hook"))
    postman.deliver_due()
    if sent := postman.under_way.get(later):
        sent[0].join()
    assert (read(postman, first).state, read(postman, later).state) == ("owed", "delivered")
    slow.answer.set()
    postman.wait()
    assert read(postman, first).state == "delivered"


def test_what_is_under_way_is_not_sent_again_however_long_it_takes(postman, receiver, slow, monkeypatch):
    monkeypatch.setattr(webhooks, "HOLD_S", 0)
    owe(postman, receiver.url("/waits"))
    postman.deliver_due()
    assert slow.asked.wait(TIMEOUT_S)
    postman.deliver_due()
    slow.answer.set()
    postman.wait()
    assert receiver.hits == ["/waits"]


def test_no_more_is_under_way_than_there_are_places(postman, receiver, slow, monkeypatch):
    monkeypatch.setattr(webhooks, "AT_ONCE", 2)
    for _ in range(3):
        owe(postman, receiver.url("/waits"))
    for _ in range(2):
        postman.deliver_due()
        assert len(postman.under_way) == 2
    slow.answer.set()
    postman.wait()
    deliver(postman)
    assert receiver.hits == ["/waits"] * 3


def test_a_place_that_gets_free_is_not_for_whoever_has_others_already(postman, receiver, slow, monkeypatch):
    monkeypatch.setattr(webhooks, "AT_ONCE", 3)
    bob, ann = check_of(postman, "bob"), check_of(postman, "ann")
    for _ in range(3):
        owe(postman, receiver.url("/waits"), bob)
    postman.deliver_due()
    waiting, _ = next(iter(postman.under_way.items()))
    owe(postman, receiver.url("/waits"), bob)
    later = owe(postman, receiver.url("/hook"), ann)
    thread = postman.under_way.pop(waiting)  # as where its receiver gave up
    postman.deliver_due()
    assert later in postman.under_way or read(postman, later).state == "delivered"
    postman.under_way[waiting] = thread
    slow.answer.set()
    postman.wait()


def test_a_thread_that_cannot_be_had_keeps_no_place(postman, receiver, monkeypatch):
    def none_left(_thread):
        raise RuntimeError("can't start new thread")

    delivery = owe(postman, receiver.url("/hook"))
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", none_left)
        with pytest.raises(RuntimeError):
            postman.deliver_due()
    postman.wait()
    deliver(postman)
    assert read(postman, delivery).state == "delivered"


def test_who_stops_waits_for_no_receiver_that_does_not_answer(postman, receiver, slow):
    owe(postman, receiver.url("/waits"))
    postman.deliver_due()
    assert slow.asked.wait(TIMEOUT_S)
    began = time.monotonic()
    postman.wait(0.1)
    assert time.monotonic() - began < TIMEOUT_S / 4
    assert all(thread.daemon for thread, _ in postman.under_way.values())  # nor does the process when it ends


def test_a_database_that_is_away_amid_a_delivery_is_told_to_the_log_and_leaves_its_place(postman, receiver, caplog):
    def break_off(_delivery):
        raise OperationalError("UPDATE", {}, Exception("the disk is gone"))

    postman._deliver = break_off
    owe(postman, receiver.url("/hook"))
    deliver(postman)
    assert caplog.messages == ["the database does not answer: the disk is gone"]
    assert postman.under_way == {}


def test_who_is_owed_many_webhooks_keeps_nobody_else_waiting(postman, receiver, monkeypatch):
    monkeypatch.setattr(webhooks, "AT_ONCE", 3)
    ann, bob = check_of(postman, "ann"), check_of(postman, "bob")
    for _ in range(6):
        owe(postman, receiver.url("/hook"), ann)
    late = owe(postman, receiver.url("/hook"), bob)
    deliver(postman)
    assert len(receiver.got) == 3
    assert read(postman, late).state == "delivered"


def test_the_signature_is_that_of_the_published_example():
    # the example of the Standard Webhooks specification
    key = secret_bytes("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signature = sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, '{"test": 2432232314}')
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_receiver_that_fails_is_tried_again_later_under_the_same_id(postman, receiver):
    receiver.answer = 500
    delivery_id = owe(postman, receiver.url("/hook"))
    deliver(postman)
    deliver(postman)
    assert len(receiver.got) == 1
    waiting = read(postman, delivery_id)
    assert (waiting.state, waiting.attempt) == ("owed", 1)
    assert waiting.next_at > time.time()
    receiver.answer = 200
    with postman.database.write() as session:
        session.get(Delivery, delivery_id).next_at = time.time()
    deliver(postman)
    assert [headers["webhook-id"] for headers, _ in receiver.got] == [delivery_id] * 2
    assert read(postman, delivery_id).state == "delivered"


def test_after_the_last_attempt_it_is_given_up(postman, receiver):
    receiver.answer = 500
    delivery_id = owe(postman, receiver.url("/hook"), attempt=ATTEMPTS - 1)
    deliver(postman)
    assert read(postman, delivery_id).state == "given_up"


def test_a_receiver_that_is_gone_for_good_is_not_asked_again(postman, receiver):
    receiver.answer = 410
    delivery_id = owe(postman, receiver.url("/hook"))
    deliver(postman)
    assert read(postman, delivery_id).state == "given_up"


@pytest.mark.slow
@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254"]
)
def test_no_webhook_goes_to_an_internal_address(postman, host):
    forbidden = Site()
    try:
        delivery_id = owe(postman, f"http://{host}:{forbidden.server_port}/hook")
        deliver(postman)
        assert forbidden.hits == []
        assert read(postman, delivery_id).state == "given_up"
    finally:
        forbidden.shutdown()
        forbidden.server_close()


def test_a_redirect_of_a_receiver_is_not_followed_and_does_not_count_as_received(postman, receiver):
    forbidden = Site()
    try:
        receiver.answer, receiver.elsewhere = 307, forbidden.url("/hook")
        delivery_id = owe(postman, receiver.url("/hook"))
        deliver(postman)
        assert len(receiver.got) == 1
        assert forbidden.hits == []
        assert read(postman, delivery_id).state == "owed"
    finally:
        forbidden.shutdown()
        forbidden.server_close()


def test_two_postmen_deliver_it_once(postman, receiver):
    delivery = read(postman, owe(postman, receiver.url("/hook")))
    for _ in range(2):  # both have read it as owed
        postman._deliver(delivery)
    assert len(receiver.got) == 1


def test_while_one_postman_waits_for_an_answer_no_other_delivers_the_same(postman, receiver):
    other = Postman(postman.database, postman.guard, SECRET)

    def look_again(handler):
        if len(receiver.hits) == 1:
            deliver(other)
        handler.begin(204, {"Content-Length": "0"})

    receiver.pages["/hook"] = look_again
    owe(postman, receiver.url("/hook"))
    deliver(postman)
    assert receiver.hits == ["/hook"]


def test_a_receiver_is_not_told_the_passwords_of_whoever_runs_the_server(postman, receiver, tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login operator password secret")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    owe(postman, receiver.url("/hook"))
    deliver(postman)
    assert [headers.get("Authorization") for headers, _ in receiver.got] == [None]


def test_the_waits_grow_to_hours():
    waits = [wait_s(attempt, random.Random(1)) for attempt in range(1, ATTEMPTS)]
    assert waits == sorted(waits)
    assert waits[0] < 10
    assert waits[-1] > 3600


@pytest.mark.parametrize(
    "secret",
    ["", "secret", "whsec_", "whsec_c2hvcnQ=", "whsec_*not base64*", "whsec_" + base64.b64encode(bytes(23)).decode()],
)
def test_a_weak_secret_is_refused_at_the_start(secret):
    with pytest.raises(ValueError, match="webhook secret"):
        secret_bytes(secret)
