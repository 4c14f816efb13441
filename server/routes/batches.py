"""/v1/batches: many links at once, checked when nothing more urgent waits."""

import logging

from flask import Blueprint, Response, g, jsonify, request, url_for

from core.errors import CheckError
from core.fetch.sites import canonicalise
from server.auth import digest, needs
from server.disk import leave_some
from server.models import BatchRequest
from server.present import check_json, when
from server.problems import Invalid, problem
from server.routes.checks import page_size, parse, wish_from
from server.services import services
from server.store import Wish

log = logging.getLogger(__name__)

bp = Blueprint("batches", __name__, url_prefix="/v1/batches")

RETRY_S = 2  # while another batch is being taken in
SHOWN = 200  # characters of a link that was refused, as refused ones cost a client nothing and are kept as well


@bp.post("")
@needs("submit")
def submit() -> Response:
    if "Idempotency-Key" in request.headers:
        raise Invalid([{"field": "Idempotency-Key", "message": "not of a batch: the same links give the same checks"}])
    asked = parse(BatchRequest, request.get_json())  # first: a client may send it slowly
    if not services().batches.acquire(blocking=False):
        return problem("rate_limited", "another batch is being taken in", retry_s=RETRY_S)
    try:
        return _take_in(asked)
    finally:
        services().batches.release()


def _take_in(asked: BatchRequest) -> Response:
    leave_some(services().config.data)
    place()  # a page that cannot be shown is refused before anything is made
    wishes: dict[int, Wish] = {}  # by the place of the link in `urls`
    refused = []
    for number, url in enumerate(asked.urls):
        try:
            link = canonicalise(url, services().config.allowed)
            wishes[number] = wish_from(asked, video=digest(link.key), url=link.url, site=link.site.name)
        except CheckError as error:
            shown = url if len(url) <= SHOWN else f"{url[:SHOWN]}…"
            refused.append({"url": shown, "error": error.to_json()})
    batch, made = services().store.submit_batch(list(wishes.values()), refused, g.who.owner)
    ids = dict(zip(wishes, made, strict=True))
    services().ringer.ring()
    log.info("batch %s: %d links, %d refused", batch.id, len(asked.urls), len(refused))
    answer = jsonify(batch_json(batch.id) | {"ids": [ids.get(number) for number in range(len(asked.urls))]})
    answer.status_code = 202
    answer.headers["Location"] = url_for("batches.show", batch_id=batch.id)
    return answer


@bp.get("/<batch_id>")
def show(batch_id: str) -> Response:
    return jsonify(batch_json(batch_id))


def batch_json(batch_id: str) -> dict:
    """A `BatchView`. The cursor is a place in the list as it was given, which does not change."""
    start, limit = place()
    batch, counts, checks = services().store.get_batch(batch_id, g.who.owner, start, limit)
    return {
        "id": batch.id,
        "created_at": when(batch.created_at),
        "expires_at": when(batch.expires_at),
        "counts": counts,
        "refused": batch.refused,
        "checks": [check_json(check, services().config) for check in checks],
        "next": str(start + limit) if start + limit < len(batch.check_ids) else None,
    }


def place() -> tuple[int, int]:
    """Where the page asked for begins, and how long it is. Raises Invalid."""
    cursor = request.args.get("cursor") or "0"
    if not cursor.isdecimal() or len(cursor) > 6:
        raise Invalid([{"field": "cursor", "message": "not one of ours"}])
    return int(cursor), page_size()
