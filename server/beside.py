"""The demo beside the API, at /demo: where UNMASK_DEMO says so, and on this machine only, as its page knows no keys.

Gradio speaks ASGI and Flask WSGI, so uvicorn, which gradio brings along, stands in gunicorn's place.
"""

from flask import Flask

from server.auth import is_named
from server.config import Config

PATH = "/demo"


def serve(app: Flask, config: Config) -> None:
    """Until SIGTERM."""
    import uvicorn

    from demo.folder import end_with_terminal, visitors_folder

    end_with_terminal()
    with visitors_folder():
        # no access log: paths hold the ids of checks
        uvicorn.run(
            compose(app, config),
            host=config.host,
            port=config.port,
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=10,
        )


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
    api = WSGIMiddleware(app, workers=config.threads)

    async def both(scope, receive, send) -> None:
        is_demo = scope["type"] != "http" or scope["path"] == PATH or scope["path"].startswith(f"{PATH}/")
        # a page elsewhere whose name was made to point here is not answered, as in server.auth
        if is_demo and scope["type"] != "lifespan" and not is_named(Headers(scope=scope).get("host", ""), config):
            await PlainTextResponse("Invalid host header", 400)(scope, receive, send)
        else:
            await (demo if is_demo else api)(scope, receive, send)

    return both
