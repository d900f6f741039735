"""What one person says of one answer counts once, whatever the key; what one person says a day has a bound."""

import pytest
from msgspec.structs import replace
from pydantic import SecretStr
from tests.brain.conftest import ALICE, BOB, MALLORY, TOKEN, metrics_of, remembered
from tests.brain.requests import new_experiment, new_feedback, new_query, new_report

from soma.brain.errors import BrainRefused
from soma.brain.feedback import daily_bounds
from soma.brain.feedback.targets import find_target
from soma.brain.root import open_brain
from soma.brain.settings import BrainSettings
from soma.brain.verify import verify_database
from soma.memory.embedders.hashing import HashingEmbedder

pytestmark = pytest.mark.learning

QUESTION = "Caroline cat train Melanie"


async def shown(client, who=ALICE, conversation="c1"):
    return await client.evaluate(who, new_query(conversation_id=conversation, query=QUESTION, top_k=6))


async def word(client, kind, who=ALICE):
    """A feedback of each kind; evidence on memories that were shown."""
    bundle = await shown(client, who)
    by_bundle = {"conversation_id": "c1", "bundle_id": bundle.bundle_id}
    return {
        "evidence": by_bundle | {"helpful": [bundle.memories[-1].id]},
        "evidence of a turn": by_bundle | {"turn_id": "t1", "unhelpful": [bundle.memories[0].id]},
        "verdict by turn": {"conversation_id": "c1", "turn_id": "t1", "thumb": 1},
        "verdict by bundle": by_bundle | {"reward": 1.0},
        "verdict by query": {"conversation_id": "c1", "query": "Is it so?", "rating": 5},
        "verdict alone": {"conversation_id": "c1", "copied": True},
        "both": by_bundle | {"turn_id": "t1", "helpful": [bundle.memories[-1].id], "reward": 1.0},
    }[kind]


KINDS = (
    "evidence",
    "evidence of a turn",
    "verdict by turn",
    "verdict by bundle",
    "verdict by query",
    "verdict alone",
    "both",
)


@pytest.fixture
def settings(tmp_path) -> BrainSettings:
    return BrainSettings(data_dir=tmp_path, service_token=SecretStr(TOKEN), batch_workers=0)


@pytest.fixture
async def client(opened):
    await remembered(opened.client)
    return opened.client


@pytest.mark.parametrize("kind", KINDS)
async def test_the_same_word_under_other_keys_moves_nothing(opened, client, kind):
    said = await word(client, kind)
    first = await client.feedback(ALICE, new_feedback(**said, idempotency_key="first"))
    assert (first.status, first.adaptation_applied) == ("success", True)
    before = await client.state(ALICE)
    for number in range(20):
        more = {"metadata": {"latency_ms": number, "cost": 0.001 * number}, "response_text": str(number)}
        again = await client.feedback(ALICE, new_feedback(**said, **more, idempotency_key=f"key {number}"))
        assert again == replace(first, status="duplicate")
    items = [{**said, "idempotency_key": f"item {number}"} for number in range(20)]
    assert (await client.feedback_batch(ALICE, items)).adapted == 0
    for number in range(3):
        answer = await client.feedback_batch(ALICE, [said] * 5, idempotency_key=f"batch {number}")
        assert answer.adapted == 0
    assert await client.state(ALICE) == before
    assert (await client.feedback(ALICE, new_feedback(**said, idempotency_key="key 3"))).status == "duplicate"
    assert verify_database(opened.writer.database).faults == []


@pytest.mark.parametrize("kind", ["evidence", "verdict by turn", "both"])
async def test_one_batch_of_one_word_teaches_once(client, kind):
    said = await word(client, kind)
    answer = await client.feedback_batch(ALICE, [said] * 50, idempotency_key="b")
    assert answer.adapted == 1
    assert (await client.state(ALICE)).version == (2 if kind == "both" else 1)


@pytest.mark.parametrize("by", ["singles", "batches", "one batch"])
async def test_of_changed_words_the_newest_stands_alone(opened, client, by):
    """As if only it had been said: weights, trust, and what the named memories are worth."""
    await remembered(client, MALLORY)
    items = {}
    for who in (ALICE, MALLORY):
        bundle = await shown(client, who)
        about = {"conversation_id": "c1", "bundle_id": bundle.bundle_id, "turn_id": "t1"}
        ids = [memory.id for memory in bundle.memories]
        items[who] = [about | {"helpful": [ids[n % 3]], "thumb": 1 if n % 2 else -1} for n in range(12)]
    if by == "singles":
        for number, item in enumerate(items[ALICE]):
            assert (await client.feedback(ALICE, new_feedback(**item, idempotency_key=str(number)))).status == "success"
    elif by == "batches":
        for number, item in enumerate(items[ALICE]):
            await client.feedback_batch(ALICE, [item], idempotency_key=str(number))
    else:
        await client.feedback_batch(ALICE, items[ALICE], idempotency_key="all")
    await client.feedback(MALLORY, new_feedback(**items[MALLORY][-1]))
    ours, alone = await client.state(ALICE), await client.state(MALLORY)
    assert (ours.learned, ours.trust, ours.weights) == (alone.learned, alone.trust, alone.weights)
    values = [
        [(memory.key, memory.value) for memory in (await client.memories(who)).memories] for who in (ALICE, MALLORY)
    ]
    assert values[0] == values[1]
    assert verify_database(opened.writer.database).faults == []


async def test_a_part_that_was_said_before_is_not_learned_again_beside_one_that_is_new(client):
    said = await word(client, "evidence")
    await client.feedback(ALICE, new_feedback(**said))
    assert (await client.feedback(ALICE, new_feedback(**said, reward=0.5, turn_id="t1"))).status == "success"
    assert (await client.state(ALICE)).version == 2
    assert (
        await client.feedback(ALICE, new_feedback(**said, reward=0.5, turn_id="t1", idempotency_key="k"))
    ).status == "duplicate"


async def test_a_word_far_back_is_not_taken_back_and_the_new_one_is_learned(opened, client, monkeypatch):
    monkeypatch.setattr("soma.brain.learners.learners.NEAR", 5)
    turn = {"conversation_id": "c1", "turn_id": "t1"}
    await client.feedback(ALICE, new_feedback(**turn, thumb=1))
    await client.feedback_batch(BOB, [{"conversation_id": "c", "reward": n / 10} for n in range(10)])
    assert (await client.feedback(ALICE, new_feedback(**turn, thumb=-1))).version == 12
    assert verify_database(opened.writer.database).faults == []


@pytest.mark.parametrize("by_batch", [False, True])
async def test_a_word_that_was_rolled_back_may_be_said_again_under_a_key(opened, client, by_batch):
    said = await word(client, "evidence")
    first = await client.feedback(ALICE, new_feedback(**said))
    await client.rollback(ALICE, version=0)
    assert (await client.feedback(ALICE, new_feedback(**said))).status == "duplicate"
    if by_batch:
        assert (await client.feedback_batch(ALICE, [{**said, "idempotency_key": "again"}])).adapted == 1
    else:
        assert (await client.feedback(ALICE, new_feedback(**said, idempotency_key="again"))).status == "success"
    assert (await client.feedback(ALICE, new_feedback(**said, idempotency_key="and again"))).status == "duplicate"
    state = await client.state(ALICE)
    assert (state.version, state.weights) == (3, first.weights_after)
    assert verify_database(opened.writer.database).faults == []


# A day


@pytest.fixture
async def bounded(settings):
    async with open_brain(settings.model_copy(update={"lessons_per_day": 5}), embedder=HashingEmbedder()) as opened:
        await remembered(opened.client)
        yield opened


async def teach(client, who, number, *, by_batch=False):
    """Evidence and a verdict on a turn of its own, always of the same question."""
    bundle = await shown(client, who, f"c{number}")
    helpful = [bundle.memories[-1].id]
    said = {"conversation_id": f"c{number}", "bundle_id": bundle.bundle_id, "turn_id": f"{number}", "helpful": helpful}
    if by_batch:
        return await client.feedback_batch(who, [{**said, "thumb": 1}], idempotency_key=f"{who.user_id} {number}")
    return await client.feedback(who, new_feedback(**said, thumb=1, idempotency_key=f"{number}"))


@pytest.mark.parametrize("by_batch", [False, True])
async def test_what_one_person_teaches_a_day_has_a_bound(bounded, by_batch, monkeypatch):
    client = bounded.client
    for number in range(5):
        await teach(client, ALICE, number, by_batch=by_batch)
    full = await client.state(ALICE)
    assert full.version == 10
    for number in range(5, 9):
        await teach(client, ALICE, number, by_batch=by_batch)
    assert await client.state(ALICE) == full
    [row] = await client.list_feedback(ALICE, conversation_id="c8")
    assert (row.applied, row.reason, row.version) == (False, "daily_bound", None)
    await client.remember(ALICE, [{"text": "The lake by the train", "scope": "tenant"}])
    await teach(client, BOB, 0, by_batch=by_batch)  # another person's day
    assert (await client.state(ALICE)).version == 12
    monkeypatch.setattr(daily_bounds, "now", lambda: "2999-01-01T00:00:00+00:00")
    await teach(client, ALICE, 10, by_batch=by_batch)
    assert (await client.state(ALICE)).version == 14
    assert verify_database(bounded.writer.database).faults == []


async def test_one_batch_teaches_no_more_than_the_day_has_room_for(bounded):
    items = [{"conversation_id": "c", "turn_id": f"t{number}", "thumb": 1} for number in range(12)]
    answer = await bounded.client.feedback_batch(ALICE, items)
    assert (answer.accepted, answer.adapted) == (12, 5)
    assert (await bounded.client.state(ALICE)).version == 5


async def test_a_day_outlives_a_restart_and_holds_for_words_that_change(settings):
    settings = settings.model_copy(update={"lessons_per_day": 3})
    turn = {"conversation_id": "c1", "turn_id": "t1"}
    async with open_brain(settings, embedder=HashingEmbedder()) as opened:
        for number in range(3):
            await opened.client.feedback(ALICE, new_feedback(**turn, reward=number / 10))
    async with open_brain(settings, embedder=HashingEmbedder()) as opened:
        before = await opened.client.state(ALICE)
        for number in range(20):
            answer = await opened.client.feedback(
                ALICE, new_feedback(**turn, reward=-number / 20, idempotency_key=f"{number}")
            )
            assert (answer.adaptation_applied, answer.reason) == (False, "daily_bound")
        assert await opened.client.state(ALICE) == before
        assert verify_database(opened.writer.database).faults == []


async def test_a_word_that_the_day_had_no_room_for_says_so_again_and_is_learned_the_next_day(bounded, monkeypatch):
    client = bounded.client
    for number in range(5):
        await teach(client, ALICE, number)
    said = {"conversation_id": "late", "turn_id": "late", "thumb": 1}
    assert (await client.feedback(ALICE, new_feedback(**said))).reason == "daily_bound"
    again = await client.feedback(ALICE, new_feedback(**said))
    assert (again.status, again.adaptation_applied, again.reason) == ("duplicate", False, "daily_bound")
    monkeypatch.setattr(daily_bounds, "now", lambda: "2999-01-01T00:00:00+00:00")
    learned = await client.feedback(ALICE, new_feedback(**said))
    assert (learned.status, learned.adaptation_applied, learned.reason) == ("success", True, None)
    assert (await client.feedback(ALICE, new_feedback(**said))).status == "duplicate"


async def test_a_repetition_of_what_was_rolled_back_does_not_say_that_it_is_learned(client):
    said = await word(client, "both")
    first = await client.feedback(ALICE, new_feedback(**said, idempotency_key="k"))
    assert first.adaptation_applied
    await client.rollback(ALICE, version=0)
    again = await client.feedback(ALICE, new_feedback(**said, idempotency_key="k"))
    assert (again.status, again.adaptation_applied, again.reason) == ("duplicate", False, "taken_back")


async def test_the_turns_of_one_person_cite_so_often_a_day(bounded):
    client = bounded.client
    for number in range(8):
        bundle = await shown(client, ALICE)
        cited = [bundle.memories[-1].id]
        await client.publish_turn_metrics(
            ALICE, new_report(**metrics_of(f"t{number}", bundle_id=bundle.bundle_id, cited=cited, confidence=0.1))
        )
    assert (await client.state(ALICE)).version == 8 + 5  # each outcome, and five citations


async def test_a_hundred_lessons_a_day_are_learned_as_they_always_were(settings):
    """An honest teacher meets no bound: the same bits as without one."""
    states = []
    for most in (0, BrainSettings.model_fields["lessons_per_day"].default):
        async with open_brain(
            settings.model_copy(update={"lessons_per_day": most, "data_dir": settings.data_dir / str(most)}),
            embedder=HashingEmbedder(),
        ) as opened:
            items = [{"conversation_id": f"c{n}", "reward": n % 7 / 7} for n in range(100)]
            await opened.client.feedback_batch(ALICE, items)
            states.append((await opened.client.state(ALICE)).state_hash)
    assert states[0] == states[1]


# Withdrawn between the look-up and the write


async def test_a_batch_learns_no_verdict_on_an_answer_that_was_withdrawn_while_it_was_read(opened, client, monkeypatch):
    workers = opened.brain._batches._workers
    prepare = workers.prepare

    async def withdraw_meanwhile(state, given):
        prepared = await prepare(state, given)
        await client.withdraw_answer(ALICE, turn_id="t1")
        return prepared

    monkeypatch.setattr(workers, "prepare", withdraw_meanwhile)
    answer = await client.feedback_batch(ALICE, [{"conversation_id": "c1", "turn_id": "t1", "reward": 1.0}])
    assert (answer.accepted, answer.adapted) == (1, 0)


async def test_a_verdict_on_an_answer_that_was_withdrawn_meanwhile_counts_for_no_experiment(opened, client):
    arms = [{"name": "control"}, {"name": "b", "changes": {"alpha": 0.3}}]
    await client.create_experiment(ALICE, new_experiment(name="e", metric="reward", planned=2, arms=arms))
    await client.assign_subject(ALICE, "e", "c1")
    told = find_target(opened.writer.database, ALICE, new_feedback(conversation_id="c1", turn_id="t1", reward=1.0))
    assert told.void is None
    await client.withdraw_answer(ALICE, turn_id="t1")
    taken = await opened.writer.write(lambda tx: opened.brain._feedback.commit(tx, told))
    assert (taken.answer.voided, taken.answer.reason) == (True, "reward_voided")
    assert opened.writer.database.query("SELECT COUNT(*) FROM experiment_outcomes") == [(0,)]


async def test_a_batch_takes_no_item_whose_key_came_by_itself_while_it_was_read(opened, client, monkeypatch):
    workers = opened.brain._batches._workers
    prepare = workers.prepare
    said = {"conversation_id": "c1", "bundle_id": "unknown", "helpful": ["m"], "idempotency_key": "k"}

    async def say_it_meanwhile(state, batch):
        prepared = await prepare(state, batch)
        await client.feedback(ALICE, new_feedback(**said))  # it teaches nothing, so that the learner stays where it is
        return prepared

    monkeypatch.setattr(workers, "prepare", say_it_meanwhile)
    answer = await client.feedback_batch(ALICE, [said])
    assert (answer.accepted, answer.duplicates) == (0, 1)


async def test_an_item_with_a_key_of_its_own_comes_once_also_in_a_batch_with_a_key(client):
    said = {"conversation_id": "c1", "reward": 0.5, "idempotency_key": "k"}
    assert (await client.feedback_batch(ALICE, [said], idempotency_key="batch")).accepted == 1
    assert (await client.feedback(ALICE, new_feedback(**said))).status == "duplicate"
    with pytest.raises(BrainRefused, match="another key"):
        await client.feedback(ALICE, new_feedback(**said | {"conversation_id": "c2", "reward": -0.5}))
