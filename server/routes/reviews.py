"""/v1/reviews, and /reviews for people: held checks, and a person's decision about each."""

import hmac
import re
import secrets
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, g, jsonify, redirect, render_template, request, session, url_for

from core.analysis import VERDICT_WORDS
from core.errors import CheckError
from core.words import percent, percent_range
from server.auth import LOCAL, Who, digest, needs, needs_key
from server.models import ReviewRequest
from server.present import artifact_names, check_json, when
from server.routes.checks import drawn, page_size, parse
from server.services import services
from server.tables import Audit, Check

bp = Blueprint("reviews", __name__)

LOG = 50  # decisions shown
CSP = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"


@bp.get("/v1/reviews")
@needs("review")
def index() -> Response:
    reviews = services().reviews
    return jsonify(
        {
            "held": [check_json(check, services().config) for check in reviews.held(page_size())],
            "log": [audit_json(row) for row in reviews.log(LOG)],
        }
    )


@bp.post("/v1/reviews/<check_id>")
@needs("review")
def decide(check_id: str) -> Response:
    asked = parse(ReviewRequest, request.get_json())
    check = services().reviews.decide(check_id, asked.decision, g.who.owner, asked.note)
    return jsonify(check_json(check, services().config))


def audit_json(row: Audit) -> dict[str, Any]:
    return {
        "check_id": row.check_id,
        "at": when(row.at),
        "who": row.who,
        "decision": row.decision,
        "note": row.note,
        "verdict": row.verdict,
        "probability": row.probability,
    }


@bp.get("/reviews")
def page() -> Response | str:
    """The queue as a page: each held check with what was found, and two buttons."""
    who = reviewer()
    if who is None:
        return shown(render_template("sign_in.html", csrf=csrf(), is_wrong="wrong" in request.args))
    held: list[Check] = services().reviews.held(50)
    return shown(
        render_template(
            "reviews.html",
            held=held,
            drawn={
                check.id: [name for name in artifact_names(check, services().config) if "/" not in name]
                for check in held
            },
            log=services().reviews.log(LOG),
            is_late="late" in request.args,
            signed_in=None if who is LOCAL else who.owner,
            csrf=csrf(),
            words=VERDICT_WORDS,
            minute=minute,
            percent=percent,
            percent_range=percent_range,
        )
    )


@bp.get("/reviews/<check_id>/<path:name>")
def picture(check_id: str, name: str) -> Response:
    """What was drawn of a check that waits, for the person who decides."""
    if reviewer() is None:
        raise CheckError("unauthorized")
    return drawn(services().reviews.one(check_id), name)


def minute(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


@bp.post("/reviews")
def press() -> Response:
    check_csrf()
    who = reviewer()
    if who is None:
        raise CheckError("unauthorized")
    fields = {name: request.form.get(name, "") for name in ("decision", "note")}
    asked = parse(ReviewRequest, fields)
    try:
        services().reviews.decide(form_id(), asked.decision, who.owner, asked.note)
    except CheckError as error:
        if error.code not in ("conflict", "not_found"):
            raise
        return redirect(url_for("reviews.page", late=1), 303)
    return redirect(url_for("reviews.page"), 303)


def form_id() -> str:
    """Raises CheckError not_found for what is no id: PostgreSQL takes not every text."""
    check_id = request.form.get("check_id", "")
    if not re.fullmatch("[0-9a-f]{32}", check_id):
        raise CheckError("not_found")
    return check_id


@bp.post("/reviews/sign-in")
def sign_in() -> Response:
    check_csrf()
    key = digest(request.form.get("key", "").strip())
    who = services().keys.by_digest(key)
    if who is None or "review" not in who.scopes:
        return redirect(url_for("reviews.page", wrong=1), 303)
    session.clear()
    session["key"] = key  # its digest, in a signed cookie; a removed key ends the session
    return redirect(url_for("reviews.page"), 303)


@bp.post("/reviews/sign-out")
def sign_out() -> Response:
    check_csrf()
    session.clear()
    return redirect(url_for("reviews.page"), 303)


def reviewer() -> Who | None:
    """Who looks at the page: on a server without keys anybody on this machine, else who has signed in."""
    if not needs_key(services().config, services().keys):
        return LOCAL
    who = services().keys.by_digest(session.get("key", ""))
    return who if who and "review" in who.scopes else None


def csrf() -> str:
    return session.setdefault("csrf", secrets.token_urlsafe(16))


def check_csrf() -> None:
    """Raises CheckError foreign_origin for a form that we did not hand to this browser."""
    ours = session.get("csrf") or secrets.token_urlsafe(16)
    if not hmac.compare_digest(request.form.get("csrf", "").encode(), ours.encode()):
        raise CheckError("foreign_origin")


def shown(html: str) -> Response:
    return Response(html, headers={"Content-Security-Policy": CSP})
