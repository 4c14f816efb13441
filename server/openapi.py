"""The OpenAPI description: a table of what can be asked, with the shapes that pydantic gives.

Written out rather than gathered from decorators, as the tools that gather know neither a body that is JSON or a form
nor problem+json. A test holds it equal to the routes there are.
"""

import json
from dataclasses import dataclass
from typing import Any

from pydantic.json_schema import models_json_schema

from core import __version__
from core.analysis import analysis_schema
from core.errors import ERRORS
from server import models

CHECK_ID = {"name": "check_id", "in": "path", "required": True, "schema": {"type": "string"}}
BATCH_ID = {**CHECK_ID, "name": "batch_id"}
NAME = {**CHECK_ID, "name": "name", "description": "As listed in `artifacts`."}
LIMIT = {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}}
CURSOR = {"name": "cursor", "in": "query", "schema": {"type": "string"}, "description": "`next` of the page before."}
IDEMPOTENCY = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string", "minLength": 1, "maxLength": 100, "pattern": "^[ -~]+$"},
    "description": "The same key and request give the same check; a different request under the same key is refused.",
}
RANGE = {"name": "Range", "in": "header", "schema": {"type": "string"}, "description": "One range of bytes."}
LOCATION = {"Location": {"required": True, "schema": {"type": "string"}, "description": "Where it is to be found."}}
RETRY = {
    "Retry-After": {"required": True, "schema": {"type": "integer", "minimum": 1}, "description": "Seconds to wait."}
}
AGAIN = {
    "Retry-After": {"schema": {"type": "integer", "minimum": 1}, "description": "Seconds, until the check has ended."}
}
LAST_EVENT = {"name": "Last-Event-ID", "in": "header", "schema": {"type": "string"}}

ANYWHERE = (
    "rate_limited",
    "wrong_host",
    "foreign_origin",
    "unauthorized",
    "internal",
    "not_ready",
    "disk_full",
    "bad_request",
)


@dataclass(frozen=True)
class Operation:
    """One thing that can be asked. `answers` by status: a model, a media type, or None for no body."""

    method: str
    path: str
    summary: str
    answers: dict[int, Any]
    parameters: tuple[dict, ...] = ()
    body: Any = None
    form: Any = None
    problems: tuple[str, ...] = ()
    headers: dict[str, dict] | None = None  # of its 200
    is_public: bool = False
    scope: str = ""


SUBMITTING = ("invalid", "bad_link", "unsupported_site", "idempotency_mismatch", "queue_full", "forbidden")
UPLOADING = ("not_a_video", "no_video_stream", "damaged", "too_large", "unsupported_media_type")

OPERATIONS = (
    Operation(
        "post",
        "/v1/checks",
        "Submit a link (JSON) or a file (form). 202 is a new check, 200 one that there was.",
        {202: models.CheckView, 200: models.CheckView},
        (IDEMPOTENCY,),
        body=models.CheckRequest,
        form=models.UploadOptions,
        problems=SUBMITTING + UPLOADING,
        scope="submit",
    ),
    Operation(
        "get",
        "/v1/checks",
        "One's own checks, newest first.",
        {200: models.CheckPage},
        (LIMIT, CURSOR),
        problems=("invalid",),
    ),
    Operation(
        "get",
        "/v1/checks/{check_id}",
        "A check as it stands: one's own, or with the scope `review` one that was held.",
        {200: models.CheckView},
        (CHECK_ID,),
        problems=("not_found",),
        headers=AGAIN,
    ),
    Operation(
        "delete",
        "/v1/checks/{check_id}",
        "Stop it and forget everything.",
        {204: None},
        (CHECK_ID,),
        problems=("not_found", "forbidden"),
        scope="submit",
    ),
    Operation(
        "post",
        "/v1/checks/{check_id}/cancel",
        "Stop it.",
        {200: models.CheckView},
        (CHECK_ID,),
        problems=("not_found", "forbidden"),
        scope="submit",
    ),
    Operation(
        "get",
        "/v1/checks/{check_id}/events",
        "The same as Server-Sent Events: each has the status as its name, the revision as its id, the check as its data.",
        {200: "text/event-stream", 204: None},
        (CHECK_ID, LAST_EVENT),
        problems=("not_found",),
    ),
    Operation(
        "get",
        "/v1/checks/{check_id}/artifacts/{name}",
        "A drawn file, as an attachment: of one's own check, or with the scope `review` of one that was held.",
        {200: "*/*", 206: "*/*", 304: None},
        (CHECK_ID, NAME, RANGE),
        problems=("not_found", "file_changed", "range_not_satisfiable"),
    ),
    Operation(
        "post",
        "/v1/batches",
        "Submit up to 1,000 links, checked when nothing more urgent waits.",
        {202: models.NewBatchView},
        (LIMIT, CURSOR),
        body=models.BatchRequest,
        problems=("invalid", "bad_link", "queue_full", "forbidden", "unsupported_media_type", "too_large"),
        scope="submit",
    ),
    Operation(
        "get",
        "/v1/batches/{batch_id}",
        "A batch as it stands.",
        {200: models.BatchView},
        (BATCH_ID, LIMIT, CURSOR),
        problems=("not_found", "invalid"),
    ),
    Operation(
        "get",
        "/v1/reviews",
        "Checks that wait for a person, and the latest decisions.",
        {200: models.ReviewPage},
        (LIMIT,),
        problems=("forbidden", "invalid"),
        scope="review",
    ),
    Operation(
        "post",
        "/v1/reviews/{check_id}",
        "Confirm or overturn a held check, once.",
        {200: models.CheckView},
        (CHECK_ID,),
        body=models.ReviewRequest,
        problems=("not_found", "conflict", "invalid", "forbidden", "unsupported_media_type", "too_large"),
        scope="review",
    ),
    Operation("get", "/v1/info", "Version, model, supported sites, limits.", {200: models.Info}, is_public=True),
    Operation("get", "/health", "Whether the process lives.", {200: models.Status}, is_public=True),
    Operation(
        "get",
        "/ready",
        "Whether a worker with a loaded model lives, and database and broker answer.",
        {200: models.Ready},
        is_public=True,
    ),
    Operation("get", "/metrics", "For Prometheus.", {200: "text/plain"}, problems=("forbidden",), scope="operate"),
    Operation("get", "/openapi.json", "This description.", {200: "application/json"}, is_public=True),
)


UNASKED = {models.Problem, models.WebhookView}
SIGNED = {
    "webhook-id": "The same when a delivery is tried again.",
    "webhook-timestamp": "Seconds since 1970.",
    "webhook-signature": "`v1,` and the HMAC-SHA256 of id, timestamp and body; see docs/api.md.",
}


def describe() -> dict[str, Any]:
    """The document at /openapi.json."""
    used = {m for o in OPERATIONS for m in (o.body, o.form, *o.answers.values()) if isinstance(m, type)}
    shapes, definitions = models_json_schema(
        [(model, "validation") for model in sorted(used | UNASKED, key=lambda m: m.__name__)],
        ref_template="#/components/schemas/{model}",
    )
    references = {model: shape for (model, _), shape in shapes.items()}
    paths: dict[str, dict] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _operation(operation, references)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Unmask",
            "version": __version__,
            "description": "Does this video show signs that a face was manipulated?",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "webhooks": {"check": {"post": _webhook(references[models.WebhookView])}},
        "components": {
            "schemas": definitions["$defs"] | _analysis(),
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "Where keys are configured."}
            },
        },
    }


def _analysis() -> dict[str, Any]:
    """The schema of an analysis and those that it is made of."""
    schema = json.loads(json.dumps(analysis_schema()).replace("#/$defs/", "#/components/schemas/"))
    return {**schema.pop("$defs"), "Analysis": schema}


def _operation(operation: Operation, references: dict) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": f"{operation.method} {operation.path}".replace("/", "_").replace(" ", "").strip("_"),
        "summary": operation.summary,
        "parameters": list(operation.parameters),
        "responses": {str(status): _answer(model, references) for status, model in operation.answers.items()},
        "security": [] if operation.is_public else [{"key": []}, {}],
    }
    if 202 in operation.answers:
        for status in operation.answers:
            described["responses"][str(status)]["headers"] = LOCATION
    if operation.headers:
        described["responses"]["200"]["headers"] = operation.headers
    if operation.scope:
        described["description"] = f"Needs a key with the scope `{operation.scope}`, where keys are configured."
    if operation.body:
        content = {"application/json": {"schema": references[operation.body]}}
        if operation.form:
            content["multipart/form-data"] = {"schema": _form(operation.form)}
        described["requestBody"] = {"required": True, "content": content}
    for code in dict.fromkeys(operation.problems + ANYWHERE):
        if code == "unauthorized" and operation.is_public:
            continue
        kind = ERRORS[code]
        problem = {"application/problem+json": {"schema": references[models.Problem]}}
        row = described["responses"].setdefault(str(kind.status), {"description": "", "content": problem})
        if kind.status in (429, 503):
            row["headers"] = RETRY
        row["description"] = f"{row['description']} `{code}`: {kind.message}".strip()
    return described


def _webhook(shape: dict) -> dict[str, Any]:
    return {
        "summary": "Sent to the `callback_url` of a check when it ends, and when a person has decided about it.",
        "parameters": [
            {"name": name, "in": "header", "required": True, "schema": {"type": "string"}, "description": said}
            for name, said in SIGNED.items()
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": shape}}},
        "responses": {
            "2XX": {"description": "Received. To be said within 10 s."},
            "410": {"description": "Gone for good: not asked again."},
        },
    }


def _form(model: type) -> dict[str, Any]:
    """The model's fields, and the file."""
    shape = model.model_json_schema()
    shape["properties"]["file"] = {"type": "string", "format": "binary", "description": "The video."}
    return {**shape, "required": ["file"]}


def _answer(model: Any, references: dict) -> dict[str, Any]:
    if model is None:
        return {"description": "No body."}
    if isinstance(model, str):
        return {"description": "", "content": {model: {}}}
    return {"description": "", "content": {"application/json": {"schema": references[model]}}}
