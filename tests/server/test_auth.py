"""What a key, a name of the host and a page of a browser open, and what stays shut."""

from dataclasses import replace

import pytest

from server.tables import Batch, Check
from tests.server.asking import LINK, finish, services
from tests.server.standin import result

URLS = {"urls": ["https://x.com/a/status/1"]}
CLICK = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@pytest.fixture
def keys(app):
    """Makes keys, and gives the headers for each."""
    made = services(app).keys
    return lambda name, *scopes: {"Authorization": f"Bearer {made.add(name, scopes or ('submit',))}"}


@pytest.fixture
def three(keys) -> dict[str, dict[str, str]]:
    return {"ann": keys("ann"), "bob": keys("bob"), "ops": keys("ops", "operate")}


def test_a_key_that_may_only_read_changes_nothing_of_its_owner(client, keys):
    ann, reader = keys("ann"), keys("ann", "operate")
    path = client.post("/v1/checks", json=LINK, headers=ann).headers["Location"]
    asks = [
        client.post("/v1/batches", json=URLS, headers=reader),
        client.post(f"{path}/cancel", headers=reader),
        client.delete(path, headers=reader),
    ]
    assert [answer.json["code"] for answer in asks] == ["forbidden"] * 3
    assert client.get(path, headers=reader).json["status"] == "queued"


def test_another_keys_batch_does_not_exist(client, keys):
    ann, bob = keys("ann"), keys("bob")
    location = client.post("/v1/batches", json=URLS, headers=ann).headers["Location"]
    assert client.get(location, headers=bob).status_code == 404
    assert client.get(location, headers=ann).json["counts"] == {"queued": 1}


def test_two_owners_may_choose_the_same_idempotency_key(client, keys):
    ann, bob = ({**keys(name), "Idempotency-Key": "1"} for name in ("ann", "bob"))
    first = client.post("/v1/checks", json=LINK, headers=ann)
    other = client.post("/v1/checks", json={**LINK, "plan": "thorough"}, headers=bob)
    assert (first.status_code, other.status_code) == (202, 202)
    assert other.json["id"] != first.json["id"]


def test_no_key_reaches_what_an_owner_claimed_whose_name_begins_like_its_own(client, keys):
    first = client.post("/v1/checks", json=LINK, headers={**keys("acme key"), "Idempotency-Key": "1"})
    other = client.post("/v1/checks", json=LINK, headers={**keys("acme"), "Idempotency-Key": "key 1"})
    assert (first.status_code, other.status_code) == (202, 202)
    assert other.json["id"] != first.json["id"]


def test_the_same_video_of_two_owners_is_two_checks(client, keys):
    ids = [client.post("/v1/checks", json=LINK, headers=keys(name)).json["id"] for name in ("ann", "bob", "ann")]
    assert ids[0] == ids[2] != ids[1]


def test_what_has_expired_is_shown_no_more_before_it_is_swept(app, client):
    client.post("/v1/checks", json=LINK)
    location = client.post("/v1/batches", json=URLS).headers["Location"]
    with services(app).database.write() as session:
        for table in (Check, Batch):
            session.query(table).update({"expires_at": 1.0})
    assert client.get("/v1/checks").json["checks"] == []
    assert client.get(location).status_code == 404


def test_the_word_before_a_key_may_be_written_small(client, keys):
    given = {"Authorization": keys("ann")["Authorization"].replace("Bearer", "bearer")}
    assert client.get("/v1/checks", headers=given).status_code == 200


@pytest.mark.parametrize(
    ("host", "status"), [("unmask.example", 200), ("unmask.example:443", 200), ("evil.example", 421)]
)
def test_a_server_for_others_that_was_told_its_name_answers_to_no_other(make_app, config, host, status):
    client = make_app(replace(config, host="0.0.0.0", hosts=("unmask.example",))).test_client()
    assert client.get("/health", headers={"Host": host}).status_code == status


@pytest.mark.parametrize(
    "other",
    [
        {"Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Dest": "iframe"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Dest": "image"},
    ],
    ids=["no page of its own", "a frame", "a page of another port"],
)
def test_of_what_another_page_begins_only_a_click_that_opens_a_page_is_answered(client, other):
    assert client.get("/v1/checks", headers=CLICK).status_code == 200
    assert client.get("/v1/checks", headers={**CLICK, **other}).status_code == 403


def test_a_form_of_another_page_submits_nothing(client):
    assert client.post("/v1/checks", json=LINK, headers=CLICK).status_code == 403
    assert client.get("/v1/checks").json["checks"] == []


def test_the_newest_key_of_a_name_stays_where_the_others_go(app, client, keys):
    old, new, bobs = keys("ann"), keys("ann"), keys("bob")
    assert services(app).keys.remove("ann", but_newest=True) == 1
    assert [client.get("/v1/checks", headers=key).status_code for key in (old, new, bobs)] == [401, 200, 200]


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
    assert client.get("/health", headers=CLICK).status_code == 200


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


def test_beyond_loopback_only_configured_pages_may_ask_and_extensions_with_a_key(make_app, config):
    app = make_app(replace(config, host="0.0.0.0", origins=("https://page.example",)))
    client, key = app.test_client(), services(app).keys.add("ann", ("submit",))
    for origin, status in (
        ("https://page.example", 202),
        ("chrome-extension://abc", 200),
        ("moz-extension://0f4e1e2c-6f7a-4a5e-9d8a-1c2b3d4e5f60", 200),
        ("https://page.example.evil", 403),
        ("https://evil.example/chrome-extension://abc", 403),
    ):
        headers = {"Origin": origin, "Authorization": f"Bearer {key}"}
        answer = client.post("/v1/checks", json=LINK, headers=headers)
        assert answer.status_code == status  # 200: the same video once more
        assert answer.headers.get("Access-Control-Allow-Origin") == (None if status == 403 else origin)
    without_key = client.post("/v1/checks", json=LINK, headers={"Origin": "chrome-extension://abc"})
    assert (without_key.status_code, without_key.json["code"]) == (401, "unauthorized")


def test_beyond_loopback_no_extension_acts_for_who_is_signed_in_to_the_review_page(make_app, config):
    client = make_app(replace(config, host="0.0.0.0")).test_client()
    answer = client.post("/reviews/sign-in", data={"key": "guess"}, headers={"Origin": "chrome-extension://abc"})
    assert (answer.status_code, answer.json["code"]) == (403, "foreign_origin")


def test_with_keys_nobody_else_is_served(client, three):
    for headers in (
        {},
        {"Authorization": "Bearer guess"},
        {"Authorization": three["ann"]["Authorization"].replace("Bearer", "Basic")},
    ):
        answer = client.post("/v1/checks", json=LINK, headers=headers)
        assert (answer.status_code, answer.json["code"]) == (401, "unauthorized")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert client.get("/health").status_code == 200
    assert client.get("/metrics").status_code == 401


def test_a_key_may_do_only_what_its_scopes_say(client, three):
    assert client.get("/metrics", headers=three["ops"]).status_code == 200
    assert client.get("/metrics", headers=three["ann"]).json["code"] == "forbidden"
    assert client.post("/v1/checks", json=LINK, headers=three["ops"]).json["code"] == "forbidden"


def test_a_submission_of_nothing_tells_whether_a_key_may_submit_and_makes_no_check(client, three):
    asked = [client.post("/v1/checks", json={}, headers=headers) for headers in (three["ann"], three["ops"], {})]
    assert [answer.json["code"] for answer in asked] == ["invalid", "forbidden", "unauthorized"]
    assert client.get("/v1/checks", headers=three["ann"]).json["checks"] == []


def test_another_keys_check_does_not_exist(client, three):
    check_id = client.post("/v1/checks", json=LINK, headers=three["ann"]).json["id"]
    path = f"/v1/checks/{check_id}"
    asks = [
        client.get(path, headers=three["bob"]),
        client.get(f"{path}/events", headers=three["bob"]),
        client.get(f"{path}/artifacts/report.html", headers=three["bob"]),
        client.post(f"{path}/cancel", headers=three["bob"]),
        client.delete(path, headers=three["bob"]),
    ]
    assert [answer.status_code for answer in asks] == [404] * 5
    assert client.get("/v1/checks", headers=three["bob"]).json["checks"] == []
    assert client.get(path, headers=three["ann"]).json["status"] == "queued"


def test_another_owners_result_is_copied_under_a_new_id(app, client, three, keys):
    first = client.post("/v1/checks", json=LINK, headers=three["ann"]).json
    finish(app, first["id"])
    copy = client.post("/v1/checks", json=LINK, headers=three["bob"])
    assert copy.json["id"] != first["id"]
    found = client.get(f"/v1/checks/{first['id']}", headers=three["ann"]).json
    assert copy.json["finished_at"] == found["finished_at"]  # when it was found, as the documentation says
    assert (copy.json["status"], copy.json["analysis"]["verdict"]) == ("done", "no_signs_found")
    batch = client.post("/v1/batches", json={"urls": [LINK["url"]]}, headers=keys("carl")).json
    assert batch["counts"] == {"done": 1}
    assert batch["checks"][0]["id"] not in (first["id"], copy.json["id"])


def test_the_database_holds_no_key(app, config, three):
    stored = b"".join(path.read_bytes() for path in config.data.glob("unmask.sqlite3*"))
    assert not any(headers["Authorization"].split()[1].encode() in stored for headers in three.values())


def test_a_removed_key_opens_nothing(app, client, three):
    services(app).keys.remove("ann")
    assert client.get("/v1/checks", headers=three["ann"]).status_code == 401


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


def test_a_reviewers_word_about_one_owners_check_is_not_copied_to_another(app, client, three):
    held = client.post("/v1/checks", json=LINK, headers=three["ann"]).json
    queue, reviews = services(app).queue, services(app).reviews
    hold = {"action": "hold", "rule": "likely manipulated"}
    queue.done(queue.take("test"), result("likely_manipulated", 0.97).to_json(), [hold], "held")
    reviews.decide(held["id"], "overturn", "rita", "")
    copy = client.post("/v1/checks", json=LINK, headers=three["bob"]).json
    assert (copy["review"], copy["actions"]) == ("held", [hold])
