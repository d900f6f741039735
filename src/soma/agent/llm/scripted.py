"""The scripted model: plays given responses, for tests and demonstrations that must not vary."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass, field

import msgspec

from soma.agent.llm.base import (
    Delta,
    Finished,
    ModelError,
    ModelRequest,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    Usage,
)


@dataclass(frozen=True, kw_only=True)
class Response:
    """Chunks of text, then calls.

    `gates` maps the number of a chunk to an event to await before it. `failure` is raised in place of the end.
    """

    chunks: tuple[str, ...] = ()
    calls: tuple[ToolCall, ...] = ()
    finish_reason: str = ""
    usage: Usage | None = None
    confidence: float | None = None
    logprobs: tuple[float, ...] = ()
    gates: dict[int, asyncio.Event] = field(default_factory=dict)
    failure: ModelError | None = None


def says(text: str, *, confidence: float | None = None) -> Response:
    """Build a response that streams the words of a text."""
    words = text.split(" ")
    chunks = tuple(word if at == 0 else f" {word}" for at, word in enumerate(words))
    return Response(chunks=chunks, confidence=confidence)


def calls(*calls: ToolCall, confidence: float | None = None) -> Response:
    return Response(calls=calls, confidence=confidence)


class ScriptedModel:
    """Plays its responses in order and keeps the `requests` it saw. `closed` counts streams that were left early."""

    def __init__(self, responses: Iterable[Response], *, name: str = "scripted", context_tokens: int = 8_192) -> None:
        self.name = name
        self.context_tokens = context_tokens
        self.requests: list[ModelRequest] = []
        self.closed = 0
        self._responses = list(responses)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Delta, None]:
        self.requests.append(request)
        if len(self.requests) > len(self._responses):
            raise ModelError(f"the script ends after {len(self._responses)} responses")
        finished = False
        try:
            async for delta in _play(self._responses[len(self.requests) - 1]):
                yield delta
            finished = True
        finally:
            self.closed += not finished


async def _play(response: Response) -> AsyncGenerator[Delta, None]:
    for number, chunk in enumerate(response.chunks):
        if gate := response.gates.get(number):
            await gate.wait()
        yield TextDelta(chunk)
    for index, call in enumerate(response.calls):
        for piece in _pieces(index, call):
            yield piece
    if gate := response.gates.get(len(response.chunks)):
        await gate.wait()
    if response.failure is not None:
        raise response.failure
    yield Finished(
        finish_reason=response.finish_reason or ("tool_calls" if response.calls else "stop"),
        usage=response.usage,
        confidence=response.confidence,
        logprobs=response.logprobs,
    )


def _pieces(index: int, call: ToolCall) -> Iterable[ToolCallDelta]:
    """Yield the pieces of a call as providers send them: the name, then the arguments in two halves."""
    raw = call.raw or msgspec.json.encode(call.arguments or {}).decode()
    half = len(raw) // 2
    yield ToolCallDelta(index=index, call_id=call.call_id, name=call.name)
    yield ToolCallDelta(index=index, arguments=raw[:half])
    yield ToolCallDelta(index=index, arguments=raw[half:])
