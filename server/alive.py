"""Whether the server of this machine answers, for the health checks of its images: `python -m server.alive /health`."""

import os
import sys
from http.client import HTTPConnection, HTTPException  # which ask no proxy


def answers(path: str, port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=4)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False


if __name__ == "__main__":
    sys.exit(0 if answers(sys.argv[1], int(os.environ.get("UNMASK_PORT") or 8000)) else 1)
