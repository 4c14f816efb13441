"""What the database takes, and what its errors tell."""

import logging
import sqlite3
import threading
import time

import pytest
from sqlalchemy import event, make_url, text
from sqlalchemy.exc import IntegrityError, OperationalError

from core.plan import PLANS
from server.auth import Keys
from server.database import Database
from server.routes.checks import KEY_LENGTH
from server.store import Store, Wish
from server.tables import Claim
from tests.server.conftest import wait_for
from tests.server.stores import Postgres, need_them


@pytest.fixture
def database(config):
    database = Database(config.database)
    database.migrate()
    yield database
    database.close()


def test_a_database_that_is_away_is_no_fault_of_the_request_which_is_told_to_come_back(app, client, config):
    app.extensions["unmask"].database.close()
    (config.data / "unmask.sqlite3").rename(config.data / "elsewhere")
    (config.data / "unmask.sqlite3").mkdir()
    answer = client.get("/v1/checks")
    assert (answer.status_code, answer.json["code"]) == (503, "not_ready")
    assert int(answer.headers["Retry-After"]) > 0


def test_an_error_of_the_database_names_nothing_of_what_was_asked(database):
    for _ in range(2):
        try:
            with database.write() as session:
                session.add(Claim(name="ann", check_id="https://secret.example/clip", body="", expires_at=0.0))
        except IntegrityError as error:
            told = str(error)
    assert "INSERT INTO claims" in told
    assert "secret.example" not in told


def test_the_longest_name_of_a_key_fits_wherever_it_goes(database, config):
    keys, name = Keys(database), "n" * 64
    assert keys.add(name, ("submit",))
    plan = max(PLANS, key=len)
    wish = Wish(name, "f" * 64, None, "upload", plan, True, False, category="c" * 40, idempotency_key="k" * KEY_LENGTH)
    Store(database, config).submit(wish)
    with database.read() as session:
        for table in Claim.metadata.sorted_tables:
            for row in session.execute(table.select()).mappings():
                for column in table.columns:  # SQLite takes more than it was told, PostgreSQL does not
                    length = getattr(column.type, "length", None)
                    assert not length or len(row[column.name] or "") <= length, (table.name, column.name)


@pytest.mark.parametrize("name", ["", "n" * 65])
def test_a_key_whose_name_fits_nowhere_is_not_made(database, name):
    with pytest.raises(ValueError, match="1 to 64"):
        Keys(database).add(name, ("submit",))
    assert not Keys(database).exist()


@pytest.mark.parametrize(
    ("pragma", "told"),
    [("query_only=ON", "attempt to write a readonly database"), ("max_page_count=1", "database or disk is full")],
)
def test_a_database_that_no_patience_mends_is_told_at_once(config, caplog, pragma, told):
    database = Database(config.database)
    event.listen(database.engine, "connect", lambda connection, _: connection.execute(f"PRAGMA {pragma}"))
    with pytest.raises(OperationalError, match=told):
        database.migrate()
    assert caplog.messages == []
    database.close()


def test_a_database_that_another_one_writes_to_is_waited_for_and_the_log_says_why(config, caplog):
    database = Database(config.database)
    event.listen(database.engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout=1"))
    with sqlite3.connect(config.data / "unmask.sqlite3", isolation_level=None) as other:
        other.execute("PRAGMA journal_mode=WAL")
        other.execute("BEGIN IMMEDIATE")
        with caplog.at_level(logging.WARNING):
            starting = threading.Thread(target=database.migrate)
            starting.start()
            until = time.monotonic() + 20
            while not caplog.messages and time.monotonic() < until:
                time.sleep(0.01)
        other.execute("ROLLBACK")
    other.close()
    starting.join()
    assert caplog.messages[0] == "the database is not ready, trying again: database is locked"
    assert not Keys(database).exist()
    database.close()


@pytest.fixture(scope="module")
def postgres():
    """One that asks for a password, which is "right"."""
    need_them()
    store = Postgres()
    try:
        database = Database(with_driver(store.url))
        with database.write() as session:
            session.execute(text("ALTER USER unmask PASSWORD 'right'"))
        (store.folder / "pg_hba.conf").write_text("host all all all scram-sha-256\n")
        with database.read() as session:
            session.execute(text("SELECT pg_reload_conf()"))
        database.close()
        wait_for(lambda: not lets_in(database), 20)
        yield store
    finally:
        store.close()


def lets_in(database: Database) -> bool:
    try:
        with database.read() as session:
            return bool(session.connection())
    except OperationalError:
        return False
    finally:
        database.close()


def with_driver(url: str, password: str | None = None) -> str:
    changed = make_url(url).set(drivername="postgresql+psycopg", password=password)
    return changed.render_as_string(hide_password=False)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("password", "told"), [("s3cret", "password authentication failed"), (None, "no password supplied")]
)
def test_who_may_not_come_in_is_told_at_once_and_without_the_password(postgres, caplog, password, told):
    database = Database(with_driver(postgres.url, password))
    with pytest.raises(OperationalError, match=told) as refused:
        database.migrate()
    assert caplog.messages == []
    assert "s3cret" not in str(refused.value)
    database.close()


@pytest.mark.slow
def test_a_postgres_that_is_not_there_yet_is_waited_for_and_named_without_the_password(postgres, caplog):
    database = Database(with_driver(postgres.url.replace(f":{postgres.port}", ":1"), "s3cret"))
    with pytest.raises(OperationalError, match="Connection refused"):
        database.migrate(patience_s=0.5)
    [line] = caplog.messages
    assert (
        line.startswith("the database is not ready, trying again: connection failed") and "Connection refused" in line
    )
    assert "s3cret" not in line
    database.close()
