"""Any server that speaks OpenAI's chat completions over HTTP: OpenAI, OpenRouter, Groq, vLLM, Ollama.

The client is the caller's, so connections are pooled by process. Leaving the stream closes its connection.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import msgspec

from soma.agent.llm.base import Delta, ModelError, ModelRequest, ModelUnavailable
from soma.agent.llm.chat_completions import ChunkReader, error_of, request_body
from soma.agent.llm.sse import EventDecoder, EventTooLong, ServerSentEvent

DONE = "[DONE]"
MAX_ERROR_BYTES = 64_000
MAX_ANSWER_BYTES = 8_000_000
DRAIN_SECONDS = 0.2
TIMEOUT = httpx.Timeout(60.0, connect=10.0)


class OpenAIModel:
    """`name` is ours, `model` the provider's word for it."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        *,
        base_url: str,
        model: str,
        api_key: str = "",
        name: str = "",
        context_tokens: int = 8_192,
        logprobs: bool = False,
        headers: Mapping[str, str] | None = None,
        timeout: httpx.Timeout = TIMEOUT,
    ) -> None:
        self.name = name or model
        self.context_tokens = context_tokens
        self._client = client
        self._url = f"{base_url.rstrip('/')}/chat/completions"
        self._model = model
        self._logprobs = logprobs
        self._timeout = timeout
        self._headers = {"Accept": "text/event-stream", **(headers or {})}
        if api_key:
            self._headers["Authorization"] = f"Bearer {api_key}"

    def __repr__(self) -> str:
        return f"OpenAIModel({self.name!r}, {self._url!r})"

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Delta, None]:
        reader = ChunkReader(request.seed)
        try:
            async with self._open(request) as response:
                await _refuse_error(response)
                async with contextlib.aclosing(_deltas(response, reader)) as deltas:
                    async for delta in deltas:
                        yield delta
        except httpx.TimeoutException as error:
            raise ModelUnavailable(f"the provider did not answer in time ({type(error).__name__})") from error
        except httpx.HTTPError as error:
            raise ModelUnavailable(f"the connection to the provider failed: {error}") from error
        except httpx.InvalidURL as error:
            raise ModelError(f"the provider's address is not a URL: {error}") from error

    def _open(self, request: ModelRequest) -> contextlib.AbstractAsyncContextManager[httpx.Response]:
        limit = "max_completion_tokens" if "//api.openai.com/" in self._url else "max_tokens"
        body = request_body(request, model=self._model, reply_limit=limit, logprobs=self._logprobs)
        return self._client.stream(
            "POST",
            self._url,
            content=msgspec.json.encode(body),
            headers={**self._headers, "Content-Type": "application/json"},
            timeout=self._timeout,
        )


async def _deltas(response: httpx.Response, reader: ChunkReader) -> AsyncGenerator[Delta, None]:
    if "json" in response.headers.get("content-type", ""):
        body = await _body(response, MAX_ANSWER_BYTES)
        for delta in reader.read(body):
            yield delta
        yield reader.finished()
        return
    pieces = response.aiter_bytes()
    async for event in _events(pieces):
        if event.data.strip() == DONE:
            yield reader.finished()
            await _drain(pieces)
            return
        for delta in reader.read(event.data):
            yield delta
    if not reader.is_finished:
        raise ModelUnavailable("the provider's stream was cut before its end")
    yield reader.finished()


async def _events(pieces: AsyncIterator[bytes]) -> AsyncGenerator[ServerSentEvent]:
    decoder = EventDecoder()
    try:
        async for piece in pieces:
            for event in decoder.feed(piece):
                yield event
    except EventTooLong as error:
        raise ModelUnavailable(str(error)) from error
    for event in decoder.flush():
        yield event


async def _drain(pieces: AsyncIterator[bytes]) -> None:
    """Read the end of the body, so that the connection can be used again."""
    with contextlib.suppress(TimeoutError, httpx.HTTPError):
        async with asyncio.timeout(DRAIN_SECONDS):
            async for _ in pieces:
                pass


async def _refuse_error(response: httpx.Response) -> None:
    if response.status_code < 300:
        return
    body = await _body(response, MAX_ERROR_BYTES)
    raise error_of(_error_object(body), status=response.status_code, retry_after=_retry_after(response))


async def _body(response: httpx.Response, limit: int) -> bytes:
    body = b""
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > limit:
            break
    return body[:limit]


def _error_object(body: bytes) -> Any:
    """Of the shapes in use: {error: {...}}, [{error: {...}}] (Google), {error: "..."}, {message: ...}, or text."""
    try:
        decoded = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return body.decode("utf-8", "replace").strip()
    if isinstance(decoded, list) and decoded:
        decoded = decoded[0]
    return decoded.get("error", decoded) if isinstance(decoded, dict) else decoded


def _retry_after(response: httpx.Response) -> float | None:
    """In seconds: a number, or an HTTP date."""
    headers = response.headers
    with contextlib.suppress(ValueError):
        if "retry-after-ms" in headers:
            return max(0.0, float(headers["retry-after-ms"]) / 1000)
        return max(0.0, float(headers["retry-after"])) if "retry-after" in headers else None
    with contextlib.suppress(ValueError, TypeError):
        return max(0.0, parsedate_to_datetime(headers["retry-after"]).timestamp() - time.time())
    return None
