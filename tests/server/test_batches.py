"""Many links at once, asked of the application itself."""

from dataclasses import replace

import pytest
from sqlalchemy import event

from server.tables import Check
from tests.server.asking import LINK, links, services


def test_a_batch_becomes_checks_and_names_the_links_that_do_not(client):
    answer = client.post("/v1/batches", json={"urls": [*links(1, 2, 1), "https://example.org/", "file:///etc/passwd"]})
    assert answer.status_code == 202
    batch = client.get(answer.headers["Location"]).json
    assert batch["counts"] == {"queued": 2}
    assert [check["url"] for check in batch["checks"]] == ["https://x.com/i/status/1", "https://x.com/i/status/2"]
    assert [row["error"]["code"] for row in batch["refused"]] == ["unsupported_site", "bad_link"]


def test_a_link_that_a_batch_names_twice_is_checked_once_whatever_the_window(make_app, config):
    client = make_app(replace(config, dedupe_s=0.0)).test_client()
    batch = client.post("/v1/batches", json={"urls": links(1, 2, 1)}).json
    made = client.get("/v1/checks").json["checks"]
    assert {check["id"] for check in made} == {check["id"] for check in batch["checks"]}
    assert len(made) == 2


def test_each_link_of_a_batch_is_told_the_id_of_its_check(client):
    urls = [links(1)[0], "https://example.org/", links(2)[0], "http://twitter.com/b/status/1", "nope"]
    batch = client.post("/v1/batches", json={"urls": urls}).json
    ids = {check["url"]: check["id"] for check in batch["checks"]}
    one, two = ids["https://x.com/i/status/1"], ids["https://x.com/i/status/2"]
    assert batch["ids"] == [one, None, two, one, None]


def test_the_ids_of_a_batch_are_those_of_all_its_links_however_few_a_page_shows(client):
    batch = client.post("/v1/batches?limit=1", json={"urls": links(1, 2, 3)}).json
    assert len(batch["checks"]) == 1
    assert len(set(batch["ids"])) == 3


@pytest.mark.parametrize("link", ["", "https://x.com/a/status/1?" + "a" * 2048], ids=["empty", "too long"])
def test_a_link_that_is_empty_or_too_long_is_refused_and_the_rest_of_its_batch_checked(client, link):
    batch = client.post("/v1/batches", json={"urls": [link, *links(2)]}).json
    assert [row["error"]["code"] for row in batch["refused"]] == ["bad_link"]
    assert batch["ids"] == [None, batch["checks"][0]["id"]]


def test_a_batch_is_paged(client):
    location = client.post("/v1/batches", json={"urls": links(*range(1, 8))}).headers["Location"]
    seen, cursor = [], ""
    while cursor is not None:
        page = client.get(location, query_string={"limit": 3, "cursor": cursor}).json
        seen += [check["url"] for check in page["checks"]]
        cursor = page["next"]
    assert len(seen) == len(set(seen)) == 7


def test_who_deletes_what_was_read_of_a_batch_misses_nothing_of_the_rest(client):
    location = client.post("/v1/batches", json={"urls": links(*range(1, 8))}).headers["Location"]
    seen, cursor = [], ""
    while cursor is not None:
        page = client.get(location, query_string={"limit": 3, "cursor": cursor}).json
        for check in page["checks"]:
            seen.append(check["url"])
            client.delete(f"/v1/checks/{check['id']}")
        cursor = page["next"]
    assert len(seen) == 7


def test_a_page_of_a_batch_reads_no_more_checks_than_it_shows(client):
    location = client.post("/v1/batches", json={"urls": links(*range(1, 8))}).headers["Location"]
    read = []

    def note(check, _context):
        read.append(check.id)

    event.listen(Check, "load", note)
    try:
        page = client.get(location, query_string={"limit": 3}).json
    finally:
        event.remove(Check, "load", note)
    assert page["counts"] == {"queued": 7}
    assert sorted(read) == sorted(check["id"] for check in page["checks"])


def test_what_somebody_waits_for_comes_before_a_batch(app, client):
    client.post("/v1/batches", json={"urls": links(1, 2)})
    urgent = client.post("/v1/checks", json=LINK).json
    assert services(app).queue.take("test").id == urgent["id"]


def test_a_batch_that_does_not_fit_the_queue_is_refused_whole(make_app, config):
    client = make_app(replace(config, max_queue=2)).test_client()
    assert client.post("/v1/batches", json={"urls": links(1, 2, 3)}).json["code"] == "queue_full"
    assert client.get("/v1/checks").json["checks"] == []


def test_what_a_batch_asks_for_again_takes_no_place_in_the_queue(make_app, config):
    client = make_app(replace(config, max_queue=3)).test_client()
    first = client.post("/v1/batches", json={"urls": links(1, 2, 3)}).json
    again = client.post("/v1/batches", json={"urls": links(3, 2, 1)}).json
    assert [check["id"] for check in again["checks"]] == [check["id"] for check in first["checks"]][::-1]
    assert client.post("/v1/batches", json={"urls": links(1, 2, 3, 4)}).json["code"] == "queue_full"


def test_a_batch_checks_anew_what_was_cancelled(client):
    first = client.post("/v1/checks", json=LINK).json["id"]
    client.post(f"/v1/checks/{first}/cancel")
    batch = client.post("/v1/batches", json={"urls": [LINK["url"]]}).json
    assert batch["counts"] == {"queued": 1} and batch["checks"][0]["id"] != first


def test_while_a_batch_is_being_taken_in_another_is_asked_to_come_again(app, client):
    with services(app).batches:
        answer = client.post("/v1/batches", json={"urls": links(1)})
    assert (answer.status_code, answer.json["code"], answer.headers["Retry-After"]) == (429, "rate_limited", "2")
    for _ in range(2):
        assert client.post("/v1/batches", json={"urls": links(1)}).status_code == 202
    assert client.post("/v1/batches", json={"urls": [7]}).json["code"] == "invalid"
    assert client.post("/v1/batches", json={"urls": links(2)}).status_code == 202


def test_of_a_long_link_that_a_batch_refuses_the_beginning_is_kept(client):
    long = "https://example.org/" + "é" * 1000
    batch = client.post("/v1/batches", json={"urls": [long, long[:200]]}).json
    assert [row["url"] for row in batch["refused"]] == [long[:200] + "…", long[:200]]


@pytest.mark.parametrize("urls", [[], ["x"] * 1001, "https://x.com/a/status/1", [7]])
def test_a_wrong_batch_is_told_so(client, urls):
    assert client.post("/v1/batches", json={"urls": urls}).json["code"] == "invalid"


def test_a_batch_does_not_pretend_to_know_an_idempotency_key(client):
    answer = client.post("/v1/batches", json={"urls": links(1)}, headers={"Idempotency-Key": "1"})
    assert (answer.status_code, answer.json["code"]) == (422, "invalid")
    assert [error["field"] for error in answer.json["errors"]] == ["Idempotency-Key"]
    assert client.get("/v1/checks").json["checks"] == []


def test_a_callback_that_is_no_address_is_not_blamed_on_the_links(client):
    answer = client.post("/v1/batches", json={"urls": [LINK["url"]], "callback_url": "ftp://example.org/"})
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "callback_url")
