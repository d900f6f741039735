"""Answers that a model provider might send: every field of every chunk by every JSON type, cut and framed anyhow.

Rule: a stream ends in `Finished` or in a ModelError, and what it yields can be stored and read again.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import httpx
import msgspec

from soma.agent.llm.base import Delta, Finished, Message, ModelError, ModelRequest, TextPart, ToolSpec, gather
from soma.agent.llm.openai import OpenAIModel
from soma.bench.fuzz.loopback import Loopback
from soma.bench.fuzz.trials import Broken, Trial
from soma.bench.fuzz.values import mutated

ASK = ModelRequest(
    messages=(Message("user", (TextPart("What is 6 * 7?"),)),),
    tools=(ToolSpec(name="calculator", description="Compute.", parameters={"type": "object"}),),
)


@asynccontextmanager
async def open_trial() -> AsyncIterator[Trial]:
    async with Loopback.opened() as provider, httpx.AsyncClient() as client:
        model = OpenAIModel(client, base_url=provider.url, model="fuzz", timeout=httpx.Timeout(1.0))

        async def trial(random: Random) -> str:
            provider.reply = reply = made_reply(random)
            try:
                deltas = [delta async for delta in model.stream(ASK)]
            except ModelError as error:
                return error.code
            except Exception as error:
                raise Broken(f"{type(error).__name__}: {error}", reply) from error
            return _checked(deltas, reply)

        yield trial


def _checked(deltas: list[Delta], reply: bytes) -> str:
    if not deltas or not isinstance(deltas[-1], Finished):
        raise Broken("the last delta is not Finished", reply)
    try:
        msgspec.json.decode(msgspec.json.encode(deltas), type=list[Delta])
        msgspec.json.encode(gather(deltas))
    except (msgspec.MsgspecError, UnicodeEncodeError) as error:
        raise Broken(f"the deltas cannot be stored and read again: {error}", reply) from error
    return "answered"


def made_reply(random: Random) -> bytes:
    """A whole HTTP response."""
    chunks = [mutated(random, chunk, random.choice((0.0, 0.02, 0.1, 0.4))) for chunk in _chunks(random)]
    status = random.choice((200, 200, 200, 200, 200, 201, 308, 400, 401, 404, 429, 500, 503))
    kind = random.choice(
        ("text/event-stream", "text/event-stream", "text/event-stream", "application/json", "text/plain", "")
    )
    body = _framed(random, chunks)
    if random.random() < 0.1:
        body = body[: random.randrange(len(body) + 1)]
    head = f"HTTP/1.1 {status} Fuzzed\r\ncontent-type: {kind}\r\nconnection: close\r\n\r\n"
    return head.encode() + body


def _chunks(random: Random) -> list[Any]:
    """A plausible answer."""
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


def _framed(random: Random, chunks: list[Any]) -> bytes:
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
    """JSON with NaN and half surrogates as Python would write them, or bytes that are no UTF-8."""
    return json.dumps(value, ensure_ascii=random.random() < 0.7).encode("utf-8", "surrogatepass")
