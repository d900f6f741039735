"""Facts to events and back. Writes nothing that could not be read again."""

import msgspec

from soma.events.chain import Draft, Event
from soma.events.errors import FactUnfit
from soma.events.facts.base import Fact
from soma.events.facts.registry import FACTS
from soma.events.ids import new_id, now


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """The owner of a fact, and the stream (chain) that it belongs to."""

    tenant_id: str
    stream: str
    user_id: str | None = None
    agent_id: str | None = None
    conversation_id: str | None = None
    turn_id: str | None = None


def draft_encoded(kind: type[Fact], payload: str, subject: Subject) -> Draft:
    """Return an event whose payload was encoded elsewhere."""
    return Draft(
        event_id=new_id(),
        event_type=kind.event_type,
        version=kind.version,
        tenant_id=subject.tenant_id,
        stream=subject.stream,
        timestamp=now(),
        payload=payload,
        user_id=subject.user_id,
        agent_id=subject.agent_id,
        conversation_id=subject.conversation_id,
        turn_id=subject.turn_id,
    )


def draft(fact: Fact, subject: Subject, *, event_id: str | None = None, timestamp: str | None = None) -> Draft:
    """Return an event of `fact` that a writer can append. Raises FactUnfit for one that could not be read again."""
    return Draft(
        event_id=event_id or new_id(),
        event_type=fact.event_type,
        version=fact.version,
        tenant_id=subject.tenant_id,
        stream=subject.stream,
        timestamp=timestamp or now(),
        payload=_encode(fact),
        user_id=subject.user_id,
        agent_id=subject.agent_id,
        conversation_id=subject.conversation_id,
        turn_id=subject.turn_id,
    )


def _encode(fact: Fact) -> str:
    """Encode a fact, and decode it once: Python's types are no promise."""
    try:
        payload = msgspec.json.encode(fact)
        msgspec.json.decode(payload, type=type(fact))
        return payload.decode()
    except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError) as error:
        raise FactUnfit(f"{FactUnfit.__doc__} ({fact.event_type}: {error})") from error


def fact_of(event: Event) -> Fact | None:
    """Return the typed payload; None where it was erased.

    Raises KeyError for a kind that this version does not know.
    """
    fact = FACTS[event.event_type, event.version]
    return None if event.payload is None else msgspec.json.decode(event.payload, type=fact)
