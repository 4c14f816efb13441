"""/v1/checks/{id}/events: a check as Server-Sent Events. Polling `GET /v1/checks/{id}` tells the same."""

import json
import time
from collections.abc import Iterator
from threading import Event

from flask import Blueprint, Response, g, request
from sqlalchemy.exc import OperationalError

from core.errors import CheckError
from server.present import check_json
from server.problems import problem
from server.services import Services, services
from server.tables import FINAL, Check

bp = Blueprint("events", __name__, url_prefix="/v1/checks")

LOOK_S = 0.4  # between two looks into the database
COMMENT_S = 15  # so that proxies keep an idle stream open
RETRY_S = 5  # where all streams are taken
STREAM_S = 3600  # then the client connects again, with Last-Event-ID
GONE = "unmask.gone"  # in the environ of servers to which one can write after the client has left: an Event, set then


@bp.get("/<check_id>/events")
def stream(check_id: str) -> Response:
    check = services().store.get(check_id, g.who.owner)
    given = request.headers.get("Last-Event-ID", "0")
    seen = int(given) if given.isdecimal() and len(given) < 19 else 0
    if check.status in FINAL and check.revision <= seen:
        return Response(status=204)  # by which an EventSource knows not to come again; after an empty stream it does
    if not services().streams.acquire(blocking=False):
        return problem("rate_limited", "too many event streams; poll instead", retry_s=RETRY_S)
    release = services().streams.release
    try:
        answer = Response(events(services(), check, seen, request.environ.get(GONE)), mimetype="text/event-stream")
    except BaseException:
        release()
        raise
    answer.call_on_close(release)
    answer.headers["X-Accel-Buffering"] = "no"
    return answer


def events(services: Services, check: Check, seen: int, gone: Event | None = None) -> Iterator[str]:
    """Every state newer than `seen`, until the last one. The event's id is the check's revision."""
    until = time.monotonic() + STREAM_S
    spoken = time.monotonic()
    yield "retry: 2000\n\n"
    while time.monotonic() < until:
        if check.revision > seen:
            seen = check.revision
            data = json.dumps(check_json(check, services.config))
            yield f"id: {seen}\nevent: {check.status}\ndata: {data}\n\n"
            spoken = time.monotonic()
        if check.status in FINAL:
            return
        if time.monotonic() - spoken > COMMENT_S:
            yield ": still here\n\n"
            spoken = time.monotonic()
        if services.leaving.wait(LOOK_S):
            return  # the client connects again, to the next process
        if gone and gone.is_set():
            return
        try:
            check = services.store.get(check.id, check.owner)
        except OperationalError:
            continue  # the database is away; who listens need not notice
        except CheckError:
            yield "event: deleted\ndata: {}\n\n"
            return
