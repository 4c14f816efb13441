"""Who asks, and from where: names of the host, origins of pages, API keys and their scopes."""

import hashlib
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps

from flask import Flask, g, request
from sqlalchemy import delete, select

from core.errors import CheckError
from server.config import Config
from server.database import Database
from server.tables import ApiKey

SCOPES = ("submit", "review", "operate")
NAME_LENGTH = 64  # beside a category and an Idempotency-Key of the longest kind a claim's name must fit its column
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
EXTENSIONS = r"(?:chrome|moz|safari-web)-extension://[\w-]+"
PUBLIC = ("/", "/health", "/ready", "/openapi.json", "/docs", "/v1/info")


@dataclass(frozen=True)
class Who:
    """The owner of what a request makes or sees."""

    owner: str
    scopes: tuple[str, ...]


LOCAL = Who("local", SCOPES)  # on this machine, where there are no keys


class Keys:
    """API keys: 256 random bits, so that a plain digest is as good as a slow one."""

    def __init__(self, database: Database):
        self.database = database

    def add(self, name: str, scopes: tuple[str, ...]) -> str:
        """The new key, this once. Adding a name again gives its owner a further key. Raises ValueError."""
        if not 0 < len(name) <= NAME_LENGTH:
            raise ValueError(f"a name has 1 to {NAME_LENGTH} characters")
        key = f"unmask_{secrets.token_urlsafe(32)}"
        with self.database.write() as session:
            session.add(ApiKey(digest=digest(key), name=name, scopes=list(scopes), created_at=time.time()))
        return key

    def remove(self, name: str, but_newest: bool = False) -> int:
        """How many were removed. `but_newest`: the last one that was made stays."""
        with self.database.write() as session:
            digests = select(ApiKey.digest).where(ApiKey.name == name).order_by(ApiKey.created_at.desc())
            going = list(session.scalars(digests))[but_newest:]
            return session.execute(delete(ApiKey).where(ApiKey.digest.in_(going))).rowcount

    def all(self) -> list[ApiKey]:
        with self.database.read() as session:
            return list(session.scalars(select(ApiKey).order_by(ApiKey.created_at)))

    def exist(self) -> bool:
        with self.database.read() as session:
            return session.scalar(select(ApiKey.digest).limit(1)) is not None

    def find(self, authorization: str) -> Who:
        """Raises CheckError unauthorized."""
        kind, _, key = authorization.partition(" ")
        who = self.by_digest(digest(key.strip())) if kind.lower() == "bearer" else None
        if who is None:
            raise CheckError("unauthorized")
        return who

    def by_digest(self, key_digest: str) -> Who | None:
        with self.database.read() as session:
            row = session.get(ApiKey, key_digest)
        return Who(row.name, tuple(row.scopes)) if row else None


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def install(app: Flask, config: Config, keys: Keys) -> None:
    @app.before_request
    def check_host() -> None:
        # a page whose name was made to point here (DNS rebinding) still sends its own name
        if (config.hosts or config.on_loopback) and not is_named(request.headers.get("Host", ""), config):
            raise CheckError("wrong_host")

    @app.before_request
    def check_origin() -> None:
        origin = request.headers.get("Origin")
        if origin is not None:
            if not is_welcome(origin, config):
                raise CheckError("foreign_origin")
        elif request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site") and not is_click():
            raise CheckError("foreign_origin")  # pictures, scripts and frames of other pages carry no Origin

    @app.before_request
    def check_key() -> None:
        g.who = None
        if request.method == "OPTIONS" or request.path in PUBLIC or request.path.startswith("/reviews"):
            return  # the review page has its own way of signing in
        g.who = keys.find(request.headers.get("Authorization", "")) if needs_key(config, keys) else LOCAL


def needs_key(config: Config, keys: Keys) -> bool:
    """Whether to ask for one: only who listens to nobody but this machine may do without, also after the last key is gone."""
    return keys.exist() or not config.on_loopback


def is_click() -> bool:
    """Whether a browser goes to this address as a page of its own, which does no harm."""
    mode, target = request.headers.get("Sec-Fetch-Mode"), request.headers.get("Sec-Fetch-Dest")
    return mode == "navigate" and target == "document" and request.method == "GET"


def is_named(host: str, config: Config) -> bool:
    """Whether a Host header, with or without a port, is a name that the server goes by."""
    names = LOOPBACK + config.hosts
    return host in names or re.sub(r":\d+$", "", host).lower() in names


def is_welcome(origin: str, config: Config) -> bool:
    """Whether a browser's page or extension of this origin may call.

    Beyond loopback an extension is known by its key, as its address is another in each Firefox; but the review page goes
    by a cookie, which the browser adds by itself.
    """
    if origin == request.host_url.rstrip("/") or origin in config.origins:
        return True
    by_key = not request.path.startswith("/reviews")
    return (config.on_loopback or by_key) and re.fullmatch(EXTENSIONS, origin) is not None


def needs(scope: str) -> Callable:
    """For a view: the key must have this scope."""

    def decorate(view: Callable) -> Callable:
        @wraps(view)
        def guarded(*args, **kwargs):
            if scope not in g.who.scopes:
                raise CheckError("forbidden", f"scope {scope}")
            return view(*args, **kwargs)

        return guarded

    return decorate
