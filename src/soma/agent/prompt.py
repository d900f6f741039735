"""From capsule, history, recalled memories and the turn so far to the messages of one model call (pure).

Each part keeps to its lane. An exchange of the history is kept whole or dropped; a tool result is never parted from its
call, only shortened.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256

import msgspec

from soma.agent.hidden import without_hidden
from soma.agent.llm.base import (
    InstructionPart,
    MemoryPart,
    Message,
    ModelRequest,
    Part,
    TextPart,
    ToolCall,
    ToolResultPart,
    ToolSpec,
)
from soma.agent.record import IterationRecord, ToolUse
from soma.agent.speech import made_of, said_by, written_by
from soma.events.schema import BundleBuilt, ShownMemory

Count = Callable[[str], int]

SHORTENED = "\n[shortened: the result was longer than its share of the context]"
FORGOTTEN = "[withheld: a memory that this rested on was forgotten]"
REVISE = (
    "Above is your draft and, in the memories, evidence that was found with its help. Answer the user's message again, "
    "better supported; keep what holds, say what is uncertain."
)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A past user message and its reply."""

    user: str
    assistant: str
    turn_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A model request, with what each lane had (`budget`), used (`actual`) and left out (`dropped`)."""

    request: ModelRequest
    lanes: dict[str, dict[str, int]]
    tokens: int

    @property
    def hash(self) -> str:
        return sha256(msgspec.json.encode(self.request)).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What a prompt is made of. `withheld` are memories that it must not hold, `pending` what the user was asked."""

    instructions: str
    message: str
    history: Sequence[Exchange]
    bundle: BundleBuilt
    earlier: Sequence[IterationRecord]
    tools: Sequence[ToolSpec]
    lanes: dict[str, int]
    seed: int
    max_output_tokens: int
    withheld: frozenset[str] = frozenset()
    pending: str = ""


def build_prompt(material: Material, count: Count) -> Prompt:
    """Lay out one model call within the lanes."""
    history, dropped = fit_history(material.history, material.lanes["history"], count)
    steps, results = _steps(material, count)
    messages = [
        Message("system", (TextPart(material.instructions),)),
        *history,
        Message("user", (*_memories(material), *_pending(material), TextPart(material.message))),
        *steps,
    ]
    actual = {
        "system_policy": count(material.instructions),
        "history": sum(_size(message, count) for message in history),
        "memory": material.bundle.token_count,
        "tools": sum(count(msgspec.json.encode(tool).decode()) for tool in material.tools),
        "tool_results": results,
    }
    left_out = {"history": dropped, "memory": material.bundle.dropped}
    lanes = {
        name: {"budget": budget, "actual": actual.get(name, 0), "dropped": left_out.get(name, 0)}
        for name, budget in material.lanes.items()
    }
    return Prompt(
        request=ModelRequest(
            messages=tuple(messages),
            tools=tuple(material.tools),
            seed=material.seed,
            max_output_tokens=material.max_output_tokens,
        ),
        lanes=lanes,
        tokens=sum(actual.values()) + count(material.message),
    )


def fit_history(history: Sequence[Exchange], budget: int, count: Count) -> tuple[list[Message], int]:
    """The newest whole exchanges that fit, behind one line that says how many were left out; and that number."""
    sizes = [count(exchange.user) + count(exchange.assistant) for exchange in history]
    if sum(sizes) <= budget:
        return _said(history), 0
    room = budget - count(_not_shown(len(history)))
    dropped = next(number for number in range(1, len(history) + 1) if sum(sizes[number:]) <= max(0, room))
    line = [Message("system", (TextPart(_not_shown(dropped)),))] if room >= 0 else []
    return [*line, *_said(history[dropped:])], dropped


def _said(exchanges: Sequence[Exchange]) -> list[Message]:
    return [
        message
        for exchange in exchanges
        for message in (
            Message("user", (TextPart(exchange.user),)),
            Message("assistant", (TextPart(exchange.assistant),)),
        )
    ]


def _not_shown(dropped: int) -> str:
    return f"[{dropped} earlier exchanges are not shown]"


def seed_of(turn_id: str, iteration_number: int) -> int:
    """First 4 bytes, big-endian, of SHA-256("turn:iteration"), in 31 bits."""
    digest = sha256(f"{turn_id}:{iteration_number}".encode()).digest()
    return int.from_bytes(digest[:4], "big") & 0x7FFFFFFF


def _memories(material: Material) -> list[Part]:
    numbered = enumerate(material.bundle.memories, 1)
    return [_memory(number, memory) for number, memory in numbered if memory.id not in material.withheld]


def _pending(material: Material) -> list[Part]:
    return [InstructionPart(material.pending)] if material.pending else []


def _memory(number: int, memory: ShownMemory) -> MemoryPart:
    made_from = made_of(memory.metadata)
    return MemoryPart(
        number=number,
        id=memory.id,
        text=without_hidden(memory.text),
        occurred_at=_when(memory),
        author=None if made_from else _seen(said_by(memory.metadata, is_shared=memory.author is not None)),
        written_by=_seen(written_by(memory.author, memory.metadata)) if memory.author and not made_from else None,
        source=_seen(memory.source),
        score=memory.score,
        attention=memory.attention,
        made_from=made_from,
        taught=memory.taught,
    )


def _when(memory: ShownMemory) -> str | None:
    """A message says when it was said, and a document what it says itself: the time of its file is no fact."""
    if "document" in memory.metadata:
        dated = memory.metadata.get("dated")
        return dated if isinstance(dated, str) else None
    return memory.occurred_at


def _seen(text: str | None) -> str | None:
    return None if text is None else without_hidden(text)


def _steps(material: Material, count: Count) -> tuple[list[Message], int]:
    """The turn so far: calls with their results, then the draft to revise; and the tokens of the results."""
    uses = [use for iteration in material.earlier for use in iteration.tools.values()]
    share = material.lanes["tool_results"] // max(1, len(uses))
    messages: list[Message] = []
    used = 0
    for iteration in material.earlier:
        if iteration.response is None:
            continue
        calls = [ToolCall(call_id=call.call_id, name=call.name, arguments=call.arguments, raw=call.raw)
                 for call in iteration.response.tool_calls]  # fmt: skip
        quotes_withheld = not material.withheld.isdisjoint(iteration.response.cited)
        text = [TextPart(iteration.response.text)] if iteration.response.text and not quotes_withheld else []
        messages.append(Message("assistant", (*text, *calls)))
        results = [_result(use, share, count, material.withheld) for use in iteration.tools.values()]
        used += sum(count(result.content) for result in results)
        messages.extend(Message("tool", (result,)) for result in results)
        if not calls:
            messages.append(Message("user", (InstructionPart(REVISE),)))
    return messages, used


def _result(use: ToolUse, share: int, count: Count, withheld: frozenset[str]) -> ToolResultPart:
    finished = use.finished
    content = without_hidden(finished.content) if finished else "the outcome is unknown"
    if finished and not withheld.isdisjoint(finished.sources):
        content = FORGOTTEN
    return ToolResultPart(
        call_id=use.requested.call_id,
        name=use.requested.tool,
        content=shorten(content, share, count),
        is_error=finished is None or finished.is_error,
    )


def shorten(text: str, budget: int, count: Count) -> str:
    """`text` as it is, or so much of its beginning as fits the budget with a note that it was cut."""
    if count(text) <= budget:
        return text
    room = max(0, budget - count(SHORTENED))
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if count(text[:middle]) <= room else (low, middle - 1)
    return text[:low] + SHORTENED


def _size(message: Message, count: Count) -> int:
    return sum(count(part.text) for part in message.parts if isinstance(part, TextPart))
