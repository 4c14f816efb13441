"""What the server is and how it is: /v1/info, /health, /ready, /metrics."""

from flask import Blueprint, Response, jsonify, redirect, render_template
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from core import __version__
from core.errors import ERRORS, CheckError
from core.fetch.sites import supported
from core.plan import PLANS
from server.auth import needs, needs_key
from server.bell import is_heard
from server.metrics import Numbers
from server.openapi import OPERATIONS, describe
from server.services import services

bp = Blueprint("info", __name__)


@bp.get("/v1/info")
def about() -> Response:
    config = services().config
    workers = services().queue.workers()
    return jsonify(
        {
            "version": __version__,
            "model": workers[0].info.get("model") if workers else None,
            "sites": supported(config.allowed),
            "plans": list(PLANS),
            "limits": {
                "upload_bytes": config.upload_bytes,
                "duration_s": config.fetch.duration_s,
                "rate": config.rate,
                "read_rate": config.read_rate,
                "keep_s": config.keep_s,
            },
            "needs_key": needs_key(config, services().keys),
        }
    )


@bp.get("/health")
def health() -> Response:
    return jsonify({"status": "alive"})


@bp.get("/ready")
def ready() -> Response:
    """Whether a check that is submitted now will be worked on."""
    try:
        with services().database.read() as session:
            session.scalar(select(1))
        workers = services().queue.workers()
    except SQLAlchemyError:
        raise CheckError("not_ready", "no database") from None
    if not workers:
        raise CheckError("not_ready")
    if not is_heard(services().ringer.bell):
        raise CheckError("not_ready", "no broker")
    degraded = sorted({what for worker in workers for what in worker.info.get("degraded", [])})
    return jsonify({"status": "ready", "workers": len(workers), "degraded": degraded})


@bp.get("/openapi.json")
def openapi() -> Response:
    return jsonify(describe())


@bp.get("/")
def front() -> Response:
    """Where people arrive who open the server's address in a browser."""
    return redirect("docs")


@bp.get("/docs")
def docs() -> Response:
    """The description as a page of our own: the usual ones load their scripts from elsewhere."""
    page = render_template("docs.html", operations=OPERATIONS, document=describe(), errors=ERRORS)
    return Response(page, headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"})


@bp.get("/metrics")
@needs("operate")
def metrics() -> Response:
    registry = CollectorRegistry()
    registry.register(Numbers(services().database, services().queue))
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
