"""Promises of the plan that hold over a whole turn (docs/requirements.md): each test is one of them."""

import asyncio
import sys
from collections import Counter
from typing import Any, Self

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.db import connection
from django.test import AsyncClient
from tests.agent.memory.test_remember import caught_up
from tests.agent.stage import Person, call
from tests.brain.requests import new_feedback

from soma.agent import metrics
from soma.agent.access.auth import issue_token
from soma.agent.api.turn_views import trace_of
from soma.agent.llm.scripted import Response, ScriptedModel, calls, says
from soma.agent.models import Capsule, Membership, Message, Receipt
from soma.agent.record.turn import TurnRecord
from soma.cli.commands.chat import ReplyPrinter

pytestmark = pytest.mark.asyncio(loop_scope="module")

SUM = call("calculator", expression="23*19+7")


def sums(count: int) -> list[Response]:
    """Each another, since asking for the same again ends a turn."""
    return [calls(call("calculator", expression=f"{number}+{number}")) for number in range(count)]


async def capsule_of(ann: Person) -> Capsule:
    return await Capsule.objects.aget(id=ann.capsule_id)


# The agent and memory


class Watched:
    """Record, within the context, the brain's endpoints that are called, and calls from the agent into memory."""

    def __init__(self, ann: Person) -> None:
        self.asked: Counter[str] = Counter()
        self.direct: set[tuple[str, str]] = set()
        self._hooks = ann.agent.brain._http.event_hooks

    async def _note(self, request: httpx.Request) -> None:
        self.asked[request.url.path] += 1

    def _profile(self, frame: Any, event: str, _: object) -> None:
        if event == "call" and frame.f_back is not None:
            caller, called = (str(at.f_globals.get("__name__", "")) for at in (frame.f_back, frame))
            if caller.startswith("soma.agent.") and called.startswith("soma.memory"):
                self.direct.add((caller, called))

    def __enter__(self) -> Self:
        self._hooks["request"].append(self._note)
        sys.setprofile(self._profile)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        self._hooks["request"].remove(self._note)


async def test_whatever_the_agent_does_with_memory_goes_through_the_brain(ann):
    membership = await Membership.objects.aget(tenant_id=ann.caller.tenant_id, user_id=ann.caller.user_id)
    token = (await sync_to_async(issue_token)(membership, "test")).text
    http, headers = AsyncClient(), {"Authorization": f"Bearer {token}"}
    ann.hears(
        calls(call("recall", query="ferry"), call("remember", statement="The ferry leaves at ten.")), says("Yes.")
    )
    await caught_up(ann)  # with what earlier tests have left to be remembered
    with Watched(ann) as seen:
        record = await ann.asks("The ferry leaves at ten, remember that. The bus leaves at nine. What leaves?")
        await caught_up(ann)
        found = await http.get("/api/v2/memories/recall", {"query": "ferry"}, headers=headers)
        body = {"ids": [hit["id"] for hit in found.json()["hits"]]}
        gone = await http.post("/api/v2/memories/forget", body, content_type="application/json", headers=headers)
        left = await http.get("/api/v2/memories", headers=headers)
    assert [use.finished and use.finished.status for use in record.tool_uses] == ["ok", "ok"]
    assert len(gone.json()["forgotten"]) == len(body["ids"]) > 0
    assert left.json()["memories"] == []
    of_memory = {path: seen.asked[path] for path in seen.asked if "/v1/memor" in path}
    assert of_memory == {
        "/v1/memory/recall": 2,  # the tool, the endpoint
        "/v1/memory/remember": 2,  # the tool, the cursor
        "/v1/memory/forget": 2,  # to see what, so that turns are withheld first; then to forget it
        "/v1/memories": 1,
    }
    assert seen.asked["/context/evaluate"] >= 2  # each iteration
    assert seen.direct == set()


# Learning


async def test_every_iteration_is_learned_from_before_the_next_begins(ann):
    ann.hears(*sums(3), says("done", confidence=0.5))
    before = await ann.agent.brain.state(ann.principal)
    record = await ann.asks("four iterations")
    after = await ann.agent.brain.state(ann.principal)
    assert [fact.learning for fact in record.completions] == ["success"] * 4
    assert [fact.brain_version for fact in record.completions] == [before.version + number for number in (1, 2, 3, 4)]
    assert after.version == before.version + 4


# Iterations


async def test_ten_iterations_run_by_themselves_and_five_are_run_where_five_are_the_least(stage):
    ann = await stage.newcomer()
    ann.hears(*sums(9), says("done"))
    assert len((await ann.asks("as many as it takes")).completions) == 10
    bob = await stage.newcomer(min_iterations=5, refine="always")
    bob.hears(*(says(f"draft {number}", confidence=1.0) for number in range(6)))
    record = await bob.asks("at least five")
    assert (len(record.completions), record.exit_reason) == (5, "converged")


# Tools


def offered(model: ScriptedModel) -> list[set[str]]:
    """The names of the tools that each request offered."""
    return [{spec.name for spec in request.tools} for request in model.requests]


async def test_a_model_is_offered_the_tools_of_its_capsule_and_no_other_runs(ann):
    capsule = await capsule_of(ann)
    capsule.capabilities = {"clock": {"enabled": True}, "calculator": {"enabled": False}}
    await capsule.asave()
    model = ann.hears(calls(SUM), says("I have no calculator."))
    record = await ann.asks("what is 23*19 + 7?")
    assert offered(model) == [{"clock"}, {"clock"}]
    assert [use.finished and use.finished.status for use in record.tool_uses] == ["invalid"]


async def test_tools_are_loaded_once_a_turn_however_many_iterations_it_has(ann):
    ann.hears(says("done"))
    once = await _looks_at_capsules(ann, "one iteration")
    model = ann.hears(*sums(3), says("done"))
    assert await _looks_at_capsules(ann, "four iterations") == once > 0
    assert len(offered(model)) == 4


async def _looks_at_capsules(ann: Person, content: str) -> int:
    """Count the reads of the table of capsules in a turn."""
    looked: list[str] = []

    def watch(execute: Any, sql: str, *rest: Any) -> Any:
        if f'FROM "{Capsule._meta.db_table}"' in sql:
            looked.append(sql)
        return execute(sql, *rest)

    wrappers = await sync_to_async(lambda: connection.execute_wrappers)()
    wrappers.append(watch)
    try:
        await ann.asks(content)
    finally:
        wrappers.remove(watch)
    return len(looked)


# What can be seen


async def whole(ann: Person) -> TurnRecord:
    await ann.knows("23*19 + 7 is a sum that Ann likes")
    ann.hears(calls(SUM), says("It is 444 [1].", confidence=0.7))
    return await ann.asks("what is 23*19 + 7, the sum that Ann likes?")


async def test_a_trace_holds_every_decision_of_a_turn(ann):
    record = await whole(ann)
    messages = [row async for row in Message.objects.filter(turn_id=record.turn.id).order_by("created_at")]
    receipt = await Receipt.objects.aget(turn_id=record.turn.id)
    trace = trace_of(ann.agent.store.load(record.turn.id), messages=messages, full=True, receipt=receipt)
    assert (trace["total_iterations"], trace["exit_reason"]) == (2, record.exit_reason)
    assert [message["content"] for message in trace["messages"]] == [
        "what is 23*19 + 7, the sum that Ann likes?", "It is 444 [1].",
    ]  # fmt: skip
    assert trace["receipt"]["chain_head"] == ann.events(record.turn.id)[-1].hash
    assert trace["citations"][0]["text"] == "23*19 + 7 is a sum that Ann likes"
    first, second = trace["iterations"]
    [tool] = first["tools"]
    assert (tool["tool"], tool["arguments"]) == ("calculator", {"expression": "23*19+7"})
    assert tool["verdict"]
    assert tool["verdict"]["allow"]
    assert tool["result"]["content"] == "444"
    assert second["tools"] == []
    for iteration in (first, second):
        assert iteration["recalled"]["memories"]
        assert iteration["recalled"]["weights"]
        assert iteration["lanes"]["memory"]["budget"] > 0
        assert iteration["judged"]["confidence"] is not None
        assert iteration["learned"]["weights_before"]
        assert iteration["learned"]["weights_after"]
    assert second["judged"]["exit_reason"] == record.exit_reason


async def test_every_phase_of_a_turn_is_measured(ann):
    before = await _counts(ann)
    turn = await whole(ann)
    await ann.agent.brain.feedback(
        ann.principal, new_feedback(conversation_id=ann.conversation_id, turn_id=turn.turn.id, reward=1.0)
    )
    after = await _counts(ann)
    grown = after - before
    assert grown["rlm_iterations_total"] == grown["agent_model_latency_seconds_count"] == 2
    assert grown["rlm_iterations_per_turn_count"] == grown["agent_turn_latency_seconds_count"] == 1
    assert grown["tool_execution_seconds_count"] == grown["policy_decisions_total"] == 1
    assert grown["chat_tokens_total"] > 0
    assert grown["somabrain_recall_latency_seconds_count"] >= 2
    assert grown["somabrain_learning_latency_seconds_count"] == 2
    assert grown["somabrain_feedback_applied_total"] == grown["somabrain_feedback_latency_seconds_count"] == 1


async def _counts(ann: Person) -> Counter[str]:
    """Return the metrics of agent and brain by name, summed over labels."""
    assert ann.agent.brain_app is not None
    transport = httpx.ASGITransport(ann.agent.brain_app)
    token = ann.agent.settings.brain_token
    async with httpx.AsyncClient(transport=transport, base_url="http://brain") as http:
        page = await http.get("/metrics", headers={"Authorization": f"Bearer {token}"})
    counts: Counter[str] = Counter()
    for line in (metrics.exposition().decode() + page.text).splitlines():
        name = line.partition("{")[0].partition(" ")[0]
        if name.endswith(("_total", "_count")) and not line.startswith("#"):
            counts[name] += int(float(line.rpartition(" ")[2]))
    return counts


async def test_the_user_sees_every_iteration_and_what_its_tools_did(ann, capsys):
    ann.hears(*sums(2), calls(call("calculator", expression="no sum")), says("It is 444."))
    following = asyncio.create_task(ann.frames())
    await asyncio.sleep(0)  # it joins before there is anything to see
    await ann.asks("what is 23*19 + 7?")
    frames = await following
    done = [frame["payload"]["iteration_number"] for frame in frames if frame["type"] == "chat.iteration_completed"]
    assert done == [0, 1, 2, 3]
    for kind in ("requested", "decided", "finished"):
        assert [frame["payload"]["tool"] for frame in frames if frame["type"] == f"chat.tool_{kind}"] == [
            "calculator"
        ] * 3
    reply = ReplyPrinter()
    for frame in frames:
        reply.show(frame)
    printed = capsys.readouterr().out
    assert printed.count("calculator: ") == 3
    assert "It is 444." in printed
