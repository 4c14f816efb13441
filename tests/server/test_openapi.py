import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from core.plan import PLANS
from server import examples as bodies
from server.openapi import OPERATIONS, describe
from tests.server.conftest import Running, wait_for

DOCS = Path(__file__).parents[2] / "docs"


def test_every_route_is_described_and_every_description_has_a_route(app):
    pages = {
        "/",
        "/docs",
        "/reviews",
        "/reviews/sign-in",
        "/reviews/sign-out",
        "/reviews/{check_id}/{name}",
    }  # for people
    routes = {
        (method.lower(), re.sub(r"<(?:path:)?(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert {route for route in routes if route[1] not in pages} == {(o.method, o.path) for o in OPERATIONS}


def test_the_description_is_served(client):
    served = client.get("/openapi.json").json
    assert served == json.loads(json.dumps(describe()))
    assert served["openapi"] == "3.1.0"


def test_the_headers_a_client_needs_are_described_and_sent(client):
    told = {
        (path, status): set(answer["headers"])
        for path, methods in client.get("/openapi.json").json["paths"].items()
        for status, answer in methods.get("post", {}).get("responses", {}).items()
        if "headers" in answer
    }
    assert told["/v1/checks", "202"] == told["/v1/checks", "200"] == told["/v1/batches", "202"] == {"Location"}
    shown = client.get("/openapi.json").json["paths"]["/v1/checks/{check_id}"]["get"]["responses"]["200"]
    assert set(shown["headers"]) == {"Retry-After"} and not shown["headers"]["Retry-After"].get("required")
    assert told["/v1/checks", "429"] == told["/v1/checks", "503"] == {"Retry-After"}
    for status in (202, 200):
        answer = client.post("/v1/checks", json={"url": "https://youtu.be/aqz-KE-bpKQ"})
        assert (answer.status_code, client.get(answer.headers["Location"]).status_code) == (status, 200)


def test_the_readable_page_names_every_operation(client):
    page = client.get("/docs").text
    assert all(f"{o.method.upper()} {o.path}" in page for o in OPERATIONS)


def examples() -> list[tuple[str, str | None]]:
    """The requests in docs/api.md, each with the answer that follows it, if one does."""
    text = (DOCS / "api.md").read_text(encoding="utf-8")
    return [
        (request, answer or None)
        for request, answer in re.findall(r"```http\n(.*?)```\n(?:\n```json\n(.*?)```)?", text, re.DOTALL)
    ]


def test_every_example_in_the_documentation_runs(client):
    latest = ""
    found = examples()
    assert len(found) > 10
    for request, answer in found:
        head, _, body = request.partition("\n\n")
        first, *headers = head.strip().splitlines()
        method, path = first.replace("{id}", latest).split(" ")
        if path.endswith("/events"):
            continue  # waits for the end of the check; tests/server/test_checks.py listens
        given = client.open(path, method=method, data=body.strip() or None, headers=[h.split(": ", 1) for h in headers])
        if answer is None:
            assert given.status_code < 400, (first, given.text)
            continue
        status, _, expected = answer.partition("\n")
        assert given.status_code == int(status), (first, given.text)
        if expected.strip():
            expected = json.loads(expected)
            assert {name: given.json[name] for name in expected} == expected, first
        if given.status_code in (200, 202) and "id" in (given.json or {}):
            latest = given.json["id"]


def test_the_documentation_names_every_public_code(client):
    text = (DOCS / "errors.md").read_text(encoding="utf-8")
    assert all(f"`{code}`" in text for o in OPERATIONS for code in o.problems)


SCHEMAS = describe()["components"]["schemas"]
SHOWN = [(name, body) for name, schema in SCHEMAS.items() for body in schema.get("examples", [])]


def test_what_a_newcomer_sends_and_gets_has_an_example():
    shown = {name for name, _ in SHOWN}
    assert shown == {
        *("BatchRequest", "BatchView", "NewBatchView", "CheckRequest", "CheckView", "Problem", "ReviewRequest")
    }


@pytest.mark.parametrize(("name", "body"), SHOWN)
def test_an_example_is_valid_against_its_own_schema(name, body):
    schema = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": SCHEMAS}}
    jsonschema.Draft202012Validator(schema).validate(body)
    assert set(body) <= set(SCHEMAS[name]["properties"])


def test_the_example_of_an_analysis_is_one():
    schema = json.loads((DOCS / "analysis.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(bodies.ANALYSIS)


@pytest.mark.parametrize("wrong", [{}, bodies.ANALYSIS | {"verdict": "fake"}, bodies.ANALYSIS | {"faces": [{}]}])
def test_an_analysis_is_described_in_full(wrong):
    schema = {"$ref": "#/components/schemas/CheckView", "components": {"schemas": SCHEMAS}}
    fits = jsonschema.Draft202012Validator(schema).is_valid
    assert fits(bodies.DONE)
    assert not fits({**bodies.DONE, "analysis": wrong})


def test_only_who_may_be_asked_for_a_key_is_described_as_asking_for_one(make_app, config):
    client = make_app(replace(config, host="0.0.0.0")).test_client()
    described = {(o.method, o.path): "401" in describe()["paths"][o.path][o.method]["responses"] for o in OPERATIONS}
    asked = {
        (o.method, o.path): client.open(re.sub(r"{\w+}", "0", o.path), method=o.method).status_code == 401
        for o in OPERATIONS
    }
    assert described == asked


def test_the_documentation_has_a_line_for_every_plan():
    assert re.findall(r"^  - `(\w+)`: ", (DOCS / "api.md").read_text(encoding="utf-8"), re.MULTILINE) == list(PLANS)


EACH_TIME = {"id", "ids", "created_at", "expires_at", "request_id", "checks"}


def test_the_examples_are_what_the_server_answers(client):
    batch = client.post("/v1/batches", json=bodies.BATCH_REQUEST).json
    for given, shown in (
        (batch, bodies.NEW_BATCH),
        (client.get(f"/v1/batches/{batch['id']}").json, bodies.BATCH),
        (batch["checks"][0], bodies.QUEUED),
        (client.post("/v1/checks", json={}).json, bodies.INVALID),
        (client.get("/nowhere").json, bodies.NOT_FOUND),
    ):
        assert {**given, **{name: shown[name] for name in EACH_TIME & given.keys()}} == shown


@pytest.mark.slow
def test_requests_made_up_from_the_description_find_no_fault(tmp_path):
    server = Running(tmp_path / "data")
    server.start("web")
    try:
        wait_for(lambda: server.get("/health").ok, 60, server.log)
        done = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json"),
                *("--max-examples", "12", "--seed", "1", "--phases", "examples,coverage,fuzzing", "--workers", "1"),
                *("--exclude-path-regex", "events$"),  # a stream stays open until its check ends
                *("--exclude-path", "/ready"),  # 503, as no worker runs
                # keys are optional; TRACE and the like are answered by gunicorn; an unknown link is a link all the same
                *("--exclude-checks", "ignored_auth,unsupported_method,positive_data_acceptance"),
            ],
            capture_output=True,
            text=True,
            cwd=tmp_path,
        )
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    finally:
        server.stop()


def test_the_documentation_names_every_setting():
    known = set(re.findall(r'"(UNMASK_[A-Z_]+)"', (DOCS.parent / "server" / "config.py").read_text(encoding="utf-8")))
    named = set(re.findall(r"`(UNMASK_[A-Z_]+)`", (DOCS / "server.md").read_text(encoding="utf-8")))
    assert named == known


def test_who_opens_the_servers_address_finds_the_description(client):
    answer = client.get("/", follow_redirects=True)
    assert (answer.status_code, answer.request.path) == (200, "/docs")
