"""Two tenants, two agents, two users of one tenant: nothing crosses."""

import pytest
from tests.brain.conftest import ALICE, BOB, MALLORY, metrics_of, remembered

from soma.brain.errors import BrainRefused
from soma.brain.types import Principal


async def test_two_tenants_share_nothing(client):
    await remembered(client, ALICE)
    assert await client.recall(MALLORY, query="cat called Miso") == []
    assert (await client.evaluate(MALLORY, conversation_id="c1", query="cat")).memories == []
    before = await client.state(MALLORY)
    for number in range(5):
        await client.publish_turn_metrics(ALICE, **metrics_of(iteration_number=number))
        await client.feedback(ALICE, conversation_id="c1", reward=-1.0, idempotency_key=str(number))
    assert await client.state(MALLORY) == before
    first = await client.publish_turn_metrics(MALLORY, **metrics_of())
    assert (first.status, first.version) == ("success", 1)  # the same turn id, another tenant


async def test_two_users_of_a_tenant_share_the_learner_and_not_the_memories(client):
    await remembered(client, ALICE)
    await client.remember(ALICE, [{"text": "The office closes at six.", "scope": "tenant"}])
    assert [hit.text for hit in await client.recall(BOB, query="cat office")] == ["The office closes at six."]
    await client.feedback(ALICE, conversation_id="c1", reward=1.0)
    assert (await client.state(BOB)).version == 1


async def test_two_agents_of_a_tenant_learn_apart(client):
    other = Principal(tenant_id="acme", user_id="alice", agent_id="other")
    await client.publish_turn_metrics(ALICE, **metrics_of())
    assert (await client.state(other)).version == 0


async def test_an_iteration_is_one_agents(client):
    other = Principal(tenant_id="acme", user_id="alice", agent_id="other")
    await client.publish_turn_metrics(ALICE, **metrics_of())
    with pytest.raises(BrainRefused) as refused:
        await client.publish_turn_metrics(other, **metrics_of())
    assert (refused.value.status, refused.value.code) == (409, "turn_of_another_agent")
    assert refused.value.field == "turn_id"


async def test_learners_interleaved_are_as_if_each_were_alone(opened):
    """Ten tenants in turns, and one that does the same alone: the same state, to the bit."""
    tenants = [Principal(tenant_id=f"t{n}", user_id="u", agent_id="a") for n in range(10)]
    for number in range(10):
        for tenant in tenants:
            await opened.client.feedback(
                tenant, conversation_id="c", reward=number / 10, metadata={"cost": 0.01}, idempotency_key=str(number)
            )
    hashes = {(await opened.client.state(tenant)).state_hash for tenant in tenants}
    assert len(hashes) == 1
