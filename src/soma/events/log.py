"""Reads of the log: by stream, by conversation, from a position."""

from collections.abc import Iterator, Sequence

from soma.events.chain import COLUMNS, Event
from soma.events.database import Reader
from soma.events.sql import placeholders

FIRST_CHUNK, CHUNK = 4, 200  # events read at a time: at first, and at most
SELECT = f"SELECT {', '.join(COLUMNS)} FROM events"


class Log:
    """Plain reads; of a database, each runs on a connection of the calling thread's own."""

    def __init__(self, database: Reader) -> None:
        self._database = database

    def read_stream(self, tenant_id: str, stream: str, *, after: int = 0) -> list[Event]:
        return self._read("WHERE tenant_id = ? AND stream = ? AND seq > ? ORDER BY seq", [tenant_id, stream, after])

    def follow(self, tenant_id: str, stream: str, *, types: Sequence[str] = (), after: int = 0) -> Iterator[Event]:
        """Yield what `read_stream` returns, a few events at a time and then more.

        A chain may be longer than memory, an event may be a megabyte. With `types`, only events of these.
        """
        chunk, chosen = FIRST_CHUNK, f"AND event_type IN ({placeholders(types)})" if types else ""
        while found := self._read(
            f"WHERE tenant_id = ? AND stream = ? AND seq > ? {chosen} ORDER BY seq LIMIT ?",
            [tenant_id, stream, after, *types, chunk],
        ):
            yield from found
            after, chunk = found[-1].seq, min(2 * chunk, CHUNK)

    def find_numbered(self, tenant_id: str, stream: str, seq: int) -> Event | None:
        """Return the stream's event with that number."""
        found = self._read("WHERE tenant_id = ? AND stream = ? AND seq = ?", [tenant_id, stream, seq])
        return found[0] if found else None

    def find_newest(
        self, tenant_id: str, stream: str, types: Sequence[str], *, after: int = 0, until: int | None = None
    ) -> Event | None:
        """Return the stream's last event of `types` whose number is above `after` and not above `until`."""
        where = f"WHERE tenant_id = ? AND stream = ? AND seq > ? AND event_type IN ({placeholders(types)})"
        upper = "" if until is None else "AND seq <= ?"
        values = [tenant_id, stream, after, *types, *([] if until is None else [until])]
        found = self._read(f"{where} {upper} ORDER BY seq DESC LIMIT 1", values)
        return found[0] if found else None

    def read_conversation(
        self, tenant_id: str, conversation_id: str, *, after: int = 0, limit: int = 1_000
    ) -> list[Event]:
        """Return events after the conversation position `after`, oldest first."""
        return self._read(
            "WHERE tenant_id = ? AND conversation_id = ? AND conversation_position > ? "
            "ORDER BY conversation_position LIMIT ?",
            [tenant_id, conversation_id, after, limit],
        )

    def last_in_conversation(self, tenant_id: str, conversation_id: str) -> int:
        """Return the newest position of a conversation; 0 before its first event."""
        newest = (
            "SELECT COALESCE(MAX(conversation_position), 0) FROM events WHERE tenant_id = ? AND conversation_id = ?"
        )
        return int(self._database.query(newest, [tenant_id, conversation_id])[0][0])

    def read_after(self, position: int, *, types: Sequence[str] = (), limit: int = 500) -> list[Event]:
        """Return events of every tenant after the log position: for consumers, never for people."""
        chosen = f"AND event_type IN ({placeholders(types)})" if types else ""
        return self._read(f"WHERE position > ? {chosen} ORDER BY position LIMIT ?", [position, *types, limit])

    def last_number(self, tenant_id: str, stream: str) -> int:
        """Return the number of a stream's last event; 0 before its first."""
        sql = "SELECT COALESCE(MAX(seq), 0) FROM events WHERE tenant_id = ? AND stream = ?"
        return int(self._database.query(sql, [tenant_id, stream])[0][0])

    def last_position(self) -> int:
        return int(self._database.query("SELECT COALESCE(MAX(position), 0) FROM events")[0][0])

    def _read(self, where: str, parameters: Sequence[object]) -> list[Event]:
        return [
            Event(**dict(zip(COLUMNS, row, strict=True)))
            for row in self._database.query(f"{SELECT} {where}", parameters)
        ]
