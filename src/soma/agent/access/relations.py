"""Relations of a caller to conversations, turns and agents, checked before anything is done (AUTH-001)."""

from django.db.models import QuerySet

from soma.agent.access.auth import Caller
from soma.agent.errors import Forbidden, NotFound
from soma.agent.models import Capsule, Conversation, Turn


async def own_conversation(caller: Caller, conversation_id: str) -> Conversation:
    """Find the caller's conversation. Raises NotFound, also for a conversation of somebody else."""
    conversation = await Conversation.objects.filter(
        tenant_id=caller.tenant_id, user_id=caller.user_id, id=conversation_id, deleted_at=None
    ).afirst()
    if conversation is None:
        raise NotFound(
            f"you have no conversation {conversation_id!r}", code="unknown_conversation", field="conversation_id"
        )
    return conversation


async def require_agent(caller: Caller, capsule_id: str, name: str | None) -> None:
    """Raise Forbidden where a request names another agent than the conversation's: a conversation keeps its agent."""
    if name in {None, capsule_id}:
        return
    own = await Capsule.objects.aget(tenant_id=caller.tenant_id, id=capsule_id)
    if name != own.name:
        message = f"the conversation is with {own.name!r}, not with {name!r}"
        raise Forbidden(message, code="tenant_mismatch", field="agent")


async def own_turn(caller: Caller, turn_id: str) -> Turn:
    """Find the caller's own turn. Raises NotFound."""
    turn = await visible_turns(caller).filter(user_id=caller.user_id, id=turn_id).afirst()
    if turn is None:
        raise NotFound(f"you have no turn {turn_id!r}", code="unknown_turn", field="turn_id")
    return turn


def visible_turns(caller: Caller) -> QuerySet[Turn]:
    """Return the caller's own turns, or the whole tenant's for an owner; none of deleted conversations."""
    turns = Turn.objects.filter(tenant_id=caller.tenant_id, conversation__deleted_at=None)
    return turns if caller.is_owner else turns.filter(user_id=caller.user_id)


async def visible_turn(caller: Caller, turn_id: str) -> Turn:
    """Find a turn that the caller may see. Raises NotFound."""
    turn = await visible_turns(caller).filter(id=turn_id).afirst()
    if turn is None:
        raise NotFound(f"no turn {turn_id!r} that you may see", code="unknown_turn", field="turn_id")
    return turn


async def capsule_of(caller: Caller, name: str | None) -> Capsule:
    """Find the tenant's active capsule of that name or id; without a name, its first. Raises NotFound."""
    capsules = Capsule.objects.filter(tenant_id=caller.tenant_id, status=Capsule.Status.ACTIVE).order_by("id")
    if name is not None:
        capsules = capsules.filter(name=name) | capsules.filter(id=name)
    capsule = await capsules.afirst()
    if capsule is None:
        raise NotFound(f"unknown agent {name!r}", code="unknown_agent", field="agent")
    return capsule
