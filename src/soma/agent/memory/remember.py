"""Step 12: remember finished turns, by a cursor on the log: at least once, keyed, never what was recalled."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from soma.agent.errors import NotFound
from soma.agent.language.chat_corrections import right_value_in
from soma.agent.language.not_knowing import tells_nothing
from soma.agent.language.requests_to_forget import asks_to_forget, orders_to_forget
from soma.agent.language.statements import answer_key, extract_statements, statement_key
from soma.agent.memory.parts import parts_of
from soma.agent.record.citations import drop_citations
from soma.agent.record.sources import sources_of
from soma.agent.record.turn import TurnHeader, TurnRecord
from soma.agent.storage.turn_store import TurnStore
from soma.agent.tools.own_words import is_said_by_user
from soma.agent.tools.taint import Source, TaintChecker
from soma.brain.client import BrainClient
from soma.brain.errors import BrainRefused
from soma.brain.types import Principal
from soma.events.chain import Event
from soma.events.cursors import Consumer
from soma.events.facts.turn import TurnComplete
from soma.events.writer import Writer

CONSUMER = "remember"
TOOL = "remember"
MOST_SOURCES = 64  # that the brain takes of one item
UNTAKEABLE = {400, 413, 422}  # refusals of the item itself; others may end: a wrong token, too many calls

logger = logging.getLogger(__name__)


def memory_consumer(writer: Writer, store: TurnStore, brain: BrainClient) -> Consumer:
    """Return the consumer that remembers finished turns; while the brain is away its cursor waits."""

    async def handle(events: Sequence[Event]) -> None:
        for event in events:
            if event.turn_id is None:
                continue
            turn, items = await _read_items(store, event.turn_id)
            if turn is not None and items:
                owner = Principal(
                    tenant_id=turn.tenant_id, user_id=turn.user_id, agent_id=turn.agent_id, role=turn.role
                )
                await _remember(brain, owner, items)

    return Consumer(CONSUMER, writer=writer, types=[TurnComplete.event_type], handle=handle)


async def _read_items(store: TurnStore, turn_id: str) -> tuple[TurnHeader | None, list[dict[str, Any]]]:
    """Read the items that a turn brings. A turn that cannot be read is set aside: it must not hold up all others."""
    try:
        record = await asyncio.to_thread(store.load, turn_id)
    except NotFound:
        logger.exception("turn %s has an end in the log, and nothing else", turn_id)
        return None, []
    if await asyncio.to_thread(store.is_withheld, turn_id):  # it was forgotten before it was remembered
        return None, []
    why = "; ".join(map(str, record.unreadable))
    earlier = await asyncio.to_thread(store.read_earlier_messages, turn_id)
    try:
        if not why:
            return record.turn, items_of(record, earlier)
    except Exception as mistake:
        logger.exception("items of turn %s cannot be found", turn_id)
        why = f"its items cannot be found ({type(mistake).__name__})"
    await store.set_aside(turn_id, why)
    logger.error("turn %s of tenant %s is set aside, and not remembered: %s", turn_id, record.turn.tenant_id, why)
    return None, []


async def _remember(brain: BrainClient, owner: Principal, items: list[dict[str, Any]]) -> None:
    """Remember items one by one, each answer with the statements that it answers, for they are forgotten together.

    An item that the brain refuses is skipped: it must not hold up all others.
    """
    stated: list[str] = []
    for item in items:
        is_answer = item["metadata"]["role"] == "assistant"
        derived = {"derived_from": stated[:MOST_SOURCES]} if is_answer else {}
        try:
            [kept] = await brain.remember(owner, [item | derived], are_messages=True)
        except BrainRefused as refused:
            if refused.status not in UNTAKEABLE:
                raise
            logger.exception("%s of tenant %s is not remembered", item["key"], owner.tenant_id)
        else:
            stated += [] if is_answer else [kept.id]


def items_of(record: TurnRecord, earlier: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Return the items to remember of a finished turn.

    They are what the user's message states, unless a tool has kept it already, and the answer, if it is whole and the
    model's own. An answer that quotes memories, a tool or an `earlier` message is no new knowledge: remembered, it
    would echo, or keep a planted text. The numbers in it name memories of its turn, so they are left out. A
    turn that asks to forget brings nothing.
    """
    turn, complete = record.turn, record.complete
    if complete is None or record.started is None or not record.started.model:  # no model was asked
        return []
    is_answer = bool(earlier) and orders_to_forget(earlier[0])
    kept, quoted = _statements_kept(record, earlier), _quoted_documents(complete)
    said = extract_statements(turn.content, kept, quoted, is_answer=is_answer, is_first=not earlier)
    items = _items(record, said, "user") if said else []
    if _is_own_answer(record, complete, earlier) and not asks_to_forget(turn.content):
        items += _items(record, drop_citations(complete.content), "assistant")
    return items


def _statements_kept(record: TurnRecord, earlier: Sequence[str]) -> list[str]:
    """Return the user's statements that are kept already: by the tool, or as a correction.

    Those that the model made up do not count.
    """
    kept = [use for use in record.tool_uses if use.requested.tool == TOOL and use.finished]
    corrected = _correction_kept(record, earlier)
    statements = [
        str((use.requested.arguments or {}).get("statement", ""))
        for use in kept
        if use.finished and use.finished.status == "ok"
    ]
    own = [statement for statement in statements if is_said_by_user(statement, [record.turn.content])]
    return own if corrected is None else [*own, corrected]


def _correction_kept(record: TurnRecord, earlier: Sequence[str]) -> str | None:
    """Return what the message says is right, if the brain keeps it as a memory with the question that it answers."""
    if not record.corrects:
        return None
    said = record.turn.content
    found = (right_value_in(said, question, said, is_unanswered=True) for question in earlier)
    return next(filter(None, found), None)


def _quoted_documents(complete: TurnComplete) -> list[str]:
    """Return the texts of documents that the answer cites; what was said in conversations may be remembered again."""
    cited = [one for one in complete.citations if "role" not in (one.get("metadata") or {})]
    return [one["text"] for one in cited if one.get("text")]


def _is_own_answer(record: TurnRecord, complete: TurnComplete, earlier: Sequence[str]) -> bool:
    """Return whether the answer is the model's own: it says something, and repeats nothing shown or said before."""
    if complete.answer_iteration is None or complete.error or complete.note or complete.citations:
        return False
    if record.tool_uses or _is_offline(record) or tells_nothing(complete.content):
        return False
    sources = [*sources_of(record), *map(Source, earlier)]
    return not TaintChecker(sources, [record.turn.content]).is_tainted(complete.content)


def _items(record: TurnRecord, text: str, role: str) -> list[dict[str, Any]]:
    return [_item(record, part, role) for part in parts_of(text)]


def _item(record: TurnRecord, text: str, role: str) -> dict[str, Any]:
    turn = record.turn
    return {
        "key": statement_key(text, turn.created_at) if role == "user" else answer_key(text),
        "text": text,
        "kind": "episodic",
        "scope": "user",
        "occurred_at": turn.created_at,
        "conversation_id": turn.conversation_id,
        "metadata": {"role": role, "turn_id": turn.id, "source": "conversation"},
    }


def _is_offline(record: TurnRecord) -> bool:
    """Return whether the offline model answered: it says nothing of its own, it quotes or does not know."""
    return record.started is not None and record.started.model.startswith("offline")
