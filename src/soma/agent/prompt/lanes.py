"""Lanes: shares of the token budget (pure).

A lane that needs less than its share leaves the rest to lanes that need more, by their shares. How much memory and tool
results need is not known when a turn begins: they take what is left. The lane of the history depends on the message,
the instructions and the tools alone, so that recalled memories do not change where the history begins.
"""

from collections.abc import Mapping
from dataclasses import dataclass

SHARES = {"system_policy": 15, "history": 25, "memory": 25, "tools": 20, "tool_results": 10, "buffer": 5}  # percent
LANES = tuple(name for name in SHARES if name != "buffer")
LEAST_BUFFER = 200
LARGEST_MESSAGE_SHARE = 0.6  # of the base: a larger message is refused, since no lane may cut it


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The token budget of a turn: `base` is what a prompt may hold, the reply not counted."""

    base: int
    lanes: dict[str, int]


def largest_message(*, window: int, context_tokens: int, max_output_tokens: int) -> int:
    """Return the most tokens that a message may have."""
    return int(_base(window, context_tokens, max_output_tokens) * LARGEST_MESSAGE_SHARE)


def budget(
    *,
    window: int,
    context_tokens: int,
    max_output_tokens: int,
    message_tokens: int,
    needs: Mapping[str, int] | None = None,
) -> Budget:
    """Share out the tokens that the reply and the user's message leave; the buffer has at least 200.

    `needs` are the tokens that lanes can use; a lane that is not in it can use any number.
    """
    base = _base(window, context_tokens, max_output_tokens)
    free = max(0, base - message_tokens)
    buffer = min(free, max(LEAST_BUFFER, free * SHARES["buffer"] // 100))
    room = free - buffer
    return Budget(
        base=base, lanes={**_share_out(room, {**dict.fromkeys(LANES, room), **(needs or {})}), "buffer": buffer}
    )


def _share_out(room: int, needs: Mapping[str, int]) -> dict[str, int]:
    """Give each lane at most what it needs, and what is left to lanes that need more, again by their shares."""
    given = dict.fromkeys(LANES, 0)
    left = room
    while hungry := [name for name in LANES if given[name] < needs[name]]:
        total = sum(SHARES[name] for name in hungry)
        more = {name: min(needs[name] - given[name], left * SHARES[name] // total) for name in hungry}
        if not any(more.values()):
            break
        given |= {name: given[name] + tokens for name, tokens in more.items()}
        left -= sum(more.values())
    return given


def _base(window: int, context_tokens: int, max_output_tokens: int) -> int:
    return max(0, min(window, context_tokens) - max_output_tokens)
