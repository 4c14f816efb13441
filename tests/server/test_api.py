"""What the API answers, asked of the application itself; nothing works on the checks here."""

import base64
import io
import json
import time
from dataclasses import replace

import pytest

from core.errors import ERRORS, CheckError
from core.fetch.sites import Allowed
from server.auth import Keys
from server.database import Database
from tests.server.standin import result, video

LINK = {"url": "https://youtu.be/aqz-KE-bpKQ"}


def services(app):
    return app.extensions["unmask"]


def upload(client, content: bytes, name="clip.mp4", **form):
    return client.post("/v1/checks", data={"file": (io.BytesIO(content), name), **form})


def finish(app, check_id: str):
    """What a worker would do."""
    queue = services(app).queue
    while (check := queue.take("test")).id != check_id:
        pass
    queue.done(check, result("no_signs_found", 0.1).to_json(), None, None)


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
        ({**LINK, "priority": "highest"}, "invalid", "priority"),
        ([], "invalid", ""),
        ({"url": "https://example.org/x.mp4"}, "unsupported_site", None),
        ({"url": "file:///etc/passwd"}, "bad_link", None),
        ({"url": "https://a:b@youtu.be/aqz-KE-bpKQ"}, "bad_link", None),
        ({**LINK, "callback_url": "ftp://example.org/"}, "bad_link", None),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(client, body, code, field):
    answer = client.post("/v1/checks", json=body)
    assert (answer.status_code, answer.json["code"]) == (ERRORS[code].status, code)
    if field is not None:
        assert answer.json["errors"][0]["field"] == field


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


def test_the_same_file_twice_is_one_check_whatever_its_name(client, config):
    first = upload(client, video("same"), "a.mp4")
    again = upload(client, video("same"), "b.mp4")
    assert (first.status_code, again.status_code) == (202, 200)
    assert again.json["id"] == first.json["id"]
    assert len(list((config.data / "checks").iterdir())) == 1


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
    accepted = client.post("/v1/checks", json=LINK)
    assert "Retry-After" not in accepted.headers
    assert client.get(accepted.headers["Location"]).headers["Retry-After"] == "1"


def test_too_many_submissions_are_told_to_wait(make_app, config):
    client = make_app(replace(config, rate="3 per minute")).test_client()
    answers = [client.post("/v1/checks", json=LINK) for _ in range(4)]
    assert answers[-1].status_code == 429
    assert answers[-1].json["code"] == "rate_limited"
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert client.get("/v1/checks").status_code == 200


# who may ask


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8000", "localhost:5000", "[::1]:8000", "LOCALHOST"])
def test_the_names_of_loopback_are_answered(client, host):
    assert client.get("/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "evil.example:8000",
        "localhost.evil.example",
        "0.0.0.0:8000",
        "10.0.0.1",
    ],
)
def test_other_names_are_not_answered(client, host):
    answer = client.post("/v1/checks", json=LINK, headers={"Host": host})
    assert (answer.status_code, answer.json["code"]) == (421, "wrong_host")


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "http://localhost:3000",
        "http://127.0.0.1",
        "file://",
        "chrome-extension://a.evil/x",
    ],
)
@pytest.mark.parametrize("ask", ["read", "submit", "preflight"])
def test_no_foreign_page_may_ask_or_read(client, origin, ask):
    headers = {"Origin": origin, "Host": "127.0.0.1:8000", "Access-Control-Request-Method": "POST"}
    call = {"read": client.get, "submit": client.post, "preflight": client.options}[ask]
    answer = call("/v1/checks", headers=headers, **({"json": LINK} if ask == "submit" else {}))
    assert answer.status_code == 403
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("mode", ["no-cors", "cors", "navigate"])
def test_pictures_scripts_and_frames_of_other_pages_get_nothing(client, mode):
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": "iframe"}
    assert client.get("/v1/checks", headers=headers).status_code == 403


def test_a_link_clicked_on_another_page_opens(client):
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert client.get("/health", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "origin",
    ["chrome-extension://abcdefghijklmnopabcdefghijklmnop", "moz-extension://0f4e1e2c-6f7a-4a5e-9d8a-1c2b3d4e5f60"],
)
def test_an_extension_may_ask_a_server_on_its_own_machine(client, origin):
    headers = {"Origin": origin, "Sec-Fetch-Site": "cross-site"}
    answer = client.post("/v1/checks", json=LINK, headers=headers)
    assert answer.status_code == 202
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    ask = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type,authorization"}
    preflight = client.options("/v1/checks", headers={**headers, **ask})
    assert preflight.status_code == 200
    assert preflight.headers["Access-Control-Allow-Origin"] == origin


def test_beyond_loopback_only_configured_origins_may_ask(make_app, config):
    app = make_app(replace(config, host="0.0.0.0", origins=("https://page.example",)))
    client, key = app.test_client(), services(app).keys.add("ann", ("submit",))
    for origin, status in (
        ("https://page.example", 202),
        ("chrome-extension://abc", 403),
        ("https://page.example.evil", 403),
    ):
        headers = {"Origin": origin, "Authorization": f"Bearer {key}"}
        answer = client.post("/v1/checks", json=LINK, headers=headers)
        assert answer.status_code == status
        assert ("Access-Control-Allow-Origin" in answer.headers) == (status == 202)


@pytest.fixture
def keys(app) -> dict[str, dict[str, str]]:
    """Headers for three keys."""
    made = services(app).keys
    scopes = {"ann": ("submit",), "bob": ("submit",), "ops": ("operate",)}
    return {name: {"Authorization": f"Bearer {made.add(name, scope)}"} for name, scope in scopes.items()}


def test_with_keys_nobody_else_is_served(client, keys):
    for headers in (
        {},
        {"Authorization": "Bearer guess"},
        {"Authorization": keys["ann"]["Authorization"].replace("Bearer", "Basic")},
    ):
        answer = client.post("/v1/checks", json=LINK, headers=headers)
        assert (answer.status_code, answer.json["code"]) == (401, "unauthorized")
    assert client.get("/health").status_code == 200
    assert client.get("/metrics").status_code == 401


def test_a_key_may_do_only_what_its_scopes_say(client, keys):
    assert client.get("/metrics", headers=keys["ops"]).status_code == 200
    assert client.get("/metrics", headers=keys["ann"]).json["code"] == "forbidden"
    assert client.post("/v1/checks", json=LINK, headers=keys["ops"]).json["code"] == "forbidden"


def test_another_keys_check_does_not_exist(client, keys):
    check_id = client.post("/v1/checks", json=LINK, headers=keys["ann"]).json["id"]
    path = f"/v1/checks/{check_id}"
    asks = [
        client.get(path, headers=keys["bob"]),
        client.get(f"{path}/events", headers=keys["bob"]),
        client.get(f"{path}/artifacts/report.html", headers=keys["bob"]),
        client.post(f"{path}/cancel", headers=keys["bob"]),
        client.delete(path, headers=keys["bob"]),
    ]
    assert [answer.status_code for answer in asks] == [404] * 5
    assert client.get("/v1/checks", headers=keys["bob"]).json["checks"] == []
    assert client.get(path, headers=keys["ann"]).json["status"] == "queued"


def test_another_owners_result_is_copied_under_a_new_id(app, client, keys):
    first = client.post("/v1/checks", json=LINK, headers=keys["ann"]).json
    finish(app, first["id"])
    copy = client.post("/v1/checks", json=LINK, headers=keys["bob"])
    assert copy.json["id"] != first["id"]
    assert (copy.json["status"], copy.json["analysis"]["verdict"]) == ("done", "no_signs_found")


def test_the_database_holds_no_key(app, config, keys):
    stored = b"".join(path.read_bytes() for path in config.data.glob("unmask.sqlite3*"))
    assert not any(headers["Authorization"].split()[1].encode() in stored for headers in keys.values())


def test_a_removed_key_opens_nothing(app, client, keys):
    services(app).keys.remove("ann")
    assert client.get("/v1/checks", headers=keys["ann"]).status_code == 401


@pytest.mark.parametrize("path", ["/v1/checks", "/v1/reviews", "/metrics"])
def test_a_server_for_others_opens_to_nobody_when_its_last_key_is_removed(make_app, config, path):
    app = make_app(replace(config, host="0.0.0.0"))
    key = services(app).keys.add("ann", ("submit", "review", "operate"))
    asked = {"headers": {"Authorization": f"Bearer {key}"}}
    assert app.test_client().get(path, **asked).status_code == 200
    services(app).keys.remove("ann")
    assert app.test_client().get(path, **asked).status_code == 401
    assert app.test_client().get(path).status_code == 401
    assert "API key" in app.test_client().get("/reviews").text  # the page asks who it is


def test_a_reviewers_word_about_one_owners_check_is_not_copied_to_another(app, client, keys):
    held = client.post("/v1/checks", json=LINK, headers=keys["ann"]).json
    queue, reviews = services(app).queue, services(app).reviews
    hold = {"action": "hold", "rule": "likely manipulated"}
    queue.done(queue.take("test"), result("likely_manipulated", 0.97).to_json(), [hold], "held")
    reviews.decide(held["id"], "overturn", "rita", "")
    copy = client.post("/v1/checks", json=LINK, headers=keys["bob"]).json
    assert (copy["review"], copy["actions"]) == ("held", [hold])


# files


def test_pictures_without_the_annotated_copy_are_another_wish(app, client):
    check_id = upload(client, video("pictures"), artifacts="pictures").json["id"]
    assert upload(client, video("pictures"), artifacts="pictures").json["id"] == check_id
    assert upload(client, video("pictures"), artifacts="true").json["id"] != check_id
    check = services(app).queue.take("test")
    assert (check.artifacts, check.film) == (True, False)
    assert upload(client, video("pictures"), artifacts="films").status_code == 422


@pytest.fixture
def drawn(app, client, config):
    """A finished check with a report."""
    check_id = upload(client, video("drawn"), artifacts="true").json["id"]
    check = services(app).queue.take("test")
    folder = config.artifacts(check_id, check.fence)
    folder.mkdir(parents=True)
    (folder / "report.html").write_text("<script>alert(1)</script>")
    services(app).queue.done(check, result("no_signs_found", 0.1).to_json(), None, None)
    return check_id


def test_drawn_files_are_listed_and_sent_so_that_no_browser_runs_them(client, drawn):
    assert client.get(f"/v1/checks/{drawn}").json["artifacts"] == ["report.html"]
    answer = client.get(f"/v1/checks/{drawn}/artifacts/report.html")
    assert answer.text == "<script>alert(1)</script>"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert client.get(f"/v1/checks/{drawn}/artifacts/report.html", headers={"Range": "bytes=0-7"}).text == "<script>"


def test_a_range_behind_the_end_of_a_file_is_told_how_long_it_is(client, drawn):
    answer = client.get(f"/v1/checks/{drawn}/artifacts/report.html", headers={"Range": "bytes=100-"})
    assert (answer.status_code, answer.json["code"]) == (416, "range_not_satisfiable")
    assert answer.headers["Content-Range"] == "bytes */25"


def test_who_goes_on_with_another_file_is_told_so(client, drawn):
    path = f"/v1/checks/{drawn}/artifacts/report.html"
    answer = client.get(path, headers={"If-Match": '"of another"', "Range": "bytes=0-7"})
    assert (answer.status_code, answer.content_type) == (412, "application/problem+json")
    assert answer.json["code"] == "file_changed"
    same = client.get(path, headers={"If-Match": client.get(path).headers["ETag"], "Range": "bytes=0-7"})
    assert (same.status_code, same.text) == (206, "<script>")


def test_who_has_the_file_is_told_so_also_when_asking_for_a_range(client, drawn):
    path = f"/v1/checks/{drawn}/artifacts/report.html"
    known = client.get(path).headers["ETag"]
    assert client.get(path, headers={"If-None-Match": known, "Range": "bytes=0-7"}).status_code == 304


@pytest.mark.parametrize("given", ["lines=0-1", "bytes=0-1,3-4", "bytes=5-2", "rubbish"])
def test_a_range_that_is_not_served_is_ignored(client, drawn, given):
    answer = client.get(f"/v1/checks/{drawn}/artifacts/report.html", headers={"Range": given})
    assert (answer.status_code, answer.text) == (200, "<script>alert(1)</script>")


@pytest.mark.parametrize(
    "name",
    ["../source", "..%2fsource", "%2e%2e/%2e%2e/unmask.sqlite3", "....//x", "nothing.png", ".", "%00", "report.html/"],
)
def test_no_name_leads_out_of_the_folder(client, drawn, name):
    answer = client.get(f"/v1/checks/{drawn}/artifacts/{name}")
    assert answer.status_code in (404, 405)
    assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize("linked", ["a file", "the folder"])
def test_no_link_among_what_was_drawn_leads_out_of_the_folder(client, config, drawn, tmp_path, linked):
    (tmp_path / "secret.txt").write_text("of the web process")
    folder = next(config.folder(drawn).glob("artifacts-*"))
    if linked == "a file":
        (folder / "secret.txt").symlink_to(tmp_path / "secret.txt")
    else:
        folder.rename(folder.with_name("drawn"))
        folder.symlink_to(tmp_path)
    assert "secret.txt" not in client.get(f"/v1/checks/{drawn}").json["artifacts"]
    assert client.get(f"/v1/checks/{drawn}/artifacts/secret.txt").status_code == 404


# time


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


def test_two_processes_that_start_at_once_both_find_the_tables(config, tmp_path):
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
        assert json.dumps(CheckError(code).to_json())
        assert 400 <= ERRORS[code].status < 600
