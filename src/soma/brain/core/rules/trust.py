"""Trust: how far what was learned is believed, by how much better than the prior it foretold what it had not seen.

One question in four is never learned from: what helped then is counted for the learned weights or for the prior,
whichever put it higher, w and l. Both begin as if w_0 and l_0 had been counted, and old counts fade. The lower bound
of the share of wins (Wilson, 1927) decides:

p = w / (w + l), n = w + l
low = (p + z^2 / 2n - z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n)
k = (low - none) / (whole - none), within [0, 1]

Without held-out questions, as before there were any, the sum of loss(prior) - loss(w) decides: the log likelihood
ratio of the learned weights against the prior, so k = sigmoid(0.3 sum) is their posterior at even odds, tempered.
"""

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

import msgspec

from soma.brain.core.arithmetic import clamp, sigmoid
from soma.brain.core.hyperparameters import Hyperparameters


class HeldOut(msgspec.Struct, frozen=True, gc=False):
    """Held-out questions, counted for the learned weights (`wins`) and for the prior; older ones count less."""

    wins: float
    losses: float


class TrackRecord(NamedTuple):
    """The sum of loss(prior) - loss(w), and the held-out questions."""

    advantage: float
    held_out: HeldOut | None


NOTHING_HELD_OUT = HeldOut(0.0, 0.0)
NO_RECORD = TrackRecord(0.0, None)


def count_question(old: HeldOut, hyperparameters: Hyperparameters, *, won: bool) -> HeldOut:
    """Count a held-out question for or against the learned weights; older ones fade."""
    memory = hyperparameters.held_out_memory
    return HeldOut(memory * old.wins + (1.0 if won else 0.0), memory * old.losses + (0.0 if won else 1.0))


def add_advantage(trust_sum: float, advantage: float, hyperparameters: Hyperparameters) -> float:
    """Add loss(prior) - loss(w) of one feedback, from before learning it: at most 3 either way, and 20 in sum."""
    advantage = clamp(advantage, -hyperparameters.advantage_limit, hyperparameters.advantage_limit)
    return clamp(trust_sum + advantage, -hyperparameters.trust_limit, hyperparameters.trust_limit)


def trust(record: TrackRecord, hyperparameters: Hyperparameters) -> float:
    """Return k: how far the learned weights are served instead of the prior, in [0, 1]."""
    if not hyperparameters.held_out_share:
        return sigmoid(hyperparameters.trust_scale * record.advantage)
    counted = record.held_out or NOTHING_HELD_OUT
    wins, losses = counted.wins + hyperparameters.held_out_wins, counted.losses + hyperparameters.held_out_losses
    low = lower_bound(wins, losses, hyperparameters.held_out_deviations)
    none, whole = hyperparameters.trust_none, hyperparameters.trust_whole
    return clamp((low - none) / (whole - none), 0.0, 1.0)


def earned_trust(record: TrackRecord, hyperparameters: Hyperparameters) -> float:
    """Return the part of trust above its start, as a share of all there was to earn; 0 below it."""
    start = trust(NO_RECORD, hyperparameters)
    if start >= 1.0:
        return 0.0
    return max(0.0, trust(record, hyperparameters) - start) / (1.0 - start)


def lower_bound(wins: float, losses: float, deviations: float) -> float:
    """Return the lower bound of a share, `deviations` standard deviations below what was counted (Wilson, 1927)."""
    n = wins + losses
    p, square = wins / n, deviations * deviations
    spread = sqrt(p * (1.0 - p) / n + square / (4.0 * n * n))
    return (p + square / (2.0 * n) - deviations * spread) / (1.0 + square / n)


def blend(prior: Sequence[float], weights: Sequence[float], k: float) -> tuple[float, ...]:
    """Mix the prior with the learned weights: (1 - k) prior + k w, weight by weight."""
    return tuple([(1.0 - k) * p + k * w for p, w in zip(prior, weights, strict=True)])
