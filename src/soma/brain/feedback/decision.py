"""The decision on one feedback: what it teaches a learner, and all that follows from it. Pure.

`learn_from` decides. A single feedback commits its result, a batch folds many into one `Consequences`; both are
written by `commit.py`.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import NamedTuple

from soma.brain.context.corrections import LearnedCorrection
from soma.brain.core.explanation import Explanation
from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.learn import learn
from soma.brain.core.observations import AnswerVerdict, Evidence
from soma.brain.core.state import LearnerState
from soma.brain.experiments.metrics import MetricValue
from soma.brain.feedback.meaning import (
    FeedbackWithTarget,
    Row,
    Spending,
    add_spending,
    aspect_of,
    corrections_of,
    has_effect,
    measure,
    observations_of,
    row_of,
    void_of,
)
from soma.brain.feedback.statements import CREDIT, EVIDENCE, LearnedStatement, StatementDecision
from soma.brain.learners.observations import Learnable, LearningStep, NamedMemory, named_memories
from soma.events.facts.learning import RewardVoided


class FeedbackResult(NamedTuple):
    """Result of one feedback: a step for each observation that was learned.

    `reason` says why nothing was applied; None where something was. `versions` are the learner's after each aspect.
    """

    feedback: FeedbackWithTarget
    state: LearnerState
    steps: tuple[LearningStep, ...]
    versions: dict[str, int]
    reason: str | None
    reward: float | None

    @property
    def observations(self) -> list[Learnable]:
        return [step.observation for step in self.steps]

    @property
    def explanations(self) -> list[Explanation]:
        return [step.explanation for step in self.steps]

    @property
    def is_held_out(self) -> bool:
        return any(isinstance(step.observation, Evidence) and step.observation.held_out for step in self.steps)

    @property
    def is_applied(self) -> bool:
        return self.reason is None

    @property
    def rewarded_turn(self) -> str | None:
        """Turn whose verdict was learned, if it was named: a verdict is the last step."""
        is_verdict = bool(self.steps) and isinstance(self.steps[-1].observation, AnswerVerdict)
        return self.feedback.body.turn_id if is_verdict else None


def learn_from(
    state: LearnerState,
    feedback: FeedbackWithTarget,
    decision: StatementDecision,
    hyperparameters: Hyperparameters,
) -> FeedbackResult:
    """Learn what the feedback says, but for the statements that `decision` refuses."""
    observations, reason = observations_of(feedback, decision.refused, hyperparameters)
    steps, versions, is_applied, reward = [], {}, False, None
    for observation in observations:
        state, explanation = learn(state, observation, hyperparameters)
        steps.append(LearningStep(observation, state, explanation))
        versions[aspect_of(observation)] = state.version
        is_applied = is_applied or has_effect(explanation)
        reward = explanation.reward if reward is None else reward
    reason = None if is_applied else reason or "nothing_to_compare"
    return FeedbackResult(feedback, state, tuple(steps), versions, reason, reward)


@dataclass(slots=True)
class Consequences:
    """All that follows from feedback beside the learner's state, to be written with it.

    `outcomes` are of experiments, each under the name of the statement that says it; `rewards` are turns with the
    version after their verdict; `named` are memories whose own value moves.
    """

    rows: list[Row] = field(default_factory=list)
    named: list[NamedMemory] = field(default_factory=list)
    rewards: list[tuple[str, int]] = field(default_factory=list)
    voids: list[RewardVoided] = field(default_factory=list)
    outcomes: list[tuple[str, MetricValue]] = field(default_factory=list)
    corrections: list[LearnedCorrection] = field(default_factory=list)
    statements: list[LearnedStatement] = field(default_factory=list)
    spent: Spending = field(default_factory=dict)
    applied: int = 0

    def add(
        self, result: FeedbackResult, metrics: Collection[str], hyperparameters: Hyperparameters, *, at: str
    ) -> None:
        """Add what follows from one result but its statements: these the caller adds."""
        feedback, version = result.feedback, result.state.version
        for step in result.steps:
            self.named += named_memories(step.explanation)
        self.corrections += corrections_of(feedback, result.versions.get(EVIDENCE, result.versions.get(CREDIT)))
        if (turn_id := result.rewarded_turn) is not None:
            self.rewards.append((turn_id, version))
        if (void := void_of(feedback, version)) is not None:
            self.voids.append(void)
        if metrics and not feedback.body.is_credit:  # an experiment counts what people judge
            self.outcomes += measure(feedback, result.observations, metrics, hyperparameters)
        add_spending(self.spent, feedback)
        self.applied += result.is_applied
        learned_at = version if result.steps else None
        self.rows.append(row_of(feedback, reward=result.reward, version=learned_at, reason=result.reason, at=at))
