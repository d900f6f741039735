"""Chunks of one answer as deltas: each field is read as its type or skipped, and the answer has bounds. Pure.

What leaves here can be stored: clean text, names of bounded length, valid counts and probabilities.
"""

import json
from collections.abc import Collection, Iterator
from typing import Any, Self

from soma.agent.llm.base import (
    CUT_AT_LENGTH,
    CUT_SHORT,
    FILTERED,
    Delta,
    Finished,
    ModelRequest,
    ModelUnavailable,
    TextDelta,
    ThoughtEnded,
    ToolCallDelta,
    Usage,
)
from soma.agent.llm.json_values import NotJSON, clean, count_of, decode, number_of, objects_in
from soma.agent.llm.providers.answer_text import PieceJoiner, ThinkingFilter
from soma.agent.llm.providers.call_pieces import LONGEST_NAME, CallPiece, CallPieces
from soma.agent.llm.providers.errors import error_in, error_of, error_of_body
from soma.agent.llm.providers.written_calls import WrittenCalls

CHARACTERS_A_TOKEN = 32  # the longest token; a longer answer has ignored its limit
LEAST_CHARACTERS = 16_000
THOUGHT_TO_TEXT = 8  # thinking may be this many times longer than the answer
MOST_TOKENS = 10_000_000  # of one call; a higher count is ignored
MOST_MONEY = 1e6  # of one answer
LEAST_LOGPROB = -1e5
MOST_INDEX = 1_000_000
TEXT_TYPES = (None, "text", "output_text")

DONE = "[DONE]"
NO_REASONS = {"", "null", "none"}
FAILED = "error"
SAME_REASONS = {
    "max_tokens": CUT_AT_LENGTH,
    "max_output_tokens": CUT_AT_LENGTH,
    "model_length": CUT_AT_LENGTH,
    "model_context_window_exceeded": CUT_AT_LENGTH,
    "safety": FILTERED,
    "recitation": FILTERED,
    "content_filtered": FILTERED,
    "prohibited_content": FILTERED,
    "blocklist": FILTERED,
    "refusal": FILTERED,
}


class ChunkReader:
    """Reads the chunks of one answer.

    `is_finished`: a reason to end has come. `is_over`: nothing more is read.
    """

    def __init__(self, seed: int, *, max_output_tokens: int, offered: Collection[str] = ()) -> None:
        """`offered` are the names of the tools that the model may call."""
        self.is_over = False
        self._seed = seed
        self._room = max(LEAST_CHARACTERS, CHARACTERS_A_TOKEN * max_output_tokens)
        self._thinking_room = THOUGHT_TO_TEXT * self._room
        self._most_logprobs = 2 * max_output_tokens
        self._joiner, self._thinking, self._written = PieceJoiner(), ThinkingFilter(), WrittenCalls()
        self._calls = CallPieces(offered)
        self._has_thought = self._has_said = False
        self._finish_reason = ""
        self._usage: Usage | None = None
        self._logprobs: list[float] = []

    @classmethod
    def for_request(cls, request: ModelRequest) -> Self:
        """Return the reader of the answer to `request`."""
        offered = [tool.name for tool in request.tools]
        return cls(request.seed, max_output_tokens=request.max_output_tokens, offered=offered)

    @property
    def is_finished(self) -> bool:
        return bool(self._finish_reason)

    @property
    def said_since_finished(self) -> int | None:
        """A number that changes whenever more is said after the reason to end; None before that reason."""
        return -self._room if self.is_finished else None

    @property
    def _is_answered(self) -> bool:
        """Whole answer: whatever breaks after it does no harm."""
        return self.is_finished and self._has_said and self._finish_reason not in CUT_SHORT

    def read(self, data: str, *, event: str = "") -> Iterator[Delta]:
        """Yield the deltas of one server-sent event. One without JSON only keeps the line open."""
        text = data.strip("\ufeff \t\r\n")
        if text.strip('"') == DONE:
            self.is_over = True
        elif event == "error" and not self._is_answered:
            raise error_of_body(text, status=200)
        elif text[:1] in ("{", "["):
            yield from self.take(self._decode(text))

    def take(self, said: Any) -> Iterator[Delta]:
        """Yield the deltas of a decoded chunk, or of several in a list."""
        for chunk in objects_in(said):
            error = error_in(chunk)
            if error is not None and not self._is_answered:
                raise error
            self._note_usage(chunk.get("usage"))
            for position, choice in enumerate(objects_in(chunk.get("choices"))):
                index = count_of(choice.get("index"), most=MOST_INDEX)
                if (index == 0 or (index is None and position == 0)) and not self.is_over:
                    yield from self._choice(choice)

    def _decode(self, text: str) -> Any:
        try:
            return decode(text)
        except NotJSON as error:
            if self._is_answered:
                return None
            raise ModelUnavailable("the provider sent a chunk that is not JSON") from error

    def finish(self) -> Iterator[Delta]:
        """Yield what was held back, and the end."""
        yield from self._say(self._thinking.add(self._joiner.end()) + self._thinking.end())
        if text := self._written.end():
            yield TextDelta(text)
        yield from self._written_calls()
        yield Finished(
            finish_reason=self._finish_reason or "stop",
            usage=self._usage,
            logprobs=tuple(self._logprobs),
            has_thought=self._has_thought or self._thinking.has_thought,
        )

    def _choice(self, choice: dict[str, Any]) -> Iterator[Delta]:
        """Yield the deltas of a choice: a `delta`, or the `message` of a server that does not stream."""
        if choice.get("error"):
            raise error_of(choice["error"], status=200)
        delta = next((part for part in (choice.get("delta"), choice.get("message")) if isinstance(part, dict)), {})
        yield from self._text(_text_of(delta.get("content")) or _text_of(delta.get("refusal")))
        self._note_thinking(delta)
        for piece in (*objects_in(delta.get("tool_calls")), *_old_call(delta)):
            yield from self._call(piece)
        self._note_logprobs(choice.get("logprobs"))
        self._finish(choice.get("finish_reason"))

    def _text(self, text: str) -> Iterator[Delta]:
        """Yield the text of the answer, without the thinking before it."""
        said = self._thinking.add(self._joiner.add(text))
        if self._thinking.takes_back:
            self._written = WrittenCalls()
            yield ThoughtEnded()
        if not said:
            self._spend_thinking(len(text))
        yield from self._say(said)

    def _say(self, text: str) -> Iterator[Delta]:
        if text := self._written.add(self._within_room(text)):
            yield TextDelta(text)

    def _written_calls(self) -> Iterator[Delta]:
        """Yield the calls that stood in the text. One that cannot be read is told to the model like any other."""
        for name, arguments in self._written.found:
            known, text = _bound_name(name), _encode_arguments(arguments)
            if (number := self._calls.add_whole(known, text)) is not None:
                yield ToolCallDelta(index=number, call_id=self._made_up_id(number), name=known, arguments=text)

    def _made_up_id(self, number: int) -> str:
        return f"call_{self._seed:08x}_{number}"

    def _call(self, piece: dict[str, Any]) -> Iterator[Delta]:
        function = next(iter(objects_in(piece.get("function"))), {})
        found = CallPiece(
            index=count_of(piece.get("index"), most=MOST_INDEX),
            call_id=_bound_name(piece.get("id")),
            name=_bound_name(function.get("name")),
            arguments=self._within_room(_encode_arguments(function.get("arguments"))),
        )
        placed = self._calls.add(found)
        if placed is not None and placed.tells_anything:
            made_up = self._made_up_id(placed.number) if placed.is_new else ""
            yield ToolCallDelta(
                index=placed.number, call_id=placed.call_id or made_up, name=placed.name, arguments=placed.arguments
            )

    def _within_room(self, text: str) -> str:
        """Cut a text to what the answer may still hold."""
        if len(text) > self._room:
            self._finish_reason, self.is_over = CUT_AT_LENGTH, True
        text = text[: self._room]
        self._room -= len(text)
        self._has_said = self._has_said or bool(text)
        return text

    def _note_thinking(self, delta: dict[str, Any]) -> None:
        thought = delta.get("reasoning_content") or delta.get("reasoning") or delta.get("thinking")
        parts = [part for part in objects_in(delta.get("content")) if part.get("type") not in TEXT_TYPES]
        if thought or parts:
            self._has_thought = True
            self._spend_thinking(len(thought) if isinstance(thought, str) else 1)

    def _spend_thinking(self, characters: int) -> None:
        self._thinking_room -= characters
        if self._thinking_room < 0:
            self._finish_reason, self.is_over = CUT_AT_LENGTH, True

    def _finish(self, reason: Any) -> None:
        """Note the reason to end: the provider's word, or ours if it means the same. Other types are ignored."""
        word = clean(reason).strip()[:LONGEST_NAME] if isinstance(reason, str) else ""
        if word.lower() in NO_REASONS:
            return
        if word.lower() == FAILED:
            raise ModelUnavailable("the provider broke off its answer with an error")
        if self._finish_reason not in CUT_SHORT:
            self._finish_reason = SAME_REASONS.get(word.lower(), word)

    def _note_usage(self, usage: Any) -> None:
        """Note the provider's usage. Values that are no counts are ignored, and Soma counts itself."""
        if not isinstance(usage, dict):
            return
        asked = count_of(usage.get("prompt_tokens"), most=MOST_TOKENS)
        answered = count_of(usage.get("completion_tokens"), most=MOST_TOKENS)
        if asked is not None and answered is not None:
            cost = number_of(usage.get("cost"), least=0, most=MOST_MONEY)
            self._usage = Usage(input_tokens=asked, output_tokens=answered, cost=cost)

    def _note_logprobs(self, logprobs: Any) -> None:
        content = logprobs.get("content") if isinstance(logprobs, dict) else None
        for token in objects_in(content):
            value = number_of(token.get("logprob"), least=LEAST_LOGPROB, most=0)
            if value is not None and len(self._logprobs) < self._most_logprobs:
                self._logprobs.append(value)


def _text_of(content: Any) -> str:
    """Return text, or the text parts of a list; thinking and pictures are left out."""
    match content:
        case str():
            return content
        case list():
            return "".join(_text_of(part) for part in content if isinstance(part, str | dict))
        case {"text": str(text)} | {"text": {"value": str(text)}} if content.get("type") in TEXT_TYPES:
            return text
        case _:
            return ""


def _old_call(delta: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the single call of servers from before there were several."""
    call = delta.get("function_call")
    return [{"index": 0, "function": call}] if isinstance(call, dict) else []


def _bound_name(name: Any) -> str:
    """Return a clean name or id of bounded length. A longer one is cut visibly, and so matches no tool."""
    text = clean(name).strip() if isinstance(name, str) else ""
    return text if len(text) <= LONGEST_NAME else f"{text[: LONGEST_NAME - 3]}..."


def _encode_arguments(arguments: Any) -> str:
    """Return arguments as JSON text: some servers send the object itself."""
    if arguments is None or isinstance(arguments, str):
        return arguments or ""
    return json.dumps(arguments)
