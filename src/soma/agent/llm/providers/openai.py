"""Servers that speak OpenAI's chat completions: OpenAI, OpenRouter, Groq, vLLM, Ollama.

The HTTP client is the caller's, so connections are pooled by process. Leaving the stream closes its connection.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from email.utils import parsedate_to_datetime
from math import isfinite

import httpx
import msgspec

from soma.agent.llm.base import Delta, ModelError, ModelRequest, ModelUnavailable
from soma.agent.llm.json_values import NotJSON, decode
from soma.agent.llm.providers.chat_completions import request_body
from soma.agent.llm.providers.chunks import ChunkReader
from soma.agent.llm.providers.errors import error_of_body, hide_key, redirect_error
from soma.agent.llm.providers.settling import read_until_settled
from soma.agent.llm.providers.sse import BYTE_ORDER_MARK, EventDecoder, EventTooLong, ServerSentEvent

EVENT_FIELDS = (b"data", b"event", b"id:", b"retry", b":")
LONGEST_FIELD = 6  # bytes that tell a stream from a body
MAX_ERROR_BYTES = 64_000
MAX_ANSWER_BYTES = 8_000_000
DRAIN_SECONDS = 0.2
TIMEOUT = httpx.Timeout(60.0, connect=10.0)


class OpenAIModel:
    """A model behind a chat-completions address. `name` is ours, `model` the provider's word for it."""

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
        self._key = api_key
        self._headers = {"Accept": "text/event-stream", **(headers or {})}
        if api_key:
            self._headers["Authorization"] = f"Bearer {api_key}"

    def __repr__(self) -> str:
        return f"OpenAIModel({self.name!r}, {self._url!r})"

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Delta, None]:
        with hide_key(self._key):
            async with contextlib.aclosing(self._stream(request)) as deltas:
                async for delta in deltas:
                    yield delta

    async def _stream(self, request: ModelRequest) -> AsyncGenerator[Delta, None]:
        reader = ChunkReader.for_request(request)
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
    pieces = read_until_settled(response.aiter_bytes(), lambda: reader.said_since_finished, httpx.HTTPError)
    async with contextlib.aclosing(pieces):
        head, is_stream = await _begin(pieces, response.headers.get("content-type", ""))
        if not is_stream:
            for delta in _read_whole(head + await _read_rest(pieces, MAX_ANSWER_BYTES - len(head)), reader):
                yield delta
            return
        async for event in _events(head, pieces):
            for delta in reader.read(event.data, event=event.event):
                yield delta
            if reader.is_over:
                break
        if not reader.is_finished and not reader.is_over:
            raise ModelUnavailable("the provider's stream was cut before its end")
        for delta in reader.finish():
            yield delta
        await _drain(pieces)


async def _begin(pieces: AsyncIterator[bytes], content_type: str) -> tuple[bytes, bool]:
    """Return the first bytes, and whether they begin an event stream: providers send wrong content types both ways."""
    head = b""
    async for piece in pieces:
        head += piece
        begin = head.removeprefix(BYTE_ORDER_MARK).lstrip()
        if len(begin) >= LONGEST_FIELD:
            break
    begin = head.removeprefix(BYTE_ORDER_MARK).lstrip()
    if begin[:1] in (b"{", b"[", b"<"):
        return head, False
    return head, begin.startswith(EVENT_FIELDS) or "event-stream" in content_type or not begin


def _read_whole(body: bytes, reader: ChunkReader) -> Iterator[Delta]:
    """Yield the answer of a server that does not stream. Lines of JSON are read one by one."""
    try:
        yield from reader.take(decode(body))
    except NotJSON as error:
        lines = body.splitlines()
        if len(lines) < 2 or not all(line[:1] in (b"{", b"") for line in lines):
            raise error_of_body(body, status=200) from error
        for line in lines:
            yield from reader.read(line.decode("utf-8", "replace"))
    yield from reader.finish()


async def _events(head: bytes, pieces: AsyncIterator[bytes]) -> AsyncGenerator[ServerSentEvent]:
    decoder = EventDecoder()
    try:
        for event in decoder.feed(head):
            yield event
        async for piece in pieces:
            for event in decoder.feed(piece):
                yield event
    except EventTooLong as error:
        raise ModelUnavailable(str(error)) from error
    for event in decoder.flush():
        yield event


async def _drain(pieces: AsyncIterator[bytes]) -> None:
    """Read the end of the body, so that the connection can be reused."""
    with contextlib.suppress(TimeoutError, httpx.HTTPError):
        async with asyncio.timeout(DRAIN_SECONDS):
            async for _ in pieces:
                pass


async def _refuse_error(response: httpx.Response) -> None:
    status = response.status_code
    if status < 300:
        return
    if response.has_redirect_location or (300 <= status < 400 and status != 304):
        raise redirect_error(status, response.headers.get("location", ""))
    body = await _read_rest(response.aiter_bytes(), MAX_ERROR_BYTES)
    raise error_of_body(body, status=status, retry_after=_retry_after(response))


async def _read_rest(pieces: AsyncIterator[bytes], limit: int) -> bytes:
    """Read the rest of a body, up to the limit."""
    parts, size = list[bytes](), 0
    async for piece in pieces:
        parts.append(piece)
        size += len(piece)
        if size > limit:
            break
    return b"".join(parts)[:limit]


def _retry_after(response: httpx.Response) -> float | None:
    """Return the wait that the response asks for, in seconds; it may be a number or an HTTP date."""
    headers = response.headers
    with contextlib.suppress(ValueError):
        if "retry-after-ms" in headers:
            return _wait(float(headers["retry-after-ms"]) / 1000)
        return _wait(float(headers["retry-after"])) if "retry-after" in headers else None
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        return max(0.0, parsedate_to_datetime(headers["retry-after"]).timestamp() - time.time())
    return None


def _wait(seconds: float) -> float | None:
    return max(0.0, seconds) if isfinite(seconds) else None
