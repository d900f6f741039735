"""Events and their hash chain: each event covers the bytes of its payload and the hash before it."""

from collections.abc import Iterable
from hashlib import sha256

import msgspec

from soma.events.errors import ChainBroken

GENESIS = "0" * 64


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """An event before the log has given it its place. `payload` is JSON text, stored as it stands."""

    event_id: str
    event_type: str
    version: int
    tenant_id: str
    stream: str
    timestamp: str
    payload: str
    user_id: str | None = None
    agent_id: str | None = None
    conversation_id: str | None = None
    turn_id: str | None = None


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A fact in the log. `payload` is None once it was erased; its hash stays."""

    position: int
    tenant_id: str
    stream: str
    seq: int
    event_id: str
    event_type: str
    version: int
    user_id: str | None
    agent_id: str | None
    conversation_id: str | None
    conversation_position: int | None
    turn_id: str | None
    timestamp: str
    payload: str | None
    payload_hash: str
    prev_hash: str
    hash: str


COLUMNS = Event.__struct_fields__


class Head(msgspec.Struct, frozen=True):
    """The end of a chain: what the next event of the stream continues."""

    seq: int = 0
    hash: str = GENESIS


BEGINNING = Head()


def place(draft: Draft, *, head: Head, position: int, conversation_position: int | None) -> Event:
    """Give `draft` its place after `head`."""
    payload_hash = sha256(draft.payload.encode()).hexdigest()
    return Event(
        position=position,
        tenant_id=draft.tenant_id,
        stream=draft.stream,
        seq=head.seq + 1,
        event_id=draft.event_id,
        event_type=draft.event_type,
        version=draft.version,
        user_id=draft.user_id,
        agent_id=draft.agent_id,
        conversation_id=draft.conversation_id,
        conversation_position=conversation_position,
        turn_id=draft.turn_id,
        timestamp=draft.timestamp,
        payload=draft.payload,
        payload_hash=payload_hash,
        prev_hash=head.hash,
        hash=envelope_hash(draft, seq=head.seq + 1, payload_hash=payload_hash, prev_hash=head.hash),
    )


def envelope_hash(event: Draft | Event, *, seq: int, payload_hash: str, prev_hash: str) -> str:
    """SHA-256 of the envelope as a JSON array in this order. Positions are a database's own and not covered."""
    envelope = [
        event.tenant_id, event.stream, seq, event.event_id, event.event_type, event.version, event.user_id,
        event.agent_id, event.conversation_id, event.turn_id, event.timestamp, payload_hash, prev_hash,
    ]  # fmt: skip
    return sha256(msgspec.json.encode(envelope)).hexdigest()


def verify(events: Iterable[Event], *, after: Head = BEGINNING) -> Head:
    """Follow one stream from `after`; return its head. Raises ChainBroken at the first event that does not fit."""
    head = after
    for event in events:
        expected = envelope_hash(event, seq=head.seq + 1, payload_hash=event.payload_hash, prev_hash=head.hash)
        intact = event.payload is None or sha256(event.payload.encode()).hexdigest() == event.payload_hash
        if not intact or event.hash != expected:
            raise ChainBroken(
                f"event {event.event_id} ({event.stream}, number {event.seq}) was changed after it was written"
            )
        head = Head(event.seq, event.hash)
    return head
