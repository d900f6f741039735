"""Answers on the wire: rare spellings of events, wrong content types, ends that never come."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from soma.agent.llm.base import (
    ModelError,
    ModelMessage,
    ModelRequest,
    ModelResponse,
    ModelUnavailable,
    TextPart,
    gather,
)
from soma.agent.llm.providers import settling
from soma.agent.llm.providers.openai import OpenAIModel
from soma.agent.llm.providers.sse import EventDecoder, EventTooLong

from .provider import EVENTS, JSON, Exchange, chop, chunk, events, serving

ASK = ModelRequest(messages=(ModelMessage("user", (TextPart("hello"),)),), seed=7)
WHOLE = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "Fine."}, "finish_reason": "stop"}]}
CHUNKS = [json.dumps(one) for one in (chunk({"content": "First "}), chunk({"content": "second."}), chunk({}, "stop"))]
STREAM = [f"data: {one}" for one in CHUNKS]
PAGE = b"<!doctype html>\n<html><head><title>Sign in</title><script>var a = 1</script></head><body>...</body></html>"


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as opened:
        yield opened


async def answer(client: httpx.AsyncClient, exchange: Exchange, **options: Any) -> ModelResponse:
    async with serving(exchange) as provider:
        model = OpenAIModel(client, base_url=provider.url, model="test-1", timeout=httpx.Timeout(8), **options)
        return gather([delta async for delta in model.stream(ASK)])


@pytest.mark.parametrize(
    "body",
    [
        "\ufeff" + "\n\n".join([*STREAM, "data: [DONE]", ""]),
        "\n".join([*STREAM, "data: [DONE]", ""]),
        "\r\n".join([*STREAM, 'data: "[DONE]"', ""]),
        "\n\n".join([*STREAM, 'data: "[DONE]"', ""]),
        "\n\n".join([STREAM[0], "data:", "data: keepalive", "data: : PROCESSING", *STREAM[1:], "data: [DONE]", ""]),
        "\n\n".join(["event: ping\ndata: ping", *STREAM, 'event: ping\ndata: {"type": "ping"}', "data: [DONE]", ""]),
        "\n\n".join([f"id: 1\nretry: 5\nevent: message\n{one}" for one in STREAM]),
        "\n\n".join([": hello", *CHUNKS, "data: [DONE]"]),
        "\n\n".join(["data:" + one.replace(", ", ",\ndata:") for one in CHUNKS]),
        "\n".join(CHUNKS),
        "[" + ",\n".join(CHUNKS) + "]",
    ],
)
@pytest.mark.parametrize("kind", ["text/event-stream", "text/plain"])
async def test_rare_spellings_of_a_stream_are_read(client: httpx.AsyncClient, body: str, kind: str) -> None:
    response = await answer(client, Exchange(chop(body.encode(), 3), headers={"content-type": kind}))
    assert (response.text, response.finish_reason) == ("First second.", "stop")


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream", "text/plain", "text/html", ""])
@pytest.mark.parametrize("before", ["", "\ufeff", "\r\n \n"])
async def test_a_whole_answer_is_read_whatever_its_content_type(
    client: httpx.AsyncClient, kind: str, before: str
) -> None:
    body = (before + json.dumps(WHOLE, indent=1)).encode()
    assert (await answer(client, Exchange(chop(body, 1), headers={"content-type": kind}))).text == "Fine."


@pytest.mark.parametrize(
    ("exchange", "words", "status"),
    [
        (Exchange([b'{"error": {"message": "no such model", "code": 404}}'], headers=EVENTS), "no such model", 404),
        (Exchange([b'{"detail": "Model is not loaded"}'], status=404, headers=JSON), "Model is not loaded", 404),
        (Exchange([PAGE], headers={"content-type": "text/html"}), "answered with a web page: Sign in", None),
        (Exchange([PAGE], status=403, headers={"content-type": "text/html"}), "Sign in", 403),
        (Exchange([b"model overloaded"], headers={"content-type": "text/plain"}), "model overloaded", None),
        (Exchange([b"event: error\ndata: out of memory\n\n"], headers=EVENTS), "out of memory", None),
        (Exchange([b'event: error\ndata: {"reason": "no luck"}\n\n'], headers=EVENTS), "no luck", None),
        (Exchange([b""], status=308, headers={"location": "https://u:p@host.test/v2?key=x"}), "to host.test/v2:", 308),
        (Exchange([b""], status=302), "redirects", 302),
    ],
)  # fmt: skip
async def test_the_reason_is_told_whatever_its_form(
    client: httpx.AsyncClient, exchange: Exchange, words: str, status: int | None
) -> None:
    with pytest.raises(ModelError) as raised:
        await answer(client, exchange)
    assert words in str(raised.value)
    assert status is None or f"(status {status})" in str(raised.value)


@pytest.mark.parametrize("ending", ["hang", "cut"])
@pytest.mark.parametrize("usage", [[], [{"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 2}}]])
async def test_an_answer_that_has_its_reason_to_end_needs_no_end_of_the_stream(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, ending: str, usage: list[Any]
) -> None:
    monkeypatch.setattr(settling, "SETTLING_SECONDS", 0.05)
    body = events(chunk({"content": "whole"}), chunk({}, "stop"), *usage, done=False)
    response = await answer(client, Exchange([body], hang=ending == "hang", cut=ending == "cut"))
    assert (response.text, response.finish_reason, response.usage is not None) == ("whole", "stop", bool(usage))


async def test_a_stream_without_end_is_left_when_the_answer_is_too_long(client: httpx.AsyncClient) -> None:
    piece = events(chunk({"content": "x" * 1_000}), done=False)
    response = await answer(client, Exchange([piece] * 64_000))
    assert (len(response.text), response.finish_reason) == (32 * ASK.max_output_tokens, "length")


async def test_an_error_without_end_is_read_as_far_as_it_is_of_use(client: httpx.AsyncClient) -> None:
    endless = Exchange([b"out of memory " * 10_000], status=500, headers=JSON, hang=True)
    with pytest.raises(ModelUnavailable, match="out of memory"):
        await answer(client, endless)


async def test_while_more_is_said_behind_a_reason_to_end_the_wait_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "SETTLING_SECONDS", 0.3)
    said: list[int] = []

    async def speaking() -> AsyncIterator[int]:
        for number in range(25):
            await asyncio.sleep(0.02)
            said.append(number)
            yield number

    heard = settling.read_until_settled(speaking(), lambda: len(said) or None, httpx.HTTPError)
    assert [number async for number in heard] == list(range(25))


async def test_a_half_answer_and_silence_is_no_answer(client: httpx.AsyncClient) -> None:
    async with serving(Exchange([events(chunk({"content": "half"}), done=False)], hang=True)) as provider:
        model = OpenAIModel(client, base_url=provider.url, model="test-1", timeout=httpx.Timeout(0.1))
        with pytest.raises(ModelUnavailable, match="in time"):
            [delta async for delta in model.stream(ASK)]


class Watched(bytes):
    """Bytes that count how many of them are looked through."""

    looked = 0

    def __contains__(self, sign: Any) -> bool:
        Watched.looked += len(self)
        return super().__contains__(sign)


async def test_a_long_line_in_small_pieces_is_put_together_once() -> None:
    decoder, text = EventDecoder(), b"data: " + b"x" * 20_000 + b"\n\n"
    found = [event for at in range(len(text)) for event in decoder.feed(Watched(text[at : at + 1]))]
    assert [len(event.data) for event in found] == [20_000]
    assert Watched.looked <= 3 * len(text)


async def test_a_line_without_end_is_refused() -> None:
    decoder = EventDecoder()
    decoder.feed(b"data: " + b"x" * 3_999_000)
    with pytest.raises(EventTooLong):
        decoder.feed(b"x" * 1_000)


async def test_an_event_of_lines_without_end_is_refused() -> None:
    with pytest.raises(EventTooLong):
        EventDecoder().feed((b"data: " + b"x" * 100_000 + b"\n") * 41)
