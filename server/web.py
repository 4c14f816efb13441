"""gunicorn, with the application handed over instead of named: threads, so that event streams do not hold up the rest."""

import signal
import sys

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import ThreadWorker

from server.config import Config


class Log(Logger):
    """gunicorn's lines go the way of all others, and name nobody."""

    def setup(self, cfg) -> None:
        super().setup(cfg)
        self.error_log.propagate = True

    def warning(self, message: str, *args, **kwargs) -> None:
        if message.startswith("Invalid request from"):  # by itself it says from where, and repeats what was sent
            message, args = "a request that cannot be read was refused", ()
        super().warning(message, *args, **kwargs)


class Server(BaseApplication):
    def __init__(self, app: Flask, config: Config):
        self.app = app
        self.outlives_terminal = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN  # as nohup has it
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
            "logger_class": Log,
            "errorlog": None,
            "accesslog": None,  # paths hold the ids of checks
            "control_socket_disable": True,
            "when_ready": self._end_with_terminal,
            "post_worker_init": self._tell_streams,
        }
        super().__init__()

    def _end_with_terminal(self, arbiter: Arbiter) -> None:
        """By itself gunicorn starts its workers anew then, and stays, with the port but with nobody who does checks."""
        end = signal.SIG_IGN if self.outlives_terminal else lambda _, frame: arbiter.signal(signal.SIGTERM, frame)
        signal.signal(signal.SIGHUP, end)

    def _tell_streams(self, worker: ThreadWorker) -> None:
        """When it is to end, event streams end with it; gunicorn would wait for them, and then cut off all else too."""

        def leave(number: int, frame) -> None:
            self.app.extensions["unmask"].leaving.set()
            worker.handle_exit(number, frame)

        signal.signal(signal.SIGTERM, leave)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the arbiter heeds it

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
