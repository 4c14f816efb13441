"""What a key, a name of the host and a page of a browser open, and what stays shut."""

from dataclasses import replace

import pytest

from server.tables import Batch, Check
from tests.server.asking import LINK

URLS = {"urls": ["https://x.com/a/status/1"]}


@pytest.fixture
def keys(app):
    """Makes keys, and gives the headers for each."""
    made = app.extensions["unmask"].keys
    return lambda name, *scopes: {"Authorization": f"Bearer {made.add(name, scopes or ('submit',))}"}


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


def test_the_same_video_of_two_owners_is_two_checks(client, keys):
    ids = [client.post("/v1/checks", json=LINK, headers=keys(name)).json["id"] for name in ("ann", "bob", "ann")]
    assert ids[0] == ids[2] != ids[1]


def test_what_has_expired_is_shown_no_more_before_it_is_swept(app, client):
    client.post("/v1/checks", json=LINK)
    location = client.post("/v1/batches", json=URLS).headers["Location"]
    with app.extensions["unmask"].database.write() as session:
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


CLICK = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


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
    assert app.extensions["unmask"].keys.remove("ann", but_newest=True) == 1
    assert [client.get("/v1/checks", headers=key).status_code for key in (old, new, bobs)] == [401, 200, 200]
