"""`python -m demo`: serve the page on this machine."""

import argparse
import os
import signal
import sys

from core.errors import CheckError
from core.settings import check_switches, proxy_address, read, unread
from demo.folder import end_with_terminal, visitors_folder


def port(text: str) -> int:
    if not 0 < (number := int(text)) < 65536:
        raise ValueError
    return number


def ask_itself_directly(host: str) -> None:
    """Gradio asks its own page whether it is up; the proxy that the surroundings may name cannot reach it."""
    direct = [os.environ.get("no_proxy") or os.environ.get("NO_PROXY"), "localhost", "127.0.0.1", "::1", host]
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = ",".join(filter(None, direct))


def main() -> None:
    parser = argparse.ArgumentParser("python -m demo", description="Serve the page to check videos on.")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on; this machine alone by default")
    parser.add_argument("--port", type=port, default=7860)
    parser.add_argument("--weights", metavar="FOLDER|HUB_ID", help="other weights than the bundled ones")
    options = parser.parse_args()
    try:  # before the weights are loaded, which takes a while
        check_switches(os.environ)
        read(os.environ, "UNMASK_EGRESS_PROXY", proxy_address, None)
    except ValueError as error:
        parser.error(str(error))
    for told in unread(os.environ):
        print(f"Unmask: {told}", file=sys.stderr)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # by itself it would end this without cleaning up
    end_with_terminal()
    ask_itself_directly(options.host)
    with visitors_folder():
        try:
            from demo.app import serve
        except ModuleNotFoundError as error:
            sys.exit(str(CheckError("not_installed", error.name or "")))

        print(f"Unmask is loading; then open http://{options.host}:{options.port}", flush=True)
        try:
            serve(options.host, options.port, options.weights)
        except CheckError as error:
            sys.exit(str(error))
        except OSError as error:
            if "empty port" not in str(error):  # Gradio's words for one that cannot be had
                raise
            sys.exit(
                f"Cannot listen on {options.host}:{options.port}: it is in use, or {options.host} is no address of this "
                f'machine. Try another: make demo ARGS="--port {options.port % 65535 + 1}"'
            )


if __name__ == "__main__":
    main()
