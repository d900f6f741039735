"""The single appender of a database: one thread, one queue, group commit.

A write is a function of a `Transaction`. Writes that wait together share one commit, each under its own savepoint, so
that one that fails leaves the others whole. State that rides along (`Transaction.keep`) becomes visible only after the
commit and in commit order: a failed commit leaves nothing moved.
"""

import asyncio
import contextlib
import logging
import operator
import queue
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from functools import lru_cache, partial
from itertools import chain
from typing import Any, NamedTuple, TypeVar, cast

import msgspec

from soma.events.chain import COLUMNS, Draft, Event, Head, place
from soma.events.database import Connection, Database, Row, is_storage_error
from soma.events.errors import LogError, WriteFailed, WriterBusy
from soma.events.log import Reads
from soma.events.wal import WalCopier

T = TypeVar("T")
Work = Callable[["Transaction"], T]
Listener = Callable[[Sequence[Event]], object]

GROUP = 1_000  # writes a commit at most
WAITING = 20_000  # writes in the queue at most, then WriterBusy
KEPT = 50_000  # values remembered between transactions (chain heads, states); the oldest go first and are read again

APPENDER = 0x50_4D_41  # the advisory lock of who appends to a PostgreSQL log
ROWS = 256  # a statement at most: one long step lets other threads run, a thousand short ones make each other wait
FEW = 32  # rows that go into one statement whatever their number; more in 2^n, so that there are few to prepare

Pending = dict[tuple[str, tuple[str, ...]], list[Row]]  # rows by table and columns
Amounts = tuple[float, ...]

logger = logging.getLogger(__name__)


class Sums(NamedTuple):
    """A table of running sums: one row a key."""

    table: str
    key: tuple[str, ...]
    amounts: tuple[str, ...]


Added = dict[tuple[Sums, Row], Amounts]


Lookup = Callable[[Reads, Sequence[Any]], Mapping[Any, Any]]  # what is stored of some keys


class Seek(NamedTuple):
    """What a write will look for. Those of a group are looked for together: each query is a turn of Python's lock, or
    a round trip."""

    lookup: Lookup
    key: Hashable


class _GroupLost(Exception):
    """The transaction that the writes of a group share is gone."""


class Transaction:
    """What a write may do: SQL, append events, and keep values that others see after the commit."""

    def __init__(self, connection: Connection, kept: "OrderedDict[Hashable, Any]") -> None:
        self._connection = connection
        self._kept = kept
        self._group: dict[Hashable, Any] = {}
        self._own: dict[Hashable, Any] = {}
        self._group_rows: Pending = {}
        self._own_rows: Pending = {}
        self._group_added: Added = {}
        self._own_added: Added = {}
        self._notes: set[Hashable] = set()
        self._sought: dict[Seek, Any] = {}
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
        if self._own_rows:
            self._enter()
        elif self._group_rows:
            _insert(self._connection, self._group_rows)
        return self._connection.query(sql, parameters)

    def insert(self, table: str, columns: tuple[str, ...], rows: Iterable[Row]) -> None:
        """Rows that go in with those of the other writes of the commit, many to a statement; `query` sees them."""
        self._own_rows.setdefault((table, columns), []).extend(rows)

    def add(self, sums: Sums, key: Row, amounts: Amounts) -> None:
        """To the row of `key`, which begins at nothing; one statement a table and commit, just before it."""
        _add(self._own_added, (sums, key), amounts)

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

    def noted(self, key: Hashable, load: Callable[[], T]) -> T:
        """What a write of this commit noted under `key`, else what `load` reads."""
        for level in (self._own, self._group):
            if key in level:
                return cast("T", level[key])
        return load()

    def sought(self, seek: Seek) -> Any | None:
        """What was stored before this group."""
        if seek not in self._sought:
            self.seek([seek])
        return self._sought[seek]

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
        self._own, self._own_rows, self._own_added, self._appended, self._has_savepoint = {}, {}, {}, [], False
        try:
            result = work(self)
        except BaseException as error:
            self._undo(error)
            raise
        if self._has_savepoint:
            self._connection.execute("RELEASE SAVEPOINT work")
        for target, rows in self._own_rows.items():
            self._group_rows.setdefault(target, []).extend(rows)
        for row, amounts in self._own_added.items():
            _add(self._group_added, row, amounts)
        self._group.update(self._own)
        self.events.extend(self._appended)
        return result

    def _undo(self, error: BaseException) -> None:
        """Roll the failed write back. Where there is nothing to roll back to, the database has undone the whole group:
        a later write must not begin a transaction of its own.
        """
        if not self._has_savepoint:
            if is_storage_error(error):
                raise _GroupLost(str(error)) from error
            return
        try:
            self._connection.execute("ROLLBACK TO SAVEPOINT work")
            self._connection.execute("RELEASE SAVEPOINT work")
        except Exception:  # noqa: BLE001 - whatever the driver calls it, the savepoint is gone
            raise _GroupLost(str(error)) from error

    def notice_others(self) -> None:
        """At the start: where another process has appended since, nothing that is kept can be relied on."""
        position = self._last_position()
        if self._kept.get("position", position) != position:
            self._kept.clear()
        self._kept["position"] = position  # also of who has only read so far

    def seek(self, seeks: Iterable[Seek]) -> None:
        """Before the writes: look for what they will ask for."""
        keys: dict[Lookup, list[Hashable]] = {}
        for lookup, key in dict.fromkeys(seeks):
            keys.setdefault(lookup, []).append(key)
        for lookup, some in keys.items():
            found = lookup(self._connection, some)
            self._sought |= {Seek(lookup, key): found.get(key) for key in some}

    def finish(self) -> None:
        """Before the commit: write what `insert` and `add` still hold."""
        _insert(self._connection, self._group_rows)
        by_table: dict[Sums, list[Row]] = {}
        for (sums, key), amounts in self._group_added.items():
            by_table.setdefault(sums, []).append((*key, *amounts))
        for sums, rows in by_table.items():
            _write(self._connection, rows, partial(_addition, sums))

    def _enter(self) -> None:
        """Before this write's first statement: the rows of the writes before it are no part of its savepoint."""
        if not self._has_savepoint:
            _insert(self._connection, self._group_rows)
            self._connection.execute("SAVEPOINT work")
            self._has_savepoint = True
        _insert(self._connection, self._own_rows)

    def publish(self) -> None:
        """After the commit: what the group kept is now what everyone sees."""
        for key, value in self._group.items():
            if key in self._notes:
                continue
            self._kept[key] = value
            self._kept.move_to_end(key)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)


def _begin(connection: Connection) -> None:
    """One appender at a time, whatever the number of processes: positions and chains have no gaps."""
    if connection.dialect == "sqlite":
        connection.execute("BEGIN IMMEDIATE")
    else:
        connection.execute("BEGIN")
        connection.execute(f"SELECT pg_advisory_xact_lock({APPENDER})")


def _insert(connection: Connection, pending: Pending) -> None:
    """Write and empty `pending`."""
    for (table, columns), rows in pending.items():
        _write(connection, rows, partial(_statement, table, columns))
    pending.clear()


def _write(connection: Connection, rows: Sequence[Row], statement: Callable[[int], str]) -> None:
    start = 0
    while left := len(rows) - start:
        count = left if left <= FEW else min(1 << left.bit_length() - 1, ROWS)
        connection.execute(statement(count), list(chain.from_iterable(rows[start : start + count])))
        start += count


def _add(added: Added, row: tuple[Sums, Row], amounts: Amounts) -> None:
    known = added.get(row)
    added[row] = amounts if known is None else tuple(map(operator.add, known, amounts))


@lru_cache(64)
def _addition(sums: Sums, count: int) -> str:
    names = (*sums.key, *sums.amounts)
    grown = ", ".join(f"{name} = {sums.table}.{name} + excluded.{name}" for name in sums.amounts)
    return f"{_statement(sums.table, names, count)} ON CONFLICT ({', '.join(sums.key)}) DO UPDATE SET {grown}"


@lru_cache(256)
def _statement(table: str, columns: tuple[str, ...], count: int) -> str:
    row = f"({', '.join('?' * len(columns))})"
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join([row] * count)}"


class _Job(msgspec.Struct, frozen=True, eq=False):
    """A write and who waits for it: a thread, or a task of `loop`."""

    work: Work[Any]
    future: "Future[Any] | asyncio.Future[Any]"
    loop: asyncio.AbstractEventLoop | None = None
    seek: Seek | None = None

    def is_wanted(self) -> bool:
        """A thread may have given up before the write began; a task's write goes on without it."""
        return not isinstance(self.future, Future) or self.future.set_running_or_notify_cancel()


Outcome = tuple[_Job, Any, BaseException | None]


class Writer:
    """Owns the only connection that writes events. `write` returns after the commit."""

    def __init__(self, database: Database, *, waiting: int = WAITING) -> None:
        self.database = database
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._waiting = waiting
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()
        self._listeners: list[Listener] = []
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._connection: Connection | None = None
        self._wal = WalCopier(database)

    def start(self) -> None:
        self._connection = self.database.connect()
        self._thread.start()
        self._wal.start()

    def close(self) -> None:
        """Commit what waits, then stop."""
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()
        self._wal.close()
        if self._connection is not None:
            self._connection.close()

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with the events of each commit, in order, in the writer's thread. Returns how to stop it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def kept(self, key: Hashable) -> Any | None:
        """What was kept under `key` by the last commit that did; None where nothing is remembered of it."""
        return self._kept.get(key)

    def submit(self, work: Work[T]) -> Future[T]:
        """For threads: a future of what `work` returns."""
        future: Future[T] = Future()
        self._enqueue(_Job(work, future))
        return future

    async def write(self, work: Work[T], *, seek: Seek | None = None) -> T:
        """Commit `work`; a caller that goes away does not undo it, only nobody is told."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._enqueue(_Job(work, future, loop, seek))
        return await future

    def _enqueue(self, job: _Job) -> None:
        if self._queue.qsize() >= self._waiting:
            raise WriterBusy(WriterBusy.__doc__)
        self._queue.put(job)

    def _run(self) -> None:
        stopping = False
        while not stopping:
            jobs = [self._queue.get()]
            with contextlib.suppress(queue.Empty):
                while len(jobs) < GROUP:
                    jobs.append(self._queue.get_nowait())
            stopping = None in jobs
            if group := [job for job in jobs if job is not None and job.is_wanted()]:
                self._commit(group)
                if self._connection is not None:
                    self._wal.committed(self._connection)

    def _commit(self, group: list[_Job]) -> None:
        outcomes: list[Outcome] = []
        try:
            connection = self._connection = self._connection or self.database.connect()
            transaction = Transaction(connection, self._kept)
            _begin(connection)
            transaction.notice_others()
            transaction.seek(job.seek for job in group if job.seek)
            for job in group:
                try:
                    outcomes.append((job, transaction.attempt(job.work), None))
                except _GroupLost:
                    raise
                except Exception as refusal:  # noqa: BLE001 - each write's error is its caller's
                    outcomes.append((job, None, _refused(refusal) if is_storage_error(refusal) else refusal))
            transaction.finish()
            connection.execute("COMMIT")
        except Exception as error:
            logger.exception("commit failed")
            self._reset()
            outcomes = [(job, None, _refused(error)) for job in group]
        else:
            transaction.publish()
            self._tell(transaction.events)
        _answer(outcomes)

    def _tell(self, events: list[Event]) -> None:
        for listener in list(self._listeners) if events else []:
            try:
                listener(events)
            except Exception:
                logger.exception("a listener of the log failed")

    def _reset(self) -> None:
        """Forget the connection after a failed commit: the next group opens a new one."""
        if self._connection is not None:
            with contextlib.suppress(Exception):
                self._connection.execute("ROLLBACK")
            with contextlib.suppress(Exception):
                self._connection.close()
            self._connection = None


def _answer(outcomes: list[Outcome]) -> None:
    """Wake each loop once for all of its tasks: a wake-up a task was a tenth of a write."""
    by_loop: dict[asyncio.AbstractEventLoop | None, list[Outcome]] = {}
    for outcome in outcomes:
        by_loop.setdefault(outcome[0].loop, []).append(outcome)
    for loop, some in by_loop.items():
        if loop is None:
            _resolve(some)
        else:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(_resolve, some)


def _resolve(outcomes: list[Outcome]) -> None:
    for job, result, error in outcomes:
        if job.future.cancelled():
            continue
        if error is None:
            job.future.set_result(result)
        else:
            job.future.set_exception(error)


def _refused(error: BaseException) -> LogError:
    refused = WriteFailed(f"{WriteFailed.__doc__} ({error})")
    refused.__cause__ = error
    return refused
