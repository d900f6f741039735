import random

import pytest
from msgspec.structs import replace

from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.learn import learn
from soma.brain.core.observations import AnswerVerdict, IterationOutcome, ToolCallOutcome
from soma.brain.core.rules.reward import answer_terms, outcome_terms, sum_of
from soma.brain.core.rules.tools import TOOLS_LIMIT
from soma.brain.core.state import LearnerState

pytestmark = pytest.mark.learning


@pytest.mark.parametrize(
    ("answer", "reward"),
    [
        (AnswerVerdict(thumb=1), 1.0),
        (AnswerVerdict(thumb=-1), -1.0),
        (AnswerVerdict(rating=5), 1.0),
        (AnswerVerdict(rating=2), -0.5),
        (AnswerVerdict(regenerated=True), -0.5),
        (AnswerVerdict(copied=True), 0.3),
        (AnswerVerdict(tool_ok=True), 1.0),
        (AnswerVerdict(tool_ok=False), -0.2),
        (AnswerVerdict(rating=2, copied=True), -0.2),
        (AnswerVerdict(reward=0.25, thumb=-1), 0.25),
    ],
)
def test_rewards_of_answers(hyperparameters: Hyperparameters, answer: AnswerVerdict, reward: float) -> None:
    assert sum_of(answer_terms(answer, hyperparameters)) == pytest.approx(reward)


@pytest.mark.parametrize("malformed", [{}, {"thumb": 2}, {"rating": 0}, {"cost": 1.0}])
def test_an_answer_without_a_sound_verdict_is_refused(malformed) -> None:
    with pytest.raises(ValueError, match=r"verdict|thumb|rating"):
        AnswerVerdict(**malformed)


def test_the_reward_of_an_iteration_is_shared_among_what_is_known(hyperparameters: Hyperparameters) -> None:
    outcome = IterationOutcome(
        tool_outcomes=(ToolCallOutcome("a", ok=True), ToolCallOutcome("b", ok=False)), confidence=0.8
    )
    # tools (1.0 - 0.2) / 2 = 0.4 and confidence 0.6, half each
    assert dict(outcome_terms(outcome, hyperparameters)) == pytest.approx({"tools": 0.2, "confidence": 0.3})
    assert outcome_terms(IterationOutcome(), hyperparameters) == ()


def test_the_baseline_follows_the_reward(hyperparameters: Hyperparameters) -> None:
    state, told = learn(LearnerState.initial(hyperparameters), AnswerVerdict(thumb=1), hyperparameters)
    assert told.feeling is not None
    assert (told.feeling.delta, told.feeling.error) == (1.0, 0.5)
    assert state.baseline == pytest.approx(0.05)


def test_serotonin_steadies_the_baseline(hyperparameters: Hyperparameters) -> None:
    start = LearnerState.initial(hyperparameters)
    calm = replace(start, modulators=replace(start.modulators, serotonin=1.0))
    upset = replace(start, modulators=replace(start.modulators, serotonin=0.0))
    praise = AnswerVerdict(thumb=1)
    assert learn(calm, praise, hyperparameters)[0].baseline < learn(upset, praise, hyperparameters)[0].baseline


def test_dopamine_follows_the_prediction_error(hyperparameters: Hyperparameters) -> None:
    start = LearnerState.initial(hyperparameters)
    assert learn(start, AnswerVerdict(thumb=1), hyperparameters)[0].modulators.dopamine > 0.4
    assert learn(start, AnswerVerdict(thumb=-1), hyperparameters)[0].modulators.dopamine < 0.4


def test_an_extreme_reward_is_clipped_and_named(hyperparameters: Hyperparameters) -> None:
    state, told = learn(LearnerState.initial(hyperparameters), AnswerVerdict(reward=1e9, cost=1e9), hyperparameters)
    assert told.reward == 1.0
    assert {"reward", "cost"} <= set(told.clipped_names)
    assert state.counts.clipped == 1


def test_answers_never_move_the_weights_of_retrieval(hyperparameters: Hyperparameters) -> None:
    state = LearnerState.initial(hyperparameters)
    for _ in range(50):
        state, _ = learn(state, AnswerVerdict(thumb=-1, gain=1.0, cost=0.01, latency_ms=900.0), hyperparameters)
    assert state.retrieval == LearnerState.initial(hyperparameters).retrieval


def test_lambda_mu_and_nu_are_found_again(hyperparameters: Hyperparameters) -> None:
    """Rewards made of known weights: the ridge finds them, less what its prior still pulls."""
    draws = random.Random(5)
    state = LearnerState.initial(hyperparameters)
    for _ in range(3000):
        gain, cost, latency = draws.random(), draws.random(), draws.random()
        reward = 0.7 * gain - 0.4 * cost - 0.2 * latency + draws.uniform(-0.1, 0.1)
        answer = AnswerVerdict(reward=reward, gain=gain, cost=0.01 * cost, latency_ms=2000.0 * latency)
        state, _ = learn(state, answer, hyperparameters)
    weights = state.weights
    assert weights["lambda"] == pytest.approx(0.7, abs=0.1)
    assert weights["mu"] == pytest.approx(0.4, abs=0.1)
    assert weights["nu"] == pytest.approx(0.2, abs=0.1)


def test_thirty_observations_weigh_as_much_as_the_prior() -> None:
    hyperparameters = Hyperparameters(utility_memory=1.0)
    state = LearnerState.initial(hyperparameters)
    for _ in range(30):
        state, _ = learn(state, AnswerVerdict(reward=0.0, gain=1.0), hyperparameters)
    assert state.weights["lambda"] == pytest.approx(0.5)


def test_an_outcome_without_salience_is_recorded_and_felt_but_teaches_nothing(
    hyperparameters: Hyperparameters,
) -> None:
    before = LearnerState.initial(hyperparameters)
    dull = IterationOutcome(confidence=0.5, novelty=0.0, gain=1.0, cost=0.01, diversity=0.1)
    after, told = learn(before, dull, hyperparameters)
    assert told.gated
    assert after.weights == before.weights
    assert after.version == 1
    assert after.counts.gated == 1
    assert after.modulators != before.modulators


def test_a_salient_outcome_teaches_less_than_a_person(hyperparameters: Hyperparameters) -> None:
    before = LearnerState.initial(hyperparameters)
    outcome, told = learn(before, IterationOutcome(progress=-1.0, gain=1.0), hyperparameters)
    answer, _ = learn(before, AnswerVerdict(reward=-1.0, gain=1.0), hyperparameters)
    assert not told.gated
    assert answer.weights["lambda"] < outcome.weights["lambda"] < 1.0


def test_a_person_is_never_gated(hyperparameters: Hyperparameters) -> None:
    state = LearnerState.initial(hyperparameters)
    for _ in range(100):
        state, told = learn(state, AnswerVerdict(reward=state.baseline, gain=1.0), hyperparameters)
        assert not told.gated
    assert state.counts.gated == 0


def test_noradrenaline_rises_with_surprise_under_pressure(hyperparameters: Hyperparameters) -> None:
    start = LearnerState.initial(hyperparameters)
    slow, _ = learn(start, IterationOutcome(progress=-1.0, latency_ms=20_000.0), hyperparameters)
    quick, _ = learn(start, IterationOutcome(progress=-1.0, latency_ms=20.0), hyperparameters)
    assert slow.modulators.noradrenaline > 0.0
    assert quick.modulators.noradrenaline == 0.0


def usefulness(state: LearnerState) -> dict[str, float]:
    return {tool.name: tool.usefulness for tool in state.tools}


def test_failing_tools_become_less_useful(hyperparameters: Hyperparameters) -> None:
    state = LearnerState.initial(hyperparameters)
    assert usefulness(state) == {}
    for _ in range(10):
        outcome = IterationOutcome(
            tool_outcomes=(ToolCallOutcome("search", ok=False), ToolCallOutcome("clock", ok=True))
        )
        state, _ = learn(state, outcome, hyperparameters)
    assert usefulness(state)["search"] == pytest.approx(0.9**10)
    assert usefulness(state)["clock"] == 1.0


def test_the_number_of_tools_is_bounded(hyperparameters: Hyperparameters) -> None:
    state = LearnerState.initial(hyperparameters)
    for number in range(3 * TOOLS_LIMIT):
        state, _ = learn(
            state, IterationOutcome(tool_outcomes=(ToolCallOutcome(f"t{number}", ok=True),)), hyperparameters
        )
    assert len(state.tools) == TOOLS_LIMIT
    assert usefulness(state)[f"t{3 * TOOLS_LIMIT - 1}"] == 1.0
