"""What is turned away before Gradio sees it."""

import re

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

LOOPBACK = re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\])(?::\d+)?", re.IGNORECASE)
# for a file with such a name Gradio fetches the address and hands on what it gets, to anybody, past our guard
ADDRESS = re.compile(r"/file[=/]https?://", re.IGNORECASE)
ROUTE = re.compile(r"/gradio_api/([^/=]*)")
# what the page and programs ask of Gradio. Of the rest one has ffmpeg convert what is sent, as often as is wished and
# past all limits, and another keeps what a visitor was shown
ROUTES = {"info", "openapi.json", "startup-events", "theme.css", "app_id", "heartbeat", "upload", "upload_progress"}
ROUTES |= {"file", "queue", "call", "run", "api", "cancel", "reset"}


class Door:
    """ASGI around the page."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (why := refusal(scope)):
            await PlainTextResponse(why, 403)(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def refusal(scope: Scope) -> str | None:
    """Why a request is not answered; None for one that is."""
    if ADDRESS.search(scope["path"]):
        return "Addresses are not fetched here."
    if (route := ROUTE.search(scope["path"])) and route[1] not in ROUTES:
        return "This page has no use for that."
    if is_foreign(scope["method"], Headers(scope=scope)):
        return "Other pages may not use this one."
    return None


def is_foreign(method: str, headers: Headers) -> bool:
    """Whether another page has its visitor's browser ask the demo on the visitor's own machine: for what it takes, such
    as files, and not as a page to go to. Gradio keeps the answer from that page, but does what was asked."""
    if headers.get("sec-fetch-site") not in ("cross-site", "same-site"):  # same-site: another port
        return False
    is_click = (
        method == "GET" and headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    )
    return not is_click and LOOPBACK.fullmatch(headers.get("host", "")) is not None
