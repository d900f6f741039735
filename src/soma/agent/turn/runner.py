"""The turns of this process, each in a task of its own: begun, followed, cancelled, resumed after a kill.

A closed browser ends no turn. A turn belongs to the run that holds its lease; every fact is committed under it, and a
process runs it at most once at a time. Where the database fails, the turn is left where it stands: its lease runs out,
and the worker that takes it over goes on from its log.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass

from soma.agent.access.visits import Visit
from soma.agent.errors import Conflict
from soma.agent.llm.base import TextDelta
from soma.agent.metrics import observe_iteration, observe_turn
from soma.agent.record.turn import Lease, TurnHeader, TurnRecord
from soma.agent.storage.leases import LeaseLost
from soma.agent.storage.turn_store import IN_PROGRESS, TurnStore
from soma.agent.turn.endings import EarlyEnd, Endings, early_end_of
from soma.agent.turn.feed import QUIET, Feed, Frame
from soma.agent.turn.loop import Step, run_turn
from soma.agent.turn.steps.context import TurnContext
from soma.events.errors import LogError
from soma.events.facts.turn import IterationCompleted, TurnComplete

logger = logging.getLogger(__name__)

Prepare = Callable[[TurnRecord], Awaitable[TurnContext]]
Crash = Callable[[str], None]  # named crash points: a test may end the process right after a commit


@dataclass(frozen=True, slots=True)
class TurnTasks:
    """Tasks of a turn: `loop` is what a cancel ends, `driver` sees the turn to its end whatever happens."""

    lease: Lease
    loop: asyncio.Task[None]
    driver: asyncio.Task[None]


class TurnRunner:
    """Begins, follows, cancels and resumes turns."""

    def __init__(
        self,
        store: TurnStore,
        feed: Feed,
        prepare: Prepare,
        *,
        turn_seconds: float,
        crash: Crash | None = None,
    ) -> None:
        self._store = store
        self._feed = feed
        self._endings = Endings(store, feed)
        self._prepare = prepare
        self._turn_seconds = turn_seconds
        self._crash = crash or (lambda _: None)
        self._running: dict[str, TurnTasks] = {}
        self._keeper: asyncio.Task[None] | None = None

    async def start(self, *, is_alone: bool) -> None:
        """Resume what an earlier process left. `is_alone`: no other worker can be alive, so no lease is waited for."""
        self._keeper = asyncio.create_task(self._keep_leases(), name="lease-keeper")
        await self._take_over(is_alone=is_alone)

    async def stop(self) -> None:
        """Stop every turn where it stands; the next process goes on from its log."""
        running = list(self._running.values())
        keepers = [self._keeper] if self._keeper else []
        await _cancel(*keepers, *(turn.driver for turn in running))
        await _cancel(*(turn.loop for turn in running))

    async def send(self, turn: TurnHeader, *, on_busy: str) -> tuple[str, int]:
        """Admit a message and begin its turn. Returns the turn's id and the position after which its events come."""
        while True:
            try:
                admitted = await self._store.admit(turn, enqueue=on_busy == "enqueue")
                break
            except Conflict as refused:
                if on_busy != "cancel" or refused.code != IN_PROGRESS:
                    raise
                await self.cancel_conversation(turn.tenant_id, turn.conversation_id)
        if admitted.lease is not None:
            self._begin(TurnRecord(turn, admitted.lease))
        return admitted.turn_id, admitted.after

    async def cancel(self, turn_id: str) -> None:
        """Close the model's connection at once and end the turn as `cancelled`; one that is complete stays so.

        This also ends a turn that nobody runs, or that another worker runs: that worker loses its lease.
        """
        while True:
            if (running := self._running.get(turn_id)) is not None:
                running.loop.cancel()
                with suppress(LeaseLost):
                    await asyncio.shield(running.driver)
            if (lease := await self._store.leases.claim(turn_id)) is None:
                return
            with suppress(LeaseLost):  # another worker has taken it meanwhile: try again
                self._report_end(await self._endings.end_early(lease, EarlyEnd("cancelled")))

    async def cancel_conversation(self, tenant_id: str, conversation_id: str) -> None:
        """Cancel all that a conversation has under way: first what waits, the last first, so that nothing begins."""
        for turn_id in await asyncio.to_thread(self._store.find_under_way, tenant_id, conversation_id):
            await self.cancel(turn_id)

    async def follow(
        self, tenant_id: str, conversation_id: str, turn_id: str, *, after: int, visit: Visit | None = None
    ) -> AsyncGenerator[Frame]:
        """Yield the frames of one turn, to its end."""
        async with aclosing(self._feed.follow(tenant_id, conversation_id, after=after, visit=visit)) as frames:
            async for frame in frames:
                if frame is not QUIET and frame["turn_id"] != turn_id:
                    continue
                yield frame
                if frame["type"] == TurnComplete.event_type:
                    return

    def _begin(self, record: TurnRecord) -> None:
        turn, lease = record.turn, record.lease
        if lease is None or turn.id in self._running:
            return
        loop = asyncio.create_task(self._run(record), name=f"loop of turn {turn.id}")
        driver = asyncio.create_task(self._drive_to_end(lease, loop), name=f"driver of turn {turn.id}")
        self._running[turn.id] = TurnTasks(lease, loop, driver)
        driver.add_done_callback(lambda done: self._on_end(turn, done))

    def _on_end(self, turn: TurnHeader, driver: asyncio.Task[None]) -> None:
        self._running.pop(turn.id, None)
        error = None if driver.cancelled() else driver.exception()
        if isinstance(error, LeaseLost):
            logger.warning("turn %s has gone to a newer run", turn.id)
        elif error is not None:
            logger.error("turn %s was left where it stands", turn.id, exc_info=error)
            if isinstance(error, LogError):
                self._feed.interrupt(turn.tenant_id, turn.conversation_id, error)

    async def _run(self, record: TurnRecord) -> None:
        """Drive the loop, committing each of its facts before it goes on."""
        began = asyncio.get_running_loop().time()
        async with asyncio.timeout(self._turn_seconds) as clock:
            context = await self._prepare(record)
            clock.reschedule(began + context.limits.turn_seconds)
            async with aclosing(run_turn(record, context)) as steps:
                async for step in steps:
                    await self._commit(record, step)

    async def _drive_to_end(self, lease: Lease, loop: asyncio.Task[None]) -> None:
        await asyncio.wait([loop])
        if (early_end := early_end_of(lease, loop)) is not None:
            self._report_end(await self._endings.end_early(lease, early_end))
        await self._take_over()  # a queued message may be next

    def _report_end(self, complete: TurnComplete | None) -> None:
        """Count a turn that has ended; None where even the event of its end was refused."""
        if complete is not None:
            self._crash(complete.event_type)
            observe_turn(complete)

    async def _commit(self, record: TurnRecord, step: Step) -> None:
        """Commit and apply a fact; a piece of text is only passed on."""
        turn = record.turn
        if isinstance(step, TextDelta):
            number = record.current.number
            self._feed.send_delta(
                turn.tenant_id, turn.conversation_id, turn_id=turn.id, iteration_number=number, text=step.text
            )
            await asyncio.sleep(0)  # followers read and a cancel is heard also where a model speaks without a pause
            return
        await self._store.record(record, step)
        record.apply(step)
        self._crash(step.event_type)
        if isinstance(step, IterationCompleted):
            observe_iteration(record, step)
        elif isinstance(step, TurnComplete):
            observe_turn(step)

    async def _keep_leases(self) -> None:
        """Renew the leases of turns that run here, and take over turns that no worker runs any more."""
        while True:
            await asyncio.sleep(self._store.leases.seconds / 3)
            try:
                for lost in await self._store.leases.renew([running.lease for running in self._running.values()]):
                    self._stop_run(lost)
                await self._take_over()
            except Exception:
                logger.exception("leases could not be renewed")

    def _stop_run(self, lost: Lease) -> None:
        """Stop a run whose turn a newer run has taken: nothing that it does counts any more."""
        running = self._running.get(lost.turn_id)
        if running is not None and running.lease == lost:
            running.loop.cancel()

    async def _take_over(self, *, is_alone: bool = False) -> None:
        for lease in await self._store.leases.take_over(running=frozenset(self._running), is_alone=is_alone):
            try:
                await self._resume(lease)
            except (LogError, LeaseLost):
                logger.exception("turn %s is left for later", lease.turn_id)

    async def _resume(self, lease: Lease) -> None:
        """Resume a turn that was taken over, or end it where its log does not show how it goes on."""
        record = await asyncio.to_thread(self._store.load, lease.turn_id, lease)
        if record.complete is not None or record.unreadable:
            self._report_end(await self._endings.set_aside(record))
        else:
            self._begin(record)


async def _cancel(*tasks: asyncio.Task[None]) -> None:
    """Cancel tasks and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
