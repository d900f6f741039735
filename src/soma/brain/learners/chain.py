"""The chain of a learner: the stream of its events in the log, and the subject of its facts."""

from soma.brain.types import Principal
from soma.events.facts.codec import Subject

LEARNED = ("weights.updated", "weights.batch_updated", "weights.rolled_back", "reward.voided")


def stream_of(principal: Principal) -> str:
    return f"learner:{principal.agent_id}"


def subject_of(principal: Principal, *, turn_id: str | None = None) -> Subject:
    """Subject of a learner's facts: a chain of its own, which takes no place in the agent's conversations."""
    return Subject(
        tenant_id=principal.tenant_id,
        stream=stream_of(principal),
        user_id=principal.user_id,
        agent_id=principal.agent_id,
        turn_id=turn_id,
    )
