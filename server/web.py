"""gunicorn, with the application handed over instead of named: threads, so that event streams do not hold up the rest."""

import sys

from flask import Flask
from gunicorn.app.base import BaseApplication

from server.config import Config


class Server(BaseApplication):
    def __init__(self, app: Flask, config: Config):
        self.app = app
        self.settings = {
            "bind": f"[{config.host}]:{config.port}" if ":" in config.host else f"{config.host}:{config.port}",
            "workers": 1,
            "threads": config.threads,
            "worker_class": "gthread",
            "timeout": 120,
            "graceful_timeout": 10,
            "keepalive": 5,
            "limit_request_line": 4094,
            "limit_request_fields": 60,
            "accesslog": None,  # paths hold the ids of checks
            "control_socket_disable": True,
        }
        super().__init__()

    def load_config(self) -> None:
        for name, value in self.settings.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return self.app


def serve(app: Flask, config: Config) -> None:
    """Until SIGTERM."""
    # Who comes back from the disk or the database waits for the others to let go, a dozen times in a request: 5 ms by default.
    sys.setswitchinterval(0.0005)
    app.extensions["unmask"].database.close()  # connections must not be shared across gunicorn's fork
    Server(app, config).run()
