"""Memory on a real database file with the real model; `Counting` tells how often the model ran."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any

import pytest

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


@pytest.fixture
def embedder() -> Counting:
    return Counting()


@pytest.fixture
def database(tmp_path) -> Database:
    return prepared(Database(f"sqlite:///{tmp_path}/brain.sqlite3"))


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
