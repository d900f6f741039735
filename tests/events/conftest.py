"""A log of its own for each test."""

from importlib.resources import files

import pytest

from soma.events.database import Database, migrate


@pytest.fixture
def database(tmp_path) -> Database:
    database = Database(f"sqlite:///{tmp_path}/log.sqlite3")
    connection = database.connect()
    migrate(connection, "events", files("soma.events") / "migrations")
    connection.close()
    return database
