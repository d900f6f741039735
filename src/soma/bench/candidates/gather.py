"""The candidates that a real memory finds for each question, as one matrix."""

import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from soma.bench.candidates.matrix import CandidateMatrix
from soma.bench.data.collections import Collection, GoldQuestion
from soma.events.database import Database, migrate
from soma.events.writer import Writer
from soma.memory.embedders.base import Embedder
from soma.memory.memory import Memory
from soma.memory.memory import migrate as migrate_memory
from soma.memory.recall import hold
from soma.memory.types import STEPS, Candidates, NewMemory, Owner, Query

BATCH = 1_000
AFTERWARDS = timedelta(days=30)  # how long after the last memory a question without a date of its own is asked


@dataclass(frozen=True, slots=True)
class GatheredCandidates:
    matrix: CandidateMatrix
    questions: Sequence[GoldQuestion]
    found: Sequence[Candidates]


@asynccontextmanager
async def open_memory(folder: Path, embedder: Embedder, **settings: Any) -> AsyncIterator[Memory]:
    """Open a memory on a database of its own in `folder`."""
    with open_writer(folder) as writer:
        memory = Memory(writer, embedder, **settings)
        try:
            yield memory
        finally:
            memory.close()


@contextmanager
def open_writer(folder: Path) -> Iterator[Writer]:
    """Open the writer of the database in `folder`."""
    database = Database(f"sqlite:///{folder}/brain.sqlite3")
    connection = database.connect()
    migrate(connection, "events", files("soma.events") / "migrations")
    migrate_memory(connection)
    connection.close()
    writer = Writer(database)
    writer.start()
    try:
        yield writer
    finally:
        writer.close()


async def gather(
    collections: Sequence[Collection],
    embedder: Embedder,
    *,
    together: bool = False,
    consolidated: bool = False,
    tick: Callable[[int], None] = lambda _: None,
) -> GatheredCandidates:
    """Remember the collections and ask their questions, each when it is asked.

    Each collection belongs to a tenant of its own or, with `together`, all of them to one user, who asks when all are
    remembered. `consolidated` consolidates all memories before the first question.
    """
    found: list[Candidates] = []
    with tempfile.TemporaryDirectory() as folder:
        async with open_memory(Path(folder), embedder) as memory:
            if together:
                for collection in collections:
                    await remember_all(memory, owner_of("all"), collection.messages)
            for collection in collections:
                reader = owner_of("all" if together else collection.name)
                if consolidated:
                    await remember_all(memory, reader, collection.messages)
                    while await memory.consolidate(reader):
                        pass
                found += await _ask(memory, reader, collection, everything=together or consolidated)
                tick(len(collection.messages) + len(collection.questions))
    questions = [question for collection in collections for question in collection.questions]
    numbers = [number for number, collection in enumerate(collections) for _ in collection.questions]
    return GatheredCandidates(build_matrix(found, questions, numbers), questions, found)


async def _ask(memory: Memory, reader: Owner, collection: Collection, *, everything: bool) -> list[Candidates]:
    """Ask the questions in their order, each when as many memories are remembered as it knows of.

    With `everything`, all of them are remembered already.
    """
    found, messages = [], collection.messages
    last = max(datetime.fromisoformat(message.occurred_at or "") for message in messages)
    remembered = len(messages) if everything else 0
    for question in collection.questions:
        known = len(messages) if question.known is None else question.known
        if known > remembered:
            await remember_all(memory, reader, messages[remembered:known])
            remembered = known
        at = question.asked_at or (last + AFTERWARDS).isoformat()
        found.append(hold(await memory.candidates(reader, Query(text=question.text, at=at))))
    return found


async def remember_all(memory: Memory, owner: Owner, items: Sequence[NewMemory]) -> None:
    for start in range(0, len(items), BATCH):
        await memory.remember(owner, items[start : start + BATCH], are_messages=True)


def owner_of(tenant: str) -> Owner:
    return Owner(tenant_id=tenant, user_id="reader", agent_id="soma")


def build_matrix(
    found: Sequence[Candidates], questions: Sequence[GoldQuestion], conversations: Sequence[int]
) -> CandidateMatrix:
    rows = [one.levels.astype(np.float32) / STEPS for one in found]
    gold = [np.array([hit.key in question.gold for hit in one]) for one, question in zip(found, questions, strict=True)]
    return CandidateMatrix(
        views=list(found[0].views),
        values=np.concatenate(rows),
        gold=np.concatenate(gold),
        starts=np.cumsum([0, *map(len, rows)]),
        gold_count=np.array([len(question.gold) for question in questions]),
        category=np.array([question.category for question in questions]),
        conversation=np.array(conversations),
    )
