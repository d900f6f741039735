"""Learners that are compared: each serves weights, learns from evidence, and has final weights."""

import random
from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec.structs import replace

from soma.brain.core.hyperparameters import Hyperparameters, Rule
from soma.brain.core.learn import learn_from_evidence
from soma.brain.core.observations import Evidence
from soma.brain.core.rules import literal
from soma.brain.core.rules.feeling import next_baseline
from soma.brain.core.serving.serve import serve
from soma.brain.core.state import LearnerState
from soma.brain.core.weights import Views

Weights = Sequence[float]


class Learner(Protocol):
    """A way to learn; its weights are in the order of the views by name."""

    def next_weights(self) -> Weights:
        """Return the weights that rank the next question."""

    def final_weights(self) -> Weights:
        """Return the weights that would rank questions if learning ended now."""

    def learn_from(self, evidence: Evidence) -> None: ...


class FixedWeights:
    def __init__(self, weights: Weights) -> None:
        self._weights = tuple(weights)

    def next_weights(self) -> Weights:
        return self._weights

    def final_weights(self) -> Weights:
        return self._weights

    def learn_from(self, evidence: Evidence) -> None:
        """Ignore the evidence."""


class CoreLearner:
    """The learner of the brain, with the rule that its hyperparameters name."""

    def __init__(self, prior: Mapping[str, float], **changed: object) -> None:
        self.settings = Hyperparameters(views=Views.of(prior), **changed)  # type: ignore[arg-type]
        self.state = LearnerState.initial(self.settings)

    def next_weights(self) -> Weights:
        return serve(self.state, self.settings).weights

    def final_weights(self) -> Weights:
        return self.next_weights()

    def learn_from(self, evidence: Evidence) -> None:
        self.state, _ = learn_from_evidence(self.state, evidence, self.settings)


def literal_learner(prior: Mapping[str, float]) -> CoreLearner:
    return CoreLearner(prior, learning_rule=Rule.LITERAL)


class CentredLearner(CoreLearner):
    """The literal rule, with reward minus baseline as its signal."""

    def __init__(self, prior: Mapping[str, float]) -> None:
        super().__init__(prior, learning_rule=Rule.LITERAL)

    def learn_from(self, evidence: Evidence) -> None:
        state, settings = self.state, self.settings
        delta = literal.evidence_signal(evidence) - state.baseline
        parameters = literal.move_parameters(state.parameters, settings.learning_rate(state.modulators.dopamine), delta)
        baseline = next_baseline(state.baseline, delta, state.modulators, settings)
        self.state = replace(state, retrieval=parameters.retrieval, baseline=baseline)


class ThompsonLearner:
    """Thompson sampling over presets: each starts at Beta(1, 1); the reward is the reciprocal rank of the first hit."""

    def __init__(self, presets: Sequence[Weights], seed: int) -> None:
        self._presets = [tuple(preset) for preset in presets]
        self._odds = [(1.0, 1.0) for _ in presets]
        self._draws = random.Random(seed)
        self._chosen = 0

    def next_weights(self) -> Weights:
        drawn = [self._draws.betavariate(good, bad) for good, bad in self._odds]
        self._chosen = drawn.index(max(drawn))
        return self._presets[self._chosen]

    def final_weights(self) -> Weights:
        means = [good / (good + bad) for good, bad in self._odds]
        return self._presets[means.index(max(means))]

    def learn_from(self, evidence: Evidence) -> None:
        ranks = [rank for rank, memory in enumerate(evidence.shown, 1) if memory.id in evidence.helpful]
        reward = 1.0 / ranks[0] if ranks else 0.0
        good, bad = self._odds[self._chosen]
        self._odds[self._chosen] = good + reward, bad + 1.0 - reward
