"""Numbers worked out by hand from the formulas; the same from vectors.json where it is there."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from soma.brain.core.arithmetic import softmax
from soma.brain.core.hyperparameters import Hyperparameters, Rule
from soma.brain.core.learn import learn
from soma.brain.core.modulators import SOMA
from soma.brain.core.observations import AnswerVerdict
from soma.brain.core.rules.feeling import salience
from soma.brain.core.rules.temperature import anneal
from soma.brain.core.rules.values import step_value
from soma.brain.core.state import LearnerState

pytestmark = pytest.mark.learning

LITERAL = Hyperparameters(learning_rule=Rule.LITERAL)


def rewarded(dopamine: float, signal: float) -> dict[str, float]:
    start = LearnerState.initial(LITERAL)
    start = replace(start, modulators=replace(SOMA.baseline, dopamine=dopamine))
    after, _ = learn(start, AnswerVerdict(reward=signal), LITERAL)
    return after.weights


@pytest.mark.parametrize(("dopamine", "rate"), [(0.2, 0.035), (0.4, 0.045), (0.5, 0.05), (0.7, 0.06), (0.8, 0.06)])
def test_dopamine_sets_the_learning_rate(hyperparameters: Hyperparameters, dopamine: float, rate: float) -> None:
    assert hyperparameters.learning_rate(dopamine) == pytest.approx(rate)


def test_a_static_learning_rate_ignores_dopamine() -> None:
    assert Hyperparameters(learning_rate_dynamic=False).learning_rate(0.8) == 0.05


@pytest.mark.parametrize(
    ("dopamine", "signal", "expected"),
    [
        (0.4, 1.0, {"alpha": 1.045, "gamma": 0.0775, "lambda": 1.045, "mu": 0.08875, "nu": 0.03875}),
        (0.4, -0.2, {"alpha": 0.991, "gamma": 0.1045, "lambda": 0.991, "mu": 0.10225, "nu": 0.05225}),
        (0.8, 0.5, {"alpha": 1.03, "gamma": 0.085, "lambda": 1.03, "mu": 0.0925, "nu": 0.0425}),
    ],
)
def test_the_literal_rule(dopamine: float, signal: float, expected: dict[str, float]) -> None:
    assert rewarded(dopamine, signal) == pytest.approx(expected | {"beta": 0.2, "tau": 0.7})


def test_salience_weighs_novelty_and_error_alike(hyperparameters: Hyperparameters) -> None:
    assert salience(0.8, 0.6, hyperparameters) == pytest.approx(0.7)


def test_a_value_goes_a_tenth_of_the_way(hyperparameters: Hyperparameters) -> None:
    assert step_value(0.5, hyperparameters.value_rate, helpful=True) == pytest.approx(0.55)
    assert step_value(0.5, hyperparameters.value_rate, helpful=False) == pytest.approx(0.45)


def test_every_constant_is_explained_in_the_docs() -> None:
    page = (Path(__file__).parents[3] / "docs/reference/learning.md").read_text()
    assert [field.name for field in fields(Hyperparameters) if field.name not in page] == []


def test_annealing_is_exponential() -> None:
    assert anneal(10, Hyperparameters(tau_anneal_rate=0.05)) == pytest.approx(0.4246, abs=5e-5)


def test_all_the_worked_numbers_of_the_specification(vectors: dict[str, Any], hyperparameters: Hyperparameters) -> None:
    for dopamine, rate in vectors["effective_learning_rate"]["cases"]:
        assert hyperparameters.learning_rate(dopamine) == pytest.approx(rate)
    for case in vectors["scalar_update_from_defaults"]:
        after = rewarded(case["dopamine"], case["signal"])
        assert {name: after[name] for name in case["after"]} == pytest.approx(case["after"])
    for case in vectors["salience_half_half"]:
        assert salience(case["novelty"], case["error"], hyperparameters) == pytest.approx(case["salience"])
    for case in vectors["softmax"]:
        assert softmax(case["scores"], case["tau"]) == pytest.approx(case["p"], abs=5e-5)
    case = vectors["exponential_tau"]
    slowing = Hyperparameters(tau_default=case["tau0"], tau_anneal_rate=case["rate"])
    assert anneal(case["steps"], slowing) == pytest.approx(case["tau"], abs=5e-5)
