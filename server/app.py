"""The web side. `create_app` wires it: configuration, database, bell, then routes by resource."""

import os
import re
import secrets
import tempfile
import threading
import uuid
from contextlib import suppress

import structlog
from flask import Flask, g, request
from flask.json.provider import DefaultJSONProvider
from flask_cors import CORS
from werkzeug.middleware.proxy_fix import ProxyFix

from core.errors import CheckError
from server import auth, problems, rates, uploads
from server.bell import Ringer, make_bell
from server.config import MIB, Config
from server.database import Database
from server.queue import Queue
from server.reviews import Reviews
from server.routes import batches, checks, events, info, reviews
from server.services import Services
from server.store import Store

MULTIPART_OVERHEAD = 64 * 1024  # boundaries and the other fields of a form
BATCH_BYTES = 4 * MIB  # a thousand links of the longest kind
WITH_BODY = (*rates.SUBMITTING, "reviews.decide")
BODY_BYTES = 64 * 1024  # of every other request that is no upload


class Json(DefaultJSONProvider):
    def loads(self, s, **kwargs):
        try:
            return super().loads(s, **kwargs)
        except RecursionError:
            raise ValueError("nested too deeply") from None


class UnmaskFlask(Flask):
    request_class = uploads.UploadRequest
    json_provider_class = Json


def create_app(config: Config) -> Flask:
    """A Flask application over an up-to-date database."""
    database = Database(config.database)
    database.migrate()
    config.spool.mkdir(parents=True, exist_ok=True)

    app = UnmaskFlask("server", static_folder=None)
    app.config.update(
        MAX_CONTENT_LENGTH=config.upload_bytes + MULTIPART_OVERHEAD,
        MAX_FORM_MEMORY_SIZE=4 * MULTIPART_OVERHEAD,  # at 64 KiB, werkzeug's own step, it refuses larger files too
        MAX_FORM_PARTS=20,
        UPLOADS=str(config.spool),
        SECRET_KEY=cookie_secret(config),
        SESSION_COOKIE_NAME="unmask",
        SESSION_COOKIE_SAMESITE="Strict",
        SESSION_COOKIE_SECURE=not config.on_loopback,
    )
    app.json.sort_keys = False
    if config.proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, config.proxies, config.proxies, config.proxies)
    store, queue = Store(database, config), Queue(database, config)
    keys, ringer = auth.Keys(database), Ringer(make_bell(config))
    streams = threading.BoundedSemaphore(config.threads // 2)  # the other half is for all else
    app.extensions["unmask"] = Services(
        config,
        database,
        store,
        queue,
        keys,
        Reviews(database),
        ringer,
        streams=streams,
        batches=threading.BoundedSemaphore(1),
        leaving=threading.Event(),
    )

    problems.install(app)
    _number_requests(app)
    _limit_bodies(app)
    auth.install(app, config, keys)
    rates.install(app, config)
    origins = [f"^{origin}$" for origin in (*map(re.escape, config.origins), auth.EXTENSIONS)]
    headers = ["Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID"]
    CORS(app, origins=origins, allow_headers=headers, expose_headers=["Location", "Retry-After"])
    for blueprint in (checks.bp, events.bp, batches.bp, reviews.bp, info.bp):
        app.register_blueprint(blueprint)
    return app


def cookie_secret(config: Config) -> bytes:
    """The same for every web process over this data folder, and after a restart."""
    path = config.data / "cookie-secret"
    if not path.exists():
        with tempfile.NamedTemporaryFile(dir=config.data) as file:  # readable by its owner alone
            file.write(secrets.token_bytes(32))
            file.flush()
            with suppress(FileExistsError):
                os.link(file.name, path)  # whole or not at all, and the first one stays
    return path.read_bytes()


def _number_requests(app: Flask) -> None:
    @app.before_request
    def begin() -> None:
        g.request_id = uuid.uuid4().hex
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)
        if "\0" in request.path:  # PostgreSQL takes none in a text
            raise CheckError("not_found")

    # the first to see a request must be the one that numbers it
    hooks = app.before_request_funcs[None]
    hooks.insert(0, hooks.pop())

    @app.after_request
    def finish(response):
        response.headers["X-Request-ID"] = g.get("request_id", "")
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
        # "no-referrer" would have browsers send our own forms with "Origin: null"
        response.headers["Referrer-Policy"] = "same-origin"
        return response

    @app.teardown_request
    def clean(_error) -> None:
        uploads.discard(request)


def _limit_bodies(app: Flask) -> None:
    @app.before_request
    def limit() -> None:
        is_packed = request.headers.get("Content-Encoding", "identity").lower() != "identity"
        if is_packed and request.endpoint in WITH_BODY:
            raise CheckError("unsupported_media_type", "Content-Encoding: send it uncompressed")
        # what is no upload is taken into memory whole, some of it before anybody has said who asks
        if request.endpoint != "checks.submit" or request.mimetype != "multipart/form-data":
            request.max_content_length = BATCH_BYTES if request.endpoint == "batches.submit" else BODY_BYTES
