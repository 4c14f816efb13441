"""/v1/checks: submit, look, list, cancel, forget, and the files that were drawn."""

import base64
import json
import logging
import re
from typing import Any, TypeVar

from flask import Blueprint, Response, g, jsonify, request, send_file, url_for
from pydantic import BaseModel, ValidationError
from sqlalchemy.exc import OperationalError

from core.errors import CheckError
from core.fetch.guard import USUAL_PORTS
from core.fetch.sites import canonicalise, split
from server.auth import digest, needs
from server.disk import is_full
from server.models import CheckRequest, UploadOptions
from server.present import artifact_names, check_json
from server.problems import Invalid, fields
from server.services import services
from server.store import BULK, INTERACTIVE, Wish
from server.tables import Check, new_id

log = logging.getLogger(__name__)

bp = Blueprint("checks", __name__, url_prefix="/v1/checks")

PAGE = 50
MAX_PAGE = 200
KEY_LENGTH = 100
QUEUED_S, RUNNING_S = 5, 1  # after which to ask again

Model = TypeVar("Model", bound=BaseModel)


def parse(model: type[Model], given: Any, is_form: bool = False) -> Model:
    """Raises Invalid, with the fields that are wrong. Only a form may say "true" for true."""
    try:
        return model.model_validate(given, strict=not is_form)
    except ValidationError as error:
        raise fields(error) from None


def wish_from(asked: Any, **more: Any) -> Wish:
    """The part of a wish that all ways to submit have in common. Raises Invalid."""
    if asked.callback_url:
        try:  # whether its address is public, the guard sees when it is called
            port = split(asked.callback_url)[2]
        except CheckError as error:  # of its own: bad_link would be said of the link to check
            raise Invalid([{"field": "callback_url", "message": error.message}]) from None
        if not services().config.webhook_secret:
            raise Invalid([{"field": "callback_url", "message": "this server has no secret to sign webhooks with"}])
        if not services().config.may_call(port):
            ports = ", ".join(map(str, USUAL_PORTS))
            raise Invalid([{"field": "callback_url", "message": f"only ports {ports} are called"}])
    priority = BULK if getattr(asked, "priority", "bulk") == "bulk" else INTERACTIVE
    return Wish(
        owner=g.who.owner,
        plan=asked.plan,
        artifacts=bool(asked.artifacts),
        film=asked.artifacts != "pictures",
        priority=priority,
        category=asked.category,
        callback_url=asked.callback_url,
        **more,
    )


@bp.post("")
@needs("submit")
def submit() -> Response:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not (0 < len(key) <= KEY_LENGTH and key.isprintable()):
        raise Invalid([{"field": "Idempotency-Key", "message": f"1 to {KEY_LENGTH} printable characters"}])
    if request.mimetype == "multipart/form-data":
        check, is_new = _submit_file(key)
    else:
        check, is_new = _submit_link(key)
    if is_new and check.status == "queued":
        services().ringer.ring()
    log.info("check %s: %s", check.id, "submitted" if is_new else "asked for again")
    answer = jsonify(check_json(check, services().config))
    answer.status_code = 202 if is_new else 200
    answer.headers["Location"] = url_for("checks.show", check_id=check.id)
    return answer


def _submit_link(key: str | None) -> tuple[Check, bool]:
    asked = parse(CheckRequest, request.get_json())
    link = canonicalise(asked.url, services().config.allowed)
    body = json.dumps(asked.model_dump(), sort_keys=True)
    more = {"url": link.url, "site": link.site.name, "idempotency_key": key}
    return services().store.submit(wish_from(asked, video=digest(link.key), body=digest(body), **more))


def _submit_file(key: str | None) -> tuple[Check, bool]:
    asked = parse(UploadOptions, request.form.to_dict(), is_form=True)
    if "file" not in request.files:
        raise Invalid([{"field": "file", "message": "Field required"}])
    upload = request.files["file"].stream
    check_id = new_id()
    folder = services().config.folder(check_id)
    video = upload.digest.hexdigest()
    body = digest(json.dumps({**asked.model_dump(), "file": video}, sort_keys=True))
    wish = wish_from(asked, video=video, body=body, url=None, site="upload", idempotency_key=key)
    upload.keep(services().config.source(check_id))
    is_needed = False
    try:
        check, is_new = services().store.submit(wish, check_id)
        is_needed = is_new and check.status == "queued"
        return check, is_new
    except OperationalError as error:
        is_needed = not is_full(error)  # it may have been written, and only the answer lost; the sweep knows later
        raise
    finally:
        if not is_needed:
            services().config.source(check_id).unlink(missing_ok=True)
            folder.rmdir()


@bp.get("")
def index() -> Response:
    limit = page_size()
    rows = services().store.page(g.who.owner, read_cursor(), limit + 1)
    return jsonify(
        {"checks": [check_json(row, services().config) for row in rows[:limit]], "next": next_cursor(rows, limit)}
    )


def page_size() -> int:
    given = request.args.get("limit", str(PAGE))
    if not given.isdecimal() or len(given) > 4 or not 1 <= int(given) <= MAX_PAGE:
        raise Invalid([{"field": "limit", "message": f"1 to {MAX_PAGE}"}])
    return int(given)


def read_cursor() -> tuple[float, str] | None:
    if not (given := request.args.get("cursor")):
        return None
    try:
        created_at, check_id = json.loads(base64.urlsafe_b64decode(given))
        if not re.fullmatch("[0-9a-f]{32}", check_id):
            raise ValueError
        return float(created_at), check_id
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise Invalid([{"field": "cursor", "message": "not one of ours"}]) from None


def next_cursor(rows: list[Check], limit: int) -> str | None:
    if len(rows) <= limit:
        return None
    last = rows[limit - 1]
    return base64.urlsafe_b64encode(json.dumps([last.created_at, last.id]).encode()).decode()


@bp.get("/<check_id>")
def show(check_id: str) -> Response:
    check = visible(check_id)
    answer = jsonify(check_json(check, services().config))
    if check.finished_at is None:
        answer.headers["Retry-After"] = str(QUEUED_S if check.status == "queued" else RUNNING_S)
    return answer


@bp.post("/<check_id>/cancel")
@needs("submit")
def cancel(check_id: str) -> Response:
    check = services().store.cancel(check_id, g.who.owner)
    log.info("check %s: cancelled", check.id)
    return jsonify(check_json(check, services().config))


@bp.delete("/<check_id>")
@needs("submit")
def forget(check_id: str) -> tuple[str, int]:
    services().store.forget(check_id, g.who.owner)
    log.info("check %s: deleted", check_id)
    return "", 204


@bp.get("/<check_id>/artifacts/<path:name>")
def artifact(check_id: str, name: str) -> Response:
    return drawn(visible(check_id), name)


def visible(check_id: str) -> Check:
    """One's own; for a reviewer also those of others that wait for a person, or waited. Raises CheckError not_found."""
    try:
        return services().store.get(check_id, g.who.owner)
    except CheckError:
        if "review" not in g.who.scopes:
            raise
        return services().reviews.one(check_id)


def drawn(check: Check, name: str) -> Response:
    """One of the drawn files, sent so that no browser ever runs it on this server's origin. Raises CheckError not_found."""
    if check.status != "done" or name not in artifact_names(check, services().config):
        raise CheckError("not_found")
    asked = request.range
    if asked is None or asked.units != "bytes" or len(asked.ranges) != 1:
        # to be ignored (RFC 9110, 14.2): of another unit, of many parts, or not to be read; werkzeug would refuse it
        request.environ.pop("HTTP_RANGE", None)
    if request.if_none_match:
        request.environ.pop("HTTP_RANGE", None)  # who has the file is told so, which werkzeug leaves out for a range
    path = services().config.artifacts(check.id, check.fence).absolute() / name
    answer = send_file(path, as_attachment=True, download_name=path.name, conditional=True)
    if request.if_match and not request.if_match.contains(answer.get_etag()[0]):
        answer.close()  # werkzeug would send the file, or the range of it, nevertheless
        raise CheckError("file_changed")
    answer.headers["Content-Security-Policy"] = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox"
    answer.headers["Cache-Control"] = "no-store"  # faces of people, which DELETE must delete
    return answer
