"""Forgetting, for every endpoint: the brain forgets, and turns that said or quoted it are withheld from models.

People can still read a withheld turn in its conversation; no prompt holds it, and nothing more of it is remembered.
"""

import asyncio
import json
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from soma.agent.storage.leases import OPEN
from soma.agent.storage.search import find_traces
from soma.agent.tools.taint import Source, TaintChecker, telling_words
from soma.brain.client import BrainClient
from soma.brain.document_types import ForgottenDocuments
from soma.brain.errors import BrainRefused
from soma.brain.types import Forgotten, Principal
from soma.events.database import Reader
from soma.events.ids import new_id, now
from soma.events.sql import placeholders, split_values
from soma.events.transaction import Transaction
from soma.events.writer import Writer

USERS = "SELECT DISTINCT user_id FROM agent_conversation WHERE tenant_id = ?"

T = TypeVar("T")
Answer_co = TypeVar("Answer_co", covariant=True)

Place = tuple[str, str]  # a turn and its conversation


class Erase(Protocol[Answer_co]):
    """Erases in the brain, or only says what would go. Returns the answer, and the memories that turns may speak of."""

    async def __call__(self, *, dry_run: bool) -> tuple[Answer_co, Forgotten | None]: ...


@dataclass(frozen=True, slots=True)
class ForgetReceipt:
    """Proof that memories are forgotten, with the turns where people, but no model, can still read of them."""

    receipt_id: str
    forgotten: list[str]
    withheld_turns: list[str]


@dataclass(frozen=True, slots=True)
class Forgetting:
    """Forgets memories and documents, and withholds the turns that speak of them."""

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
    ) -> ForgetReceipt:
        """Forget memories; withhold the turns that said them, and `turns` in any case. A cancel does not stop it."""

        async def erase(*, dry_run: bool) -> tuple[Forgotten, Forgotten]:
            gone = await self.brain.forget(principal, ids=ids, keys=keys, namespace=namespace, dry_run=dry_run)
            return gone, gone

        gone, withheld = await _run_to_end(self._withhold_and_erase(principal, erase, turns))
        return ForgetReceipt(gone.receipt_id, gone.forgotten, withheld)

    async def forget_documents(self, principal: Principal, ids: Sequence[str], *, namespace: str) -> ForgottenDocuments:
        """Forget documents, and withhold the turns that quoted them. A cancel does not stop it."""

        async def erase(*, dry_run: bool) -> tuple[ForgottenDocuments, Forgotten | None]:
            gone = await self.brain.forget_documents(principal, ids, namespace=namespace, dry_run=dry_run)
            return gone, gone.erased

        gone, _ = await _run_to_end(self._withhold_and_erase(principal, erase, ()))
        return gone

    async def _withhold_and_erase(
        self, principal: Principal, erase: Erase[T], turns: Iterable[Place]
    ) -> tuple[T, list[str]]:
        """Withhold the turns that speak of it, erase it, then withhold the turns that spoke of it meanwhile.

        A crash in between leaves turns withheld, never a turn that tells a model what is gone; forgetting the same
        again completes it. A refusal of the brain withholds nothing.
        """
        _, expected = await erase(dry_run=True)
        turns = list(turns)
        mark = new_id()  # until there is a receipt
        withheld = await self._withhold(principal, expected, turns, mark) if expected else []
        try:
            answer, gone = await erase(dry_run=False)
        except BrainRefused:
            await self._rename_mark(mark, None)
            raise
        await self._rename_mark(mark, gone.receipt_id if gone else None)
        if gone:
            withheld += await self._withhold(principal, gone, turns, gone.receipt_id)
        return answer, list(dict.fromkeys(withheld)) if gone else []

    async def _withhold(self, principal: Principal, gone: Forgotten, turns: Iterable[Place], mark: str) -> list[str]:
        user_id = None if gone.is_shared else principal.user_id
        found = await asyncio.to_thread(find_speaking_turns, self.writer.database, principal.tenant_id, user_id, gone)
        places = dict.fromkeys([*turns, *found])

        def write(transaction: Transaction) -> None:
            at = now()
            transaction.executemany(
                "INSERT INTO agent_withheld (turn_id, tenant_id, conversation_id, receipt_id, at) "
                "VALUES (?, ?, ?, ?, ?) ON CONFLICT (turn_id) DO NOTHING",
                [[turn_id, principal.tenant_id, conversation, mark, at] for turn_id, conversation in places],
            )
            transaction.executemany(
                "INSERT INTO agent_forgottenmemory (memory_id, tenant_id, receipt_id, at) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (memory_id) DO NOTHING",
                [[memory_id, principal.tenant_id, mark, at] for memory_id in gone.forgotten],
            )

        await self.writer.write(write)
        return [turn_id for turn_id, _ in places]

    async def _rename_mark(self, mark: str, receipt_id: str | None) -> None:
        """Put the receipt in place of a mark; without a receipt nothing was forgotten, and nothing is withheld."""

        def write(transaction: Transaction) -> None:
            for table in ("agent_withheld", "agent_forgottenmemory"):
                if receipt_id is None:
                    transaction.execute(f"DELETE FROM {table} WHERE receipt_id = ?", [mark])
                else:
                    transaction.execute(f"UPDATE {table} SET receipt_id = ? WHERE receipt_id = ?", [receipt_id, mark])

        await self.writer.write(write)


async def _run_to_end(verb: Coroutine[Any, Any, T]) -> T:
    """Run it to its end, also where the caller is cancelled."""
    return await asyncio.shield(asyncio.ensure_future(verb))


class Recogniser:
    """Recognises messages that say or quote what was forgotten (pure)."""

    def __init__(self, ids: Iterable[str], texts: Iterable[str]) -> None:
        texts = list(texts)
        self._ids = frozenset(ids)
        self.words = frozenset[str]().union(*map(telling_words, texts))
        self._outside = TaintChecker([Source(text) for text in texts], ())

    def is_in(self, text: str, citations: Iterable[str] = ()) -> bool:
        """Return whether a text cites or says it; only a text that shares a word is compared closely."""
        if self._ids.intersection(citations):
            return True
        return not self.words.isdisjoint(telling_words(text)) and self._outside.is_tainted(text)


def find_speaking_turns(database: Reader, tenant_id: str, user_id: str | None, gone: Forgotten) -> list[Place]:
    """Find turns of the user, or of the tenant, that say or quote it, and running turns, which may have seen it.

    Only conversations that share a word with it or cite it, by the index, are read.
    """
    knows = Recogniser(gone.forgotten, gone.texts)
    whose, scope = ("AND user_id = ?", [tenant_id, user_id]) if user_id else ("", [tenant_id])
    running = f"SELECT id, conversation_id FROM agent_turn WHERE tenant_id = ? {whose} AND {OPEN} AND state = 'running'"
    found: list[Place] = [(turn_id, place) for turn_id, place in database.query(running, scope)]
    users = [user_id] if user_id else [one for (one,) in database.query(USERS, [tenant_id])]
    places = find_traces(database, tenant_id=tenant_id, user_ids=users, words=knows.words, memories=gone.forgotten)
    for batch in split_values(places):
        found += _find_in_conversations(database, tenant_id, batch, knows)
    return found


def _find_in_conversations(
    database: Reader, tenant_id: str, places: Sequence[str], knows: Recogniser
) -> Iterator[Place]:
    scope, marks = [tenant_id, *places], placeholders(places)
    asked = f"SELECT id, conversation_id, content FROM agent_turn WHERE tenant_id = ? AND conversation_id IN ({marks})"
    for turn_id, place, text in database.query(asked, scope):
        if knows.is_in(text):
            yield turn_id, place
    answers = (
        "SELECT turn_id, conversation_id, parts FROM agent_message "
        f"WHERE tenant_id = ? AND conversation_id IN ({marks}) AND role = 'assistant'"
    )
    for turn_id, place, parts in database.query(answers, scope):
        part = _first_part(parts)
        if knows.is_in(str(part.get("text", "")), [str(one.get("id")) for one in part.get("citations") or []]):
            yield turn_id, place


def _first_part(parts: Any) -> dict[str, Any]:
    """Return the first part of a message; SQLite has JSON as text."""
    decoded = json.loads(parts) if isinstance(parts, str | bytes) else parts
    return decoded[0] if decoded else {}
