"""The single appender of a database: one thread, one queue, group commit.

A write is a function of a `Transaction`. Writes that wait together share one commit, to which each leaves the whole of
itself, or no trace. State that rides along (`Transaction.keep`) becomes visible only after the commit and in commit
order: a failed commit leaves nothing moved.
"""

import asyncio
import contextlib
import logging
import queue
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import Future
from itertools import islice
from typing import Any, TypeVar

import msgspec

from soma.events.chain import Event
from soma.events.database import Connection, Database, first_line_of, is_refusal, is_storage_error
from soma.events.errors import LogError, WriteFailed, WriterBusy, WriteRefused
from soma.events.ids import continue_after
from soma.events.transaction import GroupLost, Prefetch, Transaction, Work, begin
from soma.events.wal import WalCopier

T = TypeVar("T")
Listener = Callable[[Sequence[Event]], object]

GROUP = 1_000  # writes a commit at most
WAITING = 20_000  # writes in the queue, then WriterBusy; threads that come together may pass it by one each
CLOSED = "The writer is closed: the process ends."

logger = logging.getLogger(__name__)


class _Job(msgspec.Struct, frozen=True, eq=False):
    """A write and its waiting caller: a thread, or a task of `loop`."""

    work: Work[Any]
    future: "Future[Any] | asyncio.Future[Any]"
    loop: asyncio.AbstractEventLoop | None = None
    prefetch: Prefetch | None = None

    def is_wanted(self) -> bool:
        """Return whether somebody waits: a thread may have given up before; a task's write goes on without it."""
        return not isinstance(self.future, Future) or self.future.set_running_or_notify_cancel()


Outcome = tuple[_Job, Any, BaseException | None]


class Writer:
    """The owner of the only connection that writes events. `write` returns after the commit."""

    def __init__(self, database: Database, *, waiting: int = WAITING) -> None:
        self.database = database
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._waiting = waiting
        self._is_closed = False
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()
        self._listeners: list[Listener] = []
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._connection: Connection | None = None
        self._wal = WalCopier(database)

    def start(self) -> None:
        self._connection = self.database.connect()
        for (event_id,) in self._connection.query("SELECT event_id FROM events ORDER BY position DESC LIMIT 1"):
            continue_after(event_id)
        self._thread.start()
        self._wal.start()

    def close(self) -> None:
        """Commit what waits, then stop. What comes later is refused."""
        self._is_closed = True
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()
        _answer([(job, None, WriteFailed(CLOSED)) for job in self._drain() if job is not None])
        self._wal.close()
        if self._connection is not None:
            self._connection.close()

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with the events of each commit, in order, in the writer's thread. Return how to stop it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def get_kept(self, key: Hashable) -> Any | None:
        """Return the value that a commit last kept under `key`; None where none is remembered."""
        return self._kept.get(key)

    def submit(self, work: Work[T]) -> Future[T]:
        """Enqueue `work` from a thread; return a future of its result."""
        future: Future[T] = Future()
        self._enqueue(_Job(work, future))
        return future

    async def write(self, work: Work[T], *, prefetch: Prefetch | None = None) -> T:
        """Commit `work` and return its result. It is committed also when the caller goes away."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._enqueue(_Job(work, future, loop, prefetch))
        return await future

    def _enqueue(self, job: _Job) -> None:
        if self._is_closed:
            raise WriteFailed(CLOSED)
        if self._queue.qsize() >= self._waiting:
            raise WriterBusy(WriterBusy.__doc__)
        self._queue.put(job)

    def _run(self) -> None:
        stopping = False
        while not stopping:
            jobs = [self._queue.get(), *islice(self._drain(), GROUP - 1)]
            stopping = None in jobs
            if group := [job for job in jobs if job is not None and job.is_wanted()]:
                self._commit(group)
                if self._connection is not None:
                    self._wal.copy_rest(self._connection)

    def _drain(self) -> Iterator[_Job | None]:
        """Take out what waits now."""
        with contextlib.suppress(queue.Empty):
            while True:
                yield self._queue.get_nowait()

    def _commit(self, group: list[_Job]) -> None:
        outcomes: list[Outcome] = []
        try:
            connection = self._connection = self._connection or self.database.connect()
            transaction = Transaction(connection, self._kept)
            begin(connection)
            transaction.notice_others()
            transaction.prefetch(job.prefetch for job in group if job.prefetch)
            for job in group:
                try:
                    outcomes.append((job, transaction.attempt(job.work), None))
                except GroupLost:
                    raise
                except Exception as refusal:  # noqa: BLE001 - each write's error is its caller's
                    outcomes.append((job, None, _to_refusal(refusal) if is_storage_error(refusal) else refusal))
            transaction.finish()
            connection.execute("COMMIT")
        except Exception as error:
            logger.exception("commit failed")
            self._reset()
            alone = len(group) == 1  # of several, nobody knows whose write it was: each may come again
            outcomes = [(job, None, _to_refusal(error) if alone else _to_failure(error)) for job in group]
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


def _to_refusal(error: BaseException) -> LogError:
    """Return the error for a write whose own statement failed."""
    return _to_error(WriteRefused, error) if is_refusal(error) else _to_failure(error)


def _to_failure(error: BaseException) -> LogError:
    return _to_error(WriteFailed, error)


def _to_error(kind: type[LogError], error: BaseException) -> LogError:
    converted = kind(f"{kind.__doc__} ({first_line_of(error)})")
    converted.__cause__ = error
    return converted
