"""Conversations: create with a choice of agent, list, search, rename, delete."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Status
from pydantic import Field

from soma.agent.access import capsule_of, own_conversation
from soma.agent.api.body import Body, OfAgent
from soma.agent.api.caller import who
from soma.agent.api.paging import Limit, Position
from soma.agent.app import agent
from soma.agent.models import Conversation, Message, Role
from soma.agent.trace import message_view
from soma.events.ids import new_id

router = Router()


class NewConversation(OfAgent):
    title: str = Field("", max_length=200)


class Renamed(Body):
    title: str = Field(min_length=1, max_length=200)


@router.post("", response={201: dict[str, Any]})
async def create(request: HttpRequest, payload: NewConversation) -> Status[dict[str, Any]]:
    caller = who(request)
    caller.require(Role.OWNER, Role.MEMBER)
    capsule = await capsule_of(caller, payload.agent)
    conversation = await Conversation.objects.acreate(
        tenant_id=caller.tenant_id, user_id=caller.user_id, capsule=capsule, title=payload.title
    )
    return Status(201, view(conversation))


@router.get("")
async def page(request: HttpRequest, search: str = "", limit: Limit = 50, offset: Position = 0) -> dict[str, Any]:
    """The caller's conversations, newest first; `search` finds words in titles and messages."""
    caller = who(request)
    mine = Conversation.objects.filter(tenant_id=caller.tenant_id, user_id=caller.user_id, deleted_at=None)
    if search:
        saying = Message.objects.filter(tenant_id=caller.tenant_id, parts__0__text__icontains=search).values(
            "conversation_id"
        )
        mine = mine.filter(title__icontains=search) | mine.filter(id__in=saying)
    found = mine.order_by("-recent")[offset : offset + limit]
    return {"conversations": [view(conversation) async for conversation in found], "total": await mine.acount()}


@router.get("/{conversation_id}")
async def get(request: HttpRequest, conversation_id: str) -> dict[str, Any]:
    caller = who(request)
    conversation = await own_conversation(caller, conversation_id)
    return {**view(conversation), "messages": [message_view(message) async for message in said(conversation)]}


@router.patch("/{conversation_id}")
async def rename(request: HttpRequest, conversation_id: str, payload: Renamed) -> dict[str, Any]:
    conversation = await own_conversation(who(request), conversation_id)
    conversation.title = payload.title
    conversation.recent = new_id()
    await conversation.asave(update_fields=["title", "updated_at", "recent"])
    return view(conversation)


@router.delete("/{conversation_id}", response={204: None})
async def delete(request: HttpRequest, conversation_id: str) -> Status[None]:
    """Hide the conversation from every door, with nothing left under way; its log stays, and what it taught."""
    conversation = await own_conversation(who(request), conversation_id)
    await agent().turns.cancel_conversation(conversation.tenant_id, conversation.id)
    conversation.deleted_at = timezone.now()
    await conversation.asave(update_fields=["deleted_at"])
    return Status(204, None)


def said(conversation: Conversation) -> QuerySet[Message]:
    """The messages of a conversation, by turn: behind each question its answer, whenever either was written."""
    own = Message.objects.filter(tenant_id=conversation.tenant_id, conversation=conversation)
    return own.order_by("turn_number", "-role")


def view(conversation: Conversation) -> dict[str, Any]:
    return {
        "id": conversation.id,
        "title": conversation.title,
        "agent_id": conversation.capsule_id,
        "created_at": conversation.created_at.isoformat(),
        "updated_at": conversation.updated_at.isoformat(),
    }
