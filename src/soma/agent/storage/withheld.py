"""Withheld turns and forgotten memories, which no prompt of a conversation may hold."""

from collections.abc import Iterable
from dataclasses import dataclass

from soma.events.database import Database
from soma.events.sql import placeholders, split_values


@dataclass(frozen=True, slots=True)
class WithheldContent:
    """Turns and memories that no prompt of a conversation may hold."""

    turns: frozenset[str] = frozenset()
    memories: frozenset[str] = frozenset()


def find_withheld(database: Database, tenant_id: str, conversation_id: str, memories: Iterable[str]) -> WithheldContent:
    """Find the turns of the conversation, and those of `memories`, that no prompt may hold."""
    turns = database.query(
        "SELECT turn_id FROM agent_withheld WHERE tenant_id = ? AND conversation_id = ?", [tenant_id, conversation_id]
    )
    gone: set[str] = set()
    for batch in split_values(memories):
        marks = placeholders(batch)
        sql = f"SELECT memory_id FROM agent_forgottenmemory WHERE tenant_id = ? AND memory_id IN ({marks})"
        gone.update(memory_id for (memory_id,) in database.query(sql, [tenant_id, *batch]))
    return WithheldContent(frozenset(turn_id for (turn_id,) in turns), frozenset(gone))


def is_withheld(database: Database, turn_id: str) -> bool:
    return bool(database.query("SELECT 1 FROM agent_withheld WHERE turn_id = ?", [turn_id]))
