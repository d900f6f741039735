"""Step 3: load what a turn works with, once: its capsule, model, tools, limits and the conversation so far."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from hashlib import sha256
from typing import Any

from asgiref.sync import sync_to_async
from django.db import InterfaceError, OperationalError
from django.db.models import Subquery

from soma.agent.access.authors import name_authors
from soma.agent.llm.base import Delta, Model, ModelError, ModelRequest
from soma.agent.models import Capsule, Message
from soma.agent.models import Turn as TurnRow
from soma.agent.policy import CapsuleFacts, Policy
from soma.agent.prompt.history import Exchange, start_at_block
from soma.agent.record.convergence import TurnLimits
from soma.agent.record.sources import sources_of
from soma.agent.record.turn import TurnHeader, TurnRecord
from soma.agent.settings import Settings
from soma.agent.storage.withheld import WithheldContent
from soma.agent.tools.base import Tool
from soma.agent.tools.breaker import Breakers
from soma.agent.tools.taint import Source
from soma.agent.tools.toolset import Authority, ToolLimits, Toolset
from soma.agent.turn.steps.context import TurnContext
from soma.brain.client import BrainClient
from soma.events.errors import ReadFailed

FindModel = Callable[[str], Model]  # by its name; raises ModelError where there is none of it

SHOWN_BEFORE = 20  # earlier turns whose memories and tool results an argument is held against
HISTORY = 200  # messages of the conversation that are looked at; the history lane decides how many are shown


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnFactory:
    """Prepares turns from what all turns of the process share.

    `load` reads a turn from its log, `withheld` finds what it may not show.
    """

    settings: Settings
    brain: BrainClient
    find_model: FindModel
    tools: dict[str, Tool]
    policy: Policy
    breakers: Breakers
    count: Callable[[str], int]
    load: Callable[[str], TurnRecord]
    withheld: Callable[[TurnRecord], WithheldContent]

    async def prepare(self, record: TurnRecord) -> TurnContext:
        """Load the context of one turn; a turn that is resumed keeps its limits.

        Raises ReadFailed where the database is away.
        """
        turn = record.turn
        try:
            capsule, history = await sync_to_async(_load_conversation)(turn)
        except (OperationalError, InterfaceError) as error:
            raise ReadFailed(f"{ReadFailed.__doc__} ({error})") from error
        settings = self.settings
        limits = limits_of(settings, capsule, iterates=may_iterate(settings, turn.conversation_id))
        if record.started is not None:
            limits = restore_limits(limits, record.started.limits)
        enabled = [name for name, promise in capsule.capabilities.items() if promise.get("enabled")]
        return TurnContext(
            brain=self.brain,
            model=self._model(capsule.models_allowed.get("chat", "")),
            tools=Toolset(
                [self.tools[name] for name in enabled if name in self.tools],
                policy=self.policy,
                authority=Authority(
                    roles=turn.roles,
                    capsule=CapsuleFacts(id=capsule.id, version=capsule.version, tools=tuple(enabled)),
                ),
                breakers=self.breakers,
                limits=ToolLimits(timeouts=_timeouts(capsule)),
            ),
            count=self.count,
            clock=time.time,
            sign=name_authors,
            limits=limits,
            instructions=capsule.system_prompt,
            capsule_version=capsule.version,
            history=history,
            turn_before=lambda turn_id: asyncio.to_thread(self.load, turn_id),
            withheld=lambda record: asyncio.to_thread(self.withheld, record),
            shown_before=lambda: asyncio.to_thread(self._read_sources, [exchange.turn_id for exchange in history]),
            context_tokens=settings.context_tokens,
            max_output_tokens=settings.max_output_tokens,
            tool_k=settings.tool_k if limits.iterates else 0,
            model_retries=settings.model_retries,
            timezone=settings.zone,
            until=time.time() + limits.turn_seconds,
            half_life_days=capsule.memory.get("half_life_days"),
        )

    def _read_sources(self, turn_ids: Sequence[str]) -> list[Source]:
        """Read the sources that the newest of those turns have seen."""
        computing = frozenset(tool.name for tool in self.tools.values() if tool.category == "compute")
        return [source for turn_id in turn_ids[-SHOWN_BEFORE:] for source in sources_of(self.load(turn_id), computing)]

    def _model(self, name: str) -> Model:
        try:
            return self.find_model(name)
        except ModelError as error:
            return UnavailableModel(name, self.settings.context_tokens, error)


@dataclass(slots=True)
class UnavailableModel:
    """Stands in for a model that cannot be had: the turn begins, and its trace shows why it cannot answer."""

    name: str
    context_tokens: int
    error: ModelError

    async def stream(self, _: ModelRequest) -> AsyncGenerator[Delta, None]:
        nothing: tuple[Delta, ...] = ()
        for delta in nothing:
            yield delta
        raise self.error


def may_iterate(settings: Settings, conversation_id: str) -> bool:
    """Return whether the conversation's turns are a loop; decided by a hash, so that it stays the same."""
    share = int.from_bytes(sha256(conversation_id.encode()).digest()[:4], "big") % 100
    return not settings.single_shot and share < settings.rlm_rollout_percent


def limits_of(settings: Settings, capsule: Capsule, *, iterates: bool) -> TurnLimits:
    """Return the capsule's limits, else the process's; a single shot is one iteration without tools."""
    own = capsule.rlm
    return TurnLimits(
        iterates=iterates,
        max_iterations=int(own.get("max_iterations", settings.max_iterations)) if iterates else 1,
        min_iterations=int(own.get("min_iterations", settings.min_iterations)) if iterates else 1,
        convergence_threshold=float(own.get("convergence_threshold", settings.convergence_threshold)),
        refine=own.get("refine", settings.refine) if iterates else "off",
        turn_tokens=int(own.get("turn_tokens", settings.turn_tokens)),
        turn_seconds=float(own.get("turn_seconds", settings.turn_seconds)),
    )


def restore_limits(limits: TurnLimits, recorded: Mapping[str, Any]) -> TurnLimits:
    """Return the limits that a turn began with; those that its event does not record are as in `limits`."""
    return replace(
        limits, **{field.name: recorded[field.name] for field in fields(TurnLimits) if field.name in recorded}
    )


def _timeouts(capsule: Capsule) -> dict[str, float]:
    """Return the capsule's own time-outs by tool, in seconds."""
    return {
        name: float(promise["timeout_seconds"])
        for name, promise in capsule.capabilities.items()
        if promise.get("timeout_seconds")
    }


def _load_conversation(turn: TurnHeader) -> tuple[Capsule, tuple[Exchange, ...]]:
    """Read the turn's capsule and the exchanges before the turn, the oldest first."""
    capsule = Capsule.objects.get(tenant_id=turn.tenant_id, id=turn.agent_id)
    said = Message.objects.filter(tenant_id=turn.tenant_id, conversation_id=turn.conversation_id)
    own_number = TurnRow.objects.filter(id=turn.id).values("number")[:1]
    newest = said.filter(turn_number__lt=Subquery(own_number)).order_by("-turn_number")[:HISTORY]
    by_turn: dict[tuple[str, int], dict[str, str]] = {}
    for message in reversed(newest):
        by_turn.setdefault((message.turn_id, message.turn_number), {})[message.role] = message.parts[0]["text"]
    whole = [
        Exchange(user=pair["user"], assistant=pair["assistant"], turn_id=turn_id, number=number)
        for (turn_id, number), pair in by_turn.items()
        if len(pair) == 2
    ]
    return capsule, tuple(start_at_block(whole) if len(newest) == HISTORY else whole)
