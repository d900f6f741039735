"""Forgetting, for every endpoint: the brain forgets, then turns that said or quoted it are withheld from models.

A turn that is withheld stays in its conversation for people to read; no prompt holds it, and nothing of it that is not
yet in memory is remembered.
"""

import asyncio
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from soma.agent.tools.taint import Outside, Source, telling_words
from soma.brain.client import BrainClient
from soma.brain.document_types import ForgottenDocuments
from soma.brain.types import Forgotten, Principal
from soma.events.database import Database
from soma.events.ids import now
from soma.events.transaction import Transaction
from soma.events.writer import Writer

CHUNK = 500  # values in one IN list

Place = tuple[str, str]  # a turn and its conversation


@dataclass(frozen=True, slots=True)
class Withheld:
    """Turns and memories that no prompt of a conversation may hold."""

    turns: frozenset[str] = frozenset()
    memories: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof that memories are forgotten, and the turns where people, but no model, can still read of them."""

    receipt_id: str
    forgotten: list[str]
    withheld_turns: list[str]


@dataclass(frozen=True, slots=True)
class Forgetting:
    brain: BrainClient
    writer: Writer

    async def forget(
        self,
        principal: Principal,
        *,
        ids: Sequence[str] = (),
        keys: Sequence[str] = (),
        namespace: str = "default",
        turns: Iterable[Place] = (),
    ) -> Receipt:
        """Forget memories; withhold the turns that said them, and `turns` in any case. Once begun it is completed."""

        async def see_through() -> Receipt:
            gone = await self.brain.forget(principal, ids=ids, keys=keys, namespace=namespace)
            withheld = await self._withhold(principal, gone, turns)
            return Receipt(gone.receipt_id, gone.forgotten, withheld)

        return await asyncio.shield(asyncio.ensure_future(see_through()))

    async def forget_documents(self, principal: Principal, ids: Sequence[str], *, namespace: str) -> ForgottenDocuments:
        """Forget documents and withhold the turns that quoted them. Once begun it is completed."""

        async def see_through() -> ForgottenDocuments:
            gone = await self.brain.forget_documents(principal, ids, namespace=namespace)
            if gone.erased is not None:
                await self._withhold(principal, gone.erased, ())
            return gone

        return await asyncio.shield(asyncio.ensure_future(see_through()))

    async def _withhold(self, principal: Principal, gone: Forgotten, turns: Iterable[Place]) -> list[str]:
        user_id = None if gone.is_shared else principal.user_id
        found = await asyncio.to_thread(_speaking, self.writer.database, principal.tenant_id, user_id, gone)
        places = dict.fromkeys([*turns, *found])

        def write(tx: Transaction) -> None:
            at = now()
            tx.executemany(
                "INSERT INTO agent_withheld (turn_id, tenant_id, conversation_id, receipt_id, at) "
                "VALUES (?, ?, ?, ?, ?) ON CONFLICT (turn_id) DO NOTHING",
                [[turn_id, principal.tenant_id, conversation, gone.receipt_id, at] for turn_id, conversation in places],
            )
            tx.executemany(
                "INSERT INTO agent_forgottenmemory (memory_id, tenant_id, receipt_id, at) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (memory_id) DO NOTHING",
                [[memory_id, principal.tenant_id, gone.receipt_id, at] for memory_id in gone.forgotten],
            )

        await self.writer.write(write)
        return [turn_id for turn_id, _ in places]


def withheld(database: Database, tenant_id: str, conversation_id: str, memories: Iterable[str]) -> Withheld:
    """Find what a prompt of the conversation may not hold: of its turns, and of these memories."""
    turns = database.query(
        "SELECT turn_id FROM agent_withheld WHERE tenant_id = ? AND conversation_id = ?", [tenant_id, conversation_id]
    )
    asked, gone = list(dict.fromkeys(memories)), set[str]()
    for start in range(0, len(asked), CHUNK):
        some = asked[start : start + CHUNK]
        marks = ", ".join("?" * len(some))
        sql = f"SELECT memory_id FROM agent_forgottenmemory WHERE tenant_id = ? AND memory_id IN ({marks})"
        gone.update(memory_id for (memory_id,) in database.query(sql, [tenant_id, *some]))
    return Withheld(frozenset(turn_id for (turn_id,) in turns), frozenset(gone))


def is_withheld(database: Database, turn_id: str) -> bool:
    return bool(database.query("SELECT 1 FROM agent_withheld WHERE turn_id = ?", [turn_id]))


class Recogniser:
    """Knows messages that say or quote what was forgotten (pure)."""

    def __init__(self, ids: Iterable[str], texts: Iterable[str]) -> None:
        told = list(texts)
        self._ids = frozenset(ids)
        self._words = frozenset[str]().union(*map(telling_words, told))
        self._outside = Outside([Source(text) for text in told], ())

    def is_in(self, text: str, citations: Iterable[str] = ()) -> bool:
        """Look at its citations, then at its words: only a text that shares one is compared closely."""
        if self._ids.intersection(citations):
            return True
        return not self._words.isdisjoint(telling_words(text)) and self._outside.carried_by(text)


def _speaking(database: Database, tenant_id: str, user_id: str | None, gone: Forgotten) -> list[Place]:
    """Find turns of the user, or of the tenant, that say or quote it, and those under way, which may have seen it."""
    knows = Recogniser(gone.forgotten, gone.texts)
    whose, scope = ("AND user_id = ?", [tenant_id, user_id]) if user_id else ("", [tenant_id])
    asked = database.query(
        f"SELECT id, conversation_id, content, state FROM agent_turn WHERE tenant_id = ? {whose}", scope
    )
    found = [(turn_id, place) for turn_id, place, text, state in asked if state == "running" or knows.is_in(text)]
    answers = database.query(
        "SELECT m.turn_id, m.conversation_id, m.parts FROM agent_message m JOIN agent_conversation c "
        f"ON c.id = m.conversation_id WHERE m.role = 'assistant' AND m.tenant_id = ? {whose}",
        scope,
    )
    for turn_id, place, parts in answers:
        part = _first(parts)
        if knows.is_in(str(part.get("text", "")), [str(one.get("id")) for one in part.get("citations") or []]):
            found.append((turn_id, place))
    return found


def _first(parts: Any) -> dict[str, Any]:
    """The first part of a message; SQLite has JSON as text."""
    decoded = json.loads(parts) if isinstance(parts, str | bytes) else parts
    return decoded[0] if decoded else {}
