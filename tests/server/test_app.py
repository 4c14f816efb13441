"""What every answer carries, and whose requests are counted together."""

from dataclasses import replace

import pytest

from tests.server.asking import LINK


@pytest.mark.parametrize("path", ["/health", "/v1/checks", "/nowhere"])
def test_no_answer_is_kept_by_a_browser_or_shown_inside_another_page(client, path):
    headers = client.get(path).headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert len(headers["X-Request-ID"]) == 32


@pytest.mark.parametrize(("host", "is_secure"), [("127.0.0.1", False), ("0.0.0.0", True)])
def test_the_cookie_of_a_reviewer_goes_to_this_server_alone(make_app, config, host, is_secure):
    answer = make_app(replace(config, host=host)).test_client().get("/reviews")
    given = set(answer.headers["Set-Cookie"].split("; "))
    assert {"HttpOnly", "SameSite=Strict"} <= given
    assert ("Secure" in given) == is_secure


@pytest.mark.parametrize(("proxies", "second"), [(0, 429), (1, 202)], ids=["forged", "told by our own proxy"])
def test_who_is_behind_an_address_is_believed_of_our_own_proxy_alone(make_app, config, proxies, second):
    client = make_app(replace(config, rate="1 per minute", proxies=proxies)).test_client()
    answers = [
        client.post("/v1/checks", json=LINK | {"plan": plan}, headers={"X-Forwarded-For": address})
        for plan, address in (("default", "198.51.100.1"), ("thorough", "198.51.100.2"))
    ]
    assert [answer.status_code for answer in answers] == [202, second]


@pytest.mark.parametrize("path", ["/v1/checks", "/v1/batches"])
def test_who_submits_too_often_has_to_wait(make_app, config, path):
    client = make_app(replace(config, rate="1 per minute")).test_client()
    assert [client.post(path, json={}).status_code == 429 for _ in range(2)] == [False, True]


CHANGES = ["/v1/checks/0/cancel", "/v1/reviews/0", "/reviews/sign-in"]


@pytest.mark.parametrize("path", CHANGES)
def test_what_submits_nothing_uses_up_no_submission(make_app, config, path):
    client = make_app(replace(config, rate="1 per minute")).test_client()
    assert 429 not in [client.post(path, json={}).status_code for _ in range(3)]
    assert client.post("/v1/checks", json=LINK).status_code == 202


@pytest.mark.parametrize("path", CHANGES)
def test_what_submits_nothing_counts_among_the_other_requests(make_app, config, path):
    client = make_app(replace(config, read_rate="1 per minute")).test_client()
    assert [client.post(path, json={}).status_code == 429 for _ in range(2)] == [False, True]


@pytest.mark.parametrize("path", ["/v1/checks", "/v1/checks/0/events", "/v1/batches/0", "/v1/reviews"])
def test_who_reads_too_often_has_to_wait(make_app, config, path):
    client = make_app(replace(config, read_rate="1 per minute")).test_client()
    assert [client.get(path).status_code == 429 for _ in range(2)] == [False, True]


def test_one_owners_requests_use_up_nobody_elses(make_app, config):
    app = make_app(replace(config, rate="1 per minute"))
    made = app.extensions["unmask"].keys
    keys = [made.add(name, ("submit",)) for name in ("ann", "bob", "ann")]
    client = app.test_client()
    answers = [client.post("/v1/checks", json=LINK, headers={"Authorization": f"Bearer {key}"}) for key in keys]
    assert [answer.status_code for answer in answers] == [202, 202, 429]
