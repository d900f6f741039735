"""Each of the seven weights, moved alone, changes an order, a number of memories shown, or a plan."""

import random

import pytest
from msgspec.structs import replace

from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.learn import learn
from soma.brain.core.modulators import SOMA
from soma.brain.core.observations import ShownMemory
from soma.brain.core.rules.temperature import adjust, initial, served_tau
from soma.brain.core.serving.pack import PackCandidate, PackedMemories, duplicate_pairs, pack
from soma.brain.core.serving.plan import Menu, Option, PlanChoice, Worth, plan
from soma.brain.core.serving.rank import rank
from soma.brain.core.serving.serve import serve
from soma.brain.core.state import LearnerState
from soma.brain.core.weights import Views

pytestmark = pytest.mark.learning

NAMES = ("graph", "semantic", "temporal")
PRIOR = {"graph": 0.2, "semantic": 1.0, "temporal": 0.1}
CANDIDATES = [
    ShownMemory("linked", (65535, 20000, 0)),
    ShownMemory("alike", (0, 50000, 0)),
    ShownMemory("recent", (0, 30000, 65535)),
]


def order(**changed: float) -> list[str]:
    weights = PRIOR | changed
    rows = rank(CANDIDATES, NAMES, NAMES, [weights[name] for name in NAMES], 0.7)
    return [row.id for row in rows]


def shown_at(tau: float) -> int:
    return len(packed_at(tau).shown)


def packed_at(tau: float) -> PackedMemories:
    draws = random.Random(6)
    candidates = [ShownMemory(f"m{i}", tuple(draws.randrange(65536) for _ in NAMES)) for i in range(50)]
    rows = rank(candidates, NAMES, NAMES, [1.0, 0.2, 0.1], tau)
    lane = [PackCandidate(row.id, row.attention, 10) for row in rows]
    return pack(lane, token_budget=10_000, is_duplicate=duplicate_pairs([("m1", "m2")]))


def choice(hyperparameters: Hyperparameters, lambda_: float = 1.0, mu: float = 0.1, nu: float = 0.05) -> PlanChoice:
    menu = Menu(
        memories=tuple(Option(f"{n}", gain=0.9 * n / (n + 4), tokens=60 * n) for n in (0, 2, 4, 8, 16)),
        prompts=(Option("plain", tokens=100),),
        models=(
            Option("small", gain=0.3, token_cost=1e-5, token_ms=1.0),
            Option("large", gain=0.6, token_cost=3e-5, token_ms=3.0),
        ),
        tools=(Option("none"),),
    )
    return plan(menu, Worth(lambda_, mu, nu), hyperparameters)


def test_alpha_beta_and_gamma_each_change_the_order() -> None:
    shipped = order()
    assert shipped == ["alike", "recent", "linked"]
    assert order(semantic=0.1) != shipped
    assert order(graph=1.0) != shipped
    assert order(temporal=1.0) != shipped


def test_tau_decides_how_many_memories_are_shown() -> None:
    counts = [shown_at(tau) for tau in (0.4, 0.7, 1.2)]
    assert counts == sorted(counts)
    assert counts[0] < counts[1] < counts[2]


def test_lambda_mu_and_nu_each_change_the_plan(hyperparameters: Hyperparameters) -> None:
    shipped = choice(hyperparameters).best
    assert choice(hyperparameters, lambda_=0.1).best.memories != shipped.memories
    assert choice(hyperparameters, mu=2.0).best != shipped
    assert choice(hyperparameters, nu=2.0).best != shipped


def test_too_little_diversity_raises_tau_and_shows_more(hyperparameters: Hyperparameters) -> None:
    warm = initial(hyperparameters)
    for n in range(20):
        warm = adjust(warm, 0.1, n, hyperparameters)
    assert warm.tau > 0.7
    assert shown_at(warm.tau) > shown_at(0.7)
    for n in range(200):
        warm = adjust(warm, 1.0, n, hyperparameters)
    assert warm.tau == 0.4


def test_a_bundle_that_shows_too_little_moves_tau(hyperparameters: Hyperparameters, evidence) -> None:
    state = LearnerState.initial(hyperparameters)
    seen = evidence({"a": {"semantic": 1.0}, "b": {"semantic": 0.0}}, "a", diversity=0.1)
    after, told = learn(state, seen, hyperparameters)
    assert after.weights["tau"] == pytest.approx(0.7 + 0.05 * 0.4)
    assert told.after.temperature.tau != told.before.temperature.tau


def test_tau_comes_back_as_fast_as_it_went(hyperparameters: Hyperparameters) -> None:
    warm = initial(hyperparameters)
    for n in range(1000):
        warm = adjust(warm, 0.0, n, hyperparameters)
    assert warm.tau == 1.2
    assert adjust(warm, 1.0, 1000, hyperparameters).tau < 1.2


def test_noradrenaline_narrows_attention(hyperparameters: Hyperparameters) -> None:
    rest = SOMA.baseline
    assert served_tau(0.7, rest, hyperparameters) == 0.7
    assert served_tau(0.7, replace(rest, noradrenaline=0.1), hyperparameters) == pytest.approx(0.56)


def test_acetylcholine_opens_working_memory(hyperparameters: Hyperparameters) -> None:
    state = LearnerState.initial(hyperparameters)
    alert = replace(state, modulators=replace(state.modulators, acetylcholine=0.1))
    assert serve(state, hyperparameters).admission_threshold == 0.7
    assert serve(alert, hyperparameters).admission_threshold == pytest.approx(0.5)


def test_a_prior_outside_its_box_is_refused() -> None:
    with pytest.raises(ValueError, match="outside"):
        Views.of({"temporal": 2.0})
