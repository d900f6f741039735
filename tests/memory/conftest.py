"""Memory on a real database file with the real model; `Counting` tells how often the model ran."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from tests.databases import copy_tables

from soma.events.database import Database
from soma.events.database import migrate as apply_migrations
from soma.events.writer import Writer
from soma.memory.embedders.base import Embedder, Reading
from soma.memory.embedders.minilm import MiniLM
from soma.memory.memory import Memory, migrate
from soma.memory.types import Owner

MODEL = MiniLM()  # loaded once for all tests


class Counting:
    """An embedder, and how many texts it was given."""

    def __init__(self, embedder: Embedder = MODEL) -> None:
        self._embedder = embedder
        self.name = embedder.name
        self.dimension = embedder.dimension
        self.late_dimension = embedder.late_dimension
        self.texts: list[str] = []

    def read(self, text: str) -> Reading:
        self.texts.append(text)
        return self._embedder.read(text)

    def read_all(self, texts) -> list[Reading]:
        return [self.read(text) for text in texts]

    def find_passages(self, text: str):
        return self._embedder.find_passages(text)


@pytest.fixture
def embedder() -> Counting:
    return Counting()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The tests in this folder itself and of texts are the suite of both databases: the same verbs, the same hits."""
    here = Path(__file__).parent
    if "database" in metafunc.fixturenames and Path(metafunc.definition.path).parent in {here, here / "text"}:
        both = ["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)]
        metafunc.parametrize("database", both, indirect=True)


@pytest.fixture
def database(request, tmp_path) -> Iterator[Database]:
    if getattr(request, "param", "sqlite") == "sqlite":
        copy_tables(tmp_path / "brain.sqlite3")
        database = Database(f"sqlite:///{tmp_path}/brain.sqlite3")
    else:
        database = Database(request.getfixturevalue("postgresql").prepared())
    yield database
    database.reader().close()


def prepared(database: Database) -> Database:
    connection = database.connect()
    apply_migrations(connection, "events", files("soma.events") / "migrations")
    migrate(connection)
    connection.close()
    return database


@asynccontextmanager
async def opened(database: Database, embedder: Embedder, **settings: Any) -> AsyncIterator[Memory]:
    writer = Writer(database)
    writer.start()
    memory = Memory(writer, embedder, **settings)
    yield memory
    memory.close()
    writer.close()


@pytest.fixture
async def memory(database, embedder) -> AsyncIterator[Memory]:
    async with opened(database, embedder) as memory:
        yield memory


@pytest.fixture
def alice() -> Owner:
    return owner("alice")


def owner(user="alice", *, tenant="acme", agent="soma") -> Owner:
    return Owner(tenant_id=tenant, user_id=user, agent_id=agent)
