"""Ask a real memory every question and keep what it found, as one matrix."""

import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from soma.bench.candidates.matrix import Judged
from soma.bench.data.locomo import Asked, Conversation
from soma.events.database import Database, migrate
from soma.events.writer import Writer
from soma.memory.embedders.base import Embedder
from soma.memory.memory import Memory
from soma.memory.memory import migrate as migrate_memory
from soma.memory.types import STEPS, Candidates, NewMemory, Owner, Query

BATCH = 1_000
ASKED_AT = "2024-06-01T00:00:00+00:00"  # after the last message of the data


@dataclass(frozen=True, slots=True)
class Gathered:
    judged: Judged
    questions: Sequence[Asked]
    found: Sequence[Candidates]


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
    consolidated: bool = False,
    tick: Callable[[int], None] = lambda _: None,
) -> Gathered:
    """Each conversation belongs to a tenant of its own or, `together`, all of them to one user.

    `consolidated` distils everything before the first question.
    """
    found: list[Candidates] = []
    with tempfile.TemporaryDirectory() as folder:
        async with memory_on(Path(folder), embedder) as memory:
            owners = [owner("all" if together else conversation.name) for conversation in conversations]
            for who, conversation in zip(owners, conversations, strict=True):
                await remember_all(memory, who, conversation.messages)
                while consolidated and await memory.consolidate(who):
                    pass
                tick(len(conversation.messages))
            for who, conversation in zip(owners, conversations, strict=True):
                queries = [Query(text=asked.text, at=ASKED_AT) for asked in conversation.questions]
                found.extend([await memory.candidates(who, query) for query in queries])
                tick(len(conversation.questions))
    questions = [asked for conversation in conversations for asked in conversation.questions]
    numbers = [number for number, conversation in enumerate(conversations) for _ in conversation.questions]
    return Gathered(matrix(found, questions, numbers), questions, found)


async def remember_all(memory: Memory, who: Owner, items: Sequence[NewMemory]) -> None:
    for start in range(0, len(items), BATCH):
        await memory.remember(who, items[start : start + BATCH])


def owner(tenant: str) -> Owner:
    return Owner(tenant_id=tenant, user_id="reader", agent_id="soma")


def matrix(found: Sequence[Candidates], questions: Sequence[Asked], conversations: Sequence[int]) -> Judged:
    rows = [one.levels.astype(np.float32) / STEPS for one in found]
    gold = [np.array([hit.key in asked.gold for hit in one]) for one, asked in zip(found, questions, strict=True)]
    return Judged(
        views=list(found[0].views),
        values=np.concatenate(rows),
        gold=np.concatenate(gold),
        starts=np.cumsum([0, *map(len, rows)]),
        gold_count=np.array([len(asked.gold) for asked in questions]),
        category=np.array([asked.category for asked in questions]),
        conversation=np.array(conversations),
    )
