"""The transaction of a write, and of the writes that share its commit: each leaves the whole of itself, or no trace."""

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

APPENDER = 0x50_4D_41  # the advisory lock of a PostgreSQL log's appender

Lookup = Callable[[Reader, Sequence[Any]], Mapping[Any, Any]]  # what is stored of some keys


class Prefetch(NamedTuple):
    """A lookup that a write declares. Those of a commit run together: each query is a turn of Python's lock, or a
    round trip.
    """

    lookup: Lookup
    key: Hashable


class GroupLost(Exception):
    """The transaction that the writes of a group share is gone."""


class Transaction:
    """The means of a write: SQL, append events, and keep values that others see after the commit."""

    # Values by key live on three levels; `get` returns the leftmost that knows the key.
    #
    #              own                 group                      kept
    #              this write    >     the writes before it  >    all commits before
    #                                  in this commit             (dropped where another process has appended)
    #
    #     set by   keep, note          a write that succeeds      the commit: takes over `group`,
    #                                  hands over its `own`       but for what was only noted
    #     lost     when the write      when the commit fails
    #              fails
    #
    # Rows wait on the same two levels, `_own_pending` and `_group_pending`, until they are written: before a query that
    # must see them, before a savepoint they are no part of, or in `finish`.

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
        """Insert rows together with those of the other writes of the commit, many to a statement; `query` sees them."""
        self._own_pending.insert(table, columns, rows)

    def add(self, sums: Sums, key: Row, amounts: Amounts) -> None:
        """Add to the row of `key`, which begins at zero; one statement a table and commit, just before it."""
        self._own_pending.add(sums, key, amounts)

    def peek(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Like `query`, but do not flush pending inserts. For callers that find the pending rows in a kept value."""
        return self._connection.query(sql, parameters)

    def get(self, key: Hashable, load: Callable[[], T]) -> T:
        """Return the newest value under `key`, that of this write included; `load` reads it where none is known."""
        for level in (self._own, self._group, self._kept):
            if key in level:
                return cast("T", level[key])
        value = load()
        self._own[key] = value
        return value

    def keep(self, key: Hashable, value: object) -> None:
        """Set a value that this write sees now, and everybody after the commit."""
        self._own[key] = value

    def note(self, key: Hashable, value: object) -> None:
        """Keep `value` for the other writes of this commit only: they cannot read it from the database yet."""
        self._own[key] = value
        self._notes.add(key)

    def get_noted(self, key: Hashable, load: Callable[[], T]) -> T:
        """Return what a write of this commit noted under `key`, else what `load` reads."""
        for level in (self._own, self._group):
            if key in level:
                return cast("T", level[key])
        return load()

    def get_prefetched(self, wanted: Prefetch) -> Any | None:
        """Return the declared lookup as it was before this commit; run one that nobody declared now."""
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
        """Roll the failed write back.

        Where there is nothing to roll back to, the database has undone the whole group: a later write must not begin a
        transaction of its own.
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
        """Drop all kept values, at the start, where another process has appended since."""
        position = self._last_position()
        if self._kept.get("position", position) != position:
            self._kept.clear()
        self._kept["position"] = position  # kept also where nothing has been appended yet

    def prefetch(self, wanted: Iterable[Prefetch]) -> None:
        """Run the declared lookups, before the writes. A faulty one fails in the write that asks for it, not here."""
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
        """Write what `insert` and `add` still hold, before the commit."""
        self._group_pending.write_rows(self._connection)
        self._group_pending.write_sums(self._connection)

    def _enter(self) -> None:
        """Begin this write's savepoint before its first statement, after the rows of the writes before it."""
        if not self._has_savepoint:
            self._group_pending.write_rows(self._connection)
            self._connection.execute("SAVEPOINT work")
            self._has_savepoint = True
        self._own_pending.write_rows(self._connection)

    def publish(self) -> None:
        """Make the group's values everybody's, after the commit."""
        for key, value in self._group.items():
            if key in self._notes:
                continue
            self._kept[key] = value
            self._kept.move_to_end(key)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)


def begin(connection: Connection) -> None:
    """Begin as the one appender, whatever the number of processes: positions and chains have no gaps."""
    if connection.dialect == "sqlite":
        connection.execute("BEGIN IMMEDIATE")
    else:
        connection.execute("BEGIN")
        connection.execute(f"SELECT pg_advisory_xact_lock({APPENDER})")
