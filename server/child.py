"""The processes around a worker: `python -m server.child analyse|fetch|network FD`.

`analyse` and `fetch` touch what comes from outside. They talk to the worker over a socket in JSON, never in pickles: a
child that a hostile file has taken over must not be able to hand objects to its parent. One request at a time; a child
that dies is replaced. `network` holds the model that several analysts share (server/network.py).

    worker -> child   the settings once, then {"path": ..., ...} for each check, {"cancel": true} at any time
    child  -> worker  {"ready": ...} once, then {"progress": [done, total, stage]}..., and {"result"} or {"error"}

An analyst whose file is to be had in pieces asks for each with {"want": number}; the worker has the fetcher write it into
the file, and answers {"brought": null}, or the error.
"""

import logging
import os
import pkgutil
import signal
import sys
from contextlib import nullcontext
from multiprocessing.connection import Connection
from pathlib import Path

from core.container import Source
from core.errors import CheckError
from core.pieces import Pieces
from server import logs, sandbox
from server.wire import Wire

log = logging.getLogger(__name__)

FILE_SIZE = 4 * 2**30  # no picture, video or report of ours comes near


def analyse(wire: Wire, settings: dict) -> None:
    """Load the model once, then judge files until the worker hangs up."""
    offline = sandbox.leave_network()
    if settings["network"]:
        from server.remote import load_remote

        detector = load_remote(settings["weights"], **settings["network"])
    else:
        detector = pkgutil.resolve_name(settings["detector"]).load(settings["weights"], settings["device"])
    sandbox.limit(settings["memory"], FILE_SIZE)
    wire.send(ready={"model": vars(detector.info), "degraded": [] if offline else ["decoder_has_network"]})

    def check(request: dict) -> dict:
        path = Path(request["path"])
        pieces = request["pieces"]
        with Pieces(path, **pieces, bring=wire.bring) if pieces else nullcontext(path) as source:
            analysis = detector.check(source, request["plan"], wire.progress, wire.cancelled)
            if request["artifacts"]:
                draw(wire, detector, source, request, analysis)
            return analysis.to_json()

    serve(wire, check)


def draw(wire: Wire, detector, source: Source, request: dict, analysis) -> None:
    from core.artifacts import write_artifacts
    from core.explain import heat_of

    wire.progress(0, 1, "draw")
    heat = heat_of(detector.model)

    def progress(done: int, total: int, _stage: str) -> None:
        wire.progress(done, total, "draw")

    folder = Path(request["artifacts"])
    write_artifacts(source, analysis, folder, heat, progress, wire.cancelled, request["name"], request["film"])
    (folder / "report.json").unlink()  # it names a path of ours, and the API gives the analysis


def fetch(wire: Wire, settings: dict) -> None:
    """Fetch links, whole or in pieces, until the worker hangs up. All of it goes through the guard's proxy."""
    from core.fetch import download
    from core.fetch.egress import Exit
    from core.fetch.sites import Allowed, canonicalise

    limits = download.Limits(**settings["limits"])
    allowed = Allowed(**{name: tuple(hosts) for name, hosts in settings["allowed"].items()})
    sandbox.limit(settings["memory"], 2 * limits.bytes)
    wire.send(ready={})
    remote = None

    def one(request: dict) -> dict:
        nonlocal remote
        if "block" in request:
            if not remote:  # a fetcher started anew
                raise CheckError("network")
            remote.bring(request["block"])
            return {}
        if remote:
            remote.close()
        link = canonicalise(request["url"], allowed)
        fetched = download.fetch(
            link,
            Path(request["folder"]),
            Exit(request["proxy"]),
            limits,
            lambda done, total: wire.progress(done, total, "fetch"),
            wire.cancelled,
            allowed,
            request["in_pieces"],
        )
        remote = fetched.remote
        return {"path": str(fetched.path), "pieces": remote and {"size": remote.size, "block": remote.block}}

    serve(wire, one)


def network(wire: Wire, settings: dict) -> None:
    from server.network import serve_analysts

    serve_analysts(wire, **settings)


def serve(wire: Wire, work) -> None:
    while True:
        request = wire.receive()
        if "cancel" in request or "brought" in request:
            continue  # it crossed the answer to the check it was meant for
        try:
            wire.send(result=work(request))
        except CheckError as error:
            wire.send(error=[error.code, error.detail])
        except MemoryError:
            wire.send(error=["out_of_memory", ""])
            os._exit(1)  # what it left behind is not worth trusting
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return
        except Exception as error:
            log.error("unexpected, in what reads or fetches files", exc_info=error)
            wire.send(error=["internal", ""])


def main() -> None:
    sandbox.die_with_parent()
    logs.configure()
    # what is told to all processes at once, by a terminal or a supervisor, is for the worker to deal with
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    kind, descriptor = sys.argv[1:]
    wire = Wire(Connection(int(descriptor)))
    try:
        {"analyse": analyse, "fetch": fetch, "network": network}[kind](wire, wire.receive())
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # the worker is gone
    except CheckError as error:  # the weights
        wire.send(error=[error.code, error.detail])


if __name__ == "__main__":
    main()
