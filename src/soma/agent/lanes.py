"""Shares of the token budget (pure). Level L0 with its fixed shares; the governor will choose among levels."""

from dataclasses import dataclass

SHARES = {"system_policy": 15, "history": 25, "memory": 25, "tools": 20, "tool_results": 10, "buffer": 5}  # percent
LEAST_BUFFER = 200
LARGEST_MESSAGE_SHARE = 0.6  # of the base: a larger message is refused, since no lane may cut it


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Tokens of a turn: `base` is what a prompt may hold beside the reply."""

    base: int
    lanes: dict[str, int]


def largest_message(*, window: int, context_tokens: int, max_output_tokens: int) -> int:
    """Tokens that a message may have."""
    return int(_base(window, context_tokens, max_output_tokens) * LARGEST_MESSAGE_SHARE)


def budget(*, window: int, context_tokens: int, max_output_tokens: int, message_tokens: int) -> Budget:
    """Share out what the reply and the user's message leave; the buffer is never under 200 tokens."""
    base = _base(window, context_tokens, max_output_tokens)
    free = max(0, base - message_tokens)
    buffer = min(free, max(LEAST_BUFFER, free * SHARES["buffer"] // 100))
    rest = 100 - SHARES["buffer"]
    lanes = {name: (free - buffer) * share // rest for name, share in SHARES.items()}
    return Budget(base=base, lanes={**lanes, "buffer": buffer})


def _base(window: int, context_tokens: int, max_output_tokens: int) -> int:
    return max(0, min(window, context_tokens) - max_output_tokens)
