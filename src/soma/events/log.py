"""Reading the log: by stream, by conversation, from a position."""

from collections.abc import Sequence
from typing import Any, Protocol

from soma.events.chain import COLUMNS, Event
from soma.events.database import Row

SELECT = f"SELECT {', '.join(COLUMNS)} FROM events"


class Reads(Protocol):
    """A database (what is committed), or a transaction (its own writes besides)."""

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]: ...


class Log:
    """Plain reads; of a database, each runs on a connection of the calling thread's own."""

    def __init__(self, database: Reads) -> None:
        self._database = database

    def stream(self, tenant_id: str, stream: str, *, after: int = 0) -> list[Event]:
        return self._read("WHERE tenant_id = ? AND stream = ? AND seq > ? ORDER BY seq", [tenant_id, stream, after])

    def conversation(self, tenant_id: str, conversation_id: str, *, after: int = 0, limit: int = 1_000) -> list[Event]:
        """Events after the conversation position `after`, oldest first."""
        return self._read(
            "WHERE tenant_id = ? AND conversation_id = ? AND conversation_position > ? "
            "ORDER BY conversation_position LIMIT ?",
            [tenant_id, conversation_id, after, limit],
        )

    def last_in_conversation(self, tenant_id: str, conversation_id: str) -> int:
        """The newest position of a conversation; 0 before its first event."""
        newest = (
            "SELECT COALESCE(MAX(conversation_position), 0) FROM events WHERE tenant_id = ? AND conversation_id = ?"
        )
        return int(self._database.query(newest, [tenant_id, conversation_id])[0][0])

    def after(self, position: int, *, types: Sequence[str] = (), limit: int = 500) -> list[Event]:
        """Events of every tenant after the log position: for consumers, never for people."""
        chosen = f"AND event_type IN ({', '.join('?' * len(types))})" if types else ""
        return self._read(f"WHERE position > ? {chosen} ORDER BY position LIMIT ?", [position, *types, limit])

    def last_position(self) -> int:
        return int(self._database.query("SELECT COALESCE(MAX(position), 0) FROM events")[0][0])

    def _read(self, where: str, parameters: Sequence[object]) -> list[Event]:
        return [
            Event(**dict(zip(COLUMNS, row, strict=True)))
            for row in self._database.query(f"{SELECT} {where}", parameters)
        ]
