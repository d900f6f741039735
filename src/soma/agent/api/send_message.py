"""Steps 1 and 2 of a turn, for every endpoint: receive a message and authorise its sender, then begin the turn."""

import asyncio

from soma.agent.access.auth import Caller
from soma.agent.access.relations import own_conversation, require_agent
from soma.agent.errors import Invalid, TooLarge
from soma.agent.language.hidden import is_blank
from soma.agent.models import Role
from soma.agent.prompt.lanes import largest_message
from soma.agent.record.turn import TurnHeader
from soma.agent.running import Agent
from soma.events.ids import new_id, now
from soma.validation import nul

LONGEST_ID = 100
ON_BUSY = ("refuse", "enqueue", "cancel")


async def send(
    agent: Agent,
    caller: Caller,
    conversation_id: str,
    *,
    content: str,
    agent_name: str | None = None,
    client_message_id: str | None = None,
    on_busy: str = "refuse",
) -> tuple[str, int]:
    """Begin the turn of a message. Returns its id, and the conversation position after which its events come."""
    caller.require(Role.OWNER, Role.MEMBER)
    conversation = await own_conversation(caller, conversation_id)
    await require_agent(caller, conversation.capsule_id, agent_name)
    if on_busy not in ON_BUSY:
        raise Invalid(f"must be one of {', '.join(ON_BUSY)}", field="on_busy")
    _check_id(client_message_id)
    await _check_size(agent, content)
    turn = TurnHeader(
        id=new_id(),
        tenant_id=caller.tenant_id,
        user_id=caller.user_id,
        roles=(caller.role,),
        conversation_id=conversation.id,
        agent_id=conversation.capsule_id,
        content=content,
        created_at=now(),
        client_message_id=client_message_id,
    )
    return await agent.turns.send(turn, on_busy=on_busy)


def _check_id(client_message_id: str | None) -> None:
    if client_message_id is None:
        return
    if not 1 <= len(client_message_id) <= LONGEST_ID or not client_message_id.isprintable():
        raise Invalid(f"must be 1 to {LONGEST_ID} printable characters", field="client_message_id")


async def _check_size(agent: Agent, content: str) -> None:
    settings = agent.settings
    if is_blank(content):
        raise Invalid("the message is empty: it has no visible character", code="empty_message", field="content")
    if "\x00" in content:
        raise Invalid(nul.REFUSAL, code="invalid_text", field="content")
    if len(content) > settings.max_message_characters:
        raise TooLarge(
            f"the message must be at most {settings.max_message_characters} characters, not {len(content)}",
            code="message_too_large",
            field="content",
        )
    largest = largest_message(
        window=agent.window,
        context_tokens=settings.context_tokens,
        max_output_tokens=settings.max_output_tokens,
    )
    tokens = await asyncio.to_thread(agent.count.count, content)
    if tokens > largest:
        raise TooLarge(
            f"the message must be at most {largest} tokens, not {tokens}: shorten it, or import it into memory",
            code="message_too_large",
            field="content",
        )
