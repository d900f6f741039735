"""What a write may do, and how several of them share one commit: each leaves the whole of itself, or no trace."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar, cast

import msgspec

from soma.events.chain import COLUMNS, Draft, Event, Head, place
from soma.events.database import Connection, Reader, Row, is_storage_error
from soma.events.pending import Amounts, Pending, Sums

T = TypeVar("T")
Work = Callable[["Transaction"], T]

KEPT = 50_000  # values remembered between transactions (chain heads, states); the oldest go first and are read again

APPENDER = 0x50_4D_41  # the advisory lock of who appends to a PostgreSQL log

Lookup = Callable[[Reader, Sequence[Any]], Mapping[Any, Any]]  # what is stored of some keys


class Prefetch(NamedTuple):
    """What a write will look up. Those of a commit are fetched together: each query is a turn of Python's lock, or a
    round trip."""

    lookup: Lookup
    key: Hashable


class GroupLost(Exception):
    """The transaction that the writes of a group share is gone."""


class Transaction:
    """What a write may do: SQL, append events, and keep values that others see after the commit."""

    def __init__(self, connection: Connection, kept: "OrderedDict[Hashable, Any]") -> None:
        self._connection = connection
        self._kept = kept
        self._group: dict[Hashable, Any] = {}
        self._own: dict[Hashable, Any] = {}
        self._group_pending = Pending()
        self._own_pending = Pending()
        self._notes: set[Hashable] = set()
        self._prefetched: dict[Prefetch, Any] = {}
        self._appended: list[Event] = []
        self._has_savepoint = False
        self.events: list[Event] = []

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        self._enter()
        self._connection.execute(sql, parameters)

    def executemany(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        self._enter()
        self._connection.executemany(sql, rows)

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        if self._own_pending.holds_rows:
            self._enter()
        elif self._group_pending.holds_rows:
            self._group_pending.write_rows(self._connection)
        return self._connection.query(sql, parameters)

    def insert(self, table: str, columns: tuple[str, ...], rows: Iterable[Row]) -> None:
        """Rows that go in with those of the other writes of the commit, many to a statement; `query` sees them."""
        self._own_pending.insert(table, columns, rows)

    def add(self, sums: Sums, key: Row, amounts: Amounts) -> None:
        """To the row of `key`, which begins at nothing; one statement a table and commit, just before it."""
        self._own_pending.add(sums, key, amounts)

    def peek(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """As `query`, but blind to what `insert` still holds: for who finds that in what is kept."""
        return self._connection.query(sql, parameters)

    def get(self, key: Hashable, load: Callable[[], T]) -> T:
        """The newest value kept under `key`, that of this transaction included; `load` reads it where none is known."""
        for level in (self._own, self._group, self._kept):
            if key in level:
                return cast("T", level[key])
        value = load()
        self._own[key] = value
        return value

    def keep(self, key: Hashable, value: object) -> None:
        self._own[key] = value

    def note(self, key: Hashable, value: object) -> None:
        """Keep `value` for the other writes of this commit only: they cannot read it from the database yet."""
        self._own[key] = value
        self._notes.add(key)

    def get_noted(self, key: Hashable, load: Callable[[], T]) -> T:
        """What a write of this commit noted under `key`, else what `load` reads."""
        for level in (self._own, self._group):
            if key in level:
                return cast("T", level[key])
        return load()

    def get_prefetched(self, wanted: Prefetch) -> Any | None:
        """What was stored before this commit, of what a write of it declared; of anything else, what `peek` finds."""
        if wanted in self._prefetched:
            return self._prefetched[wanted]
        return wanted.lookup(self._connection, [wanted.key]).get(wanted.key)

    def append(self, draft: Draft) -> Event:
        """Put `draft` at the end of the log and of its stream's chain."""
        position = self.get("position", self._last_position) + 1
        head_key = ("head", draft.tenant_id, draft.stream)
        head = self.get(head_key, lambda: self._last_head(draft))
        event = place(draft, head=head, position=position, conversation_position=self._next_in_conversation(draft))
        self.keep("position", position)
        self.keep(head_key, Head(event.seq, event.hash))
        self._appended.append(event)
        self.insert("events", COLUMNS, [msgspec.structs.astuple(event)])
        return event

    def head(self, tenant_id: str, stream: str) -> Head:
        return self.get(("head", tenant_id, stream), lambda: self._read_head(tenant_id, stream))

    def _next_in_conversation(self, draft: Draft) -> int | None:
        if draft.conversation_id is None:
            return None
        key = ("conversation", draft.tenant_id, draft.conversation_id)
        number = self.get(key, lambda: self._last_in_conversation(draft)) + 1
        self.keep(key, number)
        return number

    def _last_position(self) -> int:
        return cast("int", self.query("SELECT COALESCE(MAX(position), 0) FROM events")[0][0])

    def _last_head(self, draft: Draft) -> Head:
        return self._read_head(draft.tenant_id, draft.stream)

    def _read_head(self, tenant_id: str, stream: str) -> Head:
        rows = self.query(
            "SELECT seq, hash FROM events WHERE tenant_id = ? AND stream = ? ORDER BY seq DESC LIMIT 1",
            [tenant_id, stream],
        )
        return Head(*rows[0]) if rows else Head()

    def _last_in_conversation(self, draft: Draft) -> int:
        rows = self.query(
            "SELECT COALESCE(MAX(conversation_position), 0) FROM events WHERE tenant_id = ? AND conversation_id = ?",
            [draft.tenant_id, draft.conversation_id],
        )
        return cast("int", rows[0][0])

    # The group's side: each write runs by itself and joins the group, or leaves no trace.

    def attempt(self, work: Work[T]) -> T:
        """Run one write. Only one that changes something by SQL of its own needs a savepoint."""
        self._own, self._own_pending, self._appended, self._has_savepoint = {}, Pending(), [], False
        try:
            result = work(self)
        except BaseException as error:
            self._undo(error)
            raise
        if self._has_savepoint:
            self._connection.execute("RELEASE SAVEPOINT work")
        self._own_pending.move_to(self._group_pending)
        self._group.update(self._own)
        self.events.extend(self._appended)
        return result

    def _undo(self, error: BaseException) -> None:
        """Roll the failed write back. Where there is nothing to roll back to, the database has undone the whole group:
        a later write must not begin a transaction of its own.
        """
        if not self._has_savepoint:
            if is_storage_error(error):
                raise GroupLost(str(error)) from error
            return
        try:
            self._connection.execute("ROLLBACK TO SAVEPOINT work")
            self._connection.execute("RELEASE SAVEPOINT work")
        except Exception:  # noqa: BLE001 - whatever the driver calls it, the savepoint is gone
            raise GroupLost(str(error)) from error

    def notice_others(self) -> None:
        """At the start: where another process has appended since, nothing that is kept can be relied on."""
        position = self._last_position()
        if self._kept.get("position", position) != position:
            self._kept.clear()
        self._kept["position"] = position  # also of who has only read so far

    def prefetch(self, wanted: Iterable[Prefetch]) -> None:
        """Before the writes. A lookup with a fault of its own fails in the write that asks for it, not here."""
        keys: dict[Lookup, list[Hashable]] = {}
        for lookup, key in dict.fromkeys(wanted):
            keys.setdefault(lookup, []).append(key)
        for lookup, some in keys.items():
            try:
                found = lookup(self._connection, some)
            except Exception as error:
                if is_storage_error(error):
                    raise
                continue
            self._prefetched |= {Prefetch(lookup, key): found.get(key) for key in some}

    def finish(self) -> None:
        """Before the commit: write what `insert` and `add` still hold."""
        self._group_pending.write_rows(self._connection)
        self._group_pending.write_sums(self._connection)

    def _enter(self) -> None:
        """Before this write's first statement: the rows of the writes before it are no part of its savepoint."""
        if not self._has_savepoint:
            self._group_pending.write_rows(self._connection)
            self._connection.execute("SAVEPOINT work")
            self._has_savepoint = True
        self._own_pending.write_rows(self._connection)

    def publish(self) -> None:
        """After the commit: what the group kept is now what everyone sees."""
        for key, value in self._group.items():
            if key in self._notes:
                continue
            self._kept[key] = value
            self._kept.move_to_end(key)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)


def begin(connection: Connection) -> None:
    """One appender at a time, whatever the number of processes: positions and chains have no gaps."""
    if connection.dialect == "sqlite":
        connection.execute("BEGIN IMMEDIATE")
    else:
        connection.execute("BEGIN")
        connection.execute(f"SELECT pg_advisory_xact_lock({APPENDER})")
