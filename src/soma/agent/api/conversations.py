"""Conversations: create with a choice of agent, list, search, rename, delete."""

import asyncio
from typing import Annotated, Any

from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Status
from pydantic import Field

from soma.agent.access.relations import capsule_of, own_conversation
from soma.agent.api.request.body import AgentBody, Body
from soma.agent.api.request.caller import caller_of
from soma.agent.api.request.paging import Limit, Position
from soma.agent.api.turn_views import message_view
from soma.agent.errors import Invalid
from soma.agent.models import Conversation, Message, Role
from soma.agent.running import agent
from soma.agent.storage.search import LONGEST_SEARCH, ConversationKey, find, index_title
from soma.events.ids import new_id

router = Router()

Search = Annotated[str, Field(max_length=LONGEST_SEARCH)]
MessageId = Annotated[str | None, Field(max_length=100)]
STAYS = (
    "What you said in it stays in memory, and its log on the server. To take that out of memory, say what to forget in "
    "a chat, or use `soma memory list --search` and `soma memory forget`."
)


class NewConversation(AgentBody):
    title: str = Field("", max_length=200)


class NewTitle(Body):
    title: str = Field(min_length=1, max_length=200)


@router.post("", response={201: dict[str, Any]})
async def create_conversation(request: HttpRequest, payload: NewConversation) -> Status[dict[str, Any]]:
    caller = caller_of(request)
    caller.require(Role.OWNER, Role.MEMBER)
    capsule = await capsule_of(caller, payload.agent)
    conversation = await Conversation.objects.acreate(
        tenant_id=caller.tenant_id, user_id=caller.user_id, capsule=capsule, title=payload.title
    )
    await _index_title(conversation, before="")
    return Status(201, view(conversation))


@router.get("")
async def list_conversations(
    request: HttpRequest, search: Search = "", limit: Limit = 50, offset: Position = 0
) -> dict[str, Any]:
    """List the caller's conversations, newest first; `search` finds those that hold all of its words and signs."""
    caller = caller_of(request)
    mine = Conversation.objects.filter(tenant_id=caller.tenant_id, user_id=caller.user_id, deleted_at=None)
    if not search.strip():
        found = mine.order_by("-recent")[offset : offset + limit]
        return {"conversations": [view(conversation) async for conversation in found], "total": await mine.acount()}
    ids = await asyncio.to_thread(  # not in the thread that checks tokens
        find, agent().writer.database, tenant_id=caller.tenant_id, user_id=caller.user_id, search=search
    )
    found = mine.filter(id__in=ids[offset : offset + limit]).order_by("-recent")
    return {"conversations": [view(conversation) async for conversation in found], "total": len(ids)}


@router.get("/{conversation_id}")
async def get_conversation(
    request: HttpRequest, conversation_id: str, limit: Limit = 50, before: MessageId = None
) -> dict[str, Any]:
    """Show a conversation with its newest messages, or the newest before one; the next page ends at `previous`."""
    caller = caller_of(request)
    conversation = await own_conversation(caller, conversation_id)
    return {**view(conversation), **await message_page(conversation, limit=limit, before=before)}


@router.patch("/{conversation_id}")
async def rename_conversation(request: HttpRequest, conversation_id: str, payload: NewTitle) -> dict[str, Any]:
    conversation = await own_conversation(caller_of(request), conversation_id)
    conversation.title, before = payload.title, conversation.title
    conversation.recent = new_id()
    await conversation.asave(update_fields=["title", "updated_at", "recent"])
    await _index_title(conversation, before=before)
    return view(conversation)


@router.delete("/{conversation_id}")
async def delete_conversation(request: HttpRequest, conversation_id: str) -> dict[str, Any]:
    """Hide the conversation from every endpoint and cancel its turns; the answer says what stays."""
    conversation = await own_conversation(caller_of(request), conversation_id)
    await agent().turns.cancel_conversation(conversation.tenant_id, conversation.id)
    conversation.deleted_at = timezone.now()
    await conversation.asave(update_fields=["deleted_at"])
    return {"deleted": conversation.id, "stays": STAYS}


async def message_page(conversation: Conversation, *, limit: int, before: str | None) -> dict[str, Any]:
    """Return the newest `limit` messages by turn: each answer follows its question, whenever either was written."""
    own = Message.objects.filter(tenant_id=conversation.tenant_id, conversation=conversation)
    earlier = own
    if before is not None:
        last = await own.filter(id=before).afirst()
        if last is None:
            raise Invalid("no such message in this conversation", field="before")
        earlier = own.filter(Q(turn_number__lt=last.turn_number) | Q(turn_number=last.turn_number, role__gt=last.role))
    page = [message async for message in earlier.order_by("-turn_number", "role")[: limit + 1]]
    shown = page[limit - 1 :: -1] if len(page) > limit else page[::-1]
    return {
        "messages": [message_view(message) for message in shown],
        "previous": shown[0].id if len(page) > limit else None,
    }


async def _index_title(conversation: Conversation, *, before: str) -> None:
    place = ConversationKey(
        tenant_id=conversation.tenant_id, user_id=conversation.user_id, conversation_id=conversation.id
    )
    after = conversation.title
    if before != after:
        await agent().writer.write(lambda transaction: index_title(transaction, place, before=before, after=after))


def view(conversation: Conversation) -> dict[str, Any]:
    return {
        "id": conversation.id,
        "title": conversation.title,
        "agent_id": conversation.capsule_id,
        "created_at": conversation.created_at.isoformat(),
        "updated_at": conversation.updated_at.isoformat(),
    }
