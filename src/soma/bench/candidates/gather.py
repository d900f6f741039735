"""The candidates that a real memory finds for each question, as one matrix."""

import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from soma.bench.candidates.matrix import CandidateMatrix
from soma.bench.data.locomo import GoldQuestion, LocomoConversation
from soma.events.database import Database, migrate
from soma.events.writer import Writer
from soma.memory.embedders.base import Embedder
from soma.memory.memory import Memory
from soma.memory.memory import migrate as migrate_memory
from soma.memory.recall import hold
from soma.memory.types import STEPS, Candidates, NewMemory, Owner, Query

BATCH = 1_000
ASKED_AT = "2024-06-01T00:00:00+00:00"  # after the last message of the data


@dataclass(frozen=True, slots=True)
class GatheredCandidates:
    matrix: CandidateMatrix
    questions: Sequence[GoldQuestion]
    found: Sequence[Candidates]


@asynccontextmanager
async def open_memory(folder: Path, embedder: Embedder, **settings: Any) -> AsyncIterator[Memory]:
    """Open a memory on a database of its own in `folder`."""
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
    conversations: Sequence[LocomoConversation],
    embedder: Embedder,
    *,
    together: bool = False,
    consolidated: bool = False,
    tick: Callable[[int], None] = lambda _: None,
) -> GatheredCandidates:
    """Remember the conversations and ask their questions.

    Each conversation belongs to a tenant of its own or, with `together`, all of them to one user. `consolidated`
    consolidates all memories before the first question.
    """
    found: list[Candidates] = []
    with tempfile.TemporaryDirectory() as folder:
        async with open_memory(Path(folder), embedder) as memory:
            owners = [owner_of("all" if together else conversation.name) for conversation in conversations]
            for reader, conversation in zip(owners, conversations, strict=True):
                await remember_all(memory, reader, conversation.messages)
                while consolidated and await memory.consolidate(reader):
                    pass
                tick(len(conversation.messages))
            for reader, conversation in zip(owners, conversations, strict=True):
                queries = [Query(text=question.text, at=ASKED_AT) for question in conversation.questions]
                found.extend([hold(await memory.candidates(reader, query)) for query in queries])
                tick(len(conversation.questions))
    questions = [question for conversation in conversations for question in conversation.questions]
    numbers = [number for number, conversation in enumerate(conversations) for _ in conversation.questions]
    return GatheredCandidates(build_matrix(found, questions, numbers), questions, found)


async def remember_all(memory: Memory, owner: Owner, items: Sequence[NewMemory]) -> None:
    for start in range(0, len(items), BATCH):
        await memory.remember(owner, items[start : start + BATCH])


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
