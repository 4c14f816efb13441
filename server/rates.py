"""How many requests anyone may make, and what counts them."""

import math
import threading
import time

from flask import Flask, Response, g, request
from flask_limiter import Limiter, RateLimitExceeded
from flask_limiter.util import get_remote_address
from limits.storage import MemoryStorage

from server import auth, problems
from server.config import Config
from server.routes import batches, checks, events, reviews

SWEEP_S = 60
SUBMITTING = ("checks.submit", "batches.submit")
REDIS_S = 0.5  # for counting a request; where it takes longer, this process counts


class QuietMemory(MemoryStorage):
    """The library's, which starts a thread for nearly every request to drop what has expired; here one a minute does."""

    STORAGE_SCHEME = ["quiet-memory"]

    def _MemoryStorage__schedule_expiry(self) -> None:  # as the library calls it
        if not self.timer.is_alive():
            self.timer = threading.Timer(SWEEP_S, self._MemoryStorage__expire_events)
            self.timer.daemon = True
            self.timer.start()


def install(app: Flask, config: Config) -> None:
    """By key, or by address where there are none; counted in Redis where the broker is one, else in this process."""
    in_redis = config.broker.startswith("redis")
    storage = config.broker if in_redis else f"{QuietMemory.STORAGE_SCHEME[0]}://"

    def whose() -> str:
        who = g.get("who")
        return who.owner if who and who is not auth.LOCAL else get_remote_address()

    limiter = Limiter(
        # its headers stay off: it would tell everybody to come back later, those as well who did nothing wrong
        whose,
        app=app,
        storage_uri=storage,
        # a Redis that hangs would by itself hold each request for ten seconds, and with them all threads
        storage_options={"socket_timeout": REDIS_S, "socket_connect_timeout": REDIS_S} if in_redis else {},
        in_memory_fallback_enabled=True,
        swallow_errors=True,
    )

    @app.errorhandler(RateLimitExceeded)
    def too_fast(_error) -> Response:
        return problems.problem("rate_limited", retry_s=max(1, math.ceil(limiter.current_limit.reset_at - time.time())))

    def submits() -> bool:
        return request.method == "POST" and request.endpoint in SUBMITTING

    submissions = limiter.shared_limit(config.rate, "submit", exempt_when=lambda: not submits())
    others = limiter.shared_limit(config.read_rate, "read", exempt_when=submits)
    for blueprint in (checks.bp, events.bp, batches.bp, reviews.bp):
        submissions(blueprint)
        others(blueprint)
