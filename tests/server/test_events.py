"""Event streams: how many there are, and what they outlast."""

from dataclasses import replace

import pytest
from sqlalchemy.exc import OperationalError

from server.routes import events
from tests.server.conftest import Running

LINK = {"url": "https://x.com/a/status/1"}


def test_streams_leave_half_of_the_threads_to_all_else(make_app, config):
    client = make_app(replace(config, threads=4)).test_client()
    path = f"/v1/checks/{client.post('/v1/checks', json=LINK).json['id']}/events"
    opened = [client.get(path, buffered=False) for _ in range(3)]
    assert [answer.status_code for answer in opened] == [200, 200, 429]
    assert int(opened[-1].headers["Retry-After"]) > 0
    opened[0].close()
    again = client.get(path, buffered=False)
    assert again.status_code == 200
    again.close()
    opened[1].close()


class Away:
    """A store whose database is away for a while, and then says that the check was cancelled."""

    def __init__(self, store):
        self.store = store
        self.left = 3

    def get(self, check_id, owner):
        if self.left:
            self.left -= 1
            raise OperationalError("SELECT", {}, Exception("gone"))
        return self.store.cancel(check_id, owner)


def test_a_stream_outlasts_a_database_that_goes_away_and_comes_back(app, client, monkeypatch):
    monkeypatch.setattr(events, "LOOK_S", 0)
    services = app.extensions["unmask"]
    check = services.store.get(client.post("/v1/checks", json=LINK).json["id"], "local")
    told = "".join(events.events(replace(services, store=Away(services.store)), check, 0))
    assert told.index("event: queued") < told.index("event: cancelled")


@pytest.mark.slow
def test_a_stream_ends_with_its_server_and_does_not_keep_it(tmp_path):
    server = Running(tmp_path / "data")
    try:
        web = server.start("web")
        server.until_alive()
        check_id = server.post("/v1/checks", json=LINK).json()["id"]
        with server.get(f"/v1/checks/{check_id}/events", stream=True) as answer:
            lines = answer.iter_lines()
            assert next(lines) == b"retry: 2000"
            web.terminate()
            assert b"event: queued" in list(lines)  # to its proper end: else requests raises
    finally:
        server.stop()
