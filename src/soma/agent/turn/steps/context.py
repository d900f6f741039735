"""The context of a turn: its ways to the world, and the values that it was set up with."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import inf

from soma.agent.llm.base import Model
from soma.agent.prompt.history import Exchange
from soma.agent.record.convergence import TurnLimits
from soma.agent.record.turn import TurnRecord
from soma.agent.storage.withheld import WithheldContent
from soma.agent.tools.brain import AuthorSigner
from soma.agent.tools.taint import Source
from soma.agent.tools.toolset import Toolset
from soma.brain.client import BrainClient
from soma.brain.types import Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnContext:
    """The parts and values that the steps of one turn share.

    `count` counts tokens, `clock` gives seconds since the epoch, `sign` names the authors of recalled memories.
    `shown_before` reads the sources that the turns of `history` have seen, `turn_before` reads one of those turns.
    `withheld` finds what no prompt of the turn may hold, `until` is when the turn has to end.
    """

    brain: BrainClient
    model: Model
    tools: Toolset
    count: Callable[[str], int]
    clock: Callable[[], float]
    sign: AuthorSigner
    limits: TurnLimits
    instructions: str
    capsule_version: int
    history: tuple[Exchange, ...]
    shown_before: Callable[[], Awaitable[Sequence[Source]]]
    turn_before: Callable[[str], Awaitable[TurnRecord]]
    withheld: Callable[[TurnRecord], Awaitable[WithheldContent]]
    context_tokens: int
    max_output_tokens: int
    tool_k: int
    model_retries: int
    timezone: str = "UTC"
    until: float = inf
    half_life_days: float | None = None

    def elapsed_ms(self, since: float) -> float:
        return max(0.0, (self.clock() - since) * 1000)


def principal_of(record: TurnRecord) -> Principal:
    turn = record.turn
    return Principal(tenant_id=turn.tenant_id, user_id=turn.user_id, agent_id=turn.agent_id, role=turn.role)


def epoch_seconds(moment: str) -> float:
    """Seconds since the epoch of an ISO 8601 moment."""
    return datetime.fromisoformat(moment).timestamp()
