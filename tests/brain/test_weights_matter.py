"""Each of the seven weights, moved alone in one arm of an experiment, changes what the service answers."""

import pytest
from tests.brain.conftest import ALICE
from tests.brain.requests import new_experiment, new_feedback, new_query

pytestmark = pytest.mark.learning

QUESTION = "which cat likes tuna"
TEXTS = [
    "The cat likes tuna.",
    "The cat Miso likes tuna and naps.",
    "Which cat was at the door?",
    "Tuna was sold out at the harbour market.",
    "My neighbour likes opera.",
    "Dogs and cats rarely share a bowl.",
    "Bern has a small airport.",
    "The cat sat on the roof all night.",
    "She likes which of the two?",
    "The recipe needs tuna, capers and lemon.",
    "Miso is a soup too.",
    "The vet was kind.",
]


@pytest.fixture
async def remembering(opened):
    """Older and newer memories; the vet's is linked to by the best."""
    items = [
        {"key": f"m{n}", "text": text, "occurred_at": f"2025-{12 - n:02}-01T00:00:00Z"} for n, text in enumerate(TEXTS)
    ]
    await opened.client.remember(ALICE, items[::-1])
    links = [{"to_key": "m11", "relation": "about", "weight": 1.0}]
    await opened.client.remember(ALICE, [items[0] | {"text": "The cat likes tuna!", "links": links}])
    return opened.client


async def arms(client, weight, step, **fields):
    """The bundle of the control, and that of the arm in which `weight` is moved."""
    changed = {"name": "moved", "changes": {weight: step}}
    await client.create_experiment(ALICE, new_experiment(name=weight, arms=[{"name": "control"}, changed]))
    bundles: dict[str, object] = {}
    for number in range(30):
        conversation = f"{weight}-{number}"
        arm = await client.assign_subject(ALICE, weight, conversation)
        if arm not in bundles:
            bundles[arm] = await client.evaluate(
                ALICE, new_query(conversation_id=conversation, query=QUESTION, **fields)
            )
        if len(bundles) == 2:
            return bundles["control"], bundles["moved"]
    raise AssertionError("thirty conversations fell into one arm")


def order(bundle):
    return [memory.key for memory in bundle.memories]


@pytest.mark.parametrize(("weight", "step"), [("alpha", -0.9), ("beta", 0.8), ("gamma", 0.9)])
async def test_alpha_beta_and_gamma_change_the_order(remembering, weight, step):
    control, moved = await arms(remembering, weight, step, top_k=12)
    assert moved.weights[weight] - control.weights[weight] == pytest.approx(step)
    assert order(moved) != order(control)


async def test_tau_changes_how_many_are_shown(remembering):
    control, warm = await arms(remembering, "tau", 0.5)
    assert len(warm.memories) > len(control.memories)


@pytest.mark.parametrize(
    ("weight", "step", "figure", "sign"),
    [("lambda", 4.0, "gain", 1), ("mu", 4.9, "cost", -1), ("nu", 4.9, "latency_ms", -1)],
)
async def test_lambda_mu_and_nu_change_the_plan(remembering, weight, step, figure, sign):
    """What is worth more is sought, what costs more is saved; the order of memories is no matter of theirs."""
    control, moved = await arms(remembering, weight, step)
    assert sign * (moved.plan["best"][figure] - control.plan["best"][figure]) > 0
    assert order(moved) == order(control)


async def test_dear_tokens_plan_fewer_memories(remembering):
    options = {"models": [{"name": "dear", "gain": 0.5, "token_cost": 1e-4}]}
    control, moved = await arms(remembering, "mu", 4.9, options=options)
    assert moved.plan["best"]["memories"] < control.plan["best"]["memories"]


async def test_a_plan_tells_its_numbers_and_its_runners_up(remembering):
    plan = (await remembering.evaluate(ALICE, new_query(conversation_id="c1", query=QUESTION))).plan
    assert plan["evaluations"] <= 20
    assert len(plan["runners_up"]) == 3
    assert plan["worth"] == {"lambda": 1.0, "mu": 0.1, "nu": 0.05}
    utilities = [found["utility"] for found in (plan["best"], *plan["runners_up"])]
    assert utilities == sorted(utilities, reverse=True)
    best = plan["best"]
    assert best["utility"] == pytest.approx(
        1.0 * best["gain"] - 0.1 * best["cost"] / 0.01 - 0.05 * best["latency_ms"] / 2_000
    )


async def test_what_people_say_of_cost_moves_the_plan(remembering):
    """After dear answers that nobody liked and cheap ones that pleased, the plan takes the cheap model."""
    models = [{"name": "plain", "gain": 0.4}, {"name": "dear", "gain": 0.5, "cost": 0.002}]

    async def planned():
        bundle = await remembering.evaluate(
            ALICE, new_query(conversation_id="c1", query=QUESTION, options={"models": models})
        )
        return bundle.plan["best"]["model"]

    assert await planned() == "dear"
    for number in range(20):
        for reward, cost in ((-1.0, 0.03), (1.0, 0.0)):
            taken = {"cost": cost, "tokens": number}
            turn = f"{number} {reward}"
            await remembering.feedback(
                ALICE, new_feedback(conversation_id="c1", turn_id=turn, reward=reward, metadata=taken)
            )
    assert (await remembering.state(ALICE)).weights["mu"] > 0.2
    assert await planned() == "plain"


@pytest.mark.parametrize(
    "options", [{"models": [{"gain": 1.0}]}, {"planets": []}, {"models": [{"name": "a", "gain": "b"}]}]
)
async def test_options_that_cannot_be_read_are_refused(remembering, options):
    from soma.brain.errors import BrainRefused

    with pytest.raises(BrainRefused) as refused:
        await remembering.evaluate(ALICE, new_query(conversation_id="c1", query=QUESTION, options=options))
    assert refused.value.code == "invalid_body"
    assert (refused.value.field or "").startswith("options")
