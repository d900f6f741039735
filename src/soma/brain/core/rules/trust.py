"""Trust: how far what was learned is believed, by how much better than the prior it foretold the evidence so far.

The sum of loss(prior) - loss(w) is the log likelihood ratio of the learned weights against the prior, so k is their
posterior at even odds, tempered by 0.3 and bounded.
"""

from collections.abc import Sequence

from soma.brain.core.arithmetic import clamp, sigmoid
from soma.brain.core.hyperparameters import Hyperparameters


def add_advantage(trust_sum: float, advantage: float, hyperparameters: Hyperparameters) -> float:
    """Add loss(prior) - loss(w) of one feedback, from before learning it: at most 3 either way, and 20 in sum."""
    advantage = clamp(advantage, -hyperparameters.advantage_limit, hyperparameters.advantage_limit)
    return clamp(trust_sum + advantage, -hyperparameters.trust_limit, hyperparameters.trust_limit)


def trust(trust_sum: float, hyperparameters: Hyperparameters) -> float:
    """k = sigmoid(0.3 sum), in (0, 1)."""
    return sigmoid(hyperparameters.trust_scale * trust_sum)


def earned_trust(trust_sum: float, hyperparameters: Hyperparameters) -> float:
    """2 k - 1: the part of trust above its start of 1/2; 0 below it."""
    return max(0.0, 2.0 * trust(trust_sum, hyperparameters) - 1.0)


def blend(prior: Sequence[float], weights: Sequence[float], k: float) -> tuple[float, ...]:
    """(1 - k) prior + k w, weight by weight."""
    return tuple([(1.0 - k) * p + k * w for p, w in zip(prior, weights, strict=True)])
