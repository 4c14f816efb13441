"""JSON messages between the worker and its children; see server/child.py for what is said."""

import json
from multiprocessing.connection import Connection

from core.errors import CheckError

MESSAGE_LIMIT = 64 * 2**20  # an analysis of many faces over a long video has a few MB


class Wire:
    """JSON messages over a socket, and the one question a long computation asks: am I still wanted?"""

    def __init__(self, connection: Connection):
        self.connection = connection

    def send(self, **message) -> None:
        self.connection.send_bytes(json.dumps(message, allow_nan=False).encode())

    def receive(self) -> dict:
        return json.loads(self.connection.recv_bytes(MESSAGE_LIMIT))

    def cancelled(self) -> bool:
        return self.connection.poll(0) and bool(self.receive().get("cancel"))

    def progress(self, done: int, total: int, stage: str) -> None:
        self.send(progress=[done, total, stage])

    def bring(self, number: int) -> None:
        """Have a block of the file fetched. Raises CheckError."""
        self.send(want=number)
        answer = self.receive()
        if "brought" not in answer:
            raise CheckError("cancelled")
        if answer["brought"]:
            raise CheckError(*answer["brought"])
