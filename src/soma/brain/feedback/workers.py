"""Workers read and learn batches: in processes of their own, or, with none, in a thread."""

import asyncio
import logging
import pickle
import sys
from asyncio.subprocess import PIPE, Process
from typing import Protocol

from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.state import LearnerState
from soma.brain.feedback.batch import BatchRequest, PreparedBatch, prepare
from soma.brain.feedback.worker import LENGTH
from soma.events.database import Database

logger = logging.getLogger(__name__)


class Workers(Protocol):
    async def prepare(self, state: LearnerState, batch: BatchRequest) -> PreparedBatch: ...
    async def aclose(self) -> None: ...


class ThreadWorkers:
    def __init__(self, database: Database, hyperparameters: Hyperparameters, digest: str) -> None:
        self._place = database, hyperparameters, digest

    async def prepare(self, state: LearnerState, batch: BatchRequest) -> PreparedBatch:
        database, hyperparameters, digest = self._place
        return await asyncio.to_thread(prepare, database, state, hyperparameters, digest, batch)

    async def aclose(self) -> None:
        """Nothing is held."""


class WorkerDied(Exception):
    """A worker ended in the middle of a batch; nothing of it was written."""


class ProcessWorkers:
    """Worker processes, started with the first batch.

    Python runs one thread at a time, so learning a thousand feedbacks here would hold up every turn of this process.
    """

    def __init__(self, database: Database, hyperparameters: Hyperparameters, digest: str, *, count: int) -> None:
        self._place = database.url, hyperparameters, digest
        self._places = asyncio.Semaphore(count)
        self._idle: list[Process] = []

    async def prepare(self, state: LearnerState, batch: BatchRequest) -> PreparedBatch:
        async with self._places:
            try:
                return await self._ask(state, batch)
            except WorkerDied:
                logger.exception("the batch is given to another worker")
                return await self._ask(state, batch)

    async def _ask(self, state: LearnerState, batch: BatchRequest) -> PreparedBatch:
        process = self._idle.pop() if self._idle else await self._start()
        try:
            await _send(process, (state, batch))
            answer = await _receive(process)
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            raise WorkerDied(WorkerDied.__doc__) from error
        except BaseException:
            process.kill()  # it still works on what nobody waits for
            raise
        self._idle.append(process)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    async def _start(self) -> Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "soma.brain.feedback.worker", stdin=PIPE, stdout=PIPE
        )
        await _send(process, self._place)
        return process

    async def aclose(self) -> None:
        for process in self._idle:
            if process.stdin is not None:
                process.stdin.close()
            await process.wait()
        self._idle.clear()


async def _send(process: Process, value: object) -> None:
    assert process.stdin is not None  # noqa: S101 - started with a pipe
    content = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    process.stdin.write(LENGTH.pack(len(content)) + content)
    await process.stdin.drain()


async def _receive(process: Process) -> PreparedBatch | BaseException:
    assert process.stdout is not None  # noqa: S101 - started with a pipe
    (length,) = LENGTH.unpack(await process.stdout.readexactly(LENGTH.size))
    content = await process.stdout.readexactly(length)
    answer: PreparedBatch | BaseException = pickle.loads(content)  # noqa: S301 - the other end is our own child
    return answer
