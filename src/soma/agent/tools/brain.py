"""How a tool reaches the brain: for whom, and what its errors mean to a model."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager

from soma.agent.tools.base import ToolContext, ToolFailed, ToolUnavailable
from soma.brain.errors import BrainRefused, BrainUnavailable
from soma.brain.types import Principal
from soma.events.facts.turn import RecalledMemory

PrincipalOf = Callable[[ToolContext], Principal]
Signing = Callable[[str, Sequence[RecalledMemory]], Awaitable[list[RecalledMemory]]]  # names the authors of a tenant


@contextmanager
def asking_brain() -> Iterator[None]:
    """An absent brain counts against the tool's breaker; what it refuses is the call's fault."""
    try:
        yield
    except BrainUnavailable as error:
        raise ToolUnavailable("memory is away; try again later") from error
    except BrainRefused as error:
        raise ToolFailed(f"memory refused it: {error.message}") from error
