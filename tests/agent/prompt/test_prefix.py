"""The beginning of a request, which providers keep for the next one as long as it is the same to the byte."""

import json
from itertools import pairwise, takewhile

import pytest
from tests.agent.stage import Person, call

from soma.agent.access.accounts import TOOLS
from soma.agent.language.moments import now_in_words
from soma.agent.llm.base import ModelRequest
from soma.agent.llm.providers.chat_completions import request_body
from soma.agent.llm.scripted import ScriptedModel, calls, says
from soma.agent.models import Capsule

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOTES = ("The Heron has a warranty of three years.", "The Wren has a warranty of two years.", "The office is in Graz.")


def pieces(request: ModelRequest) -> list[str]:
    """A request in the order in which a provider reads it: tools, then one message after the other."""
    body = request_body(request, model="m")
    return [json.dumps(body.get("tools")), *map(json.dumps, body["messages"])]


def shared(one: ModelRequest, other: ModelRequest) -> float:
    """Share of the shorter request that both begin with."""
    texts = ["".join(pieces(one)), "".join(pieces(other))]
    same = takewhile(lambda signs: signs[0] == signs[1], zip(*texts, strict=False))
    return sum(1 for _ in same) / min(map(len, texts))


async def turn_with_tools(person: Person) -> ScriptedModel:
    """A turn of three iterations, of which the last recalls anew with weights that have moved."""
    tools = [calls(call("calculator", expression="6*7")), calls(call("recall", query="the Wren"))]
    model = person.hears(*tools, says("Two years [2].", confidence=0.95))
    await person.asks("How long is the warranty of the Wren?")
    return model


async def test_each_call_of_a_turn_begins_with_the_whole_call_before_it(ann):
    await ann.knows(*NOTES)
    model = await turn_with_tools(ann)
    assert len(model.requests) == 3
    for before, after in pairwise(model.requests):
        assert pieces(after)[: len(pieces(before))] == pieces(before)
        assert shared(before, after) == 1.0


async def test_the_calls_of_a_conversation_begin_alike_up_to_the_message(ann):
    shipped = {name: {"enabled": True} for name in TOOLS}  # of more than fit, each message would choose its own
    await Capsule.objects.filter(id=ann.capsule_id).aupdate(capabilities=shipped)
    await ann.knows(*NOTES)
    questions = ["What is 6*7?", "How long is the warranty of the Heron?", "Where is the office?", "Forget the office."]
    model = ann.hears(*(says(f"Answer {number} [1].", confidence=0.95) for number in range(len(questions))))
    for question in questions:
        await ann.asks(question)
    for before, after in pairwise(model.requests):
        assert pieces(after)[: len(pieces(before)) - 1] == pieces(before)[:-1]


async def test_a_history_that_is_longer_than_its_lane_begins_alike_for_most_turns(stage):
    ann = await stage.newcomer()
    model = ann.hears(*(says("word " * 150, confidence=0.95) for _ in range(24)))
    for number in range(24):
        await ann.asks(f"What is the word of number {number}? {'please ' * 60}")
    begins = ["".join(pieces(request)[:-1]) for request in model.requests]
    same = [after.startswith(before) for before, after in pairwise(begins)]
    assert "earlier exchanges are not shown" in begins[-1]
    assert sum(same) >= 0.7 * len(same)


async def test_the_time_that_a_model_is_told_is_that_of_the_message_and_its_zone_is_recorded(ann):
    model = ann.hears(says("soon", confidence=0.95))
    record = await ann.asks("What day is it?")
    assert record.started is not None
    assert record.started.timezone == record.timezone == ann.agent.settings.zone
    assert now_in_words(record.turn.created_at, record.timezone) in pieces(model.requests[0])[-1]
