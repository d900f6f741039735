"""The agent on a stage: people with a tenant each, models that play scripts, and what a turn left behind."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from asgiref.sync import sync_to_async
from tests.marks import check_mark

from soma.agent import models
from soma.agent.access.accounts import TOOLS, ensure_capsule
from soma.agent.access.auth import Caller
from soma.agent.api.send_message import send
from soma.agent.llm.base import Model, ModelError, ToolCall
from soma.agent.llm.scripted import Response, ScriptedModel
from soma.agent.record.turn import TurnRecord
from soma.agent.root import open_agent
from soma.agent.running import Agent
from soma.agent.settings import Settings
from soma.agent.tools.base import ToolContext, ToolResult
from soma.agent.turn.feed import Frame
from soma.agent.turn.runner import Crash
from soma.brain.types import Principal
from soma.events.chain import Event
from soma.events.log import Log

_numbers = itertools.count(1)


def call(name: str, /, **arguments: Any) -> ToolCall:
    return ToolCall(call_id="theirs", name=name, arguments=arguments)


@dataclass
class Stage:
    """A running agent with its `tools`; `models` are found by name."""

    agent: Agent
    tools: dict[str, Any]
    models: dict[str, Model] = field(default_factory=dict)

    async def newcomer(self, *, tenant_id: str | None = None, model: str = "", **rlm: Any) -> "Person":
        """An owner of a new tenant (or of the one named), whose capsule has a model and settings of its own."""
        return await sync_to_async(self._newcomer)(tenant_id or f"tenant-{next(_numbers)}", model, rlm)

    def _newcomer(self, tenant_id: str, model: str, rlm: dict[str, Any]) -> "Person":
        tenant, _ = models.Tenant.objects.get_or_create(id=tenant_id, defaults={"name": tenant_id})
        capsule = ensure_capsule(tenant)
        capsule.models_allowed = {"chat": model or f"scripted/{tenant_id}"}
        capsule.capabilities = {name: {"enabled": True} for name in (*TOOLS, *self.tools)}
        capsule.rlm = rlm
        capsule.save()
        user = models.User.objects.create(username=f"user-{next(_numbers)}")
        models.Membership.objects.create(tenant=tenant, user=user, role=models.Role.OWNER)
        conversation = models.Conversation.objects.create(tenant=tenant, user=user, capsule=capsule)
        caller = Caller(
            tenant_id=tenant_id, user_id=user.id, username=user.username, role=models.Role.OWNER, is_operator=False
        )
        return Person(stage=self, caller=caller, capsule_id=capsule.id, conversation_id=conversation.id)


@dataclass
class Person:
    stage: Stage
    caller: Caller
    capsule_id: str
    conversation_id: str

    @property
    def agent(self) -> Agent:
        return self.stage.agent

    @property
    def principal(self) -> Principal:
        return Principal(tenant_id=self.caller.tenant_id, user_id=self.caller.user_id, agent_id=self.capsule_id)

    def hears(self, *responses: Response) -> ScriptedModel:
        """Set what the model of this person's agent will say."""
        model = ScriptedModel(responses)
        self.stage.models[f"scripted/{self.caller.tenant_id}"] = model
        return model

    async def becomes(self, role: str) -> None:
        """Another role than the owner's, from the next message on."""
        members = models.Membership.objects.filter(tenant_id=self.caller.tenant_id, user_id=self.caller.user_id)
        await members.aupdate(role=role)
        self.caller = replace(self.caller, role=models.Role(role))

    async def another_conversation(self) -> str:
        conversation = await models.Conversation.objects.acreate(
            tenant_id=self.caller.tenant_id, user_id=self.caller.user_id, capsule_id=self.capsule_id
        )
        return str(conversation.id)

    async def knows(self, *texts: str) -> None:
        """Memories that this person's agent has."""
        await self.agent.brain.remember(
            self.principal, [{"key": " ".join(text.split()), "text": text} for text in texts]
        )

    async def sends(self, content: str, *, conversation_id: str | None = None, **how: Any) -> str:
        """The id of the turn that has begun."""
        turn_id, _ = await send(
            self.agent, self.caller, conversation_id or self.conversation_id, content=content, **how
        )
        return turn_id

    async def asks(self, content: str, *, conversation_id: str | None = None, **how: Any) -> TurnRecord:
        """The whole turn."""
        return await self.end_of(await self.sends(content, conversation_id=conversation_id, **how))

    async def end_of(self, turn_id: str) -> TurnRecord:
        record = self.agent.store.load(turn_id)
        async with asyncio.timeout(20):
            async for _ in self.agent.turns.follow(
                self.caller.tenant_id, record.turn.conversation_id, turn_id, after=0
            ):
                pass
        return self.agent.store.load(turn_id)

    async def frames(self, *, after: int = 0, until: str = "chat.turn_complete") -> list[Frame]:
        """Return the frames of the conversation, to the first of that type."""
        seen: list[Frame] = []
        async with asyncio.timeout(20):
            follow = self.agent.feed.follow(self.caller.tenant_id, self.conversation_id, after=after)
            async with aclosing(follow) as frames:
                async for frame in frames:
                    seen.append(frame)
                    if frame["type"] == until:
                        break
        return seen

    def events(self, turn_id: str) -> list[Event]:
        return Log(self.agent.writer.database).read_stream(self.caller.tenant_id, f"turn:{turn_id}")

    def kinds(self, turn_id: str) -> list[str]:
        return [event.event_type.removeprefix("chat.") for event in self.events(turn_id)]

    async def rows(self, turn_id: str) -> list[models.Iteration]:
        found = models.Iteration.objects.filter(tenant_id=self.caller.tenant_id, turn_id=turn_id)
        return [row async for row in found.order_by("iteration_number")]

    async def said(self, *, conversation_id: str | None = None) -> list[tuple[str, str]]:
        """The messages of the conversation: role and text."""
        found = models.Message.objects.filter(conversation_id=conversation_id or self.conversation_id)
        return [(row.role, row.parts[0]["text"]) async for row in found.order_by("created_at", "id")]


TEXT: dict[str, Any] = {
    "type": "object",
    "properties": {"text": {"type": "string"}},
    "required": ["text"],
    "additionalProperties": False,
}


@dataclass
class Append:
    """Writes a line to a file: running it twice shows."""

    path: Path
    name: str = "append"
    description: str = "Append a line."
    parameters: dict[str, Any] = field(default_factory=lambda: TEXT)
    category: str = "write"
    idempotent: bool = False
    egress: bool = False
    timeout_seconds: float = 5.0

    async def run(self, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        with self.path.open("a") as file:
            file.write(f"{context.turn_id} {arguments['text']}\n")
        return ToolResult(content=f"appended {arguments['text']}")


@dataclass
class Rest:
    """Takes a while, and counts how many do so at once."""

    name: str = "rest"
    description: str = "Rest."
    parameters: dict[str, Any] = field(default_factory=lambda: TEXT)
    category: str = "read"
    idempotent: bool = True
    egress: bool = False
    timeout_seconds: float = 5.0
    now: int = 0
    most: int = 0

    async def run(self, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(0.05)
        finally:
            self.now -= 1
        return ToolResult(content=f"rested {arguments['text']}")


@dataclass
class Post(Rest):
    """Sends its text out of the system."""

    name: str = "post"
    egress: bool = True


@asynccontextmanager
async def opened(
    settings: Settings, *, models: dict[str, Any] | None = None, crash: Crash | None = None
) -> AsyncIterator[Stage]:
    """The agent of a data folder, with scripted models and tools that show what was done with them."""
    check_mark("agent")
    tools: dict[str, Any] = {"append": Append(settings.data_dir / "appended"), "rest": Rest(), "post": Post()}
    found: dict[str, Model] = dict(models or {})

    def find_model(name: str) -> Model:
        try:
            return found[name]
        except KeyError:
            raise ModelError(f"unknown model {name!r}") from None

    async with open_agent(settings, find_model=find_model, more_tools=list(tools.values()), crash=crash) as agent:
        yield Stage(agent, tools, found)
