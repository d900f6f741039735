"""The history in a prompt (pure): the newest exchanges of the conversation, each whole or left out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from soma.agent.llm.base import ModelMessage, TextPart
from soma.agent.record.citations import drop_citations

Count = Callable[[str], int]

BLOCKS = (16, 8, 4, 2, 1)  # exchanges by which the history is shortened


@dataclass(frozen=True, slots=True)
class Exchange:
    """A past user message and its reply; `number` is that of their turn in the conversation, from 1."""

    user: str
    assistant: str
    turn_id: str = ""
    number: int = 0


def size_of_history(history: Sequence[Exchange], count: Count) -> int:
    """Count the tokens of all exchanges."""
    return sum(count(exchange.user) + count(exchange.assistant) for exchange in history)


def fit_history(history: Sequence[Exchange], budget: int, count: Count) -> tuple[list[ModelMessage], int]:
    """Return the newest exchanges that fit, after a line that says how many were left out; and that number.

    Exchanges are left out by the block, so that the messages of several turns begin alike, but never more than half of
    those that fit.
    """
    sizes = [count(exchange.user) + count(exchange.assistant) for exchange in history]
    if sum(sizes) <= budget:
        return _messages_of(history), 0
    room = budget - count(_omission(len(history)))
    fewest = next(number for number in range(1, len(history) + 1) if sum(sizes[number:]) <= max(0, room))
    dropped = _at_block(history, sizes, fewest)
    line = [ModelMessage("system", (TextPart(_omission(dropped)),))] if room >= 0 else []
    return [*line, *_messages_of(history[dropped:])], dropped


def start_at_block(history: Sequence[Exchange]) -> Sequence[Exchange]:
    """Return `history` from the beginning of a block; from any exchange, it would begin with another each turn."""
    starts = (place for place in range(len(history)) if _number(history, place) % BLOCKS[0] == 0)
    return history[next(starts, 0) :]


def _at_block(history: Sequence[Exchange], sizes: Sequence[int], fewest: int) -> int:
    """Return the first place from `fewest` on where a block begins: the largest that leaves half of what fits."""
    for block in BLOCKS:
        starts = (place for place in range(fewest, len(history)) if _number(history, place) % block == 0)
        place = next(starts, len(history))
        if 2 * sum(sizes[place:]) >= sum(sizes[fewest:]):
            return place
    return fewest


def _number(history: Sequence[Exchange], place: int) -> int:
    """Return the number of exchanges before that place in the conversation; where it is not recorded, in `history`."""
    return history[place].number - 1 if history[place].number else place


def _messages_of(exchanges: Sequence[Exchange]) -> list[ModelMessage]:
    """Return exchanges as messages, without the numbers that answers cited: they would name memories of this turn."""
    return [
        message
        for exchange in exchanges
        for message in (
            ModelMessage("user", (TextPart(exchange.user),)),
            ModelMessage("assistant", (TextPart(drop_citations(exchange.assistant)),)),
        )
    ]


def _omission(dropped: int) -> str:
    return f"[{dropped} earlier exchanges are not shown]"
