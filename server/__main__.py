"""`python -m server web|worker|all|keys`."""

import argparse
import logging
import os
import signal
import subprocess
import sys
import time

from core.errors import CheckError
from core.settings import SECRETS, unread

try:
    from sqlalchemy.exc import SQLAlchemyError

    from server import logs, sandbox
    from server.config import Config, from_env
    from server.database import TooNew, reason
except ModuleNotFoundError as error:
    sys.exit(str(CheckError("not_installed", error.name or "")))


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m server", description="Settings are UNMASK_* variables; see docs/server.md."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("web", help="the API")
    commands.add_parser("worker", help="what does the checks")
    commands.add_parser("all", help="both")
    keys = commands.add_parser("keys", help="API keys")
    verbs = keys.add_subparsers(dest="verb", required=True)
    add = verbs.add_parser("add", help="make a key and show it once")
    add.add_argument("name", help="whose key it is: the owner of its checks")
    add.add_argument("--scope", action="append", choices=("submit", "review", "operate"), help="default: submit")
    verbs.add_parser("list", help="names and scopes")
    remove = verbs.add_parser("remove", help="every key of a name")
    remove.add_argument("name")
    remove.add_argument("--old", action="store_true", help="all but the newest, once that is in use")
    given = parser.parse_args()
    try:
        config = from_env(os.environ)
    except ValueError as error:
        parser.error(str(error))
    logs.configure()
    sandbox.hide()
    os.umask(0o077)  # videos, reports, links and digests of keys are nothing for other users of this machine
    if given.command == "all":
        return run_all(config)
    for told in unread(os.environ):  # by each part of `all` for itself
        logging.getLogger("server").warning(told)
    try:
        return {"web": run_web, "worker": run_worker, "keys": run_keys}[given.command](config, given)
    except SQLAlchemyError as error:
        print(f"Cannot start: the database says: {reason(error)}. Look at {place_of(config)}.", file=sys.stderr)
    except (TooNew, ModuleNotFoundError, OSError) as error:  # none that we have a driver for; no such folder
        print(f"Cannot start: {error}", file=sys.stderr)
    return 2


def place_of(config: Config) -> str:
    """Where the database is, without the password that its address may hold."""
    return "UNMASK_DATABASE_URL" if config.database_url else f"the folder {config.data.absolute()} (UNMASK_DATA)"


def run_web(config: Config, _given) -> int:
    from server.app import create_app

    if config.demo and not config.on_loopback:
        print(f"Not listening on {config.host}: the demo's page knows no keys (UNMASK_DEMO).", file=sys.stderr)
        return 2
    app = create_app(config)
    if not config.on_loopback and not app.extensions["unmask"].keys.exist():
        print(
            f"Not listening on {config.host}: without API keys the server is for this machine only.\n"
            "Make a key first: python -m server keys add NAME",
            file=sys.stderr,
        )
        return 2
    if config.demo:
        from server.beside import serve
    else:
        from server.web import serve
    serve(app, config)
    return 0


def run_worker(config: Config, _given) -> int:
    from server.children import Died
    from server.worker import run_worker

    for name in SECRETS:  # what it starts reads strangers' files, or speaks with strangers
        os.environ.pop(name, None)
    try:
        run_worker(config)
    except (CheckError, ValueError) as error:  # no weights; a policy or a secret that cannot be used
        print(error, file=sys.stderr)
        return 2
    except Died:
        print("Cannot start: the process that loads the model ended; what it wrote stands above.", file=sys.stderr)
        return 2
    return 0


def run_all(config: Config) -> int:
    """Web and worker as two processes; when one ends, so does the other. The status is that of the first, as a shell has it."""
    # were this process killed, they would live on, and hold the port
    parts = [
        subprocess.Popen([sys.executable, "-m", "server", part], preexec_fn=sandbox.die_with_parent)
        for part in ("web", "worker")
    ]
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):  # the last when its terminal is closed
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
            signal.signal(number, lambda *_: [part.terminate() for part in parts])
    while all(part.poll() is None for part in parts):
        time.sleep(0.2)
    status = next(part.returncode for part in parts if part.returncode is not None)
    for part in parts:
        part.terminate()
        part.wait()
    return status if status >= 0 else 128 - status  # who was killed must be started again


def run_keys(config: Config, given) -> int:
    from server.auth import Keys
    from server.database import Database

    database = Database(config.database)
    database.migrate()
    keys = Keys(database)
    if given.verb == "add":
        try:
            print(keys.add(given.name, tuple(given.scope or ("submit",))))
        except ValueError as error:
            print(error, file=sys.stderr)
            return 2
    elif given.verb == "remove":
        removed = keys.remove(given.name, but_newest=given.old)
        print(f"{removed} removed")
        return 0 if removed or given.old else 1  # for a name that nobody has
    else:
        for key in keys.all():
            print(f"{key.name}: {' '.join(key.scopes)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
