"""Whole turns with a provider on loopback that sends what no provider should: the turn ends, and its user is told."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import httpx
import pytest
import pytest_asyncio
from tests.agent.llm.providers.provider import JSON, Exchange, Provider, chunk, events, serving
from tests.agent.making import TURN, response
from tests.agent.stage import Person
from tests.agent.storage.test_faults import rest_client

from soma.agent import metrics
from soma.agent.llm.providers.openai import OpenAIModel
from soma.agent.memory.remember import items_of
from soma.agent.record.turn import TurnRecord, fold
from soma.agent.turn.steps import ask
from soma.bench.fuzz.provider import open_provider, take_turn
from soma.bench.fuzz.trials import run_trials

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as opened:
        yield opened


@asynccontextmanager
async def asked(person: Person, client: httpx.AsyncClient, *exchanges: Exchange) -> AsyncIterator[Provider]:
    """The person's agent asks a real server that answers so."""
    async with serving(*exchanges) as provider:
        name = f"scripted/{person.caller.tenant_id}"
        person.stage.models[name] = OpenAIModel(client, base_url=provider.url, model="test-1", name=name)
        yield provider


def says(text: str, reason: Any = "stop", **more: Any) -> Exchange:
    return Exchange([events(chunk({"content": text}), chunk(finish_reason=reason), *more.values())])


def calls(name: Any, arguments: str, reason: str = "tool_calls", text: str = "") -> Exchange:
    function = {"name": name, "arguments": arguments}
    piece = {"index": 0, "id": "c", "type": "function", "function": function}
    return Exchange([events(chunk({"content": text, "tool_calls": [piece]}), chunk(finish_reason=reason))])


async def whole(person: Person, content: str = "well?") -> TurnRecord:
    record = await person.asks(content)
    assert record.complete is not None
    async with rest_client(person) as http:
        trace = await http.get(f"/trace/{record.turn.id}")
    assert trace.status_code == 200, trace.text
    assert "internal" not in str(record.complete.error)
    return record


@pytest.mark.parametrize("reason", [1, "st\x00op", {"type": "stop"}, True])
async def test_a_finish_reason_of_any_type_leaves_a_turn_that_can_be_read(ann, client, reason):
    async with asked(ann, client, says("Good.", reason)):
        record = await whole(ann)
    assert record.complete is not None
    assert (record.complete.content, record.complete.exit_reason) == ("Good.", "final_answer")


@pytest.mark.parametrize("usage", [(1151, -35), (20, -35), (2**62, 1), ("a", None), (True, 5)])
async def test_usage_that_no_count_can_be_is_counted_by_ourselves(ann, client, usage):
    asked_for, answered = usage
    told = {"choices": [], "usage": {"prompt_tokens": asked_for, "completion_tokens": answered, "total_tokens": 0}}
    async with asked(ann, client, says("A.", usage=told), says("B.")):
        record = await whole(ann)
        assert record.complete is not None
        assert record.complete.completion_tokens == ann.agent.count.count("A.")
        assert 0 < record.complete.prompt_tokens < 10_000
        assert (await whole(ann)).exit_reason == "final_answer"  # the conversation goes on


@pytest.mark.parametrize("name", [5, None, "x" * 5_000, "", ["calculator"]])
async def test_a_call_without_a_usable_name_is_told_to_the_model(ann, client, name):
    async with asked(ann, client, calls(name, "{}"), says("sorry")) as provider:
        record = await whole(ann)
    assert record.complete is not None
    assert record.complete.content == "sorry"
    [result] = [message for message in provider.bodies[1]["messages"] if message["role"] == "tool"]
    assert "unknown tool" in result["content"]
    [sent] = provider.bodies[1]["messages"][-2]["tool_calls"]
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", sent["function"]["name"])


async def test_a_call_in_pieces_with_changing_ids_is_run(ann, client):
    def piece(call_id: str, **function: str) -> dict[str, Any]:
        return chunk({"tool_calls": [{"index": 0, "id": call_id, "function": function}]})

    pieces = [
        piece("1", name="calculator", arguments='{"expre'),
        piece("2", arguments='ssion": '),
        piece("3", arguments='"6*7"}'),
    ]
    async with asked(ann, client, Exchange([events(*pieces, chunk(finish_reason="tool_calls"))]), says("42")):
        record = await whole(ann)
    [use] = record.tool_uses
    assert use.finished is not None
    assert (use.finished.status, use.finished.content) == ("ok", "42")


async def test_a_call_that_is_written_as_text_is_run_under_policy_and_shown_to_nobody(ann, client):
    def written(name: str, arguments: str) -> Exchange:
        text = f'I look. <tool_call>{{"name": "{name}", "arguments": {arguments}}}</tool_call>'
        return Exchange([events(*(chunk({"content": sign}) for sign in text), chunk(finish_reason="stop"))])

    tries = [written("calculator", '{"expression": "6*7"}'), written("shell", "{}"), says("42")]
    async with asked(ann, client, *tries) as provider:
        record = await whole(ann)
    assert record.complete is not None
    assert (record.complete.content, record.iterations[0].spoken.text) == ("42", "I look. ")
    run, refused = record.tool_uses
    assert run.decided is not None
    assert run.finished is not None
    assert (run.decided.allow, run.finished.content) == (True, "42")
    assert refused.decided is None
    assert "unknown tool" in provider.bodies[2]["messages"][-1]["content"]


async def test_nul_and_half_characters_reach_neither_the_log_nor_the_reader(ann, client):
    halves = [f'{{"choices":[{{"delta":{{"content":"{half}"}}}}]}}' for half in ("\\ud83d", "\\ude00", "\\ud83d")]
    body = events(chunk({"content": "A nul \x00 inside "}), *halves, chunk(finish_reason="stop"))
    async with asked(ann, client, Exchange([body])):
        record = await whole(ann)
    assert record.complete is not None
    assert record.complete.content == "A nul  inside 😀\ufffd"
    assert (await ann.said())[-1] == ("assistant", "A nul  inside 😀\ufffd")


@pytest.mark.parametrize(
    ("reason", "note"),
    [("length", "cut at 12 tokens"), ("MAX_TOKENS", "cut at 12 tokens"), ("content_filter", "content filter cut it")],
)
async def test_an_answer_that_was_cut_says_so_at_every_door(ann, client, reason, note):
    usage = {"choices": [], "usage": {"prompt_tokens": 30, "completion_tokens": 12}}
    async with asked(ann, client, says("I can tell you that", reason, usage=usage)), rest_client(ann) as http:
        path = f"/chat/conversations/{ann.conversation_id}/messages"
        answer = (await http.post(path, json={"content": "well?"})).json()
        trace = (await http.get(f"/trace/{answer['turn_id']}", params={"include_messages": True})).json()
        listed = (await http.get(path)).json()["messages"][-1]
    assert answer["content"] == "I can tell you that"
    for shown in (answer, trace, listed, trace["messages"][-1]):
        assert note in shown["note"]
    assert answer["finish_reason"] == trace["finish_reason"] == trace["iterations"][0]["finish_reason"]


async def test_half_an_answer_is_not_remembered(ann, client):
    async with asked(ann, client, says("the key is under the", "length"), says("a whole answer")):
        assert [item["text"] for item in items_of(await whole(ann, "I live in Leeds."))] == ["I live in Leeds."]
        kept = [item["text"] for item in items_of(await whole(ann, "I moved to Bergen."))]
    assert kept == ["I moved to Bergen.", "a whole answer"]


async def test_a_whole_answer_stands_before_a_cut_one():
    facts = [response(0, "whole"), response(1, "a better ha", finish_reason="length")]
    best = fold(TURN, facts).best
    assert best is not None
    assert best.number == 0


@pytest.mark.parametrize("text", ["", "I note it."])
async def test_a_call_in_an_answer_that_was_cut_is_told_and_not_run(ann, client, text):
    statement = '{"statement": "the key is under the"}'
    async with asked(ann, client, calls("remember", statement, "length", text), says("noted")) as provider:
        record = await whole(ann)
    [use] = record.tool_uses
    assert use.decided is None
    assert use.finished is not None
    assert use.finished.status == "invalid"
    assert "answer was cut off" in provider.bodies[1]["messages"][-1]["content"]


@pytest.mark.parametrize(
    ("exchange", "words"),
    [
        (says("<think>only a plan</think>"), "only reasoned"),
        (Exchange([events(chunk({"reasoning_content": "hm"}), chunk(finish_reason="length"))]), "only reasoned"),
        (says("", "content_filter"), "content filter"),
        (says(""), "ended without an answer"),
    ],
)
async def test_why_there_is_no_answer_is_told(ann, client, exchange, words):
    async with asked(ann, client, exchange):
        record = await whole(ann)
    assert record.complete is not None
    assert record.complete.error is not None
    assert words in record.complete.error["message"]


async def test_thinking_without_an_opening_tag_is_taken_back_from_who_watches(ann, client):
    parts = [chunk({"content": part}) for part in ("a plan", "</think>", "Yes.")]
    async with asked(ann, client, Exchange([events(*parts, chunk(finish_reason="stop"))])):
        record = await whole(ann)
    assert record.complete is not None
    assert record.complete.content == "Yes."
    assert "draft_replaced" in ann.kinds(record.turn.id)


@pytest.mark.parametrize("wait", ["86400", "Fri, 01 Jan 2099 00:00:00 GMT"])
async def test_a_wait_longer_than_the_turn_ends_it_now_with_the_providers_words(ann, client, wait):
    busy = Exchange(
        [b'{"error": {"message": "Rate limit reached, try again tomorrow"}}'],
        status=429,
        headers={**JSON, "retry-after": wait},
    )
    async with asked(ann, client, busy) as provider:
        record = await whole(ann)
    assert record.complete is not None
    assert record.complete.error is not None
    assert "try again tomorrow" in record.complete.error["message"]
    assert "it asks to wait" in record.complete.error["message"]
    assert len(provider.bodies) == 1


async def test_every_failed_try_is_counted(ann, client):
    def counted() -> float:
        [sample] = re.findall(
            r'agent_model_failures_total\{code="model_unavailable"\} (\S+)', metrics.exposition().decode()
        ) or [0]
        return float(sample)

    away = Exchange([b"{}"], status=503, headers={**JSON, "retry-after": "0.01"})
    before = counted()
    async with asked(ann, client, *[away] * 3):
        record = await whole(ann)
    assert record.complete is not None
    assert record.complete.error is not None
    assert counted() == before + 3


async def test_turns_over_streams_of_any_types_end_and_can_be_read(ann, monkeypatch):
    monkeypatch.setattr(ask, "BACKOFF_SECONDS", 0.001)
    async with open_provider() as (provider, model):
        ann.stage.models[f"scripted/{ann.caller.tenant_id}"] = model
        report = await run_trials("turns", partial(take_turn, provider, ann.asks), seed=2, trials=25)
    assert report.broken == []
    assert (
        await ann.agent.writer.write(lambda tx: tx.query("SELECT id FROM agent_turn WHERE state <> 'complete'")) == []
    )
