"""What must hold for any learner and any input, in the manner of River's checks."""

import dataclasses
import math
import random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict, astuple, replace
from tests.brain.histories import (
    HYPERPARAMETERS,
    LITERAL,
    MIXING,
    answers,
    any_hyperparameters,
    evidences,
    histories,
    outcomes,
    run,
)

from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.learn import Observation, learn
from soma.brain.core.modulators import SOMA
from soma.brain.core.observations import (
    AnswerVerdict,
    Evidence,
    IterationOutcome,
    ShownMemory,
    ToolCallOutcome,
)
from soma.brain.core.restore import Restore
from soma.brain.core.serving.serve import serve
from soma.brain.core.state import LearnerState
from soma.brain.core.weights import SEVEN, VIEWS_LIMIT, Views

pytestmark = pytest.mark.learning


def floats_of(value: Any) -> list[float]:
    match value:
        case float():
            return [value]
        case dict():
            return floats_of(list(value.values()))
        case list() | tuple():
            return [found for part in value for found in floats_of(part)]
    return []


@given(histories, any_hyperparameters)
def test_no_input_leaves_its_box(history: list[Observation], hyperparameters: Hyperparameters) -> None:
    state = run(history, hyperparameters)
    views = state.retrieval.views
    for weight, low, high in zip(state.retrieval.weights, views.lows, views.highs, strict=True):
        assert low <= weight <= high
    for known in SEVEN:
        if known.name in state.weights:
            assert known.low <= state.weights[known.name] <= known.high
    profile = hyperparameters.profile
    for level, low, high in zip(*map(astuple, (state.modulators, profile.low, profile.high)), strict=True):
        assert low <= level <= high
    assert -1.0 <= state.baseline <= 1.0
    assert all(0.0 <= tool.usefulness <= 1.0 for tool in state.tools)
    served = serve(state, hyperparameters)
    assert 0.0 <= served.trust <= 1.0
    assert 0.4 <= served.tau <= 1.2
    assert all(math.isfinite(number) for number in floats_of(msgspec.to_builtins(state)))


@given(histories, any_hyperparameters)
def test_every_observation_makes_one_version(history: list[Observation], hyperparameters: Hyperparameters) -> None:
    state = LearnerState.initial(hyperparameters)
    for number, observation in enumerate(history, start=1):
        state, told = learn(state, observation, hyperparameters)
        assert state.version == number
        assert told.before.version == number - 1


@given(histories, answers | outcomes | evidences())
def test_learning_changes_neither_the_state_nor_the_observation(history: list[Observation], last: Observation) -> None:
    state = run(history, HYPERPARAMETERS)
    before, said = state.to_json(), repr(last)
    learn(state, last, HYPERPARAMETERS)
    assert state.to_json() == before
    assert repr(last) == said


@given(histories, any_hyperparameters)
def test_json_round_trip_is_exact_to_the_bit(history: list[Observation], hyperparameters: Hyperparameters) -> None:
    state = run(history, hyperparameters)
    again = LearnerState.from_json(state.to_json())
    assert again == state
    assert again.state_hash() == state.state_hash()


def test_a_whole_number_comes_back_as_a_float() -> None:
    text = LearnerState.initial(HYPERPARAMETERS).to_json()
    assert '"baseline":0.0' in text
    again = LearnerState.from_json(text.replace('"baseline":0.0', '"baseline":0'))
    assert isinstance(again.baseline, float)
    assert again.state_hash() == LearnerState.initial(HYPERPARAMETERS).state_hash()


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_state_that_is_not_finite_is_never_stored(number: float) -> None:
    with pytest.raises(ValueError, match="baseline"):
        replace(LearnerState.initial(HYPERPARAMETERS), baseline=number).to_json()


@given(histories, histories, any_hyperparameters)
def test_replay_from_a_snapshot_equals_live(
    first: list[Observation], second: list[Observation], hyperparameters: Hyperparameters
) -> None:
    live = run([*first, *second], hyperparameters)
    state = LearnerState.from_json(run(first, hyperparameters).to_json())
    for observation in second:
        state, _ = learn(state, observation, hyperparameters)
    assert state.state_hash() == live.state_hash()


@given(histories, any_hyperparameters)
def test_what_was_clipped_is_every_outlier_and_every_level_beyond_its_box(
    history: list[Observation], hyperparameters: Hyperparameters
) -> None:
    state = LearnerState.initial(hyperparameters)
    for observation in history:
        state, told = learn(state, observation, hyperparameters)
        assert told.feeling is not None
        pushed, low, high = map(
            asdict, (told.feeling.raw_levels, hyperparameters.profile.low, hyperparameters.profile.high)
        )
        beyond = tuple(name for name, level in pushed.items() if not low[name] <= level <= high[name])
        assert told.clipped_names == told.outliers + beyond
    _, told = learn(state, Restore(snapshot=state, reason="a person asked"), hyperparameters)
    assert told.clipped_names == ()


@given(evidences(), st.randoms(use_true_random=False))
def test_the_order_of_views_is_irrelevant(seen: Evidence, chance: random.Random) -> None:
    order = list(range(len(seen.views)))
    chance.shuffle(order)
    other = Evidence(
        views=tuple(seen.views[i] for i in order),
        shown=tuple(ShownMemory(key, tuple(values[i] for i in order)) for key, values in seen.shown),
        helpful=seen.helpful,
        unhelpful=seen.unhelpful,
        source=seen.source,
        held_out=seen.held_out,
        novelty=seen.novelty,
        diversity=seen.diversity,
    )
    assert run([seen], HYPERPARAMETERS).state_hash() == run([other], HYPERPARAMETERS).state_hash()


@given(histories, histories)
def test_two_tenants_never_touch(one: list[Observation], other: list[Observation]) -> None:
    mine, theirs = LearnerState.initial(HYPERPARAMETERS), LearnerState.initial(HYPERPARAMETERS)
    for index in range(max(len(one), len(other))):
        if index < len(one):
            mine, _ = learn(mine, one[index], HYPERPARAMETERS)
        if index < len(other):
            theirs, _ = learn(theirs, other[index], HYPERPARAMETERS)
    assert mine == run(one, HYPERPARAMETERS)
    assert theirs == run(other, HYPERPARAMETERS)


def test_an_unseen_view_starts_at_its_shipped_prior_or_at_zero(evidence) -> None:
    plan = Hyperparameters()
    state = LearnerState.initial(plan)
    shipped = Hyperparameters(views=Views.of({"semantic": 1.0, "graph": 0.2, "temporal": 0.1, "old": 0.3}))
    alike = {"a": {"old": 0.5, "mood": 0.5}, "b": {"old": 0.5, "mood": 0.5}}
    after, _ = learn(state, evidence(alike, "a"), shipped)
    assert after.weights["old"] == pytest.approx(0.3)
    assert after.weights["mood"] == pytest.approx(0.0)
    assert after.weights["alpha"] == 1.0


def test_a_missing_view_keeps_its_weight(evidence) -> None:
    state = LearnerState.initial(HYPERPARAMETERS)
    both = evidence({"a": {"semantic": 0.0, "temporal": 1.0}, "b": {"semantic": 1.0, "temporal": 0.0}}, "a")
    state, _ = learn(state, both, HYPERPARAMETERS)
    without = evidence({"a": {"semantic": 0.0}, "b": {"semantic": 1.0}}, "a")
    after, _ = learn(state, without, HYPERPARAMETERS)
    assert after.weights["gamma"] == state.weights["gamma"]
    assert after.weights["alpha"] < state.weights["alpha"]


def test_a_state_stays_small_whatever_arrives(evidence) -> None:
    draws = random.Random(1)
    state = LearnerState.initial(HYPERPARAMETERS)
    for number in range(300):
        rows = {key: {f"view{number}": draws.random(), "semantic": draws.random()} for key in "abcd"}
        state, _ = learn(state, evidence(rows, "a", "c"), HYPERPARAMETERS)
        state, _ = learn(
            state, AnswerVerdict(thumb=1, raw_confidence=draws.random(), tools=(f"t{number}",)), HYPERPARAMETERS
        )
    assert len(state.retrieval.views.names) == VIEWS_LIMIT
    assert len(state.to_json()) < 30_000


def test_random_rewards_keep_every_weight_in_its_box() -> None:
    draws = random.Random(11)
    for hyperparameters in (HYPERPARAMETERS, LITERAL):
        state = LearnerState.initial(hyperparameters)
        for _ in range(5000):
            answer = AnswerVerdict(
                reward=draws.uniform(-1, 1), gain=draws.random(), cost=0.02 * draws.random(), latency_ms=900.0
            )
            state, _ = learn(state, answer, hyperparameters)
            for weight in SEVEN:
                assert weight.low <= state.weights[weight.name] <= weight.high


def test_restore_brings_back_every_part_to_the_bit(evidence) -> None:
    draws = random.Random(2)

    def year(state: LearnerState, events: int) -> LearnerState:
        for _ in range(events):
            rows = {key: {name: draws.random() for name in HYPERPARAMETERS.views.names} for key in "abcdef"}
            state, _ = learn(state, evidence(rows, draws.choice("abc"), diversity=draws.random()), HYPERPARAMETERS)
            praise = AnswerVerdict(thumb=draws.choice([-1, 1]), raw_confidence=draws.random(), gain=0.5, tools=("t",))
            state, _ = learn(state, praise, HYPERPARAMETERS)
        return state

    then = year(LearnerState.initial(HYPERPARAMETERS), 60)
    now = year(then, 60)
    assert now.retrieval != then.retrieval
    back, told = learn(
        now, Restore(snapshot=LearnerState.from_json(then.to_json()), reason="a person asked"), HYPERPARAMETERS
    )
    assert back.version == now.version + 1
    assert replace(back, version=then.version, values_version=then.values_version).state_hash() == then.state_hash()
    assert told.reason == "a person asked"


FORMER = dataclasses.replace(HYPERPARAMETERS, curvature_start=2.0, dismissal=0.2, held_out_share=0.0)


@pytest.mark.parametrize(
    ("hyperparameters", "expected"),
    [
        (FORMER, "fc3cdc418cde1ed352d09952d22b65f61d642338aa444b161fd21ffaa6d6c4df"),
        (HYPERPARAMETERS, "b35112771a1f3ff86ab9a9b07079cca40e71149fe0ca58c3e4ecf9157e02db95"),
        (
            dataclasses.replace(HYPERPARAMETERS, mixing=MIXING),
            "104c7c26961bca456fd3a4b776cc46cd95a9df1dfa98c19b3fb42cdc658bd3b3",
        ),
    ],
    ids=["former constants", "constants of today", "shapes"],
)
def test_a_known_history_has_the_same_hash_on_every_machine(hyperparameters: Hyperparameters, expected: str) -> None:
    """The promise of replay. It changes with a constant of the rules or a field of the state, and with nothing else."""
    draws = random.Random(17)
    state = LearnerState.initial(hyperparameters)
    views = HYPERPARAMETERS.views.names

    def below(n: int) -> int:
        return int(draws.random() * n)

    for _ in range(500):
        shown = tuple(ShownMemory(f"m{j}", tuple(below(65536) for _ in views)) for j in range(8))
        seen = Evidence(views=views, shown=shown, helpful=(f"m{below(8)}",), diversity=draws.random())
        answer = AnswerVerdict(
            reward=2 * draws.random() - 1,
            raw_confidence=draws.random(),
            gain=draws.random(),
            cost=0.01 * draws.random(),
            latency_ms=3000 * draws.random(),
        )
        outcome = IterationOutcome(
            confidence=draws.random(),
            progress=2 * draws.random() - 1,
            novelty=draws.random(),
            tool_outcomes=(ToolCallOutcome("t", draws.random() < 0.7),),
            latency_ms=2000 * draws.random(),
        )
        for observation in (seen, answer, outcome):
            state, _ = learn(state, observation, hyperparameters)
    assert state.state_hash() == expected


def test_the_hash_tells_fields_and_bits_apart() -> None:
    state = LearnerState.initial(HYPERPARAMETERS)
    hashes = {state.state_hash()}
    for changed in (
        replace(state, version=1),
        replace(state, baseline=5e-324),
        replace(state, baseline=-0.0),
        replace(state, baseline=0),
        replace(state, modulators=replace(SOMA.baseline, dopamine=math.nextafter(0.4, 1))),
        replace(state, values_version=1),
    ):
        hashes.add(changed.state_hash())
    assert len(hashes) == 7
