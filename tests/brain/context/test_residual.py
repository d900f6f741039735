"""The residual vector: what was bound is heard again, what was not is not, and how much fits is as documented."""

import numpy as np
import pytest
from tests.brain.conftest import ALICE, FACTS, metrics_of, remembered
from tests.brain.requests import new_query, new_report

from soma.bench.residual import capacity, curve, random_units
from soma.brain.context import residual
from soma.brain.context.residual import bind, loudness_of, role, superpose, unbind

pytestmark = pytest.mark.learning

DIMENSION = 384


def test_a_role_comes_from_its_name_alone_and_keeps_lengths():
    vector = random_units(1, DIMENSION, seed=1)[0]
    role.cache_clear()
    before = bind(role("place 0", DIMENSION), vector)
    role.cache_clear()
    assert np.array_equal(before, bind(role("place 0", DIMENSION), vector))
    assert np.linalg.norm(before) == pytest.approx(1.0)
    assert not np.allclose(before, bind(role("place 1", DIMENSION), vector))


@pytest.mark.parametrize("dimension", [384, 63])
def test_unbinding_is_exact(dimension):
    vector = random_units(1, dimension, seed=2)[0]
    named = role("place 3", dimension)
    assert np.allclose(unbind(named, bind(named, vector)), vector)


def test_binding_is_circular_convolution():
    left, right = random_units(2, 16, seed=3)
    by_sum = [sum(left[j] * right[(k - j) % 16] for j in range(16)) for k in range(16)]
    assert np.allclose(bind(np.fft.rfft(left), right), by_sum)


def test_what_was_shown_is_heard_and_fades_with_every_bundle():
    bundles = random_units(5 * residual.PLACES, DIMENSION, seed=4).reshape(5, residual.PLACES, DIMENSION)
    whole = superpose((), bundles[0])
    levels = [loudness_of(whole, bundles[0][2])]
    for bundle in bundles[1:]:
        whole = superpose(whole, bundle)
        levels.append(loudness_of(whole, bundles[0][2]))
    assert levels[0] > 0.8
    assert levels[1] > 0.7
    assert levels[-1] == 0.0


def test_noise_is_heard_once_in_a_hundred():
    whole = np.zeros(0)
    for seed in range(3):
        whole = superpose(whole, random_units(residual.PLACES, DIMENSION, seed=seed))
    strangers = random_units(2_000, DIMENSION, seed=99)
    assert np.mean([loudness_of(whole, stranger) > 0 for stranger in strangers]) <= 0.02


def test_the_capacity_at_384_dimensions_is_as_documented():
    """docs/reference/learning.md: at 95 % or more, 16 to 20 items among 100, 12 to 16 among 1,000."""
    assert capacity(curve(DIMENSION, vocabulary=100, trials=10)) in {16, 20}
    assert capacity(curve(DIMENSION, vocabulary=1_000, trials=10)) in {12, 16}


def test_nothing_shown_is_nothing_heard():
    assert superpose((), []).tolist() == []
    assert loudness_of((), random_units(1, DIMENSION, seed=1)[0]) == 0.0
    assert residual.novelty((), random_units(1, DIMENSION, seed=1)[0]) == 1.0


async def test_a_bundle_carries_the_residual_of_its_conversation(client):
    await remembered(client)
    first = await client.evaluate(ALICE, new_query(conversation_id="c1", query=FACTS[2]))
    again = await client.evaluate(ALICE, new_query(conversation_id="c1", query=FACTS[5]))
    other = await client.evaluate(ALICE, new_query(conversation_id="c2", query=FACTS[2]))
    assert len(first.residual) == DIMENSION
    assert first.residual == other.residual != again.residual


async def test_a_question_about_what_was_just_shown_is_less_new(client):
    """Nothing was admit_item to working memory: what lowers the salience is the residual."""
    await remembered(client)
    salience = []
    for number, conversation in enumerate(("c1", "c1", "c2")):
        bundle = await client.evaluate(ALICE, new_query(conversation_id=conversation, query=FACTS[2]))
        assert bundle.working_memory == []
        body = metrics_of(iteration_number=number, bundle_id=bundle.bundle_id, tool_outcomes={}, confidence=0.5)
        salience.append((await client.publish_turn_metrics(ALICE, new_report(**body))).salience)
    assert salience[0] == salience[2] == pytest.approx(0.5)
    assert salience[1] < 0.1
