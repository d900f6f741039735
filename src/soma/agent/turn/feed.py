"""Live followers of conversations: what is committed reaches them in order, deltas in between.

A follower reads the log up to where it joined, then what comes. One that is too slow is dropped with a code, never
buffered without end; it resumes by its last position.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from soma.agent.access.visits import Visit
from soma.agent.errors import Invalid
from soma.events.chain import Event
from soma.events.facts.turn import DraftReplaced, ModelResponded, TurnComplete
from soma.events.ids import new_id, now
from soma.events.log import Log
from soma.events.writer import Writer
from soma.validation.json_errors import DECODING_ERRORS

WAITING = 1_000  # frames that a follower may be behind
PAGE = 500
SETTLING = {fact.event_type for fact in (ModelResponded, DraftReplaced, TurnComplete)}  # after these a draft is over

LEFT_OUT = frozenset({  # of a light frame: the bulk of it, which only a study of the turn needs
    "memories", "weights", "neuromodulators", "weights_before", "weights_after", "weight_deltas",
    "neuromodulators_before", "neuromodulators_after", "final_weights", "final_neuromodulators",
    "usefulness", "calibration", "lanes", "logprobs", "reward_terms",
})  # fmt: skip

Detail = Literal["full", "light"]
Frame = dict[str, Any]
Key = tuple[str, str]

QUIET: Frame = {"type": "quiet"}  # nothing has come for a while; no endpoint sends it as an event


class SlowReader(Exception):
    """The follower did not keep up; resume after the last position that it has."""

    code = "slow_reader"


@dataclass(slots=True)
class PartialText:
    """The text so far of a running iteration, for followers that join in the middle."""

    conversation_id: str
    turn_id: str
    iteration_number: int
    text: str = ""


@dataclass(slots=True, eq=False)
class _Follower:
    """A queue of frames that wait to be read; an exception is the last to come."""

    frames: asyncio.Queue[Frame | Exception] = field(default_factory=lambda: asyncio.Queue(WAITING))
    refusal: Exception | None = None

    def end(self, error: Exception) -> None:
        """Send `error` after the frames that wait, as the last to come."""
        if self.frames.full():
            self.frames.get_nowait()
        self.frames.put_nowait(error)

    def cut_off(self, error: Exception) -> None:
        """Send `error` in place of the frames that wait, as the last to come."""
        self.refusal = error
        while not self.frames.empty():
            self.frames.get_nowait()
        self.frames.put_nowait(error)

    async def next(self, seconds: float) -> Frame | Exception:
        """Wait for the next frame; QUIET where none comes for so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                return await self.frames.get()
        except TimeoutError:
            return QUIET


class Feed:
    """Followers of this process's conversations; its methods run on the event loop that it was made in."""

    def __init__(self, writer: Writer, *, quiet_seconds: float) -> None:
        self._quiet_seconds = quiet_seconds
        self._log = Log(writer.database)
        self._loop = asyncio.get_running_loop()
        self._followers: dict[Key, set[_Follower]] = defaultdict(set)
        self._drafts: dict[Key, PartialText] = {}
        self.close: Callable[[], None] = writer.listen(self._on_commit)
        self.published = self._log.last_position()

    def send_delta(
        self, tenant_id: str, conversation_id: str, *, turn_id: str, iteration_number: int, text: str
    ) -> None:
        """Send a piece of text, which is not stored, to the conversation's followers."""
        key = (tenant_id, conversation_id)
        draft = self._drafts.get(key)
        if draft is None or (draft.turn_id, draft.iteration_number) != (turn_id, iteration_number):
            draft = self._drafts[key] = PartialText(conversation_id, turn_id, iteration_number)
        frame = delta_frame(draft, offset=len(draft.text), text=text)
        draft.text += text
        self._send(key, frame)

    async def follow(
        self, tenant_id: str, conversation_id: str, *, after: int, visit: Visit | None = None
    ) -> AsyncGenerator[Frame]:
        """Yield events after the conversation position `after`, without end; within a live turn also its text so far.

        In the moment of joining, an event is either published and so in the log, or will come as a frame. Where nothing
        comes for a while, QUIET does. Raises what ended the `visit`, also before what waits to be read.
        """
        key = (tenant_id, conversation_id)
        with self._following(key, visit) as follower:
            published, so_far = self.published, self._partial_frame(key)
            async for event in self._read_log(key, after=after, until=published):
                if follower.refusal is not None:
                    raise follower.refusal
                yield frame_of(event)
            if so_far is not None:
                yield so_far
            while not isinstance(latest := await follower.next(self._quiet_seconds), Exception):
                if latest.get("position", after + 1) > after:
                    yield latest
        raise latest

    async def check_position(self, tenant_id: str, conversation_id: str, after: int) -> None:
        """Raise Invalid for a position that the conversation has not reached."""
        last = await asyncio.to_thread(self._log.last_in_conversation, tenant_id, conversation_id)
        if after > last:
            raise Invalid(f"the conversation's last position is {last}, not {after}", field="after")

    def interrupt(self, tenant_id: str, conversation_id: str, error: Exception) -> None:
        """End the conversation's followers: what they wait for will not come soon."""
        for follower in self._followers.get((tenant_id, conversation_id), ()):
            follower.end(error)

    def text_so_far(self, tenant_id: str, conversation_id: str, turn_id: str) -> str:
        draft = self._drafts.get((tenant_id, conversation_id))
        return draft.text if draft is not None and draft.turn_id == turn_id else ""

    async def _read_log(self, key: Key, *, after: int, until: int) -> AsyncGenerator[Event]:
        """Yield events of a conversation after its position `after`, up to the log's position `until`."""
        while events := await asyncio.to_thread(self._log.read_conversation, *key, after=after, limit=PAGE):
            for event in events:
                if event.position > until:
                    return
                yield event
            after = events[-1].conversation_position or after

    def _partial_frame(self, key: Key) -> Frame | None:
        draft = self._drafts.get(key)
        return None if draft is None else delta_frame(draft, offset=0, text=draft.text)

    def _on_commit(self, events: Sequence[Event]) -> None:
        """Hand new events to the event loop; the writer's thread calls this."""
        self._loop.call_soon_threadsafe(self._publish, list(events))

    def _publish(self, events: Sequence[Event]) -> None:
        self.published = max(self.published, events[-1].position)
        for event in events:
            if event.conversation_id is None:
                continue
            key = (event.tenant_id, event.conversation_id)
            if event.event_type in SETTLING:
                self._settle(key, event)
            if key in self._followers:
                self._send(key, frame_of(event))

    def _settle(self, key: Key, event: Event) -> None:
        draft = self._drafts.get(key)
        if draft is not None and draft.turn_id == event.turn_id:
            del self._drafts[key]

    def _send(self, key: Key, frame: Frame) -> None:
        for follower in list(self._followers.get(key, ())):
            try:
                follower.frames.put_nowait(frame)
            except asyncio.QueueFull:
                self._followers[key].discard(follower)
                follower.end(SlowReader(SlowReader.__doc__))

    @contextmanager
    def _following(self, key: Key, visit: Visit | None) -> Iterator[_Follower]:
        follower = _Follower()
        self._followers[key].add(follower)
        try:
            with ExitStack() as stack:
                if visit is not None:
                    stack.enter_context(visit.call_on_end(follower.cut_off))
                yield follower
        finally:
            self._followers[key].discard(follower)
            if not self._followers[key]:
                del self._followers[key]


def frame_of(event: Event) -> Frame:
    """Return an event as every endpoint sends it; without a payload where that was erased or cannot be read."""
    return {
        "type": event.event_type,
        "id": event.event_id,
        "timestamp": event.timestamp,
        "position": event.conversation_position,
        "conversation_id": event.conversation_id,
        "turn_id": event.turn_id,
        "payload": _payload(event),
    }


def limit_detail(frame: Frame, detail: Detail) -> Frame:
    """Return the frame in the detail asked for: a light one has the same id and position, and less in its payload."""
    payload = frame.get("payload")
    if detail == "full" or not payload:
        return frame
    return {**frame, "payload": {name: value for name, value in payload.items() if name not in LEFT_OUT}}


def _payload(event: Event) -> Any:
    if event.payload is None:
        return None
    with suppress(*DECODING_ERRORS):
        payload = msgspec.json.decode(event.payload)
        return payload if isinstance(payload, dict) else None
    return None


def delta_frame(draft: PartialText, *, offset: int, text: str) -> Frame:
    """Return a piece of text as every endpoint sends it; it is not stored, so it has no position."""
    return {
        "type": "chat.delta",
        "id": new_id(),
        "timestamp": now(),
        "conversation_id": draft.conversation_id,
        "turn_id": draft.turn_id,
        "payload": {"turn": draft.turn_id, "iteration": draft.iteration_number, "offset": offset, "text": text},
    }
