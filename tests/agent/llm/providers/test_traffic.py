"""Recorded exchanges of real providers, replayed byte by byte and cut at random places."""

import json
from typing import Any

import httpx
import pytest
import yaml
from tests.places import DATA

from soma.agent.llm.base import (
    ModelError,
    ModelMessage,
    ModelRequest,
    ModelResponse,
    ModelUnavailable,
    TextPart,
    gather,
)
from soma.agent.llm.providers.openai import OpenAIModel

from .provider import EVENTS, JSON, Exchange, chop, serving

TRAFFIC = DATA / "provider_traffic"
ASK = ModelRequest(messages=(ModelMessage("user", (TextPart("hello"),)),))


def load_recordings() -> list[Any]:
    """Every exchange on /chat/completions, with a name for the report."""
    found = []
    for file in sorted(TRAFFIC.glob("*.yaml")):
        for at, exchange in enumerate(yaml.load(file.read_text(encoding="utf-8"), yaml.CSafeLoader)["interactions"]):
            if exchange["request"]["uri"].endswith("/chat/completions"):
                found.append(pytest.param(exchange["response"], id=f"{file.stem}-{at}"))
    return found or [pytest.param(None, id="absent")]


def body_of(response: dict[str, Any]) -> bytes:
    if "parsed_body" in response:
        return json.dumps(response["parsed_body"]).encode()
    text = response["body"]["string"]
    return text if isinstance(text, bytes) else text.encode()


async def play(response: dict[str, Any], seed: int) -> ModelResponse | ModelError:
    streams = any("event-stream" in kind for kind in response["headers"]["content-type"])
    exchange = Exchange(
        chop(body_of(response), seed), status=response["status"]["code"], headers=EVENTS if streams else JSON
    )
    async with serving(exchange) as provider, httpx.AsyncClient() as client:
        adapter = OpenAIModel(client, base_url=provider.url, model="recorded")
        try:
            return gather([delta async for delta in adapter.stream(ASK)])
        except ModelError as error:
            return error


def read_record(response: dict[str, Any]) -> tuple[str, list[tuple[str, Any]], bool]:
    """Text, calls and whether it failed, read from the record in the plainest way."""
    body = body_of(response).decode()
    chunks = [json.loads(line[5:]) for line in body.splitlines() if line.startswith("data:") and "[DONE]" not in line]
    chunks = chunks or [json.loads(body)]
    failed = response["status"]["code"] >= 400 or any("error" in chunk for chunk in chunks)
    texts: list[str] = []
    calls: dict[int, list[str]] = {}
    for chunk in chunks:
        for choice in chunk.get("choices", []):
            delta = choice.get("delta") or choice.get("message") or {}
            texts.append(delta.get("content") or "")
            for place, piece in enumerate(delta.get("tool_calls") or []):
                call = calls.setdefault(piece.get("index", place), ["", ""])
                call[0] += piece["function"].get("name") or ""
                call[1] += piece["function"].get("arguments") or ""
    return "".join(texts), [(name, json.loads(raw or "{}")) for name, raw in calls.values()], failed


@pytest.mark.parametrize("response", load_recordings())
async def test_recorded_answers_are_read_as_they_were_sent(response: dict[str, Any] | None) -> None:
    if response is None:
        pytest.skip(f"recorded traffic is not at {TRAFFIC}: set SOMA_TEST_DATA")
    text, calls, failed = read_record(response)
    for seed in range(3):
        got = await play(response, seed)
        if failed:
            assert isinstance(got, ModelError)
            assert isinstance(got, ModelUnavailable) is (response["status"]["code"] == 429)
            continue
        assert isinstance(got, ModelResponse)
        assert got.text == text
        assert [(call.name, call.arguments) for call in got.tool_calls] == calls
        assert all(call.call_id for call in got.tool_calls)
        assert got.usage is not None
