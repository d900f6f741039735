"""Guard: two rolling scores, and the way back when one falls: parameters that proved worse are undone by themselves.

A score has a fast and a slow exponential mean. It has fallen when the fast one is three of its own standard deviations
below the slow one, the limit of an EWMA control chart (Roberts, 1959); the variance is Finch's incremental one (2009).
"""

import msgspec
from msgspec.structs import replace

from soma.brain.core.arithmetic import clamp
from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.rules.evidence import Retrieval
from soma.brain.core.rules.temperature import Temperature
from soma.brain.core.rules.utility import Utility


class Parameters(msgspec.Struct, frozen=True, gc=False):
    """The learned part of a state, without levels and counts: what the guard may put back."""

    retrieval: Retrieval
    utility: Utility
    temperature: Temperature


class Rolling(msgspec.Struct, frozen=True, gc=False):
    """Two exponential means of one score, with the variance round the slow one."""

    scored: int
    fast: float
    slow: float
    variance: float


class Guard(msgspec.Struct, frozen=True, gc=False):
    evidence: Rolling
    """Score loss(prior) - loss(w): how much better than by the prior each piece of evidence was foretold."""
    reward: Rolling
    good: Parameters | None
    """The last parameters kept while no score fell."""


START = Rolling(0, 0.0, 0.0, 0.0)
INITIAL = Guard(START, START, None)


def add_score(old: Rolling, score: float, hyperparameters: Hyperparameters) -> Rolling:
    """Move both means, and the variance round the slow one, by one score."""
    scored, fast, slow = old.scored + 1, old.fast, old.slow
    fast_rate, slow_rate = hyperparameters.guard_fast, hyperparameters.guard_slow
    if scored * slow_rate < 1.0:  # the first scores are averaged plainly, so that the start weighs nothing
        slow_rate = 1.0 / scored
        fast_rate = max(fast_rate, slow_rate)
    miss = score - slow
    return Rolling(
        scored,
        fast + fast_rate * (score - fast),
        slow + slow_rate * miss,
        (1.0 - slow_rate) * (old.variance + slow_rate * miss * miss),
    )


def has_worsened(score: Rolling, hyperparameters: Hyperparameters) -> bool:
    """Return whether slow - fast > 3 standard deviations of the fast mean, sqrt(variance rate / (2 - rate))."""
    fall = score.slow - score.fast
    if fall <= 0.0 or score.scored < hyperparameters.guard_warmup:
        return False
    rate, deviations = hyperparameters.guard_fast, hyperparameters.guard_deviations
    return fall * fall > deviations * deviations * score.variance * rate / (2.0 - rate)


def is_checkpoint(score: Rolling, hyperparameters: Hyperparameters) -> bool:
    """Return whether it is time to keep the parameters as good: every 25 scores, while the score does not fall."""
    return (
        score.scored % hyperparameters.guard_snapshot_every == 0
        and score.scored >= hyperparameters.guard_warmup
        and score.fast >= score.slow
    )


def watch_evidence(
    guard: Guard, parameters: Parameters, advantage: float, hyperparameters: Hyperparameters
) -> tuple[Guard, Parameters, bool]:
    """Score new parameters by the advantage of their predecessors over the prior.

    Returns the guard, the parameters to go on with (the new ones or, if the score fell, the last good ones), and
    whether the guard put them back.
    """
    limit = hyperparameters.advantage_limit
    advantage = clamp(advantage, -limit, limit)  # one wild event must not hide a fall in the variance
    score, good, guarded = _watch(guard.evidence, guard.good, parameters, advantage, hyperparameters)
    return Guard(score, guard.reward, good), good if guarded and good else parameters, guarded


def watch_reward(
    guard: Guard, parameters: Parameters, reward: float, hyperparameters: Hyperparameters
) -> tuple[Guard, Parameters, bool]:
    """Score new parameters by a reward; returns as `watch_evidence` does."""
    score, good, guarded = _watch(guard.reward, guard.good, parameters, reward, hyperparameters)
    return Guard(guard.evidence, score, good), good if guarded and good else parameters, guarded


def _watch(
    old: Rolling, good: Parameters | None, parameters: Parameters, score: float, hyperparameters: Hyperparameters
) -> tuple[Rolling, Parameters | None, bool]:
    rolling = add_score(old, score, hyperparameters)
    if good and has_worsened(rolling, hyperparameters):
        # Start again from the usual score, still on the watch: whatever spoiled the parameters may go on.
        return replace(rolling, fast=rolling.slow), good, True
    return rolling, parameters if is_checkpoint(rolling, hyperparameters) else good, False
