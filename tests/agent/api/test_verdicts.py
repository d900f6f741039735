"""The brain learns an answer's price, its raw confidence, and whether a verdict on it may be learned from."""

from typing import Any

import pytest
from tests.agent.stage import Person, call

from soma.agent.api.feedback import NewFeedback, give
from soma.agent.api.turns import withdraw
from soma.agent.llm.base import Usage
from soma.agent.llm.offline import OfflineModel
from soma.agent.llm.scripted import Response, calls, says
from soma.agent.models import Receipt
from soma.agent.record.turn import TurnRecord

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def gives(person: Person, record: TurnRecord, **said: int) -> Any:
    return await give(person.caller, NewFeedback.model_validate({"turn_id": record.turn.id, **said}))


async def test_a_price_reaches_trace_receipt_and_ledger_once(ann):
    ann.hears(Response(chunks=("It is so.",), usage=Usage(input_tokens=100, output_tokens=20, cost=0.004)))
    record = await ann.asks("is it so?")
    assert record.iterations[0].spoken.cost == 0.004
    assert (await Receipt.objects.aget(turn_id=record.turn.id)).cost == 0.004
    await gives(ann, record, thumb=1)
    [row] = await ann.agent.brain.usage(ann.principal)
    assert (row.tokens, row.cost, row.calls) == (120, 0.004, 1)


async def test_without_a_price_nothing_is_said_of_cost(ann):
    ann.hears(says("It is so."))
    record = await ann.asks("is it so?")
    assert record.iterations[0].spoken.cost is None
    [row] = await ann.agent.brain.usage(ann.principal)
    assert row.cost == 0.0


async def test_a_verdict_labels_the_raw_confidence(ann):
    ann.hears(says("It is so.", confidence=0.7))
    record = await ann.asks("is it so?")
    before = (await ann.agent.brain.state(ann.principal)).calibration["labels"]
    await gives(ann, record, rating=5)
    assert (await ann.agent.brain.state(ann.principal)).calibration["labels"] == before + 1


async def test_praise_of_a_turn_whose_tool_was_denied_teaches_nothing(ann):
    await ann.knows("the code word is swordfish")
    ann.hears(calls(call("post", text="the code word is swordfish")), says("I was not allowed to."))
    record = await ann.asks("post what you know of the code word")
    assert [use.finished.status for use in record.tool_uses if use.finished] == ["denied"]
    before = await ann.agent.brain.state(ann.principal)
    given = await gives(ann, record, thumb=1)
    assert (given["voided"], given["reason"]) == (True, "reward_voided")
    assert await ann.agent.brain.state(ann.principal) == before


async def test_a_withdrawn_answer_is_no_longer_learned_from(ann):
    ann.hears(says("It is so."))
    record = await ann.asks("is it so?")
    given = await gives(ann, record, thumb=-1)
    back = await withdraw(ann.caller, record.turn.id)
    assert (back["status"], back["versions"]) == ("success", [given["version"]])
    again = await gives(ann, record, thumb=1)
    assert again["voided"]


async def test_what_the_offline_model_cites_is_told_to_the_brain_as_a_quotation(stage, monkeypatch):
    stage.models["offline"] = OfflineModel()
    person = await stage.newcomer(model="offline")
    await person.knows("The heron nests in Lisbon.", "Miso is a cat.")
    publish, told = person.agent.brain.publish_turn_metrics, []

    async def listen(principal, report):
        told.append((bool(report.cited), report.extractive))
        return await publish(principal, report)

    monkeypatch.setattr(person.agent.brain, "publish_turn_metrics", listen)
    await person.asks("Where does the heron nest?")
    assert (True, True) in told
    assert {is_quoted for _, is_quoted in told} == {True}
