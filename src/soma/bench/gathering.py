"""Ask a real memory every question and keep what it found, as one matrix."""

import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soma.bench.judged import Judged
from soma.bench.locomo import Asked, Conversation
from soma.events.database import Database, migrate
from soma.events.writer import Writer
from soma.memory.embedders.base import Embedder
from soma.memory.memory import Memory
from soma.memory.memory import migrate as migrate_memory
from soma.memory.recall import STEPS
from soma.memory.types import Candidates, NewMemory, Owner, Query
from soma.memory.views import VIEWS

BATCH = 1_000
ASKED_AT = "2024-06-01T00:00:00+00:00"  # after the last message of the data


@dataclass(frozen=True, slots=True)
class Gathered:
    """`texts` are those of all rows of `judged`, `keys` likewise; `same` are pairs of rows of a question, by place."""

    judged: Judged
    questions: Sequence[Asked]
    keys: Sequence[str]
    texts: Sequence[str]
    same: Sequence[frozenset[tuple[int, int]]]


@asynccontextmanager
async def memory_on(folder: Path, embedder: Embedder, **settings: Any) -> AsyncIterator[Memory]:
    """A memory on a database of its own in `folder`."""
    database = Database(f"sqlite:///{folder}/brain.sqlite3")
    connection = database.connect()
    migrate(connection, "events", files("soma.events") / "migrations")
    migrate_memory(connection)
    connection.close()
    writer = Writer(database)
    writer.start()
    memory = Memory(writer, embedder, **settings)
    try:
        yield memory
    finally:
        memory.close()
        writer.close()


async def gather(
    conversations: Sequence[Conversation],
    embedder: Embedder,
    *,
    together: bool = False,
) -> Gathered:
    """Each conversation belongs to a tenant of its own or, `together`, all of them to one user."""
    found: list[_Found] = []
    with tempfile.TemporaryDirectory() as folder:
        async with memory_on(Path(folder), embedder) as memory:
            owners = [owner("all" if together else conversation.name) for conversation in conversations]
            for who, conversation in zip(owners, conversations, strict=True):
                await remember_all(memory, who, conversation.messages)
            for number, (who, conversation) in enumerate(zip(owners, conversations, strict=True)):
                for asked in conversation.questions:
                    candidates = await memory.candidates(who, Query(text=asked.text, at=ASKED_AT))
                    found.append(_Found.of(candidates, asked, number))
    return _gathered(found)


@dataclass(frozen=True, slots=True)
class _Found:
    """What is kept of an answer: hundreds of candidates times thousands of questions would not fit."""

    asked: Asked
    conversation: int
    keys: list[str]
    texts: list[str]
    values: NDArray[np.float32]
    same: frozenset[tuple[int, int]]

    @classmethod
    def of(cls, candidates: Candidates, asked: Asked, conversation: int) -> "_Found":
        found = candidates.found
        levels = np.array([[hit.views[name] for name in VIEWS] for hit in found])
        values = (levels / STEPS).astype(np.float32)
        keys, texts = [hit.key for hit in found], [hit.text for hit in found]
        return cls(asked, conversation, keys, texts, values, candidates.duplicates)


def _gathered(found: Sequence[_Found]) -> Gathered:
    judged = Judged(
        views=list(VIEWS),
        values=np.concatenate([one.values for one in found]),
        gold=np.array([key in one.asked.gold for one in found for key in one.keys]),
        starts=np.cumsum([0, *(len(one.keys) for one in found)]),
        gold_count=np.array([len(one.asked.gold) for one in found]),
        category=np.array([one.asked.category for one in found]),
        conversation=np.array([one.conversation for one in found]),
    )
    return Gathered(
        judged=judged,
        questions=[one.asked for one in found],
        keys=[key for one in found for key in one.keys],
        texts=[text for one in found for text in one.texts],
        same=[one.same for one in found],
    )


async def remember_all(memory: Memory, who: Owner, items: Sequence[NewMemory]) -> None:
    for start in range(0, len(items), BATCH):
        await memory.remember(who, items[start : start + BATCH])


def owner(tenant: str) -> Owner:
    return Owner(tenant_id=tenant, user_id="reader", agent_id="soma")
