"""What the views need, made once by `create_app`."""

from dataclasses import dataclass

from celery import Celery
from flask import current_app

from server.auth import Keys
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
    bell: Celery


def services() -> Services:
    return current_app.extensions["unmask"]
