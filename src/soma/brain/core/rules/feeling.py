"""Feeling: the prediction error and salience of an event, and the neuromodulator levels that it leaves behind."""

import msgspec

from soma.brain.core import modulators
from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.modulators import Modulators

UNKNOWN = 0.5  # novelty or confidence nobody stated: drives nothing


def salience(novelty: float, error: float, hyperparameters: Hyperparameters) -> float:
    """0.5 novelty + 0.5 error, in [0, 1]; novelty = 1 - max cosine to working memory, error = |delta| / 2."""
    return hyperparameters.novelty_share * novelty + hyperparameters.error_share * error


class Feeling(msgspec.Struct, frozen=True, gc=False):
    delta: float
    error: float
    novelty: float
    salience: float
    drives: Modulators
    raw_levels: Modulators
    """Levels after the event, not yet clamped to their bounds."""


def feel(
    before: Modulators,
    hyperparameters: Hyperparameters,
    *,
    delta: float = 0.0,
    surprise: float | None = None,
    novelty: float | None = None,
    confidence: float | None = None,
    urgency: float = 0.0,
) -> Feeling:
    """Work out what an event does to the levels `before` it.

    `surprise` stands for |delta| / 2 where evidence came instead of a reward.
    """
    error = 0.5 * abs(delta) if surprise is None else surprise
    novelty = UNKNOWN if novelty is None else novelty
    confidence = UNKNOWN if confidence is None else confidence
    drive = modulators.drives(delta, error, urgency=urgency, novelty=novelty, confidence=confidence)
    raw_levels = modulators.push(
        before, drive, hyperparameters.profile, hyperparameters.modulator_leak, hyperparameters.modulator_gain
    )
    return Feeling(delta, error, novelty, salience(novelty, error, hyperparameters), drive, raw_levels)


def next_baseline(baseline: float, delta: float, before: Modulators, hyperparameters: Hyperparameters) -> float:
    """baseline += 0.05 delta with serotonin at rest (Rescorla and Wagner, 1972).

    High serotonin means stable outcomes: such a learner changes its expectation more slowly.
    """
    calm = hyperparameters.profile.displacement("serotonin", before.serotonin)
    return baseline + hyperparameters.baseline_rate * (1.0 - hyperparameters.serotonin_reach * calm) * delta
