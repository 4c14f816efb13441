"""What the database takes, and what its errors tell."""

import pytest
from sqlalchemy.exc import IntegrityError

from core.plan import PLANS
from server.auth import Keys
from server.database import Database
from server.routes.checks import KEY_LENGTH
from server.store import Store, Wish
from server.tables import Claim


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
