"""Verdicts: the worked numbers, the errors of the tests, and what a promotion does to a learner."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soma.brain.core.experiments.design import Call, Design, ExperimentArm, Method, Result, assign_arm, judge
from soma.brain.core.experiments.statistics import incomplete_beta, log_gamma, sample, student_p, trend, welch
from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.learn import learn
from soma.brain.core.observations import AnswerVerdict
from soma.brain.core.promotion import Promotion, step_prior
from soma.brain.core.serving.serve import serve
from soma.brain.core.state import LearnerState

pytestmark = pytest.mark.learning

CONTROL, WARMER = ExperimentArm("control"), ExperimentArm("warmer", (("tau", 0.1),))


def design(method: Method = Method.WELCH, planned: int = 50) -> Design:
    return Design((CONTROL, WARMER), method, planned)


def drawn(seed: int, count: int, difference: float) -> list[Result]:
    draw = random.Random(seed)
    results = []
    for number in range(2 * count):
        arm = (CONTROL, WARMER)[number % 2]
        results.append(Result(arm.name, draw.gauss(difference * (number % 2), 1.0)))
    return results


def test_the_worked_numbers(vectors) -> None:
    worked = vectors["welch"]
    found = welch(sample(worked["a"]), sample(worked["b"]))
    assert found.t == pytest.approx(worked["t"])
    assert found.df == pytest.approx(worked["df"])
    assert found.d == pytest.approx(worked["cohens_d"], abs=5e-4)
    assert found.p == pytest.approx(worked["p"], abs=5e-4)
    results = [Result("control", value) for value in worked["a"]] + [Result("warmer", value) for value in worked["b"]]
    assert judge(design(planned=5), results).call is Call.KEEP


@pytest.mark.parametrize(
    ("t", "df", "p"),
    [(2.0, 8, 0.08051624), (1.0, 1, 0.5), (12.706205, 1, 0.05), (2.228139, 10, 0.05), (1.959964, 1e9, 0.05), (0, 5, 1)],
)
def test_tables_of_students_t(t, df, p) -> None:
    assert student_p(t, df) == pytest.approx(p, rel=1e-5)
    assert student_p(-t, df) == student_p(t, df)


def test_gamma_and_beta() -> None:
    assert log_gamma(0.5) == pytest.approx(0.5723649429247001)
    assert log_gamma(11.0) == pytest.approx(15.104412573075516)
    assert incomplete_beta(0.3, 2.0, 3.0) == pytest.approx(0.3483)
    assert incomplete_beta(0.5, 4.0, 4.0) == pytest.approx(0.5)


@given(st.lists(st.floats(-1, 1), max_size=30), st.lists(st.floats(-1, 1), max_size=30))
def test_swapping_the_arms_swaps_the_sign(a, b) -> None:
    one, other = welch(sample(a), sample(b)), welch(sample(b), sample(a))
    assert one.t == pytest.approx(-other.t)
    assert one.d == pytest.approx(-other.d)
    assert one.p == pytest.approx(other.p)
    assert 0.0 <= one.p <= 1.0


def test_assignment_is_by_hash_of_experiment_and_subject() -> None:
    subjects = [f"conversation-{n}" for n in range(4_000)]
    arms = [assign_arm("e1", subject, design()).name for subject in subjects]
    assert arms == [assign_arm("e1", subject, design()).name for subject in subjects]
    assert 0.47 < arms.count("control") / len(arms) < 0.53
    others = [assign_arm("e2", subject, design()).name for subject in subjects]
    assert 0.46 < sum(map(str.__eq__, arms, others)) / len(arms) < 0.54
    few = [assign_arm("e1", subject, design()._replace(share=0.1)).name for subject in subjects]
    assert 0.08 < few.count("control") / len(few) < 0.12


def test_welch_waits_for_the_planned_size_and_then_promotes() -> None:
    results = drawn(1, 50, 1.0)
    assert judge(design(), results[:98]).call is Call.WAIT
    verdict = judge(design(), results)
    assert (verdict.call, verdict.winner) == (Call.PROMOTE, "warmer")
    assert judge(design(), drawn(1, 50, -1.0)).winner == "control"


def test_a_difference_too_small_to_matter_is_not_promoted() -> None:
    verdict = judge(design(planned=2_000), drawn(2, 2_000, 0.15))
    assert verdict.comparison.p < 0.05
    assert verdict.call is Call.KEEP
    assert "|d|" in verdict.reason


def test_looking_at_every_result_promotes_nothing_that_is_not_there() -> None:
    """500 experiments without a difference, looked at after each of 400 results: at most 5 % are promoted, where a
    t-test looked at in the same way promotes far more."""
    promoted = peeked = 0
    for seed in range(500):
        results = drawn(seed, 200, 0.0)
        promoted += judge(design(Method.ANYTIME, 200), results).comparison.p < 0.05
        looks = range(20, 401, 10)
        peeked += any(judge(design(planned=1), results[:size]).comparison.p < 0.05 for size in looks)
    assert promoted / 500 <= 0.05
    assert peeked / 500 > 0.15


def test_the_anytime_test_finds_a_large_difference_early() -> None:
    results = drawn(3, 200, 1.0)
    sizes = [
        size for size in range(20, 400, 2) if judge(design(Method.ANYTIME, 200), results[:size]).call is not Call.WAIT
    ]
    assert sizes[0] < 200


def test_a_trend_is_told_from_noise() -> None:
    falling = trend([1.0, 0.9, 0.85, 0.7, 0.65, 0.5])
    assert falling.is_falling
    assert falling.p < 0.001
    draw = random.Random(5)
    flat = [trend([draw.gauss(0, 1) for _ in range(12)]) for _ in range(500)]
    assert sum(found.p < 0.05 for found in flat) / 500 < 0.08
    assert trend([1.0, 1.0]).p == 1.0


def test_what_is_served_moves_by_the_step_and_what_was_learned_stays(hyperparameters: Hyperparameters) -> None:
    state = LearnerState.initial(hyperparameters)
    for reward in (1.0, -0.5, 0.3):
        state, _ = learn(state, AnswerVerdict(reward=reward, gain=0.5, cost=0.01, latency_ms=900.0), hyperparameters)
    changes = (("alpha", 0.2), ("lambda", 0.3), ("mu", 0.05), ("nu", -0.01), ("tau", 0.1))
    after, _ = learn(state, Promotion(changes=changes, reason="won"), hyperparameters)
    before_served, served = serve(state, hyperparameters).by_name(), serve(after, hyperparameters).by_name()
    for name, step in changes:
        assert served[name] - before_served[name] == pytest.approx(step), name
    assert served["gamma"] == before_served["gamma"]
    assert after.version == state.version + 1
    assert after.retrieval.views.prior("semantic") == pytest.approx(1.2)
    assert (after.baseline, after.counts, after.calibration) == (state.baseline, state.counts, state.calibration)
    one_more = AnswerVerdict(reward=0.1, gain=0.4)
    theta = [learn(s, one_more, hyperparameters)[0].utility.lambda_ for s in (state, after)]
    assert theta[1] - theta[0] == pytest.approx(0.3, abs=0.01)


def test_a_step_stays_in_the_box_and_its_state_survives_json(hyperparameters: Hyperparameters) -> None:
    far = step_prior(
        LearnerState.initial(hyperparameters), (("gamma", 9.0), ("tau", -9.0), ("nowhere", 1.0)), hyperparameters
    )
    assert far.weights["gamma"] == 1.0
    assert far.weights["tau"] == hyperparameters.tau_low
    assert LearnerState.from_json(far.to_json()) == far
