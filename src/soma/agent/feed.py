"""Live followers of conversations: what is committed reaches them in order, deltas in between.

A follower reads the log up to now, then what comes. One that is too slow is dropped with a code, never buffered
without end; it resumes by its last position.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec

from soma.events.chain import Event
from soma.events.ids import new_id, now
from soma.events.log import Log
from soma.events.writer import Writer

WAITING = 1_000  # frames that a follower may be behind
PAGE = 500

Frame = dict[str, Any]
Key = tuple[str, str]


class SlowReader(Exception):
    """The follower did not keep up; resume after the last position that it has."""

    code = "slow_reader"


@dataclass(slots=True)
class Draft:
    """The text of a running iteration, for those who join in the middle."""

    turn_id: str
    iteration_number: int
    text: str = ""


@dataclass(slots=True, eq=False)
class _Follower:
    frames: asyncio.Queue[Frame | None] = field(default_factory=lambda: asyncio.Queue(WAITING))

    def drain(self) -> list[Frame]:
        frames = [self.frames.get_nowait() for _ in range(self.frames.qsize())]
        if None in frames:
            raise SlowReader(SlowReader.__doc__)
        return [frame for frame in frames if frame is not None]


class Feed:
    """One a process; its methods run on the event loop that it was made in."""

    def __init__(self, writer: Writer) -> None:
        self._log = Log(writer.database)
        self._loop = asyncio.get_running_loop()
        self._followers: dict[Key, set[_Follower]] = defaultdict(set)
        self._drafts: dict[Key, Draft] = {}
        self.close: Callable[[], None] = writer.listen(self._committed)

    def delta(self, tenant_id: str, conversation_id: str, *, turn_id: str, iteration_number: int, text: str) -> None:
        """Pass on a piece of text that is not stored."""
        key = (tenant_id, conversation_id)
        draft = self._drafts.get(key)
        if draft is None or (draft.turn_id, draft.iteration_number) != (turn_id, iteration_number):
            draft = self._drafts[key] = Draft(turn_id, iteration_number)
        frame = delta_frame(draft, offset=len(draft.text), text=text)
        draft.text += text
        self._send(key, frame)

    async def follow(self, tenant_id: str, conversation_id: str, *, after: int) -> AsyncGenerator[Frame]:
        """Events after the conversation position `after`, without end; within a live turn also its text so far."""
        key = (tenant_id, conversation_id)
        with self._following(key) as follower:
            while events := await asyncio.to_thread(
                self._log.conversation, tenant_id, conversation_id, after=after, limit=PAGE
            ):
                for event in events:
                    after = event.conversation_position or after
                    yield frame_of(event)
            # What waits by now is either in the log that was read, or in the text so far, or an event after both.
            waiting, so_far = follower.drain(), self._so_far(key)
            for frame in waiting:
                if frame.get("position", 0) > after:
                    yield frame
            if so_far is not None:
                yield so_far
            while (latest := await follower.frames.get()) is not None:
                yield latest
        raise SlowReader(SlowReader.__doc__)

    def text_so_far(self, tenant_id: str, conversation_id: str) -> str:
        draft = self._drafts.get((tenant_id, conversation_id))
        return draft.text if draft else ""

    def _so_far(self, key: Key) -> Frame | None:
        draft = self._drafts.get(key)
        return None if draft is None else delta_frame(draft, offset=0, text=draft.text)

    def _committed(self, events: Sequence[Event]) -> None:
        """In the writer's thread."""
        self._loop.call_soon_threadsafe(self._publish, list(events))

    def _publish(self, events: Sequence[Event]) -> None:
        for event in events:
            if event.conversation_id is None:
                continue
            key = (event.tenant_id, event.conversation_id)
            if event.event_type in {"chat.model_responded", "chat.draft_replaced", "chat.turn_complete"}:
                self._drafts.pop(key, None)
            if key in self._followers:
                self._send(key, frame_of(event))

    def _send(self, key: Key, frame: Frame) -> None:
        for follower in list(self._followers.get(key, ())):
            try:
                follower.frames.put_nowait(frame)
            except asyncio.QueueFull:
                self._drop(key, follower)

    def _drop(self, key: Key, follower: _Follower) -> None:
        self._followers[key].discard(follower)
        follower.frames.get_nowait()
        follower.frames.put_nowait(None)

    @contextmanager
    def _following(self, key: Key) -> Iterator[_Follower]:
        follower = _Follower()
        self._followers[key].add(follower)
        try:
            yield follower
        finally:
            self._followers[key].discard(follower)
            if not self._followers[key]:
                del self._followers[key]


def frame_of(event: Event) -> Frame:
    """An event as every door sends it."""
    return {
        "type": event.event_type,
        "id": event.event_id,
        "timestamp": event.timestamp,
        "position": event.conversation_position,
        "conversation_id": event.conversation_id,
        "turn_id": event.turn_id,
        "payload": msgspec.json.decode(event.payload) if event.payload is not None else None,
    }


def delta_frame(draft: Draft, *, offset: int, text: str) -> Frame:
    return {
        "type": "chat.delta",
        "id": new_id(),
        "timestamp": now(),
        "payload": {"turn": draft.turn_id, "iteration": draft.iteration_number, "offset": offset, "text": text},
    }
