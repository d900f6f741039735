"""The rules of other systems do what their descriptions say, on the same evidence as the brain's own."""

import pytest
from tests.bench.learning.made_up import NAMES, PRIOR

from soma.bench.candidates.fixed_weights import SHIPPED
from soma.bench.learning.peers import (
    BLEND,
    FLOOR,
    PEERS,
    PairwiseRanker,
    SoftmaxGroups,
    ThompsonByKind,
    presets_of,
)
from soma.brain.core.observations import VIEW_SCALE, Evidence, ShownMemory

pytestmark = pytest.mark.learning

WEIGHTS = tuple(PRIOR[name] for name in NAMES)


def told(helpful: str = "right", *, held_out: bool = False) -> Evidence:
    """Two memories: `right` has all of `graph`, the other all of `semantic`."""
    shown = (ShownMemory("wrong", (0, VIEW_SCALE, 0)), ShownMemory("right", (VIEW_SCALE, 0, 0)))
    return Evidence(views=NAMES, shown=shown, helpful=(helpful,), held_out=held_out)


def test_forty_presets_begin_with_the_prior():
    presets = presets_of(SHIPPED)
    assert len(presets) == 40
    assert presets[0] == SHIPPED


def test_thompson_counts_each_kind_of_question_by_itself():
    learner = ThompsonByKind([(1.0,), (2.0,)], 0)
    for _ in range(30):
        good = learner.weights_for(0) == (2.0,)
        learner.learn_from(told("right" if good else "nothing"), 0)
    assert learner.final_weights_for(0) == (2.0,)
    assert learner.final_weights_for(1) == (1.0,)


def test_pairs_change_nothing_until_held_out_questions_favour_them():
    learner = PairwiseRanker(WEIGHTS)
    for _ in range(20):
        learner.learn_from(told())
    assert learner.next_weights() == WEIGHTS
    for _ in range(9):
        learner.learn_from(told(held_out=True))
    assert learner.next_weights() == WEIGHTS
    learner.learn_from(told(held_out=True))
    graph, semantic, _ = learner.next_weights()
    size = sum(WEIGHTS)
    assert graph == pytest.approx(BLEND * size / 2 + (1 - BLEND) * PRIOR["graph"])
    assert semantic == pytest.approx(-BLEND * size / 2 + (1 - BLEND) * PRIOR["semantic"])


def test_softmax_applied_again_makes_the_groups_alike_whatever_is_told():
    learner = SoftmaxGroups(WEIGHTS, NAMES)
    before = learner._shares.copy()
    assert learner.next_weights() == pytest.approx(WEIGHTS)
    for _ in range(200):
        learner.learn_from(told())
    assert learner._shares.sum() == pytest.approx(1.0)
    assert learner._shares.min() >= FLOOR
    assert learner._shares.max() - learner._shares.min() < before.max() - before.min()


@pytest.mark.parametrize("name", PEERS)
def test_each_peer_begins_with_the_prior(name):
    assert PEERS[name](PRIOR, NAMES, 0).final_weights_for(0) == pytest.approx(WEIGHTS)
