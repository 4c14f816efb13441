"""Callbacks and the review queue, asked of the application itself."""

import base64
import json
import re
from dataclasses import replace

import jsonschema
import pytest
from sqlalchemy import select

from core.errors import CheckError
from server.openapi import describe
from server.tables import Audit, Check, Delivery
from tests.server.asking import LINK, links, services
from tests.server.standin import result

SECRET = "whsec_" + base64.b64encode(bytes(32)).decode()
FACE = "somebody's face"


def test_a_callback_without_a_secret_to_sign_with_is_refused(client):
    answer = client.post("/v1/checks", json={**LINK, "callback_url": "https://platform.example/hook"})
    assert answer.json["errors"][0]["field"] == "callback_url"


@pytest.mark.parametrize(
    ("port", "more", "status"),
    [
        ("", {}, 202),
        (":8443", {}, 202),
        (":9000", {}, 422),
        (":9000", {"guard_allow": ("10.0.0.1:9000",)}, 202),
        (":9000", {"egress_proxy": "http://10.0.0.2:3128"}, 202),
    ],
)
def test_a_callback_that_would_never_be_called_is_refused_when_it_is_asked_for(make_app, config, port, more, status):
    client = make_app(replace(config, webhook_secret=SECRET, **more)).test_client()
    answer = client.post("/v1/checks", json={**LINK, "callback_url": f"https://platform.example{port}/hook"})
    assert answer.status_code == status
    if status == 422:
        assert answer.json["errors"][0]["field"] == "callback_url"


@pytest.fixture
def held(make_app, config):
    """An application in whose queue one check waits for a person."""
    app = make_app(replace(config, webhook_secret=SECRET))
    check_id = (
        app.test_client().post("/v1/checks", json={**LINK, "callback_url": "https://platform.example/hook"}).json["id"]
    )
    queue = services(app).queue
    actions = [{"action": "hold", "rule": "likely manipulated"}]
    queue.done(queue.take("test"), result("likely_manipulated", 0.97).to_json(), actions, "held")
    return app, check_id


def draw(app, check: Check) -> None:
    """What a worker draws of a check."""
    folder = services(app).config.artifacts(check.id, check.fence)
    folder.mkdir(parents=True)
    (folder / "report.html").write_text(FACE)


def test_the_end_of_a_check_is_owed_to_its_callback(held):
    app, check_id = held
    with services(app).database.read() as session:
        owed = session.scalars(select(Delivery)).one()
    assert (owed.check_id, owed.url, owed.state) == (check_id, "https://platform.example/hook", "owed")
    told = json.loads(owed.body)
    assert told["timestamp"] == app.test_client().get(f"/v1/checks/{check_id}").json["finished_at"]
    assert told["data"] == {
        "id": check_id,
        "status": "done",
        "verdict": "likely_manipulated",
        "probability": 0.97,
        "actions": [{"action": "hold", "rule": "likely manipulated"}],
        "error": None,
    }


@pytest.mark.parametrize(
    ("decision", "review", "action"), [("confirm", "confirmed", "block"), ("overturn", "overturned", "allow")]
)
def test_a_person_decides_once_and_the_log_keeps_it(held, decision, review, action):
    app, check_id = held
    client = app.test_client()
    assert [check["id"] for check in client.get("/v1/reviews").json["held"]] == [check_id]
    decided = client.post(f"/v1/reviews/{check_id}", json={"decision": decision, "note": "looked at it"})
    assert (decided.json["review"], decided.json["actions"][-1]["action"]) == (review, action)
    again = client.post(f"/v1/reviews/{check_id}", json={"decision": "overturn"})
    assert (again.status_code, again.json["code"]) == (409, "conflict")
    assert client.get("/v1/reviews").json["held"] == []
    client.delete(f"/v1/checks/{check_id}")
    log = client.get("/v1/reviews").json["log"]
    assert [(row["who"], row["decision"], row["note"]) for row in log] == [("local", review, "looked at it")]
    assert [(row["verdict"], row["probability"]) for row in log] == [("likely_manipulated", 0.97)]


def test_a_check_that_has_expired_is_decided_no_more(held):
    app, check_id = held
    with services(app).database.write() as session:
        session.get(Check, check_id).expires_at = 1.0
    answer = app.test_client().post(f"/v1/reviews/{check_id}", json={"decision": "confirm"})
    assert (answer.status_code, answer.json["code"]) == (404, "not_found")


def test_what_a_client_is_sent_of_actions_and_refusals_is_described(held):
    app, check_id = held
    client = app.test_client()
    schemas = client.get("/openapi.json").json["components"]
    decided = client.post(f"/v1/reviews/{check_id}", json={"decision": "confirm"}).json
    batch = client.post("/v1/batches", json={"urls": ["nope"]}).json
    for answer, name, field in ((decided, "CheckView", "actions"), (batch, "BatchView", "refused")):
        fits = jsonschema.Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": schemas}).is_valid
        assert fits(answer)
        assert not fits({**answer, field: [{}]})


def test_a_decision_is_told_as_an_event_of_its_own_about_a_check_that_is_done(held):
    app, check_id = held
    app.test_client().post(f"/v1/reviews/{check_id}", json={"decision": "confirm"})
    with services(app).database.read() as session:
        bodies = [json.loads(owed.body) for owed in session.scalars(select(Delivery))]
    schema = {"$ref": "#/components/schemas/WebhookView", "components": describe()["components"]}
    for body in bodies:
        jsonschema.Draft202012Validator(schema).validate(body)
    told = {body["type"]: body["data"]["status"] for body in bodies}
    assert told == {"check.done": "done", "check.reviewed": "done"}


def test_only_a_key_for_reviewing_sees_the_queue(held):
    app, check_id = held
    headers = {"Authorization": f"Bearer {services(app).keys.add('ann', ('submit',))}"}
    client = app.test_client()
    assert client.get("/v1/reviews", headers=headers).json["code"] == "forbidden"
    assert client.post(f"/v1/reviews/{check_id}", json={"decision": "confirm"}, headers=headers).status_code == 403


def test_the_review_page_shows_the_queue_and_takes_a_decision(held):
    app, check_id = held
    client = app.test_client()
    page = client.get("/reviews").text
    assert "<h2>Likely manipulated</h2>" in page
    assert "Probability of manipulation: <strong>97%</strong>" in page
    token = re.search(r'name="csrf" value="([^"]+)"', page)[1]
    form = {"check_id": check_id, "decision": "overturn", "note": "<b>fine</b>"}
    assert client.post("/reviews", data=form).status_code == 403
    assert client.post("/reviews", data={**form, "csrf": "guess"}).status_code == 403
    assert client.post("/reviews", data={**form, "csrf": token}).status_code == 303
    after = client.get("/reviews").text
    assert "Nothing waits." in after
    assert "&lt;b&gt;fine&lt;/b&gt;" in after


def test_no_text_that_is_no_id_reaches_the_database_from_the_review_page(held, monkeypatch):
    app, _ = held
    client, asked = app.test_client(), []
    monkeypatch.setattr(services(app).reviews, "decide", lambda *given: asked.append(given))
    token = re.search(r'name="csrf" value="([^"]+)"', client.get("/reviews").text)[1]
    form = {"check_id": "0\0", "decision": "confirm", "csrf": token}
    assert client.post("/reviews", data=form).headers["Location"] == "/reviews?late=1"
    assert asked == []


def test_with_keys_the_review_page_asks_for_one(held):
    app, check_id = held
    key = services(app).keys.add("rita", ("review",))
    other = services(app).keys.add("sam", ("submit",))
    client = app.test_client()

    def sign_in(key: str) -> str:
        token = re.search(r'name="csrf" value="([^"]+)"', client.get("/reviews").text)[1]
        client.post("/reviews/sign-in", data={"csrf": token, "key": key})
        return client.get("/reviews").text

    assert "API key" in sign_in(other)
    page = sign_in(key)
    assert "Likely manipulated" in page
    token = re.search(r'name="csrf" value="([^"]+)"', page)[1]
    client.post("/reviews", data={"check_id": check_id, "decision": "confirm", "csrf": token})
    with services(app).database.read() as session:
        assert session.scalars(select(Audit)).one().who == "rita"
    services(app).keys.remove("rita")
    assert "API key" in client.get("/reviews").text


def test_who_signs_out_of_the_review_page_has_to_sign_in_again(held):
    app, _ = held
    key = services(app).keys.add("rita", ("review",))
    client = app.test_client()
    token = re.search(r'name="csrf" value="([^"]+)"', client.get("/reviews").text)[1]
    client.post("/reviews/sign-in", data={"csrf": token, "key": key})
    page = client.get("/reviews").text
    assert "Signed in with the key of rita" in page
    assert client.post("/reviews/sign-out").status_code == 403  # some other page's doing
    token = re.search(r'name="csrf" value="([^"]+)"', page)[1]
    assert client.post("/reviews/sign-out", data={"csrf": token}).status_code == 303
    assert "API key" in client.get("/reviews").text


def test_where_nobody_signs_in_nobody_is_asked_to_sign_out(held):
    assert "Sign out" not in held[0].test_client().get("/reviews").text


def test_what_was_drawn_of_a_held_check_is_for_reviewers_alone(held):
    app, check_id = held
    key = services(app).keys.add("sam", ("submit",))
    client = app.test_client()
    for headers in ({}, {"Authorization": f"Bearer {key}"}):
        assert client.get(f"/reviews/{check_id}/report.html", headers=headers).status_code == 401


def test_a_key_for_reviewing_reads_a_held_check_of_another_and_its_pictures(held):
    app, check_id = held
    reviewer, other = (
        {"Authorization": f"Bearer {services(app).keys.add(name, (scope,))}"}
        for name, scope in (("rita", "review"), ("sam", "submit"))
    )
    draw(app, services(app).reviews.one(check_id))
    client, path = app.test_client(), f"/v1/checks/{check_id}"
    with services(app).database.write() as session:
        session.get(Check, check_id).artifacts = True
    assert client.get(path, headers=reviewer).json["artifacts"] == ["report.html"]
    assert client.get(f"{path}/artifacts/report.html", headers=reviewer).text == FACE
    services(app).reviews.decide(check_id, "confirm", "rita", "")
    assert client.get(path, headers=reviewer).json["review"] == "confirmed"
    assert client.delete(path, headers=reviewer).status_code == 403
    for page in (path, f"{path}/artifacts/report.html"):
        assert client.get(page, headers=other).status_code == 404


def test_a_key_for_reviewing_reads_no_check_of_another_that_was_not_held(app, client):
    check_id = client.post("/v1/checks", json={**LINK, "artifacts": True}).json["id"]
    check = services(app).queue.take("test")
    draw(app, check)
    services(app).queue.done(check, result("no_signs_found", 0.1).to_json(), None, None)
    reviewer = {"Authorization": f"Bearer {services(app).keys.add('rita', ('review',))}"}
    for page in (f"/v1/checks/{check_id}", f"/v1/checks/{check_id}/artifacts/report.html"):
        assert client.get(page, headers=reviewer).status_code == 404


def test_a_reviewer_sees_and_decides_nothing_of_a_check_that_was_not_held(app, client):
    check_id = client.post("/v1/checks", json={**LINK, "artifacts": True}).json["id"]
    check = services(app).queue.take("test")
    draw(app, check)
    services(app).queue.done(check, result("no_signs_found", 0.1).to_json(), None, None)
    assert client.get(f"/v1/checks/{check_id}/artifacts/report.html").status_code == 200
    assert client.get(f"/reviews/{check_id}/report.html").status_code == 404
    assert client.post(f"/v1/reviews/{check_id}", json={"decision": "confirm"}).status_code == 404


def test_a_form_that_signs_in_from_elsewhere_is_refused(held):
    app, _ = held
    key = services(app).keys.add("rita", ("review",))
    assert app.test_client().post("/reviews/sign-in", data={"key": key}).status_code == 403


def test_who_asked_to_be_told_is_told_of_the_review_too(held):
    app, check_id = held
    services(app).reviews.decide(check_id, "overturn", "rita", "")
    with services(app).database.read() as session:
        bodies = [delivery.body for delivery in session.scalars(select(Delivery))]
    assert sum('"check.reviewed"' in body and '"decision":"overturned"' in body for body in bodies) == 1


def test_a_held_check_that_has_expired_waits_for_nobody(held):
    app, check_id = held
    with services(app).database.write() as session:
        session.get(Check, check_id).expires_at = 1.0
    assert app.test_client().get("/v1/reviews").json["held"] == []
    with pytest.raises(CheckError, match="nothing here"):
        services(app).reviews.one(check_id)


def test_who_waits_longest_for_a_person_comes_first_and_the_last_decision_is_named_first(app, client):
    queue, reviews = services(app).queue, services(app).reviews
    ids = [client.post("/v1/checks", json={"url": link}).json["id"] for link in links(1, 2, 3)]
    for _ in ids:
        queue.done(queue.take("test"), result("likely_manipulated", 0.97).to_json(), [{"action": "hold"}], "held")
    assert [check["id"] for check in client.get("/v1/reviews?limit=2").json["held"]] == ids[:2]
    for check_id in ids:
        reviews.decide(check_id, "confirm", "rita", "")
    assert [row["check_id"] for row in client.get("/v1/reviews").json["log"]] == ids[::-1]
