"""Who may ask: names of the host, pages of browsers, and other keys."""

from dataclasses import replace

import pytest

from tests.server.asking import LINK, finish, services
from tests.server.standin import result


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
