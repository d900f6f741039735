"""Back-pressure that says when to come back, and every metric of the brain after a turn and a feedback."""

import asyncio
import threading

import httpx
import pytest
from tests.brain.api.test_refusals import HEADERS
from tests.brain.conftest import ALICE, MALLORY, metrics_of, remembered
from tests.brain.requests import new_feedback, new_query, new_report

from soma.brain.errors import BrainRefused
from soma.brain.metrics import TenantLabels
from soma.brain.root import open_brain
from soma.events.transaction import Transaction
from soma.memory.embedders.hashing import HashingEmbedder

METRICS = (
    *(f"somabrain_retrieval_{name}{{" for name in ("alpha", "beta", "gamma", "tau")),
    *(f"somabrain_utility_{name}{{" for name in ("lambda", "mu", "nu")),
    *(f'somabrain_neuromodulator{{name="{name}"' for name in ("dopamine", "serotonin", "noradrenaline")),
    'somabrain_neuromodulator{name="acetylcholine"',
    "somabrain_trust{",
    "somabrain_working_memory_items 1.0",
    "somabrain_feedback_latency_seconds_count 1.0",
    "somabrain_feedback_applied_total{",
    "somabrain_learning_latency_seconds_count 1.0",
    "somabrain_recall_latency_seconds_count 1.0",
)


async def scraped(app) -> str:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://brain") as door:
        return (await door.get("/metrics", headers={"Authorization": HEADERS["Authorization"]})).text


async def test_every_metric_is_there_after_a_turn_and_a_feedback(opened):
    await remembered(opened.client)
    bundle = await opened.client.evaluate(ALICE, new_query(conversation_id="c1", query="What is the cat called?"))
    body = metrics_of(bundle_id=bundle.bundle_id, confidence=1.0)
    learned = await opened.client.publish_turn_metrics(ALICE, new_report(**body))
    await opened.client.feedback(ALICE, new_feedback(conversation_id="c1", reward=1.0))
    exposition = await scraped(opened.app)
    for line in METRICS:
        assert f"\n{line}" in exposition, line
    state = await opened.client.state(ALICE)
    assert f'somabrain_utility_lambda{{tenant="acme"}} {state.weights["lambda"]}' in exposition
    assert learned.version == 1
    assert "c1" not in exposition
    assert "turn-1" not in exposition


async def test_a_scrape_after_a_restart_finds_the_learners_of_before(settings):
    def of_learners(exposition: str, *tenants: str) -> set[str]:
        labels = tuple(f'tenant="{tenant}"' for tenant in tenants)
        return {
            line for line in exposition.splitlines() if any(label in line for label in labels) and "_feed" not in line
        }

    async with open_brain(settings, embedder=HashingEmbedder()) as opened:
        for principal in (ALICE, MALLORY):
            await opened.client.feedback(principal, new_feedback(conversation_id="c1", reward=1.0))
        before = await scraped(opened.app)
    async with open_brain(settings, embedder=HashingEmbedder()) as opened:
        assert (
            of_learners(await scraped(opened.app), "acme", "globex") == of_learners(before, "acme", "globex") != set()
        )
    few = settings.model_copy(update={"metrics_tenants": 1})
    async with open_brain(few, embedder=HashingEmbedder()) as opened:
        exposition = await scraped(opened.app)
        assert of_learners(exposition, "globex") == of_learners(before, "globex")
        assert not of_learners(exposition, "acme", "other")


def test_tenants_beyond_the_budget_share_a_label():
    labels = TenantLabels(2)
    assert [labels.of(tenant) for tenant in ("a", "b", "c", "a", "d")] == ["a", "b", "other", "a", "other"]


async def test_a_full_queue_is_refused_with_when_to_come_back_and_recovers(settings):
    settings = settings.model_copy(update={"waiting_writes": 5})
    async with open_brain(settings, embedder=HashingEmbedder()) as opened:
        held, go = threading.Event(), threading.Event()

        def hold(_: Transaction) -> bool:
            held.set()
            return go.wait()

        blocking = opened.writer.submit(hold)
        await asyncio.to_thread(held.wait)
        calls = [
            asyncio.ensure_future(opened.client.feedback(ALICE, new_feedback(conversation_id="c", reward=n / 20)))
            for n in range(20)
        ]
        async with asyncio.timeout(30):
            while sum(call.done() for call in calls) < 20 - 5:  # noqa: ASYNC110 - each is told by itself
                await asyncio.sleep(0.01)
        go.set()
        answers = await asyncio.gather(*calls, return_exceptions=True)
        await asyncio.wrap_future(blocking)
        refused = [answer for answer in answers if isinstance(answer, BrainRefused)]
        assert {(each.status, each.code, each.retry_after) for each in refused} == {(429, "busy", 1.0)}
        assert 1 <= 20 - len(refused) <= 5
        assert (await opened.client.state(ALICE)).version == 20 - len(refused)
        assert (await opened.client.feedback(ALICE, new_feedback(conversation_id="c", reward=0.99))).adaptation_applied


async def test_too_many_batches_under_way_are_refused(settings):
    settings = settings.model_copy(update={"waiting_batches": 2})
    async with open_brain(settings, embedder=HashingEmbedder()) as opened:
        batches = [[{"conversation_id": f"c{batch}-{n}", "reward": 0.5} for n in range(10)] for batch in range(5)]
        calls = (opened.client.feedback_batch(ALICE, items) for items in batches)
        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert [getattr(answer, "code", "taken") for answer in answers].count("busy") == 3
        assert (await opened.client.state(ALICE)).version == 20


@pytest.mark.parametrize("name", ["SOMABRAIN_DATABASE_URL", "SOMA_BRAIN_DATABASE_URL"])
def test_the_plans_names_of_settings_are_taken(monkeypatch, name):
    from soma.brain.settings import BrainSettings

    monkeypatch.setenv(name, "postgresql://somewhere/brain")
    monkeypatch.setenv("SOMABRAIN_LEARNING_RULE", "literal")
    monkeypatch.setenv("SOMABRAIN_LEARNING_RATE_DYNAMIC", "false")
    monkeypatch.setenv("SOMABRAIN_GRAPH_AUGMENT_MAX_ADDITIONS", "3")
    settings = BrainSettings()
    assert settings.database == "postgresql://somewhere/brain"
    assert settings.graph_augment_max_additions == 3
    assert (settings.learner.learning_rule, settings.learner.learning_rate_dynamic) == ("literal", False)


def test_every_constant_of_the_learner_is_a_setting_by_its_name():
    from dataclasses import fields

    from soma.brain.core.hyperparameters import Hyperparameters
    from soma.brain.settings.learner import NOT_SETTINGS, LearnerSettings

    named = {field.name for field in fields(Hyperparameters)} - NOT_SETTINGS
    assert named <= LearnerSettings.model_fields.keys()
    defaults = Hyperparameters()
    assert all(LearnerSettings.model_fields[name].default == getattr(defaults, name) for name in named)


async def test_a_batch_that_comes_again_is_counted_as_duplicates(opened):
    items = [{"conversation_id": "c", "reward": n / 3} for n in range(3)]
    answers = [await opened.client.feedback_batch(ALICE, items, idempotency_key="once") for _ in range(3)]
    assert [(answer.accepted, answer.status) for answer in answers] == [(3, "success"), *[(3, "duplicate")] * 2]
    text = await scraped(opened.app)
    assert 'somabrain_feedback_applied_total{result="applied",tenant="acme"} 3.0' in text
    assert 'somabrain_feedback_applied_total{result="duplicate",tenant="acme"} 6.0' in text


async def test_a_batch_of_which_nothing_was_taken_may_come_again_mended(opened):
    wrong = await opened.client.feedback_batch(ALICE, [{"conversation_id": "c", "rating": 9}], idempotency_key="k")
    mended = await opened.client.feedback_batch(ALICE, [{"conversation_id": "c", "rating": 5}], idempotency_key="k")
    assert (len(wrong.rejected), wrong.accepted) == (1, 0)
    assert (len(mended.rejected), mended.accepted, mended.status) == (0, 1, "success")
