"""Access of tools to the brain: the principal of a call, and the brain's errors as those of a tool."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager

from soma.agent.tools.base import ToolContext, ToolFailed, ToolUnavailable
from soma.brain.errors import BrainRefused, BrainUnavailable
from soma.brain.types import Principal
from soma.events.facts.turn import RecalledMemory

PrincipalOf = Callable[[ToolContext], Principal]
AuthorSigner = Callable[[str, Sequence[RecalledMemory]], Awaitable[list[RecalledMemory]]]  # first, the tenant


@contextmanager
def translate_brain_errors() -> Iterator[None]:
    """Turn an absent brain into a failure that counts against the breaker, and a refusal into a fault of the call."""
    try:
        yield
    except BrainUnavailable as error:
        raise ToolUnavailable("memory is unavailable; try again later") from error
    except BrainRefused as error:
        raise ToolFailed(f"memory rejected the request: {error.message}") from error
