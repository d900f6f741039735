"""The recipe of a view: recall computes it, and the prior has a weight for it."""

from tests.memory.test_remember import new

from soma.brain.root import shipped_views
from soma.memory.types import Query


async def test_a_new_view_is_computed_and_has_a_weight(memory, alice):
    await memory.remember(alice, [new("the garden", key="short"), new("the garden is watered on Fridays", key="long")])
    found = {hit.key: hit for hit in await memory.candidates(alice, Query(text="the garden", at="2030-01-01"))}
    assert (found["short"].views["length"], found["long"].views["length"]) == (0, 65_535)
    prior = shipped_views()
    assert prior.priors[prior.names.index("length")] == 0
