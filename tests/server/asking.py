"""How the tests ask the application, and what of it they reach for."""

import io

from tests.server.standin import result

LINK = {"url": "https://youtu.be/aqz-KE-bpKQ"}


def links(*numbers: int) -> list[str]:
    return [f"https://x.com/a/status/{n}" for n in numbers]


def services(app):
    return app.extensions["unmask"]


def upload(client, content: bytes, name="clip.mp4", **form):
    return client.post("/v1/checks", data={"file": (io.BytesIO(content), name), **form})


def finish(app, check_id: str):
    """What a worker would do."""
    queue = services(app).queue
    while (check := queue.take("test")).id != check_id:
        pass
    queue.done(check, result("no_signs_found", 0.1).to_json(), None, None)
