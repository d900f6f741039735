"""The messages of one model call, built from capsule, history, memories and the turn so far (pure).

Each part keeps to its lane. A tool result is never parted from its call, only shortened.

Parts that stay the same come first, to the byte, for providers charge less for a beginning that they have read before:
instructions and history, then what belongs to this message, then the turn so far. A call holds all of the call before
it in the same turn; memories that an iteration adds follow at the end, under new numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import msgspec

from soma.agent.language.authorship import attribution, count_sources, speaker_of
from soma.agent.language.hidden import without_hidden
from soma.agent.language.moments import date_in_words, moment_of, now_in_words
from soma.agent.llm.base import (
    CORRECTION_KEPT,
    MEMORY_AWAY,
    InstructionPart,
    MemoryPart,
    ModelMessage,
    ModelRequest,
    Part,
    TextPart,
    ToolCall,
    ToolResultPart,
    ToolSpec,
)
from soma.agent.prompt.history import Count, Exchange, fit_history
from soma.agent.record.turn import IterationRecord, ToolUse, number_memories
from soma.events.facts.turn import RecalledMemory

SHORTENED = "\n[shortened: the result was longer than its share of the context]"
FORGOTTEN = "[withheld: a memory that this rested on was forgotten]"
REVISE = (
    "Above is your draft and, in the memories, evidence that was found with its help. Answer the user's message again, "
    "better supported; keep what holds, say what is uncertain. The numbers of all memories above still hold."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A model request, with the tokens of each lane: its `budget`, used (`actual`) and left out (`dropped`)."""

    request: ModelRequest
    lanes: dict[str, dict[str, int]]
    tokens: int

    @property
    def hash(self) -> str:
        return sha256(msgspec.json.encode(self.request)).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """The parts of a prompt.

    `iterations` are those of the turn, the last one with its memories and no response yet; `asked_at` is when the
    message was sent, `timezone` the zone of the times in the prompt. `withheld` are memories that the prompt must not
    hold, `corrects` says that the message corrects an answer and is kept, `pending` is the question that waits for the
    user's answer.
    """

    instructions: str
    message: str
    asked_at: str
    timezone: str
    fence: str
    history: Sequence[Exchange]
    iterations: Sequence[IterationRecord]
    tools: Sequence[ToolSpec]
    lanes: dict[str, int]
    seed: int
    max_output_tokens: int
    withheld: frozenset[str] = frozenset()
    corrects: bool = False
    pending: str = ""


def build_prompt(material: Material, count: Count) -> Prompt:
    """Lay out one model call within the lanes."""
    history, dropped = fit_history(material.history, material.lanes["history"], count)
    memories = _fit_memories(material, count)
    steps, results = _turn_so_far(material, memories, count)
    asked = (
        *memories.of(0),
        *_memory_notice(material),
        *_correction_notice(material),
        *_pending_question(material),
        _current_time(material),
        TextPart(material.message),
    )
    messages = [
        ModelMessage("system", (TextPart(material.instructions),)),
        *history,
        ModelMessage("user", asked),
        *steps,
    ]
    actual = {
        "system_policy": count(material.instructions),
        "history": sum(_size(message, count) for message in history),
        "memory": memories.tokens,
        "tools": sum(size_of_tool(tool, count) for tool in material.tools),
        "tool_results": results,
    }
    left_out = {"history": dropped, "memory": memories.dropped}
    lanes = {
        name: {"budget": budget, "actual": actual.get(name, 0), "dropped": left_out.get(name, 0)}
        for name, budget in material.lanes.items()
    }
    return Prompt(
        request=ModelRequest(
            messages=tuple(messages),
            tools=tuple(material.tools),
            seed=material.seed,
            fence=material.fence,
            max_output_tokens=material.max_output_tokens,
        ),
        lanes=lanes,
        tokens=sum(actual.values()) + count(material.message),
    )


def size_of_tool(tool: ToolSpec, count: Count) -> int:
    return count(msgspec.json.encode(tool).decode())


def fence_of(turn_id: str) -> str:
    """Return the mark that parts memories from the rest in all calls of a turn; no stored text can know it."""
    return sha256(f"fence:{turn_id}".encode()).hexdigest()[:12]


def seed_of(turn_id: str, iteration_number: int) -> int:
    """Return the first 4 bytes, big-endian, of SHA-256("turn:iteration"), in 31 bits."""
    digest = sha256(f"{turn_id}:{iteration_number}".encode()).digest()
    return int.from_bytes(digest[:4], "big") & 0x7FFFFFFF


@dataclass(frozen=True, slots=True)
class _Memories:
    """The memories that each iteration adds, the tokens of all, and the number of those left out."""

    added: Sequence[Sequence[MemoryPart]]
    tokens: int
    dropped: int

    def of(self, iteration: int) -> Sequence[MemoryPart]:
        return self.added[iteration]


def _fit_memories(material: Material, count: Count) -> _Memories:
    """Add memories while their lane has room; those of the first iteration are packed to it already."""
    numbers = {memory.id: number for number, memory in enumerate(number_memories(material.iterations), 1)}
    bundles = [iteration.bundle for iteration in material.iterations if iteration.bundle]
    used, dropped = bundles[0].token_count, bundles[-1].dropped
    added: list[list[MemoryPart]] = []
    seen: set[str] = set()
    for at, bundle in enumerate(bundles):
        mine: list[MemoryPart] = []
        for memory in bundle.memories:
            if memory.id in seen or memory.id in material.withheld:
                continue
            seen.add(memory.id)
            size = count(memory.text) if at else 0
            if at and used + size > material.lanes["memory"]:
                dropped += 1
                continue
            used += size
            mine.append(_memory(numbers[memory.id], memory, material.timezone))
        added.append(mine)
    return _Memories(added, used, dropped)


def _memory_notice(material: Material) -> list[Part]:
    """Say that memory could not be asked: another thing than that it found nothing."""
    first = material.iterations[0].bundle
    return [InstructionPart(MEMORY_AWAY)] if first and first.degraded else []


def _correction_notice(material: Material) -> list[Part]:
    """Say that the message is kept as a correction: a model could not know."""
    return [InstructionPart(CORRECTION_KEPT)] if material.corrects else []


def _pending_question(material: Material) -> list[Part]:
    return [InstructionPart(material.pending)] if material.pending else []


def _current_time(material: Material) -> Part:
    return InstructionPart(now_in_words(material.asked_at, material.timezone))


def _memory(number: int, memory: RecalledMemory, timezone: str) -> MemoryPart:
    made_from = count_sources(memory.metadata)
    author = None if made_from else _visible(speaker_of(memory.metadata, is_shared=memory.author is not None))
    moment = moment_of(memory.metadata, memory.occurred_at)
    return MemoryPart(
        number=number,
        id=memory.id,
        text=without_hidden(memory.text),
        occurred_at=moment,
        when=date_in_words(moment, timezone, was_said=author is not None),
        author=author,
        written_by=_visible(attribution(memory.author, memory.metadata)) if memory.author and not made_from else None,
        source=_visible(memory.source),
        score=memory.score,
        attention=memory.attention,
        made_from=made_from,
        taught=memory.taught,
        similarity=memory.similarity,
    )


def _visible(text: str | None) -> str | None:
    return None if text is None else without_hidden(text)


def _turn_so_far(material: Material, memories: _Memories, count: Count) -> tuple[list[ModelMessage], int]:
    """Return the messages of the turn so far, and the tokens of the tool results in them.

    They are calls with their results, drafts to revise, and the memories that each next iteration adds.
    """
    done = [iteration for iteration in material.iterations if iteration.response is not None]
    uses = [use for iteration in done for use in iteration.tools.values()]
    share = material.lanes["tool_results"] // max(1, len(uses))
    messages: list[ModelMessage] = []
    used = 0
    for number, iteration in enumerate(done, 1):
        calls = [ToolCall(call_id=call.call_id, name=call.name, arguments=call.arguments, raw=call.raw)
                 for call in iteration.spoken.tool_calls]  # fmt: skip
        quotes_withheld = not material.withheld.isdisjoint(iteration.spoken.cited)
        text = [TextPart(iteration.spoken.text)] if iteration.spoken.text and not quotes_withheld else []
        messages.append(ModelMessage("assistant", (*text, *calls)))
        results = [_result(use, share, count, material.withheld) for use in iteration.tools.values()]
        used += sum(count(result.content) for result in results)
        messages.extend(ModelMessage("tool", (result,)) for result in results)
        wish = [] if calls else [InstructionPart(REVISE)]
        added = memories.of(number) if number < len(memories.added) else ()
        if added or wish:
            messages.append(ModelMessage("user", (*added, *wish)))
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
    """Return `text`, or as much of its beginning as fits the budget with a note that it was cut."""
    if count(text) <= budget:
        return text
    room = max(0, budget - count(SHORTENED))
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if count(text[:middle]) <= room else (low, middle - 1)
    return text[:low] + SHORTENED


def _size(message: ModelMessage, count: Count) -> int:
    return sum(count(part.text) for part in message.parts if isinstance(part, TextPart))
