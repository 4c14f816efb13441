"""What a client is promised of a check that there is already, and of one that ends."""

import io
import json
import os
import threading
import time
from dataclasses import replace

import pytest
from sqlalchemy.exc import OperationalError

from core.errors import CheckError
from server.bell import make_bell
from server.children import Died
from server.queue import Lost
from server.runner import Runner, Seat
from server.store import INTERACTIVE, Wish
from server.tables import Check, Claim, Delivery, Tally
from server.worker import handle_alone
from tests.server.standin import result, video
from tests.server.test_policy import RULES

LINK = {"url": "https://x.com/a/status/1"}
SECRET = "whsec_" + "A" * 32


@pytest.fixture
def config(config):
    return replace(config, webhook_secret=SECRET)


@pytest.fixture
def parts(app):
    return app.extensions["unmask"]


def rows(parts, table) -> list:
    with parts.database.read() as session:
        return list(session.query(table))


def submit(client, key: str | None = None, **more):
    headers = {"Idempotency-Key": key} if key else {}
    return client.post("/v1/checks", json={**LINK, **more}, headers=headers)


def test_a_key_counts_also_where_it_led_to_a_check_that_there_was(client):
    first = submit(client)
    again = submit(client, "k")
    assert (first.status_code, again.status_code) == (202, 200)
    other = client.post("/v1/checks", json={"url": "https://x.com/a/status/2"}, headers={"Idempotency-Key": "k"})
    assert (other.status_code, other.json["code"]) == (422, "idempotency_mismatch")


def test_who_asks_for_a_webhook_gets_it_whether_or_not_the_video_was_asked_for_before(client, parts):
    submit(client)
    told = submit(client, callback_url="https://a.example/hook")
    assert told.status_code == 202
    assert submit(client, callback_url="https://a.example/hook").json["id"] == told.json["id"]
    assert submit(client).json["id"] == told.json["id"]
    parts.store.cancel(told.json["id"], "local")
    assert [delivery.url for delivery in rows(parts, Delivery)] == ["https://a.example/hook"]


def test_a_person_who_waits_for_a_video_of_a_batch_does_not_wait_for_the_batch(client, parts):
    client.post("/v1/batches", json={"urls": ["https://x.com/a/status/7", LINK["url"]]})
    assert submit(client).status_code == 200
    taken = parts.queue.take("test")
    assert (taken.url.endswith("/1"), taken.priority) == (True, INTERACTIVE)


def test_a_check_cancelled_while_it_waits_is_told_and_counted(client, parts):
    check_id = submit(client, callback_url="https://a.example/hook").json["id"]
    for _ in range(2):
        client.post(f"/v1/checks/{check_id}/cancel")
    assert ['"check.cancelled"' in delivery.body for delivery in rows(parts, Delivery)] == [True]
    counted = {(tally.name, tally.label): tally.count for tally in rows(parts, Tally)}
    assert counted == {("check_seconds", "cancelled"): 1, ("failures", "cancelled"): 1}


def test_how_long_checks_took_is_added_up_by_how_they_ended(client, parts):
    for number in (1, 2):
        check_id = submit(client, url=f"https://x.com/a/status/{number}").json["id"]
        with parts.database.write() as session:
            session.get(Check, check_id).created_at -= 1000
        parts.queue.failed(parts.queue.take("test"), "damaged")
    [took] = [tally for tally in rows(parts, Tally) if tally.name == "check_seconds"]
    assert (took.label, took.count, round(took.total, -3)) == ("failed", 2, 2000)


def test_who_is_told_of_a_failure_is_told_why(client, parts):
    submit(client, callback_url="https://a.example/hook")
    parts.queue.failed(parts.queue.take("test"), "damaged")
    [told] = [json.loads(delivery.body) for delivery in rows(parts, Delivery)]
    assert (told["type"], told["data"]["status"], told["data"]["error"]) == ("check.failed", "failed", "damaged")


@pytest.mark.parametrize("key", [None, "k"])
def test_a_check_that_expired_within_the_window_is_made_anew(make_app, config, key):
    app = make_app(replace(config, keep_s=1.0, dedupe_s=3600))
    client, parts = app.test_client(), app.extensions["unmask"]
    first = submit(client, key).json["id"]
    with parts.database.write() as session:  # as a second and a bit later
        session.get(Check, first).expires_at -= 1.5
        for claim in session.query(Claim):
            claim.expires_at -= 1.5
    again = submit(client, key)
    assert again.status_code == 202
    assert client.get(again.headers["Location"]).status_code == 200


def test_a_result_of_another_owner_is_not_copied_once_it_has_expired(client, parts):
    wish = Wish("ann", "a video", None, "upload")
    check, _ = parts.store.submit(wish)
    parts.queue.done(parts.queue.take("test"), result("no_signs_found", 0.1).to_json(), None, None)
    with parts.database.write() as session:
        session.get(Check, check.id).expires_at = time.time() - 1
    assert parts.store.submit(replace(wish, owner="bob"))[0].status == "queued"


def test_a_copy_of_a_result_is_as_old_as_the_result(client, parts, config):
    wish = Wish("ann", "a video", None, "upload")
    check, _ = parts.store.submit(wish)
    parts.queue.done(parts.queue.take("test"), result("no_signs_found", 0.1).to_json(), None, None)
    with parts.database.write() as session:
        session.get(Check, check.id).finished_at -= config.dedupe_s - 60
    assert parts.store.submit(replace(wish, owner="bob"))[0].status == "done"
    with parts.database.write() as session:  # two minutes later
        for row in session.query(Check):
            row.finished_at -= 120
    assert parts.store.submit(replace(wish, owner="cem"))[0].status == "queued"


@pytest.mark.parametrize("code", ["damaged", "cancelled"])
def test_of_another_owners_check_that_gave_no_result_nothing_is_copied(client, parts, code):
    wish = Wish("ann", "a video", None, "upload")
    parts.store.submit(wish)
    parts.queue.failed(parts.queue.take("test"), code)
    assert parts.store.submit(replace(wish, owner="bob"))[0].status == "queued"


@pytest.mark.parametrize("more", [{"artifacts": True}, {"callback_url": "https://a.example/hook"}])
def test_who_asks_for_pictures_or_a_webhook_is_not_put_off_with_a_copy(client, parts, more):
    wish = Wish("ann", "a video", None, "upload", artifacts="artifacts" in more)
    parts.store.submit(wish)
    parts.queue.done(parts.queue.take("test"), result("no_signs_found", 0.1).to_json(), None, None)
    assert parts.store.submit(replace(wish, owner="bob", **more))[0].status == "queued"


def test_what_is_forgotten_leaves_no_row(client, parts):
    check_id = submit(client, "a key", callback_url="https://a.example/hook").json["id"]
    client.post(f"/v1/checks/{check_id}/cancel")
    assert len(rows(parts, Claim)) == 2 and len(rows(parts, Delivery)) == 1
    client.delete(f"/v1/checks/{check_id}")
    assert [rows(parts, table) for table in (Check, Claim, Delivery)] == [[], [], []]


def test_the_file_of_a_check_that_is_cancelled_while_it_waits_goes_at_once(client, config):
    check_id = client.post("/v1/checks", data={"file": (io.BytesIO(video("fine")), "clip.mp4")}).json["id"]
    assert config.source(check_id).exists()
    client.post(f"/v1/checks/{check_id}/cancel")
    assert not config.source(check_id).exists()


class Deletes:
    """Draws into the folder of a check that its owner deletes meanwhile."""

    def __init__(self, parts):
        self.parts = parts

    def ask(self, request, *_):
        self.parts.store.forget(request["artifacts"].split(os.sep)[-2], "local")
        os.makedirs(request["artifacts"])
        with open(os.path.join(request["artifacts"], "key-frames.png"), "wb"):
            raise Lost


def test_what_is_drawn_of_a_check_that_was_deleted_goes_too(client, parts, config):
    upload = {"file": (io.BytesIO(video("fine")), "clip.mp4"), "artifacts": "true"}
    assert client.post("/v1/checks", data=upload).status_code == 202
    runner = Runner(config, parts.database, make_bell(config))
    runner.work(runner.queue.take("test"), Seat(Deletes(parts), None))
    runner.guard.close()
    assert list((config.data / "checks").iterdir()) == []


def test_what_a_killed_server_left_of_an_upload_is_swept(parts, config):
    for name, age in (("old", 4000), ("new", 10)):
        (config.spool / name).write_bytes(b"a stranger's video")
        os.utime(config.spool / name, (time.time() - age,) * 2)
    parts.queue.sweep_files()
    assert [path.name for path in config.spool.iterdir()] == ["new"]


def test_a_folder_that_is_deleted_meanwhile_does_not_stop_the_sweep(parts, config, monkeypatch):
    gone, old = config.folder("0" * 32), config.folder("1" * 32)
    old.mkdir(parents=True)
    os.utime(old, (time.time() - 4000,) * 2)
    monkeypatch.setattr(type(old), "glob", lambda self, _: iter((gone, old) if self.name == "checks" else ()))
    parts.queue.sweep_files()
    assert not old.exists()


def test_an_upload_that_was_given_up_by_the_sweep_goes_with_its_check(client, parts, config):
    check_id = client.post("/v1/checks", data={"file": (io.BytesIO(video("fine")), "clip.mp4")}).json["id"]
    for _ in range(config.attempts):
        check = parts.queue.take("a worker that is killed")
        with parts.database.write() as session:
            session.get(type(check), check_id).lease_until = time.time() - 1
        assert config.source(check_id).exists()
        parts.queue.sweep()
    assert client.get(f"/v1/checks/{check_id}").json["error"]["code"] == "interrupted"
    assert not config.source(check_id).exists()


def test_a_worker_goes_on_after_whatever_goes_wrong(parts, config):
    runner = Runner(config, parts.database, make_bell(config))
    left = [RuntimeError(), CheckError("internal"), None]

    def chore():
        if not (error := left.pop(0)):
            return runner.stop()
        raise error

    runner._again_and_again(chore, 0.01)
    runner.guard.close()
    assert left == []


class Dies:
    """In place of the child that judges: it ends in the middle, after its owner cancelled the check."""

    def __init__(self, parts):
        self.parts = parts

    def ask(self, request, *_):
        check = rows(self.parts, Check)[0]
        self.parts.store.cancel(check.id, check.owner)
        raise Died


@pytest.fixture
def runner(config, parts):
    runner = Runner(config, parts.database, make_bell(config))
    yield runner
    runner.guard.close()


def test_a_cancelled_check_whose_process_died_is_not_begun_again(client, parts, runner):
    client.post("/v1/checks", data={"file": (io.BytesIO(video("fine")), "clip.mp4")})
    runner.work(runner.queue.take("test"), Seat(Dies(parts), None))
    assert [check.status for check in rows(parts, Check)] == ["cancelled"]


class Says:
    def ask(self, *_):
        return result("likely_manipulated", 0.97).to_json()


@pytest.mark.parametrize(("category", "action", "review"), [("political_ad", "block", None), ("", "hold", "held")])
def test_a_worker_does_with_an_answer_what_the_policy_says(client, parts, config, tmp_path, category, action, review):
    (tmp_path / "policy.yaml").write_text(RULES)
    form = {"file": (io.BytesIO(video("fine")), "clip.mp4")} | ({"category": category} if category else {})
    assert client.post("/v1/checks", data=form).status_code == 202
    runner = Runner(replace(config, policy=tmp_path / "policy.yaml"), parts.database, make_bell(config))
    runner.work(runner.queue.take("test"), Seat(Says(), None))
    runner.guard.close()
    [check] = rows(parts, Check)
    assert ([one["action"] for one in check.actions], check.review) == ([action], review)


class Draws:
    def ask(self, request, *_):
        os.makedirs(request["artifacts"], exist_ok=True)
        return result("no_signs_found", 0.1).to_json()


def answer_lost(real):
    """What `real` does happens, and then the database is away before it can say so. Once."""
    lost = []

    def write(*given, **more):
        found = real(*given, **more)
        if not lost:
            lost.append(True)
            raise OperationalError("COMMIT", {}, Exception("server closed the connection unexpectedly"))
        return found

    return write


def test_pictures_stay_where_only_the_databases_answer_was_lost(client, parts, config, runner, monkeypatch):
    check_id = client.post(
        "/v1/checks", data={"file": (io.BytesIO(video("fine")), "clip.mp4"), "artifacts": "true"}
    ).json["id"]
    monkeypatch.setattr(runner.queue, "done", answer_lost(runner.queue.done))
    check = runner.queue.take("test")
    runner.work(check, Seat(Draws(), None))
    assert client.get(f"/v1/checks/{check_id}").json["status"] == "done"
    assert config.artifacts(check_id, check.fence).exists() and not config.source(check_id).exists()


def test_an_upload_stays_where_only_the_databases_answer_was_lost(client, parts, config, monkeypatch):
    monkeypatch.setattr(parts.store, "submit", answer_lost(parts.store.submit))
    headers = {"Idempotency-Key": "once"}

    def ask():
        return client.post("/v1/checks", data={"file": (io.BytesIO(video("fine")), "clip.mp4")}, headers=headers)

    assert ask().status_code == 503
    again = ask()
    assert again.json["status"] == "queued" and config.source(again.json["id"]).exists()


def test_a_signal_that_comes_while_another_is_handled_is_dropped_and_later_ones_are_not():
    busy, handled = threading.Lock(), []

    def handler(number, frame):
        handled.append(number)
        if len(handled) < 5:
            handle_alone(busy, handler, number + 1, None)

    handle_alone(busy, handler, 1, None)
    handle_alone(busy, handler, 15, None)
    assert handled == [1, 15]


def test_a_second_signal_amid_the_first_does_not_wait_for_it(runner):
    class Stopping:
        def __init__(self):
            self.sets = 0

        def set(self):
            self.sets += 1
            runner.stop()  # the second one, while the first is in here

    runner.stopping = Stopping()
    runner.stop()
    assert runner.stopping.sets == 1
