"""Two tenants, two agents, two users of one tenant: nothing crosses."""

import httpx
import pytest
from tests.brain.conftest import ALICE, BOB, MALLORY, TOKEN, metrics_of, remembered
from tests.brain.requests import new_feedback, new_query, new_report

from soma.brain.errors import BrainRefused
from soma.brain.types import Principal


async def test_two_tenants_share_nothing(client):
    await remembered(client, ALICE)
    assert await client.recall(MALLORY, query="cat called Miso") == []
    assert (await client.evaluate(MALLORY, new_query(conversation_id="c1", query="cat"))).memories == []
    before = await client.state(MALLORY)
    for number in range(5):
        await client.publish_turn_metrics(ALICE, new_report(**metrics_of(iteration_number=number)))
        await client.feedback(ALICE, new_feedback(conversation_id="c1", reward=-1.0, idempotency_key=str(number)))
    assert await client.state(MALLORY) == before
    first = await client.publish_turn_metrics(MALLORY, new_report(**metrics_of()))
    assert (first.status, first.version) == ("success", 1)  # the same turn id, another tenant


async def test_two_users_of_a_tenant_share_the_learner_and_not_the_memories(client):
    await remembered(client, ALICE)
    await client.remember(ALICE, [{"text": "The office closes at six.", "scope": "tenant"}])
    assert [hit.text for hit in await client.recall(BOB, query="cat office")] == ["The office closes at six."]
    await client.feedback(ALICE, new_feedback(conversation_id="c1", reward=1.0))
    assert (await client.state(BOB)).version == 1


async def test_two_agents_of_a_tenant_learn_apart(client):
    other = Principal(tenant_id="acme", user_id="alice", agent_id="other")
    await client.publish_turn_metrics(ALICE, new_report(**metrics_of()))
    assert (await client.state(other)).version == 0


async def test_an_iteration_is_one_agents(client):
    other = Principal(tenant_id="acme", user_id="alice", agent_id="other")
    await client.publish_turn_metrics(ALICE, new_report(**metrics_of()))
    with pytest.raises(BrainRefused) as refused:
        await client.publish_turn_metrics(other, new_report(**metrics_of()))
    assert (refused.value.status, refused.value.code) == (409, "turn_of_another_agent")
    assert refused.value.field == "turn_id"


async def test_learners_interleaved_are_as_if_each_were_alone(opened):
    """Ten tenants in turns, and one that does the same alone: the same state, to the bit."""
    tenants = [Principal(tenant_id=f"t{n}", user_id="u", agent_id="a") for n in range(10)]
    for number in range(10):
        for tenant in tenants:
            await opened.client.feedback(
                tenant,
                new_feedback(
                    conversation_id="c", reward=number / 10, metadata={"cost": 0.01}, idempotency_key=str(number)
                ),
            )
    hashes = {(await opened.client.state(tenant)).state_hash for tenant in tenants}
    assert len(hashes) == 1


SHARED = {"text": "The office closes at six.", "key": "hours", "scope": "tenant"}
BOSS = Principal(tenant_id="acme", user_id="boss", agent_id="helper", role="owner")


async def test_a_shared_memory_is_its_authors_and_the_owners_to_change(client):
    await client.remember(ALICE, [SHARED])
    forged = SHARED | {"text": "The office never closes."}
    told = await client.remember(BOB, [forged, {"text": "My own.", "key": "own"}])
    assert [(item.status, (item.error or {}).get("code")) for item in told] == [
        ("refused", "not_the_author"),
        ("created", None),
    ]
    for call in (
        client.remember(BOB, [forged]),
        client.forget(BOB, keys=["hours"]),
        client.link_memories(BOB, from_key="hours", to_key="own", relation="see"),
    ):
        with pytest.raises(BrainRefused) as refused:
            await call
        assert (refused.value.status, refused.value.code) == (403, "not_the_author")
    [hit] = await client.recall(BOB, query="when does the office close?", top_k=1)
    assert (hit.text, hit.author) == (SHARED["text"], "alice")
    assert [item.status for item in await client.remember(BOSS, [forged])] == ["updated"]
    assert (await client.forget(BOSS, keys=["hours"])).forgotten == [hit.id]


async def test_who_says_no_role_is_a_member_and_an_unknown_one_is_refused(opened):
    await opened.client.remember(ALICE, [SHARED])
    headers = {
        "Authorization": f"Bearer {TOKEN}",
        "X-Soma-Tenant": "acme",
        "X-Soma-User": "boss",
        "X-Soma-Agent": "helper",
    }
    transport = httpx.ASGITransport(opened.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://brain", headers=headers) as http:
        for role, expected in (
            (None, (403, "not_the_author")),
            ("viewer", (403, "not_the_author")),
            ("Owner", (401, "principal_invalid")),
            ("", (401, "principal_invalid")),
        ):
            said = {} if role is None else {"X-Soma-Role": role}
            answer = await http.post("/v1/memory/forget", json={"keys": ["hours"]}, headers=said)
            assert (answer.status_code, answer.json()["code"]) == expected
        twice = [("X-Soma-Role", "owner"), ("X-Soma-Role", "owner")]
        answer = await http.post("/v1/memory/forget", json={"keys": ["hours"]}, headers=[*headers.items(), *twice])
        assert (answer.status_code, answer.json()["code"]) == (401, "principal_invalid")
