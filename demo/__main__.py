"""`python -m demo`: serve the page on this machine."""

import argparse
import signal
import sys

from demo.folder import end_with_terminal, visitors_folder


def main() -> None:
    parser = argparse.ArgumentParser("python -m demo", description="Serve the page to check videos on.")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on; this machine alone by default")
    parser.add_argument("--port", type=int, default=7860)
    parser.add_argument("--weights", metavar="FOLDER|HUB_ID", help="other weights than the bundled ones")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # by itself it would end this without cleaning up
    end_with_terminal()
    with visitors_folder():
        from demo.app import serve

        print(f"Unmask is loading; then open http://{options.host}:{options.port}", flush=True)
        try:
            serve(options.host, options.port, options.weights)
        except OSError as error:
            if "empty port" not in str(error):  # Gradio's words for one that is taken
                raise
            sys.exit(f'Port {options.port} is in use. Try another: make demo ARGS="--port {options.port + 1}"')


if __name__ == "__main__":
    main()
