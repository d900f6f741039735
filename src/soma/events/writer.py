"""The single appender of a database: one thread, one queue, group commit.

A write is a function of a `Transaction`. Writes that wait together share one commit, each under its own savepoint, so
that one that fails leaves the others whole. State that rides along (`Transaction.keep`) becomes visible only after the
commit and in commit order: a failed commit leaves nothing moved.
"""

import asyncio
import contextlib
import logging
import queue
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from soma.events.chain import COLUMNS, Draft, Event, Head, place
from soma.events.database import Connection, Database, Row, is_storage_error
from soma.events.errors import LogError, WriteFailed, WriterBusy

T = TypeVar("T")
Work = Callable[["Transaction"], T]
Listener = Callable[[Sequence[Event]], object]

GROUP = 1_000  # writes a commit at most
WAITING = 20_000  # writes in the queue at most, then WriterBusy
KEPT = 50_000  # values remembered between transactions (chain heads, states); the oldest go first and are read again

INSERT = f"INSERT INTO events ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"

logger = logging.getLogger(__name__)


class Transaction:
    """What a write may do: SQL, append events, and keep values that others see after the commit."""

    def __init__(self, connection: Connection, kept: "OrderedDict[Hashable, Any]") -> None:
        self._connection = connection
        self._kept = kept
        self._group: dict[Hashable, Any] = {}
        self._own: dict[Hashable, Any] = {}
        self._rows: list[Event] = []
        self.events: list[Event] = []

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        self._connection.execute(sql, parameters)

    def executemany(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        self._connection.executemany(sql, rows)

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
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

    def append(self, draft: Draft) -> Event:
        """Put `draft` at the end of the log and of its stream's chain."""
        position = self.get("position", self._last_position) + 1
        head_key = ("head", draft.tenant_id, draft.stream)
        head = self.get(head_key, lambda: self._last_head(draft))
        event = place(draft, head=head, position=position, conversation_position=self._next_in_conversation(draft))
        self.keep("position", position)
        self.keep(head_key, Head(event.seq, event.hash))
        self._rows.append(event)
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

    # The group's side: each write runs between begin and release, or is undone.

    def attempt(self, work: Work[T]) -> T:
        """Run one write under its savepoint."""
        self._own, self._rows = {}, []
        self.execute("SAVEPOINT work")
        try:
            result = work(self)
            if self._rows:
                self.executemany(INSERT, [tuple(getattr(event, name) for name in COLUMNS) for event in self._rows])
        except BaseException as error:
            self._undo(error)
            raise
        self.execute("RELEASE SAVEPOINT work")
        self._group.update(self._own)
        self.events.extend(self._rows)
        return result

    def _undo(self, error: BaseException) -> None:
        """Roll the failed write back. Where there is nothing to roll back to, the database has undone the whole group:
        a later write must not begin a transaction of its own.
        """
        try:
            self.execute("ROLLBACK TO SAVEPOINT work")
            self.execute("RELEASE SAVEPOINT work")
        except Exception:  # noqa: BLE001 - whatever the driver calls it, the savepoint is gone
            raise _GroupLost(str(error)) from error

    def publish(self) -> None:
        """After the commit: what the group kept is now what everyone sees."""
        for key, value in self._group.items():
            self._kept[key] = value
            self._kept.move_to_end(key)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)


class _GroupLost(Exception):
    """The transaction that the writes of a group share is gone."""


@dataclass(slots=True)
class _Job:
    work: Work[Any]
    future: Future[Any]


class Writer:
    """Owns the only connection that writes events. `write` returns after the commit."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._queue: queue.Queue[_Job | None] = queue.Queue(maxsize=WAITING)
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()
        self._listeners: list[Listener] = []
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._connection: Connection | None = None

    def start(self) -> None:
        self._connection = self.database.connect()
        self._thread.start()

    def close(self) -> None:
        """Commit what waits, then stop."""
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()
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
        job = _Job(work, Future())
        try:
            self._queue.put_nowait(job)
        except queue.Full:
            raise WriterBusy(WriterBusy.__doc__) from None
        return job.future

    async def write(self, work: Work[T]) -> T:
        """Commit `work`; a caller that goes away does not undo it."""
        return await asyncio.shield(asyncio.wrap_future(self.submit(work)))

    def _run(self) -> None:
        stopping = False
        while not stopping:
            jobs = [self._queue.get()]
            with contextlib.suppress(queue.Empty):
                while len(jobs) < GROUP:
                    jobs.append(self._queue.get_nowait())
            stopping = None in jobs
            if group := [job for job in jobs if job is not None and job.future.set_running_or_notify_cancel()]:
                self._commit(group)

    def _commit(self, group: list[_Job]) -> None:
        done: list[tuple[_Job, Any]] = []
        failed: list[tuple[_Job, BaseException]] = []
        try:
            connection = self._connection = self._connection or self.database.connect()
            transaction = Transaction(connection, self._kept)
            connection.execute("BEGIN IMMEDIATE" if connection.dialect == "sqlite" else "BEGIN")
            for job in group:
                try:
                    done.append((job, transaction.attempt(job.work)))
                except _GroupLost:
                    raise
                except Exception as refusal:  # noqa: BLE001 - each write's error is its caller's
                    failed.append((job, _refused(refusal) if is_storage_error(refusal) else refusal))
            connection.execute("COMMIT")
        except Exception as error:
            logger.exception("commit failed")
            self._reset()
            failed, done = [(job, _refused(error)) for job in group], []
        else:
            transaction.publish()
            self._tell(transaction.events)
        for job, result in done:
            job.future.set_result(result)
        for job, reason in failed:
            job.future.set_exception(reason)

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


def _refused(error: BaseException) -> LogError:
    refused = WriteFailed(f"{WriteFailed.__doc__} ({error})")
    refused.__cause__ = error
    return refused
