"""The model port: a request of typed parts goes in, a stream of typed deltas comes out.

An adapter knows one wire and nothing of turns, memory or policy. It raises a `ModelError` (the world's fault): the loop
retries, falls back, or ends the turn with `error`.
"""

from collections.abc import AsyncGenerator, Sequence
from typing import Any, Literal, Protocol

import msgspec

from soma.agent.llm.json_values import arguments_of

CUT = "cut"  # the finish reason of a stream that ended without one
CUT_AT_LENGTH, FILTERED = "length", "content_filter"
CUT_SHORT = frozenset({CUT_AT_LENGTH, FILTERED})  # the finish reasons of an answer that is not whole
MEMORY_AWAY = (
    "Memory cannot be reached at the moment: nothing was looked up in it. Where the message asks for what it may hold, "
    "say so, rather than that it holds nothing."
)
CORRECTION_KEPT = (
    "The message corrects your answer before it. What it says is right is kept in memory, with its question: thank the "
    "user, and go by it."
)
UNNAMED = "(unnamed)"  # stands for a missing name of a call: no tool has this name

Role = Literal["system", "user", "assistant", "tool"]


class TextPart(msgspec.Struct, frozen=True, tag="text", tag_field="kind"):
    text: str


class MemoryPart(msgspec.Struct, frozen=True, kw_only=True, tag="memory", tag_field="kind"):
    """A recalled memory. The answer cites `number` as `[number]`; the text is data, never instruction.

    `occurred_at` is for programs; `when` says it in words, in the turn's time zone. `author` is the speaker of a
    private memory; `written_by` names, in words, the verified author of a shared one. `made_from` counts the memories
    that a summary was made from: a summary has no author. `taught`: a person named it as the answer to this question.
    `similarity` is the cosine of its meaning and the question's.
    """

    number: int
    id: str
    text: str
    occurred_at: str | None = None
    when: str | None = None
    author: str | None = None
    written_by: str | None = None
    source: str | None = None
    score: float = 0.0
    attention: float = 0.0
    made_from: int = 0
    taught: bool = False
    similarity: float | None = None


class ToolCall(msgspec.Struct, frozen=True, kw_only=True, tag="tool_call", tag_field="kind"):
    """A call that the model asks for. `arguments` is None if it sent something that is not a JSON object."""

    call_id: str
    name: str
    arguments: dict[str, Any] | None
    raw: str = ""


class ToolResultPart(msgspec.Struct, frozen=True, kw_only=True, tag="tool_result", tag_field="kind"):
    """The result, denial or failure of a call. Untrusted: shown to the model as data."""

    call_id: str
    name: str
    content: str
    is_error: bool = False


class InstructionPart(msgspec.Struct, frozen=True, tag="instruction", tag_field="kind"):
    """An instruction of the loop in mid-turn, for example to revise a draft: never the user's words."""

    text: str


Part = TextPart | InstructionPart | MemoryPart | ToolCall | ToolResultPart


class ModelMessage(msgspec.Struct, frozen=True):
    role: Role
    parts: tuple[Part, ...]


class ToolSpec(msgspec.Struct, frozen=True, kw_only=True):
    """The description of a tool for a model; `parameters` is a JSON Schema of type object."""

    name: str
    description: str
    parameters: dict[str, Any]


class ModelRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request. `seed` makes sampling repeatable; without `tools` the model must answer.

    `fence` separates memories from the rest: the same in all requests of a turn, different in each turn.
    """

    messages: tuple[ModelMessage, ...]
    tools: tuple[ToolSpec, ...] = ()
    seed: int = 0
    fence: str = ""
    max_output_tokens: int = 1024


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens of one model call. `cost` is the amount the provider billed, in its currency; None if it named none."""

    input_tokens: int
    output_tokens: int
    cost: float | None = None


class TextDelta(msgspec.Struct, frozen=True, tag="text_delta"):
    text: str


class ThoughtEnded(msgspec.Struct, frozen=True, tag="thought_ended"):
    """All text so far was thinking, not the answer, which begins here."""


class ToolCallDelta(msgspec.Struct, frozen=True, kw_only=True, tag="tool_call_delta"):
    """A piece of the call at `index`; pieces of `name` concatenate, and those of `arguments` to JSON text."""

    index: int
    call_id: str = ""
    name: str = ""
    arguments: str = ""


class Finished(msgspec.Struct, frozen=True, kw_only=True, tag="finished"):
    """The last delta. `finish_reason` is the provider's word; `confidence` in [0, 1], if it has one.

    A `confidence` of 0 with nothing cited says that the model has no answer: the loop lets that stand. `has_thought`:
    the model also thought, which is left out of its text. `extractive`: it only quotes what it was shown, so what it
    cites is no judgement.
    """

    finish_reason: str
    usage: Usage | None = None
    confidence: float | None = None
    logprobs: tuple[float, ...] = ()
    has_thought: bool = False
    extractive: bool = False


Delta = TextDelta | ThoughtEnded | ToolCallDelta | Finished


class ModelResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer, folded from its deltas."""

    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str = "stop"
    usage: Usage | None = None
    confidence: float | None = None
    logprobs: tuple[float, ...] = ()
    has_thought: bool = False
    extractive: bool = False


class Model(Protocol):
    """One language model. `context_tokens` is the size of its window."""

    name: str
    context_tokens: int

    def stream(self, request: ModelRequest) -> AsyncGenerator[Delta, None]:
        """Yield deltas, `Finished` last. Closing the iterator closes the provider's connection at once."""
        ...


class ModelError(Exception):
    """The model could not answer."""

    code = "model_failed"


class ModelUnauthorized(ModelError):
    """The provider refused the key: check the provider's API key."""

    code = "model_unauthorized"


class ModelUnavailable(ModelError):
    """The provider is away, too busy, or broke off; trying again may help."""

    code = "model_unavailable"

    def __init__(self, message: str = "", *, retry_after: float | None = None) -> None:
        """`retry_after` is the wait in seconds that the provider asked for."""
        super().__init__(message)
        self.retry_after = retry_after


def gather(deltas: Sequence[Delta]) -> ModelResponse:
    """Fold deltas into the whole response. Malformed tool arguments become None."""
    begin = max((at for at, delta in enumerate(deltas) if isinstance(delta, ThoughtEnded)), default=0)
    text = "".join(delta.text for delta in deltas[begin:] if isinstance(delta, TextDelta))
    finished = next((delta for delta in reversed(deltas) if isinstance(delta, Finished)), None)
    return ModelResponse(
        text=text,
        tool_calls=_tool_calls([delta for delta in deltas if isinstance(delta, ToolCallDelta)]),
        finish_reason=finished.finish_reason if finished else CUT,
        usage=finished.usage if finished else None,
        confidence=finished.confidence if finished else None,
        logprobs=finished.logprobs if finished else (),
        has_thought=finished is not None and finished.has_thought,
        extractive=finished is not None and finished.extractive,
    )


def _tool_calls(pieces: Sequence[ToolCallDelta]) -> tuple[ToolCall, ...]:
    """Join the pieces of each call by index. An id without a name and arguments is no call."""
    numbered: dict[int, list[ToolCallDelta]] = {}
    for piece in pieces:
        numbered.setdefault(piece.index, []).append(piece)
    calls = []
    for index, mine in sorted(numbered.items()):
        raw = "".join(piece.arguments for piece in mine)
        call_id = next((piece.call_id for piece in mine if piece.call_id), f"call_{index}")
        name = "".join(piece.name for piece in mine)
        if name or raw:
            calls.append(ToolCall(call_id=call_id, name=name or UNNAMED, arguments=arguments_of(raw), raw=raw))
    return tuple(calls)
