"""The running agent: what endpoints use, and how they find it. It names types, and chooses no adapter."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from soma.agent.access.visits import Visits
from soma.agent.llm.selection import Selection
from soma.agent.memory.forget import Forgetting
from soma.agent.settings import Settings
from soma.agent.storage.turn_store import TurnStore
from soma.agent.tools.base import Tool
from soma.agent.turn.feed import Feed
from soma.agent.turn.runner import TurnRunner
from soma.brain.client import BrainClient
from soma.brain.tokens import BundledTokenizer
from soma.events.writer import Writer


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """The parts that endpoints use.

    `brain_app` is the brain's ASGI app where it runs in this process, `selection` the model that answers where a
    capsule names none, `window` the tokens that this model takes.
    """

    settings: Settings
    writer: Writer
    store: TurnStore
    feed: Feed
    turns: TurnRunner
    visits: Visits
    brain: BrainClient
    brain_app: Any | None
    forgetting: Forgetting
    tools: Mapping[str, Tool]
    count: BundledTokenizer
    selection: Selection
    window: int


_current: list[Agent] = []


def agent() -> Agent:
    """Return the running agent; endpoints ask for it at each request."""
    return _current[-1]


@contextmanager
def make_current(running: Agent) -> Iterator[None]:
    """Let `agent()` return `running` within the context."""
    _current.append(running)
    try:
        yield
    finally:
        _current.remove(running)
