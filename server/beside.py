"""The demo beside the API, at /demo: where UNMASK_DEMO says so, and on this machine only, as its page knows no keys.

Gradio speaks ASGI and Flask WSGI, so uvicorn, which gradio brings along, stands in gunicorn's place.
"""

from flask import Flask

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
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    from demo.app import LAUNCH, page_of

    page = page_of(config.weights, load=False)
    looks = {name: value for name, value in LAUNCH.items() if name != "quiet"}
    mounted = gr.mount_gradio_app(FastAPI(openapi_url=None), page, PATH, **looks)
    # a page elsewhere whose name was made to point here is not answered, as in server.auth
    demo = TrustedHostMiddleware(mounted, ["127.0.0.1", "localhost", *config.hosts])
    api = WSGIMiddleware(app, workers=config.threads)

    async def both(scope, receive, send) -> None:
        is_demo = scope["type"] != "http" or scope["path"] == PATH or scope["path"].startswith(f"{PATH}/")
        await (demo if is_demo else api)(scope, receive, send)

    return both
