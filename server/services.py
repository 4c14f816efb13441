"""What the views need, made once by `create_app`."""

from dataclasses import dataclass
from threading import BoundedSemaphore, Event

from flask import current_app

from server.auth import Keys
from server.bell import Ringer
from server.config import Config
from server.database import Database
from server.queue import Queue
from server.reviews import Reviews
from server.store import Store


@dataclass(frozen=True)
class Services:
    config: Config
    database: Database
    store: Store
    queue: Queue
    keys: Keys
    reviews: Reviews
    ringer: Ringer
    streams: BoundedSemaphore  # of events; each holds a thread of the server, and those who get none poll
    batches: BoundedSemaphore  # being taken in: while one is, everybody else waits to write
    leaving: Event  # set when the process is to end, for streams to end as well


def services() -> Services:
    return current_app.extensions["unmask"]
