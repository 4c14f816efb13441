"""What the API answers, asked of the application itself; nothing works on the checks here."""

import base64
import io
import time
from dataclasses import replace

import pytest

from core.errors import ERRORS, CheckError
from core.fetch.sites import Allowed
from server.auth import Keys
from server.database import Database
from tests.server.asking import LINK, finish, services, upload
from tests.server.standin import result, video


def test_a_link_is_accepted_in_canonical_form(client):
    answer = client.post("/v1/checks", json={"url": "http://m.youtube.com/watch?v=aqz-KE-bpKQ&t=10"})
    assert answer.status_code == 202
    check = answer.json
    assert (check["status"], check["site"]) == ("queued", "youtube")
    assert check["url"] == "https://www.youtube.com/watch?v=aqz-KE-bpKQ"
    assert len(check["id"]) == 32
    assert client.get(answer.headers["Location"]).json == check


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({}, "invalid", "url"),
        ({"url": 7}, "invalid", "url"),
        ({"url": ""}, "invalid", "url"),
        ({**LINK, "plan": "all of it"}, "invalid", "plan"),
        ({**LINK, "colour": "red"}, "invalid", "colour"),
        ({**LINK, "artifacts": "all"}, "invalid", "artifacts"),
        ({**LINK, "priority": "highest"}, "invalid", "priority"),
        ([], "invalid", ""),
        ({"url": "https://example.org/x.mp4"}, "unsupported_site", None),
        ({"url": "file:///etc/passwd"}, "bad_link", None),
        ({"url": "https://a:b@youtu.be/aqz-KE-bpKQ"}, "bad_link", None),
        ({**LINK, "callback_url": "ftp://example.org/"}, "invalid", "callback_url"),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(client, body, code, field):
    answer = client.post("/v1/checks", json=body)
    assert (answer.status_code, answer.json["code"]) == (ERRORS[code].status, code)
    if field is not None:
        assert [error["field"] for error in answer.json["errors"]] == [field]


def test_a_place_in_a_list_is_named(client):
    answer = client.post("/v1/batches", json={"urls": [LINK["url"], 7]})
    assert [error["field"] for error in answer.json["errors"]] == ["urls.1"]


def test_a_file_that_is_sent_as_a_word_is_told_how_to_be_sent(client):
    answer = client.post("/v1/checks", data={"file": "clip.mp4"}, content_type="multipart/form-data")
    assert (answer.status_code, answer.json["code"]) == (422, "invalid")
    [error] = answer.json["errors"]
    assert error["field"] == "file" and "-F file=@clip.mp4" in error["message"]


SHAPE = {"type", "title", "status", "detail", "code", "next_step", "request_id"}

ERRONEOUS = {
    "no such page": (lambda c: c.get("/nowhere"), 404, "not_found"),
    "no such check": (lambda c: c.get("/v1/checks/" + "0" * 32), 404, "not_found"),
    "wrong method": (lambda c: c.put("/v1/checks"), 405, "method_not_allowed"),
    "broken JSON": (
        lambda c: c.post("/v1/checks", data="{", headers={"Content-Type": "application/json"}),
        400,
        "bad_request",
    ),
    "wrong type": (
        lambda c: c.post("/v1/checks", data="x", headers={"Content-Type": "text/plain"}),
        415,
        "unsupported_media_type",
    ),
    "no file": (
        lambda c: c.post("/v1/checks", data={"plan": "default"}, content_type="multipart/form-data"),
        422,
        "invalid",
    ),
    "text as video": (lambda c: upload(c, b"just words " * 500), 415, "not_a_video"),
    "short text": (lambda c: upload(c, b"words"), 415, "not_a_video"),
    "sound": (lambda c: upload(c, b"ID3" + bytes(5000)), 422, "no_video_stream"),
    "too many bytes": (lambda c: upload(c, video("big", 4_000_000)), 413, "too_large"),
    "too many parts": (
        lambda c: c.post(
            "/v1/checks", data={f"f{i}": "x" for i in range(200)} | {"file": (io.BytesIO(video("x")), "x")}
        ),
        413,
        "too_large",
    ),
    "a huge field": (lambda c: upload(c, video("x"), plan="x" * 400_000), 413, "too_large"),
    "two files": (
        lambda c: c.post(
            "/v1/checks", data={"file": (io.BytesIO(video("x")), "a"), "more": (io.BytesIO(video("y")), "b")}
        ),
        400,
        "bad_request",
    ),
    "bad cursor": (lambda c: c.get("/v1/checks?cursor=rubbish"), 422, "invalid"),
    "bad limit": (lambda c: c.get("/v1/checks?limit=100000"), 422, "invalid"),
    "bad key": (lambda c: c.post("/v1/checks", json=LINK, headers={"Idempotency-Key": "x" * 500}), 422, "invalid"),
    "wrong host": (lambda c: c.get("/v1/info", headers={"Host": "evil.example"}), 421, "wrong_host"),
    "foreign page": (lambda c: c.get("/v1/info", headers={"Origin": "https://evil.example"}), 403, "foreign_origin"),
    "no worker": (lambda c: c.get("/ready"), 503, "not_ready"),
}


@pytest.mark.parametrize("case", ERRONEOUS)
def test_every_error_has_the_one_shape(make_app, config, case):
    ask, status, code = ERRONEOUS[case]
    answer = ask(make_app(replace(config, upload_bytes=1_000_000)).test_client())
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert answer.content_type == "application/problem+json"
    assert set(answer.json) - {"errors"} == SHAPE
    assert answer.json["status"] == status == ERRORS[code].status
    assert answer.json["next_step"]


def test_a_wrong_method_is_told_which_there_are(client):
    assert {"GET", "POST"} <= set(client.put("/v1/checks").headers["Allow"].split(", "))


def test_a_bug_in_a_view_has_the_same_shape_and_says_nothing(app):
    def broken():
        raise RuntimeError("secret detail")

    app.add_url_rule("/broken", view_func=broken)
    answer = app.test_client().get("/broken")
    assert (answer.status_code, answer.json["code"]) == (500, "internal")
    assert "secret" not in answer.text


def test_refused_uploads_leave_no_file(client, config):
    upload(client, b"just words " * 500)
    upload(client, b"words")
    upload(client, video("x"), plan="nonsense")
    assert [path for path in config.data.rglob("*") if path.is_file() and path.parent != config.data] == []


@pytest.mark.parametrize(
    "name", ["../../etc/cron.d/x", "/etc/passwd", "..\\..\\x.mp4", "a\r\nSet-Cookie: x=1.mp4", "", "x" * 5000]
)
def test_the_name_of_an_upload_goes_nowhere(client, config, name):
    answer = client.post(
        "/v1/checks",
        data=b'--b\r\nContent-Disposition: form-data; name="file"; filename="'
        + name.encode().replace(b"\r\n", b"%0D%0A")
        + b'"\r\n\r\n'
        + video("named " + str(len(name)))
        + b"\r\n--b--\r\n",
        content_type="multipart/form-data; boundary=b",
    )
    assert answer.status_code == 202
    files = [path.name for path in config.data.rglob("*") if path.is_file() and path.parent != config.data]
    assert files == ["video"]
    assert "Set-Cookie" not in answer.headers


def test_the_same_video_twice_is_one_check(client):
    first = client.post("/v1/checks", json=LINK)
    again = client.post("/v1/checks", json={"url": "https://www.youtube.com/shorts/aqz-KE-bpKQ"})
    assert (first.status_code, again.status_code) == (202, 200)
    assert again.json["id"] == first.json["id"]
    other_plan = client.post("/v1/checks", json={**LINK, "plan": "thorough"})
    assert other_plan.json["id"] != first.json["id"]


def test_the_same_video_under_another_category_is_another_check(client):
    asked = [LINK, LINK | {"category": "political_ad"}, LINK, LINK | {"category": "political_ad"}]
    ids = [client.post("/v1/checks", json=body).json["id"] for body in asked]
    assert ids[0] == ids[2] != ids[1] == ids[3]


def test_the_same_file_twice_is_one_check_whatever_its_name(client, config):
    first = upload(client, video("same"), "a.mp4")
    again = upload(client, video("same"), "b.mp4")
    assert (first.status_code, again.status_code) == (202, 200)
    assert again.json["id"] == first.json["id"]
    assert len(list((config.data / "checks").iterdir())) == 1


def test_two_files_that_differ_at_their_end_are_two_checks(client):
    first, other = (upload(client, video("alike", 200_000) + end) for end in (b"1", b"2"))
    assert (first.status_code, other.status_code) == (202, 202)


def test_a_check_that_failed_or_was_cancelled_is_tried_anew(client):
    first = client.post("/v1/checks", json=LINK).json
    client.post(f"/v1/checks/{first['id']}/cancel")
    assert client.post("/v1/checks", json=LINK).json["id"] != first["id"]


def test_an_idempotency_key_gives_the_same_check_and_refuses_another_request(client):
    key = {"Idempotency-Key": "abc"}
    first = client.post("/v1/checks", json=LINK, headers=key)
    again = client.post("/v1/checks", json=LINK, headers=key)
    other = client.post("/v1/checks", json={**LINK, "plan": "thorough"}, headers=key)
    assert (first.status_code, again.status_code) == (202, 200)
    assert again.json["id"] == first.json["id"]
    assert (other.status_code, other.json["code"]) == (422, "idempotency_mismatch")


def test_after_the_window_the_same_video_is_checked_anew(make_app, config):
    client = make_app(replace(config, dedupe_s=0.0)).test_client()
    ids = {client.post("/v1/checks", json=LINK).json["id"] for _ in range(2)}
    assert len(ids) == 2


def test_an_idempotency_key_counts_beyond_the_window(make_app, config):
    client = make_app(replace(config, dedupe_s=0.0)).test_client()
    ids = {client.post("/v1/checks", json=LINK, headers={"Idempotency-Key": "abc"}).json["id"] for _ in range(2)}
    assert len(ids) == 1


def test_a_cancelled_check_never_runs(app, client):
    check = client.post("/v1/checks", json=LINK).json
    assert client.post(f"/v1/checks/{check['id']}/cancel").json["status"] == "cancelled"
    assert services(app).queue.take("test") is None


def test_cancelling_what_has_ended_changes_nothing(app, client):
    check = client.post("/v1/checks", json=LINK).json
    finish(app, check["id"])
    assert client.post(f"/v1/checks/{check['id']}/cancel").json["status"] == "done"


def test_deletion_forgets_rows_and_files(app, client, config):
    check = upload(client, video("to be forgotten")).json
    assert client.delete(f"/v1/checks/{check['id']}").status_code == 204
    assert client.get(f"/v1/checks/{check['id']}").status_code == 404
    assert not config.folder(check["id"]).exists()
    assert upload(client, video("to be forgotten")).status_code == 202


def test_one_pages_through_ones_checks_newest_first(client):
    made = [client.post("/v1/checks", json={"url": f"https://x.com/a/status/{n}"}).json["id"] for n in range(1, 8)]
    seen, cursor = [], ""
    while cursor is not None:
        page = client.get("/v1/checks", query_string={"limit": 3, "cursor": cursor}).json
        seen += [check["id"] for check in page["checks"]]
        cursor = page["next"]
    assert seen == made[::-1]


def test_a_full_queue_says_when_to_come_back(make_app, config):
    client = make_app(replace(config, max_queue=2)).test_client()
    answers = [client.post("/v1/checks", json={"url": f"https://x.com/a/status/{n}"}) for n in range(1, 4)]
    assert [answer.status_code for answer in answers] == [202, 202, 503]
    assert answers[-1].json["code"] == "queue_full"
    assert int(answers[-1].headers["Retry-After"]) > 0


def test_a_full_queue_leaves_no_upload_behind(make_app, config):
    client = make_app(replace(config, max_queue=0)).test_client()
    assert upload(client, video("late")).status_code == 503
    assert list((config.data / "checks").iterdir()) == []


def cursor(text: str) -> str:
    return f"/v1/checks?cursor={base64.urlsafe_b64encode(text.encode()).decode()}"


@pytest.mark.parametrize("body", ["[" * 60_000, '{"url":' * 9_000, '{"url": ' + "9" * 5000 + "}"])
def test_json_that_trips_its_parser_is_a_bad_request(client, body):
    answer = client.post("/v1/checks", data=body, content_type="application/json")
    assert (answer.status_code, answer.json["code"]) == (400, "bad_request")


@pytest.mark.parametrize(
    "path",
    [
        cursor("[" * 2900),
        cursor('[1, "\\ud800"]'),
        cursor('[1, "\\u0000"]'),
        cursor("[" + "9" * 400 + ', "' + "0" * 32 + '"]'),
        cursor('{"a": 1, "b": 2}'),
        "/v1/checks?limit=" + "9" * 5000,
        "/v1/checks?limit=%C2%B2",
    ],
)
def test_no_cursor_or_limit_is_too_strange_to_be_refused(client, path):
    answer = client.get(path)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid")


def test_an_endless_number_of_a_last_event_starts_from_the_beginning(client):
    check_id = client.post("/v1/checks", json=LINK).json["id"]
    client.post(f"/v1/checks/{check_id}/cancel")
    answer = client.get(f"/v1/checks/{check_id}/events", headers={"Last-Event-ID": "9" * 5000})
    assert "event: cancelled" in answer.text


def test_who_did_nothing_wrong_is_not_told_to_wait(client):
    assert "Retry-After" not in client.post("/v1/checks", json=LINK).headers


def test_who_asks_for_a_check_is_told_when_to_ask_again_sooner_once_it_runs(app, client):
    path = client.post("/v1/checks", json=LINK).headers["Location"]
    assert client.get(path).headers["Retry-After"] == "5"
    check = services(app).queue.take("test")
    assert client.get(path).headers["Retry-After"] == "1"
    services(app).queue.done(check, result("no_signs_found", 0.1).to_json(), None, None)
    assert "Retry-After" not in client.get(path).headers


def test_both_rates_are_told(make_app, config):
    client = make_app(replace(config, rate="3 per minute", read_rate="30 per minute")).test_client()
    limits = client.get("/v1/info").json["limits"]
    assert (limits["rate"], limits["read_rate"]) == ("3 per minute", "30 per minute")


def test_too_many_submissions_are_told_to_wait(make_app, config):
    client = make_app(replace(config, rate="3 per minute")).test_client()
    answers = [client.post("/v1/checks", json=LINK) for _ in range(4)]
    assert answers[-1].status_code == 429
    assert answers[-1].json["code"] == "rate_limited"
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert client.get("/v1/checks").status_code == 200


def test_an_expired_check_is_gone_with_its_files(make_app, config):
    app = make_app(replace(config, keep_s=0.05))
    client = app.test_client()
    check_id = upload(client, video("old")).json["id"]
    time.sleep(0.1)
    assert client.get(f"/v1/checks/{check_id}").status_code == 404
    services(app).queue.sweep()
    assert not config.folder(check_id).exists()
    assert services(app).queue.take("test") is None


def test_no_log_line_holds_a_link(app, client, capfd):
    import logging

    from server import logs

    before = logging.getLogger().handlers[:]
    try:
        logs.configure(logging.DEBUG)
        client.post("/v1/checks", json=LINK)
        client.get("/v1/checks")
        client.post("/v1/checks", json={"url": "https://secret.example/clip"})
    finally:
        logging.getLogger().handlers[:] = before
    out = "".join(capfd.readouterr())
    assert "aqz-KE-bpKQ" not in out
    assert "secret.example" not in out


def test_operators_hosts_are_shown_among_the_sites(make_app, config):
    client = make_app(replace(config, allowed=Allowed(peertube=("tube.example",)))).test_client()
    assert {"youtube", "peertube"} <= {site["name"] for site in client.get("/v1/info").json["sites"]}


def test_four_that_start_at_once_all_find_the_tables(config, tmp_path):
    import threading

    databases = [Database(config.database) for _ in range(4)]
    threads = [threading.Thread(target=database.migrate) for database in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(Keys(database).exist() is False for database in databases)
    for database in databases:
        database.close()


def test_every_code_has_a_status_and_words():
    for code in ERRORS:
        assert all(CheckError(code).to_json().values())
        assert 400 <= ERRORS[code].status < 600
