"""Explanation: why a step of the learner moved what it moved, as plain data; every term has a name."""

import msgspec
from msgspec.structs import astuple

from soma.brain.core.hyperparameters import Hyperparameters, Rule
from soma.brain.core.modulators import NAMES
from soma.brain.core.observations import AnswerVerdict, Evidence, IterationOutcome
from soma.brain.core.promotion import Promotion
from soma.brain.core.restore import Restore
from soma.brain.core.rules import evidence, gates, literal
from soma.brain.core.rules.evidence import Judgement
from soma.brain.core.rules.feeling import Feeling
from soma.brain.core.rules.reward import Terms
from soma.brain.core.state import LearnerState


class Explanation(msgspec.Struct, frozen=True, gc=False):
    """Terms that a step left behind; the properties work out the rest when somebody asks."""

    reason: str
    before: LearnerState
    after: LearnerState
    observation: AnswerVerdict | Evidence | IterationOutcome | Restore | Promotion
    hyperparameters: Hyperparameters
    feeling: Feeling | None = None
    reward: float | None = None
    terms: Terms = ()
    outliers: tuple[str, ...] = ()
    gated: bool = False
    guarded: bool = False
    judgement: Judgement | None = None
    gradient: tuple[float, ...] = ()
    """One slope a view, in the order of the state after."""
    shape_moves: tuple[float, ...] = ()
    """How far each weight moved because the shape of the data became clearer."""
    values: tuple[tuple[str, bool], ...] = ()
    """Memories whose own value changes: (id, helpful)."""

    @property
    def learning_rate(self) -> float:
        """lr_eff, from dopamine before the event."""
        return self.hyperparameters.learning_rate(self.before.modulators.dopamine)

    @property
    def salience(self) -> float:
        return self.feeling.salience if self.feeling else 0.0

    @property
    def gates(self) -> gates.Gates:
        return gates.gates(self.salience, self.before.modulators, self.hyperparameters)

    @property
    def signal(self) -> float | None:
        """The one scalar of the literal rule."""
        if self.hyperparameters.learning_rule is not Rule.LITERAL or self.feeling is None:
            return None
        seen = self.observation
        return literal.evidence_signal(seen) if isinstance(seen, Evidence) else self.reward

    @property
    def credit(self) -> float:
        match self.observation:
            case Evidence(source=source):
                return evidence.credit_of(source, self.before.retrieval.record, self.hyperparameters)
            case IterationOutcome():
                return self.hyperparameters.outcome_credit
            case _:
                return 1.0

    @property
    def value_share(self) -> float:
        """Share of `value_rate` by which the values of memories move."""
        seen = self.observation
        return evidence.value_share(seen.source, self.hyperparameters) if isinstance(seen, Evidence) else 1.0

    @property
    def clipped_names(self) -> tuple[str, ...]:
        """Names of what was clipped: terms of the observation, weights by their gradient, levels at their bounds."""
        if self.feeling is None or self.feeling.raw_levels == self.after.modulators:
            return self.outliers
        pushed = zip(NAMES, astuple(self.feeling.raw_levels), astuple(self.after.modulators), strict=True)
        return (*self.outliers, *(name for name, level, kept in pushed if level != kept))
