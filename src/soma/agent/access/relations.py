"""May this user use this conversation, turn, agent? Asked before anything is done; no answer means no (AUTH-001)."""

from django.db.models import QuerySet

from soma.agent.access.auth import Caller
from soma.agent.errors import Forbidden, NotFound
from soma.agent.models import Capsule, Conversation, Turn


async def own_conversation(caller: Caller, conversation_id: str) -> Conversation:
    """The caller's conversation. One of somebody else is as absent as one that never was."""
    conversation = await Conversation.objects.filter(
        tenant_id=caller.tenant_id, user_id=caller.user_id, id=conversation_id, deleted_at=None
    ).afirst()
    if conversation is None:
        raise NotFound(
            f"you have no conversation {conversation_id!r}", code="unknown_conversation", field="conversation_id"
        )
    return conversation


async def require_agent(caller: Caller, capsule_id: str, name: str | None) -> None:
    """A conversation keeps its agent: who names one beside it can only name that (SPEC 10)."""
    if name in {None, capsule_id}:
        return
    own = await Capsule.objects.aget(tenant_id=caller.tenant_id, id=capsule_id)
    if name != own.name:
        message = f"the conversation is with {own.name!r}, not with {name!r}"
        raise Forbidden(message, code="tenant_mismatch", field="agent")


async def own_turn(caller: Caller, turn_id: str) -> Turn:
    turn = await visible_turns(caller).filter(user_id=caller.user_id, id=turn_id).afirst()
    if turn is None:
        raise NotFound(f"you have no turn {turn_id!r}", code="unknown_turn", field="turn_id")
    return turn


def visible_turns(caller: Caller) -> QuerySet[Turn]:
    """The caller's own turns; an owner sees those of the whole tenant. Nobody sees a deleted conversation's."""
    turns = Turn.objects.filter(tenant_id=caller.tenant_id, conversation__deleted_at=None)
    return turns if caller.is_owner else turns.filter(user_id=caller.user_id)


async def visible_turn(caller: Caller, turn_id: str) -> Turn:
    turn = await visible_turns(caller).filter(id=turn_id).afirst()
    if turn is None:
        raise NotFound(f"there is no turn {turn_id!r} that you may see", code="unknown_turn", field="turn_id")
    return turn


async def capsule_of(caller: Caller, name: str | None) -> Capsule:
    """The tenant's active capsule of that name or id; without a name, its first."""
    capsules = Capsule.objects.filter(tenant_id=caller.tenant_id, status=Capsule.Status.ACTIVE).order_by("id")
    if name is not None:
        capsules = capsules.filter(name=name) | capsules.filter(id=name)
    capsule = await capsules.afirst()
    if capsule is None:
        raise NotFound(f"there is no agent {name!r}", code="unknown_agent", field="agent")
    return capsule
