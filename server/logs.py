"""Structured logs: one JSON object a line, with request and check ids; never a link, a name or a frame."""

import logging
import sys
import traceback

import structlog

SHARED = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def tell_where(_logger, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Of an exception its kind and where it happened, not its own words: they may hold a link."""
    kind, _, place = event.pop("exc_info", None) or (None, None, None)
    return {**event, "exception": f"{kind.__name__}\n{''.join(traceback.format_tb(place))}"} if kind else event


def formatter() -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=SHARED,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            tell_where,
            structlog.processors.JSONRenderer(),
        ],
    )


def configure(level: int = logging.INFO) -> None:
    """For entries only; importing the server changes nobody's logging."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for noisy in ("celery", "kombu", "alembic", "flask-limiter", "gunicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
