"""The brain's verbs over both transports: the same calls give the same answers."""

from collections import Counter

import pytest
from tests.brain.conftest import ALICE, BOB, FACTS, MALLORY, metrics_of, remembered
from tests.brain.requests import new_feedback, new_query, new_report

from soma.brain.errors import BrainRefused, BrainUnavailable
from soma.brain.root import open_brain
from soma.brain.settings import BrainSettings
from soma.brain.settings.learner import LearnerSettings
from soma.memory.embedders.hashing import HashingEmbedder


async def test_what_is_remembered_is_recalled_ranked_and_forgotten(client):
    ids = await remembered(client)
    hits = await client.recall(ALICE, query="what is the cat called", top_k=3)
    assert hits[0].id == ids[2]
    assert len(hits) == 3
    assert hits == sorted(hits, key=lambda hit: (-hit.score, hit.id))
    assert sum(hit.attention for hit in hits) <= 1.0 + 1e-9
    receipt = await client.forget(ALICE, ids=[ids[2]])
    assert receipt.forgotten == [ids[2]]
    assert "Miso" not in str(await client.recall(ALICE, query="what is the cat called"))
    with pytest.raises(BrainRefused) as refused:
        await client.forget(ALICE, ids=[ids[2]])
    assert (refused.value.status, refused.value.code) == (410, "already_forgotten")


async def test_remembering_the_same_again_changes_nothing(client):
    first, again = await remembered(client), await remembered(client)
    assert first == again
    [same] = await client.remember(ALICE, [{"key": "fact-0", "text": FACTS[0]}])
    [new] = await client.remember(ALICE, [{"key": "fact-0", "text": "It was on 8 May."}])
    assert (same.status, new.status) == ("unchanged", "updated")


async def test_memories_are_browsed_page_by_page_and_searched(client):
    await remembered(client)
    first = await client.memories(ALICE, limit=4)
    rest = await client.memories(ALICE, limit=4, after=first.next)
    assert [len(first.memories), len(rest.memories), rest.next] == [4, 2, None]
    found = await client.memories(ALICE, search="miso")
    assert [memory.text for memory in found.memories] == [FACTS[2]]


async def test_a_bundle_fits_its_lane_and_says_what_chose_it(client):
    await remembered(client)
    bundle = await client.evaluate(
        ALICE, new_query(conversation_id="c1", query="What did Caroline do?", token_budget=40)
    )
    state = await client.state(ALICE)
    assert bundle.memories
    assert bundle.token_count <= 40
    assert bundle.weights == state.weights
    assert bundle.version == state.version == 0
    assert bundle.memories[0].parts.keys() == bundle.memories[0].views.keys() >= {"semantic", "graph", "temporal"}
    assert bundle.tokenizer.startswith("minilm")
    nothing = await client.evaluate(
        ALICE, new_query(conversation_id="c1", query="What did Caroline do?", token_budget=0)
    )
    assert nothing.memories == []
    assert nothing.dropped > 0


@pytest.mark.parametrize("wide", ["Ab9" * 20_000, "ภาษา" * 5_000, "🦊" * 9_000, "7\t" * 20_000])
async def test_a_memory_wider_than_the_lane_is_left_out_whatever_it_is_made_of(client, wide):
    await remembered(client)
    await client.remember(ALICE, [{"text": f"What did Caroline do? {wide}", "scope": "tenant"}])
    bundle = await client.evaluate(
        ALICE, new_query(conversation_id="c1", query="What did Caroline do?", token_budget=4_000)
    )
    assert bundle.memories
    assert all(wide not in memory.text for memory in bundle.memories)
    assert sum(len(memory.text.encode()) for memory in bundle.memories) < 4_000 * 6


async def test_a_half_life_decides_how_fast_memories_grow_old(client):
    days = ("2026-01-01", "2026-02-15", "2026-03-01")
    items = [{"key": day, "text": f"It rained on {day}", "occurred_at": f"{day}T00:00:00+00:00"} for day in days]
    await client.remember(ALICE, items)

    async def recency(half_life_days: float) -> float:
        asked = {"conversation_id": "c", "query": "rain", "top_k": 3, "half_life_days": half_life_days}
        bundle = await client.evaluate(ALICE, new_query(**asked))
        return float(next(memory.parts["temporal"] for memory in bundle.memories if memory.key == days[1]))

    assert await recency(1) < 0.1
    assert await recency(1_000) > 0.6


async def test_what_a_bundle_shows_is_counted_and_what_was_only_a_candidate_is_not(client, opened):
    await remembered(client)
    await remembered(client, MALLORY)
    shown = [
        (await client.evaluate(ALICE, new_query(conversation_id="c1", query="What did Caroline do?", top_k=2))).memories
        for _ in range(3)
    ]
    await client.recall(ALICE, query="What did Caroline do?")
    await opened.brain.memory.settle()
    counts = Counter(memory.id for memories in shown for memory in memories)
    mine, theirs = [(await client.memories(who)).memories for who in (ALICE, MALLORY)]
    assert {memory.id: memory.access_count for memory in mine if memory.access_count} == counts
    assert len(mine) > len(counts)
    assert all((memory.accessed_at is None) == (memory.access_count == 0) for memory in mine)
    assert {memory.access_count for memory in theirs} == {0}


async def test_what_is_forgotten_meanwhile_is_not_counted(client, opened):
    ids = await remembered(client)
    bundle = await client.evaluate(ALICE, new_query(conversation_id="c1", query="What did Caroline do?"))
    await client.forget(ALICE, ids=[bundle.memories[0].id])  # before it is counted
    await opened.brain.memory.settle()
    left = (await client.memories(ALICE)).memories
    assert {memory.id for memory in left if memory.access_count} == {memory.id for memory in bundle.memories[1:]}
    assert len(left) == len(ids) - 1


async def test_an_empty_memory_gives_an_empty_bundle(client):
    bundle = await client.evaluate(ALICE, new_query(conversation_id="c1", query="anything?"))
    assert (bundle.memories, bundle.token_count, bundle.dropped) == ([], 0, 0)


async def test_an_iteration_is_learned_from_and_answered_with_every_term(client):
    await remembered(client)
    bundle = await client.evaluate(ALICE, new_query(conversation_id="c1", query="What did Caroline do?"))
    body = metrics_of(bundle_id=bundle.bundle_id, weights=bundle.weights, neuromodulators=bundle.neuromodulators)
    learned = await client.publish_turn_metrics(ALICE, new_report(**body))
    assert learned.status == "success"
    assert learned.version == 1
    assert not learned.stale
    assert learned.reward == pytest.approx(sum(learned.reward_terms.values()))
    assert learned.salience == pytest.approx(0.5 + 0.5 * abs(learned.reward) / 2)
    assert learned.learning_rate == pytest.approx(0.05 * (0.5 + 0.4))
    for name, delta in learned.weight_deltas.items():
        assert delta == learned.weights[name] - learned.weights_before[name]
    assert learned.neuromodulators["dopamine"] > learned.neuromodulators_before["dopamine"]
    assert (await client.state(ALICE)).weights == learned.weights


async def test_weights_that_are_not_the_learners_are_called_stale_and_not_taken(client):
    learned = await client.publish_turn_metrics(ALICE, new_report(**metrics_of(weights={"alpha": 4.0})))
    assert learned.stale
    assert learned.weights_before["alpha"] == 1.0


async def test_norepinephrine_is_answered_to_who_says_it(client):
    learned = await client.publish_turn_metrics(
        ALICE, new_report(**metrics_of(neuromodulators={"norepinephrine": 0.0}))
    )
    assert learned.neuromodulators["norepinephrine"] == learned.neuromodulators["noradrenaline"]
    assert not learned.stale


async def test_a_salience_below_the_gate_leaves_the_weights_and_says_gated(client):
    await remembered(client)
    before = await client.state(ALICE)
    for number in range(3):  # the second time the working memory knows it, and the reward is no surprise
        bundle = await client.evaluate(ALICE, new_query(conversation_id="c1", query="What did Caroline do?"))
        body = metrics_of(iteration_number=number, bundle_id=bundle.bundle_id, tool_outcomes={}, confidence=1.0)
        learned = await client.publish_turn_metrics(ALICE, new_report(**body))
        before = learned if number == 0 else before
    assert learned.gated
    assert learned.salience < 0.3
    assert learned.weights == learned.weights_before
    assert learned.version == 3


async def test_evidence_moves_the_views_and_a_verdict_does_not(client):
    ids = await remembered(client)
    bundle = await client.evaluate(ALICE, new_query(conversation_id="c1", query="Caroline cat train Melanie", top_k=6))
    shown = [memory.id for memory in bundle.memories]
    assert len(shown) > 1
    verdict = await client.feedback(ALICE, new_feedback(conversation_id="c1", bundle_id=bundle.bundle_id, reward=1.0))
    assert verdict.adaptation_applied
    assert verdict.weight_deltas["alpha"] == verdict.weight_deltas["gamma"] == 0.0
    assert verdict.weight_deltas["lambda"] > 0
    evidence = await client.feedback(
        ALICE, new_feedback(conversation_id="c1", bundle_id=bundle.bundle_id, helpful=[shown[-1]])
    )
    assert evidence.adaptation_applied
    assert any(evidence.weight_deltas[name] for name in ("alpha", "neighbour", "session"))
    page = await client.memories(ALICE)
    values = {memory.id: memory.value for memory in page.memories}
    assert values[shown[-1]] == pytest.approx(0.55)
    assert all(values[other] == 0.5 for other in ids if other != shown[-1])


async def test_feedback_on_an_unknown_bundle_is_recorded_and_not_learned(client):
    answer = await client.feedback(ALICE, new_feedback(conversation_id="c1", bundle_id="gone", helpful=["m1"]))
    assert answer.accepted
    assert not answer.adaptation_applied
    assert answer.reason == "unknown_bundle"
    assert answer.weights_before == answer.weights_after


async def test_another_users_bundle_is_an_unknown_one(client):
    ids = await remembered(client)
    bundle = await client.evaluate(ALICE, new_query(conversation_id="c1", query="cat"))
    answer = await client.feedback(
        BOB, new_feedback(conversation_id="c1", bundle_id=bundle.bundle_id, helpful=[ids[2]])
    )
    assert answer.reason == "unknown_bundle"


async def test_a_bundle_whose_days_are_over_is_unknown_though_its_row_is_still_there(opened, client):
    ids = await remembered(client)
    bundle = await client.evaluate(ALICE, new_query(conversation_id="c1", query="cat"))
    await opened.brain._writer.write(lambda tx: tx.execute("UPDATE bundles SET expires_at = '2026-01-01'"))
    answer = await client.feedback(
        ALICE, new_feedback(conversation_id="c1", bundle_id=bundle.bundle_id, helpful=[ids[2]])
    )
    assert answer.reason == "unknown_bundle"


async def test_utility_alone_is_read_as_reward(client):
    by_reward = await client.feedback(ALICE, new_feedback(conversation_id="c1", reward=0.5, metadata={"cost": 0.01}))
    by_utility = await client.feedback(
        MALLORY, new_feedback(conversation_id="c1", utility=0.5, metadata={"cost": 0.01})
    )
    assert by_reward.weights_after == by_utility.weights_after


async def test_a_batch_tells_which_items_it_did_not_take(client):
    items = [{"conversation_id": "c1", "reward": n / 10} for n in range(5)]
    answer = await client.feedback_batch(ALICE, [*items, {"conversation_id": "c1"}, {"reward": 9}])
    assert (answer.accepted, answer.adapted, answer.duplicates) == (5, 5, 0)
    assert [(item.index, item.error["code"]) for item in answer.rejected] == [
        (5, "feedback_empty"),
        (6, "invalid_body"),
    ]
    assert (await client.state(ALICE)).version == 5


async def test_rollback_restores_an_iteration_and_a_version_to_the_bit(client):
    states = []
    for number in range(4):
        await client.publish_turn_metrics(
            ALICE, new_report(**metrics_of(iteration_number=number, confidence=number / 4))
        )
        states.append(await client.state(ALICE))
    back = await client.rollback(ALICE, turn_id="turn-1", iteration_number=1)
    now = await client.state(ALICE)
    assert (back.restored_version, back.version, now.version) == (2, 5, 5)
    assert (now.weights, now.neuromodulators) == (states[1].weights, states[1].neuromodulators)
    await client.feedback(ALICE, new_feedback(conversation_id="c1", reward=-1.0))
    await client.rollback(ALICE, version=3)
    assert (await client.state(ALICE)).neuromodulators == states[2].neuromodulators
    for wrong in ({"version": 99}, {"turn_id": "turn-9", "iteration_number": 0}):
        with pytest.raises(BrainRefused) as refused:
            await client.rollback(ALICE, **wrong)
        assert refused.value.status == 404


async def test_usage_sums_what_feedback_and_iterations_reported(client):
    await client.feedback(
        ALICE, new_feedback(conversation_id="c1", reward=1.0, metadata={"tokens": 10, "model": "m", "cost": 0.5})
    )
    await client.publish_turn_metrics(ALICE, new_report(**metrics_of(tokens=5, model="m", cost=0.25)))
    again = {"tokens": 5, "model": "m", "cost": 0.25}  # of a turn whose iterations were reported: counted already
    await client.feedback(ALICE, new_feedback(conversation_id="c1", turn_id="turn-1", reward=1.0, metadata=again))
    [row] = await client.usage(ALICE)
    assert (row.model, row.tokens, row.cost, row.calls) == ("m", 15, 0.75, 2)
    assert await client.usage(MALLORY) == []
    assert await client.usage(ALICE, start="2001-01-01", end="2001-01-31") == []


async def test_ready_says_so(client):
    assert (await client.ready())["status"] == "ready"


async def test_no_brain_is_unavailable():
    from soma.brain.client import BrainClient

    async with BrainClient.at("http://127.0.0.1:9", service_token="x") as client:
        with pytest.raises(BrainUnavailable):
            await client.state(ALICE)


async def test_feedback_that_teaches_nothing_is_recorded_each_time_also_of_a_new_learner(client):
    for number in range(3):
        answer = await client.feedback(
            ALICE, new_feedback(conversation_id="c", bundle_id=f"unknown-{number}", helpful=["m"])
        )
        assert (answer.adaptation_applied, answer.reason, answer.version) == (False, "unknown_bundle", 0)


async def test_an_item_with_a_zero_character_keeps_no_other_out(client):
    items = [{"conversation_id": "a\0b", "reward": 0.2}, {"conversation_id": "ok", "reward": 0.3}]
    answer = await client.feedback_batch(ALICE, items)
    assert (answer.accepted, [item.index for item in answer.rejected]) == (1, [0])


async def test_what_no_label_measured_is_not_said_to_be_perfect(client):
    calibration = (await client.state(ALICE)).calibration
    assert (calibration["labels"], calibration["ece"], calibration["brier"]) == (0, None, None)
    await client.publish_turn_metrics(ALICE, new_report(**metrics_of("t", confidence=0.9)))
    await client.feedback(ALICE, new_feedback(conversation_id="c", turn_id="t", thumb=-1))
    calibration = (await client.state(ALICE)).calibration
    assert (calibration["labels"], calibration["ece"]) == (1, pytest.approx(0.9))


async def test_the_base_rate_moves_nothing_under_the_evidence_rule(tmp_path):
    served = []
    for base in (0.01, 0.9):
        settings = BrainSettings(data_dir=tmp_path / str(base), learner=LearnerSettings(lr_base=base))
        async with open_brain(settings, embedder=HashingEmbedder()) as opened:
            await remembered(opened.client)
            bundle = await opened.client.evaluate(
                ALICE, new_query(conversation_id="c", query="Caroline cat train Melanie", top_k=6)
            )
            helpful = [memory.id for memory in bundle.memories if "Bern" in memory.text]
            await opened.client.feedback(
                ALICE, new_feedback(conversation_id="c", bundle_id=bundle.bundle_id, helpful=helpful)
            )
            served.append((await opened.client.state(ALICE)).learned)
    assert served[0] == served[1] != (await _untaught(tmp_path))


async def _untaught(folder):
    async with open_brain(BrainSettings(data_dir=folder / "untaught"), embedder=HashingEmbedder()) as opened:
        return (await opened.client.state(ALICE)).learned


async def test_where_all_that_bears_on_a_question_was_shown_and_helped_no_weight_moves(client):
    await remembered(client)
    before = (await client.state(ALICE)).learned
    bundle = await client.evaluate(ALICE, new_query(conversation_id="c", query="train Bern", top_k=6))
    helpful = [memory.id for memory in bundle.memories]
    await client.feedback(ALICE, new_feedback(conversation_id="c", bundle_id=bundle.bundle_id, helpful=helpful))
    after = (await client.state(ALICE)).learned
    assert after == before


async def test_of_equal_texts_recall_gives_one(client):
    same = [{"key": f"same-{n}", "text": "The cat is called Miso" + "." * (n % 2)} for n in range(12)]
    await client.remember(ALICE, [*same, {"text": "The cat is called Rex", "metadata": {"speaker": "Ann"}}])
    texts = [hit.text.rstrip(".") for hit in await client.recall(ALICE, query="what is the cat called", top_k=10)]
    assert sorted(texts) == ["The cat is called Miso", "The cat is called Rex"]


async def test_what_was_forgotten_is_no_longer_in_mind(client):
    ids = await remembered(client)
    bundle = await client.evaluate(ALICE, new_query(conversation_id="c1", query="the cat is called Miso"))
    await client.publish_turn_metrics(
        ALICE, new_report(bundle_id=bundle.bundle_id, conversation_id="c1", **metrics_of())
    )
    before = await client.evaluate(ALICE, new_query(conversation_id="c1", query="what now"))
    assert before.working_memory
    await client.forget(ALICE, ids=[ids[2]])
    after = await client.evaluate(ALICE, new_query(conversation_id="c1", query="what now"))
    assert "Miso" not in str(after)
    assert after.residual == (await client.evaluate(ALICE, new_query(conversation_id="new", query="what now"))).residual


async def test_a_typed_correction_is_taught_replaced_and_taken_back(client):
    await remembered(client)
    question = {"conversation_id": "c1", "query": "When does the train to Bern leave?"}
    bundle = await client.evaluate(ALICE, new_query(**question))
    for text in ("It leaves at eight.", "It leaves at nine."):
        about = {"conversation_id": "c1", "bundle_id": bundle.bundle_id, "turn_id": "t1"}
        await client.feedback(ALICE, new_feedback(**about, correction={"text": text}))
        assert [
            memory.text for memory in (await client.evaluate(ALICE, new_query(**question))).memories if memory.taught
        ] == [text]
    await client.withdraw_answer(ALICE, turn_id="t1")
    assert not any(memory.taught for memory in (await client.evaluate(ALICE, new_query(**question))).memories)
