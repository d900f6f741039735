"""Odd answers of a model provider: every field of every chunk with every JSON type, cut and framed in any way.

Rules: a stream ends in `Finished` or in a ModelError. A turn over such streams ends with an answer or a typed error,
never with a fault of the server, and everything that it stores can be read again and stored anywhere.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from random import Random
from typing import Any

import httpx
import msgspec

from soma.agent.llm.base import Delta, Finished, ModelError, ModelMessage, ModelRequest, TextPart, ToolSpec, gather
from soma.agent.llm.providers.openai import OpenAIModel
from soma.agent.record.turn import TurnRecord
from soma.bench.fuzz.agents import open_asker
from soma.bench.fuzz.loopback import Loopback
from soma.bench.fuzz.trials import RuleBroken, Trial
from soma.bench.fuzz.values import find_unstorable, mutate

ASK = ModelRequest(
    messages=(ModelMessage("user", (TextPart("What is 6 * 7?"),)),),
    tools=(ToolSpec(name="calculator", description="Compute.", parameters={"type": "object"}),),
)
STREAMS = 10  # read by the adapter alone, for each whole turn
QUESTIONS = ("What is 6 * 7?", "What time is it?", "Remember that my heron is called Quill.", "What do you know of me?")

Ask = Callable[[str], Awaitable[TurnRecord]]


@asynccontextmanager
async def open_trial() -> AsyncIterator[Trial]:
    """Open a trial: streams read by the adapter alone, then one turn of a whole agent."""
    async with open_provider() as (provider, model), open_asker(model) as asker:

        async def trial(random: Random) -> str:
            for _ in range(STREAMS):
                await read_stream(provider, model, random)
            return await take_turn(provider, asker.ask, random)

        yield trial


@asynccontextmanager
async def open_provider() -> AsyncIterator[tuple[Loopback, OpenAIModel]]:
    async with Loopback.open() as provider, httpx.AsyncClient() as client:
        yield provider, OpenAIModel(client, base_url=provider.url, model="fuzz", timeout=httpx.Timeout(2.0))


async def read_stream(provider: Loopback, model: OpenAIModel, random: Random) -> str:
    """Read one stream by the adapter; return how it ended."""
    replies = provider.answer_with(lambda: random_reply(random))
    try:
        async with aclosing(model.stream(ASK)) as stream:
            deltas = [delta async for delta in stream]
    except ModelError as error:
        return error.code
    except Exception as error:
        raise RuleBroken(f"{type(error).__name__}: {error}", replies) from error
    if not deltas or not isinstance(deltas[-1], Finished):
        raise RuleBroken("the last delta is not Finished", replies)
    try:
        msgspec.json.decode(msgspec.json.encode(deltas), type=list[Delta])
        if found := find_unstorable(msgspec.to_builtins(gather(deltas).tool_calls)):
            raise RuleBroken(f"a call holds what cannot be stored: {found}", replies)
    except (msgspec.MsgspecError, UnicodeEncodeError) as error:
        raise RuleBroken(f"the deltas cannot be stored and read again: {error}", replies) from error
    return "answered"


async def take_turn(provider: Loopback, ask: Ask, random: Random) -> str:
    """Take one turn whose model answers with such streams; return how it ended."""
    replies = provider.answer_with(lambda: random_reply(random))
    try:
        record = await ask(random.choice(QUESTIONS))
    except Exception as error:
        raise RuleBroken(f"the turn cannot be taken or read: {type(error).__name__}: {error}", replies) from error
    complete = record.complete
    if complete is None:
        raise RuleBroken("the turn did not end", replies)
    if complete.exit_reason == "error" and not (complete.error and complete.error.get("code", "").startswith("model_")):
        raise RuleBroken(f"the turn ended with {complete.error}", replies)
    for fact in (*record.responses, *(use.requested for use in record.tool_uses), complete):
        if found := find_unstorable(msgspec.to_builtins(fact)):
            raise RuleBroken(f"{fact.event_type} holds what cannot be stored: {found}", replies)
    return str(complete.error["code"] if complete.error else complete.exit_reason)


def random_reply(random: Random) -> bytes:
    """Make a whole HTTP response."""
    chance = random.choice((0.0, 0.005, 0.005, 0.02, 0.1, 0.4))
    chunks = [mutate(random, chunk, chance) for chunk in _chunks(random)]
    status = random.choice((*[200] * 40, 201, 308, 400, 401, 404, 429, 500, 503))
    kind = random.choice(
        ("text/event-stream", "text/event-stream", "text/event-stream", "application/json", "text/plain", "")
    )
    body = _frame(random, chunks)
    if random.random() < 0.05:
        body = body[: random.randrange(len(body) + 1)]
    head = f"HTTP/1.1 {status} Fuzzed\r\ncontent-type: {kind}\r\nconnection: close\r\n\r\n"
    return head.encode() + body


def _chunks(random: Random) -> list[Any]:
    """Make the chunks of a plausible answer."""
    deltas: list[Any] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": word} for word in ("Six ", "times ", "seven ", "is 42.")[: random.randrange(5)]]
    if random.random() < 0.3:
        deltas.append({"content": [{"type": "text", "text": "In parts."}], "reasoning_content": "hm"})
    for index in range(random.choice((0, 0, 1, 2))):
        function = {"name": "calculator", "arguments": '{"expression":'}
        deltas.append({"tool_calls": [{"index": index, "id": f"c{index}", "type": "function", "function": function}]})
        deltas.append({"tool_calls": [{"index": index, "function": {"arguments": '"6*7"}'}}]})
    chunks: list[Any] = [{"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    logprobs = {"content": [{"token": "a", "logprob": -0.5}]}
    chunks.append({"choices": [{"index": 0, "delta": {}, "logprobs": logprobs, "finish_reason": "stop"}]})
    chunks.append({"choices": [], "usage": {"prompt_tokens": 12, "completion_tokens": 3, "cost": 0.1}})
    if random.random() < 0.1:
        chunks.append({"error": {"message": "no luck", "code": 502, "type": "server_error", "metadata": {"raw": "x"}}})
    if random.random() < 0.1:
        chunks.append({"object": "error", "message": "no luck", "detail": "none", "code": 400})
    return chunks


def _frame(random: Random, chunks: list[Any]) -> bytes:
    if random.random() < 0.1:
        return _bytes(random, random.choice(chunks))
    end = random.choice((b"\n", b"\r\n", b"\r"))
    lines = [b"data: " + _bytes(random, chunk) + end + end * (random.random() < 0.95) for chunk in chunks]
    noise = (b": wait" + end, b"data:" + end + end, b"data: keepalive" + end + end, b"event: ping" + end, b"\xff\xfe")
    for _ in range(random.randrange(3)):
        lines.insert(random.randrange(len(lines) + 1), random.choice(noise))
    done = random.choice((b"data: [DONE]" + end + end, b'data: "[DONE]"' + end + end, b""))
    return random.choice((b"", b"", b"\xef\xbb\xbf")) + b"".join(lines) + done


def _bytes(random: Random, value: Any) -> bytes:
    """Encode JSON with NaN and half surrogates as Python writes them: the bytes may not be UTF-8."""
    return json.dumps(value, ensure_ascii=random.random() < 0.7).encode("utf-8", "surrogatepass")
