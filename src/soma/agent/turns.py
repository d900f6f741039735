"""Turns as tasks of their own: started, followed, cancelled, resumed after a kill. A closed browser ends none of them.

A turn belongs to the worker that holds its lease; every fact is committed under it.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

from soma.agent.errors import NotFound
from soma.agent.feed import Feed, Frame
from soma.agent.llm.base import ModelError, TextDelta
from soma.agent.metrics import observe_iteration, observe_turn
from soma.agent.record import Turn, TurnRecord
from soma.agent.steps.answer import answer
from soma.agent.steps.doors import Doors
from soma.agent.store import LeaseLost, TurnStore
from soma.agent.turn import Step, run_turn
from soma.brain.errors import BrainError
from soma.events.errors import LogError
from soma.events.schema import IterationCompleted, TurnComplete

logger = logging.getLogger(__name__)

Prepare = Callable[[Turn], Awaitable[Doors]]
Crash = Callable[[str], None]  # named crash points: a test may end the process right after a commit


class Turns:
    """The turns of this process."""

    def __init__(
        self,
        store: TurnStore,
        feed: Feed,
        prepare: Prepare,
        *,
        lease_seconds: float,
        turn_seconds: float,
        crash: Crash | None = None,
    ) -> None:
        self._store = store
        self._feed = feed
        self._prepare = prepare
        self._lease_seconds = lease_seconds
        self._turn_seconds = turn_seconds
        self._crash = crash or (lambda _: None)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._cancelled: set[str] = set()
        self._keeper: asyncio.Task[None] | None = None

    async def start(self, *, alone: bool) -> None:
        """Resume what an earlier process left. `alone`: no other worker can be alive, so no lease is waited for."""
        self._keeper = asyncio.create_task(self._keep(), name="lease-keeper")
        await self._take_over(expired_before=float("inf") if alone else time.time())

    async def stop(self) -> None:
        """Let go of every turn where it stands; the next process goes on from its log."""
        tasks = [task for task in (self._keeper, *self._tasks.values()) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def send(self, turn: Turn, *, on_busy: str) -> tuple[str, int]:
        """Admit a message and begin its turn. Returns the turn's id and the position after which its events come."""
        if on_busy == "cancel":
            await self.cancel_conversation(turn.tenant_id, turn.conversation_id)
        turn_id, state, position = await self._store.admit(
            turn, lease_until=self._lease_until(), enqueue=on_busy == "enqueue"
        )
        if state == "running" and turn_id == turn.id:
            self._begin(TurnRecord(turn))
        return turn_id, position

    async def cancel(self, turn_id: str) -> None:
        """Close the model's connection at once and end the turn as `cancelled`. Raises NotFound if it is not ours."""
        task = self._tasks.get(turn_id)
        if task is None:
            raise NotFound(f"turn {turn_id} is not running", code="turn_not_running")
        self._cancelled.add(turn_id)
        task.cancel()
        await asyncio.wait([task])

    async def cancel_conversation(self, tenant_id: str, conversation_id: str) -> None:
        for task in list(self._tasks.values()):
            if task.get_name() == _name(tenant_id, conversation_id):
                await self.cancel(next(turn_id for turn_id, other in self._tasks.items() if other is task))

    async def follow(self, tenant_id: str, conversation_id: str, turn_id: str, *, after: int) -> AsyncGenerator[Frame]:
        """The frames of one turn, to its end."""
        async with aclosing(self._feed.follow(tenant_id, conversation_id, after=after)) as frames:
            async for frame in frames:
                mine = frame.get("turn_id", frame["payload"].get("turn") if frame["payload"] else None) == turn_id
                if mine:
                    yield frame
                if mine and frame["type"] == TurnComplete.event_type:
                    return

    def _begin(self, record: TurnRecord) -> None:
        turn = record.turn
        task = asyncio.create_task(self._drive(record), name=_name(turn.tenant_id, turn.conversation_id))
        self._tasks[turn.id] = task
        task.add_done_callback(lambda done: self._ended(turn, done))

    def _ended(self, turn: Turn, task: asyncio.Task[None]) -> None:
        self._tasks.pop(turn.id, None)
        self._cancelled.discard(turn.id)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("turn %s was left where it stands", turn.id, exc_info=error)

    async def _drive(self, record: TurnRecord) -> None:
        """Run the loop to its end, whatever happens, and commit each of its facts before it goes on."""
        turn = record.turn
        doors = await self._prepare(turn)
        reason, error = "error", None
        try:
            async with asyncio.timeout(self._turn_seconds), aclosing(run_turn(record, doors)) as steps:
                async for step in steps:
                    await self._take(record, step)
            reason = ""
        except TimeoutError:
            reason = "timeout"
        except asyncio.CancelledError:
            if turn.id not in self._cancelled:
                raise  # the process is stopping: the next one resumes the turn
            if (task := asyncio.current_task()) is not None:
                task.uncancel()
            reason = "cancelled"
        except (ModelError, BrainError) as refused:
            error = {"code": refused.code, "message": str(refused)}
        except (LeaseLost, LogError):
            raise
        except Exception:
            logger.exception("turn %s failed", turn.id)
            error = {"code": "internal", "message": "The server made a mistake; its log says which."}
        if reason:
            await self._cut_short(turn, reason, doors, error)
        await self._begin_next(turn)

    async def _cut_short(self, turn: Turn, reason: str, doors: Doors, error: dict[str, str] | None) -> None:
        """End a turn from what its log holds: a commit that was under way when it was cut counts."""
        partial = self._feed.text_so_far(turn.tenant_id, turn.conversation_id)
        record = await self._store.reload(turn)
        if record.complete is None:
            await self._take(record, answer(record, reason, doors, error=error, partial=partial))

    async def _take(self, record: TurnRecord, step: Step) -> None:
        """Commit and apply a fact, or pass a piece of text on."""
        turn = record.turn
        if isinstance(step, TextDelta):
            number = record.current.number
            self._feed.delta(
                turn.tenant_id, turn.conversation_id, turn_id=turn.id, iteration_number=number, text=step.text
            )
            return
        await self._store.record(record, step)
        record.apply(step)
        self._crash(step.event_type)
        if isinstance(step, IterationCompleted):
            observe_iteration(record, step)
        elif isinstance(step, TurnComplete):
            observe_turn(step)

    async def _begin_next(self, turn: Turn) -> None:
        queued = await self._store.next_queued(turn.tenant_id, turn.conversation_id, lease_until=self._lease_until())
        if queued is not None:
            self._begin(await asyncio.to_thread(self._store.load, queued))

    async def _keep(self) -> None:
        """Renew our leases, and take over turns whose worker is gone."""
        while True:
            await asyncio.sleep(self._lease_seconds / 3)
            try:
                await self._store.renew(lease_until=self._lease_until())
                await self._take_over(expired_before=time.time())
            except LogError:
                logger.exception("leases could not be renewed")

    async def _take_over(self, *, expired_before: float) -> None:
        taken = await self._store.take_over(expired_before=expired_before, lease_until=self._lease_until())
        for turn_id in taken:
            self._begin(await asyncio.to_thread(self._store.load, turn_id))

    def _lease_until(self) -> float:
        return time.time() + self._lease_seconds


def _name(tenant_id: str, conversation_id: str) -> str:
    return f"turn of {tenant_id}/{conversation_id}"
