"""Every error of the API in one shape: `application/problem+json` with a stable code from core.errors."""

import json
import logging
from typing import Any

from flask import Flask, Response, g, request
from gunicorn.http.errors import ParseException
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException, default_exceptions

from core.errors import ERRORS, CheckError
from server.database import reason
from server.disk import is_full

log = logging.getLogger(__name__)

RETRY_S = {"queue_full": 10, "not_ready": 10, "rate_limited": 60}

# what Flask and werkzeug raise by themselves
CODES = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    412: "file_changed",
    413: "too_large",
    415: "unsupported_media_type",
    416: "range_not_satisfiable",
    421: "wrong_host",
    422: "invalid",
    429: "rate_limited",
    503: "not_ready",
}


class Invalid(Exception):
    """A field of the request is missing or wrong; `errors` say which: [{"field", "message"}]."""

    def __init__(self, errors: list[dict[str, str]]):
        self.errors = errors
        super().__init__(errors)


def problem_json(code: str, detail: str = "", request_id: str = "", **more) -> dict[str, Any]:
    """RFC 9457, with `code`, `next_step` and, where fields were wrong, `errors`."""
    kind = ERRORS[code]
    return {
        "type": f"https://unmask.invalid/errors/{code}",
        "title": kind.message,
        "status": kind.status,
        "detail": CheckError(code, detail).message,
        "code": code,
        "next_step": kind.next_step,
        "request_id": request_id,
        **more,
    }


def problem(
    code: str, detail: str = "", errors: list[dict[str, str]] | None = None, retry_s: int | None = None
) -> Response:
    more = {} if errors is None else {"errors": errors}
    body = problem_json(code, detail, g.get("request_id", ""), **more)
    answer = Response(json.dumps(body), body["status"], content_type="application/problem+json")
    if wait := retry_s or RETRY_S.get(code):
        answer.headers["Retry-After"] = str(wait)
    if code == "unauthorized":
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def check_error(error: CheckError) -> Response:
    return problem(error.code, error.detail)


def invalid(error: Invalid) -> Response:
    return problem("invalid", errors=error.errors)


def http_error(error: HTTPException) -> Response:
    if error.code is None or error.code < 400:
        return error.get_response()  # a redirect
    answer = problem(CODES.get(error.code, "bad_request" if error.code < 500 else "internal"))
    for name, value in error.get_response().headers:
        if name in ("Allow", "Content-Range", "Retry-After"):
            answer.headers[name] = value
    return answer


def no_database(error: OperationalError) -> Response:
    if is_full(error):
        log.warning("the database finds no room on the disk")
        return problem("disk_full")
    log.warning("the database does not answer: %s", reason(error))
    return problem("not_ready", "no database")


def broken_body(_error: ParseException) -> Response:
    """gunicorn's, where a view reads the body."""
    return problem("bad_request", "the chunks of its body cannot be read")


def unexpected(error: Exception) -> Response:
    log.error("unexpected, at %s", request.url_rule, exc_info=error)
    return problem("internal")


def fields(error: ValidationError) -> Invalid:
    """Pydantic's findings as ours, without the values, which are nobody's business in a log."""
    told: dict[str, list[str]] = {}
    for found in error.errors():
        told.setdefault(field_of(found["loc"]), []).append(message_of(found))
    return Invalid([{"field": field, "message": ", or: ".join(messages)} for field, messages in told.items()])


def field_of(place: tuple[str | int, ...]) -> str:
    """As the client names it: behind a name Pydantic adds which of the types it tried; a place in a list is a number."""
    return ".".join([*map(str, place[:1]), *(str(step) for step in place[1:] if isinstance(step, int))])


def message_of(found: ErrorDetails) -> str:
    if found["type"] == "extra_forbidden" and found["loc"] == ("file",):
        return "Send it to /v1/checks as a file, in a form (in curl: -F file=@clip.mp4)"
    return found["msg"]


def install(app: Flask) -> None:
    app.register_error_handler(CheckError, check_error)
    app.register_error_handler(Invalid, invalid)
    app.register_error_handler(HTTPException, http_error)
    for code in default_exceptions:
        app.register_error_handler(code, http_error)
    app.register_error_handler(OperationalError, no_database)
    app.register_error_handler(ParseException, broken_body)
    app.register_error_handler(Exception, unexpected)
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # its access log holds paths with ids
