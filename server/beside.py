"""The demo beside the API, at /demo: where UNMASK_DEMO says so, and on this machine only, as its page knows no keys.

Gradio speaks ASGI and Flask WSGI, so uvicorn, which gradio brings along, stands in gunicorn's place.
"""

import asyncio
import os
import signal
import threading
from contextlib import suppress

from flask import Flask

from server.auth import is_named
from server.config import Config
from server.routes.events import GONE

PATH = "/demo"


def serve(app: Flask, config: Config) -> None:
    """Until SIGTERM."""
    import uvicorn

    from demo.folder import end_with_terminal, visitors_folder

    class Server(uvicorn.Server):
        def handle_exit(self, number, frame) -> None:
            app.extensions["unmask"].leaving.set()  # for event streams to end too; uvicorn would wait for them
            super().handle_exit(number, frame)

    signal.signal(signal.SIGTERM, end)
    end_with_terminal()
    with suppress(KeyboardInterrupt), visitors_folder():
        settings = uvicorn.Config(
            compose(app, config),
            host=config.host,
            port=config.port,
            access_log=False,  # paths hold the ids of checks
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=10,
        )
        Server(settings).run()
    os._exit(0)  # whoever still sends a request has a thread, which would be waited for


def end(*_) -> None:
    """For SIGTERM, which uvicorn sends itself again when it has ended; by itself it would leave the visitors' folder.

    A second one does not come in between.
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


class Listening:
    """ASGI around a2wsgi, which listens to a client only for the body of its request.

    So an event stream would keep its thread and its place long after its client has left.
    """

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send) -> None:
        gone = threading.Event()

        async def listen() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            gone.set()

        async def nothing() -> dict:
            return {"type": "http.request", "body": b"", "more_body": False}

        if scope["method"] != "GET":  # whose bodies nobody reads
            return await self.app(scope, receive, send)
        listening = asyncio.create_task(listen())
        try:
            await self.app({**scope, GONE: gone}, nothing, send)
        finally:
            listening.cancel()


def completed(app: Flask):
    """WSGI around the API, with what a2wsgi leaves out of the environ."""

    def wsgi(environ, start_response):
        # bodies end where they end, also those in chunks, which Flask takes for empty otherwise
        environ["wsgi.input_terminated"] = True
        if gone := environ["asgi.scope"].get(GONE):
            environ[GONE] = gone
        return app(environ, start_response)

    return wsgi


def compose(app: Flask, config: Config):
    """An ASGI application of both."""
    import gradio as gr
    from a2wsgi import WSGIMiddleware
    from fastapi import FastAPI
    from starlette.datastructures import Headers
    from starlette.responses import PlainTextResponse

    from demo.app import LAUNCH, page_of

    page = page_of(config.weights, load=False)
    looks = {name: value for name, value in LAUNCH.items() if name != "quiet"}
    demo = gr.mount_gradio_app(FastAPI(openapi_url=None), page, PATH, **looks)
    api = Listening(WSGIMiddleware(completed(app), workers=config.threads))

    async def both(scope, receive, send) -> None:
        is_demo = scope["type"] != "http" or scope["path"] == PATH or scope["path"].startswith(f"{PATH}/")
        # a page elsewhere whose name was made to point here is not answered, as in server.auth
        if is_demo and scope["type"] != "lifespan" and not is_named(Headers(scope=scope).get("host", ""), config):
            await PlainTextResponse("Invalid host header", 400)(scope, receive, send)
        else:
            await (demo if is_demo else api)(scope, receive, send)

    return both
