"""What the database takes, and what its errors tell."""

import pytest
from sqlalchemy.exc import IntegrityError

from server.database import Database
from server.tables import Claim


@pytest.fixture
def database(config):
    database = Database(config.database)
    database.migrate()
    yield database
    database.close()


def test_an_error_of_the_database_names_nothing_of_what_was_asked(database):
    for _ in range(2):
        try:
            with database.write() as session:
                session.add(Claim(name="ann", check_id="https://secret.example/clip", body="", expires_at=0.0))
        except IntegrityError as error:
            told = str(error)
    assert "INSERT INTO claims" in told
    assert "secret.example" not in told
