"""Peers: the rules of other systems that learn how to mix, told again from their descriptions; no code is theirs.

- `thompson`: Thompson sampling over 40 preset weights, with counts of its own for each kind of question.
- `pairwise`: logistic loss on pairs of what helped and what was shown beside it; held-out questions open a blend.
- `softmax`: gradient steps on six weights, one for each group of views, with softmax applied again after each step.

Where theirs have a small network, ours is linear, so that every column gives weights for the same views.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from soma.bench.candidates.matrix import Floats
from soma.bench.learning.priors import Prior, as_columns
from soma.bench.learning.rules import FixedWeights, Learner, Weights, literal_learner
from soma.brain.core.observations import VIEW_SCALE, Evidence
from soma.brain.core.rules.trust import lower_bound

GROUPS: Mapping[str, tuple[str, ...]] = {
    "meaning": ("semantic", "vector", "passage"),
    "words": ("words",),
    "marks": ("identifier", "number"),
    "nearby": ("window", "surroundings", "session"),
    "people": ("graph", "author", "about", "participant", "user"),
    "time": ("temporal", "date", "when", "newest"),
}
FACTORS = (0.0, 0.5, 2.0, 4.0)  # of one group in a preset; pairs of groups are doubled
RATE = 0.5  # of a step of `pairwise`
DECAY = 0.001  # of its weights at each step
GATE, GATE_DEVIATIONS, BLEND = 0.52, 3.0, 0.7  # a lower bound of wins above GATE opens a blend of BLEND
SOFTMAX_RATE, FLOOR = 0.1, 0.05


class Peer(Protocol):
    """A way to learn whose weights may differ by the kind of a question (`kind`, a number)."""

    def weights_for(self, kind: int) -> Weights:
        """Return the weights that rank the next question."""

    def final_weights_for(self, kind: int) -> Weights:
        """Return the weights that would rank a question if learning ended now."""

    def learn_from(self, evidence: Evidence, kind: int) -> None: ...


class OneForAll:
    """A learner that has the same weights for every kind of question, as a peer."""

    def __init__(self, learner: Learner) -> None:
        self._learner = learner

    def weights_for(self, _: int) -> Weights:
        return self._learner.next_weights()

    def final_weights_for(self, _: int) -> Weights:
        return self._learner.final_weights()

    def learn_from(self, evidence: Evidence, _: int) -> None:
        self._learner.learn_from(evidence)


class ThompsonByKind:
    """Thompson sampling over presets; each begins at Beta(1, 1), and earns the reciprocal rank of the first hit."""

    def __init__(self, presets: Sequence[Weights], seed: int) -> None:
        self._presets = presets
        self._odds: dict[int, list[tuple[float, float]]] = {}
        self._draws = random.Random(seed)
        self._chosen = 0

    def weights_for(self, kind: int) -> Weights:
        drawn = [self._draws.betavariate(good, bad) for good, bad in self._of(kind)]
        self._chosen = drawn.index(max(drawn))
        return self._presets[self._chosen]

    def final_weights_for(self, kind: int) -> Weights:
        means = [good / (good + bad) for good, bad in self._of(kind)]
        return self._presets[means.index(max(means))]

    def learn_from(self, evidence: Evidence, kind: int) -> None:
        ranks = [rank for rank, memory in enumerate(evidence.shown, 1) if memory.id in evidence.helpful]
        reward = 1.0 / ranks[0] if ranks else 0.0
        good, bad = self._of(kind)[self._chosen]
        self._odds[kind][self._chosen] = good + reward, bad + 1.0 - reward

    def _of(self, kind: int) -> list[tuple[float, float]]:
        return self._odds.setdefault(kind, [(1.0, 1.0)] * len(self._presets))


class PairwiseRanker:
    """Weights learned from pairs, served only while held-out questions favour them, and then blended with the prior."""

    def __init__(self, prior: Weights) -> None:
        self._prior = np.array(prior)
        self._weights = np.zeros(len(prior))
        self._wins = self._losses = 0

    def next_weights(self) -> Weights:
        size = np.abs(self._weights).sum()
        if not size or not self._is_open():
            return tuple(self._prior.tolist())
        learned = self._weights * np.abs(self._prior).sum() / size
        return tuple((BLEND * learned + (1.0 - BLEND) * self._prior).tolist())

    def final_weights(self) -> Weights:
        return self.next_weights()

    def learn_from(self, evidence: Evidence) -> None:
        pairs = _pairs(evidence)
        if not len(pairs):
            return
        if evidence.held_out:
            learned, before = ((pairs @ weights > 0).sum() for weights in (self._weights, self._prior))
            self._wins += int(learned > before)
            self._losses += int(learned < before)
            return
        self._weights += RATE * _logistic_slope(pairs, self._weights) - DECAY * self._weights

    def _is_open(self) -> bool:
        return bool(self._wins) and lower_bound(self._wins, self._losses, GATE_DEVIATIONS) > GATE


class SoftmaxGroups:
    """A share for each group of views, which stands for the weights of the prior; the shares sum to 1."""

    def __init__(self, prior: Weights, names: Sequence[str]) -> None:
        self._prior = np.array(prior)
        members = np.array([[name in group for name in names] for group in GROUPS.values()])
        self._rest = np.where(members.any(axis=0), 0.0, self._prior)
        sizes = np.maximum((np.abs(self._prior) * members).sum(axis=1), 1e-9)
        self._shares = sizes / sizes.sum()
        self._columns = members * self._prior / self._shares[:, None]

    def next_weights(self) -> Weights:
        return tuple((self._shares @ self._columns + self._rest).tolist())

    def final_weights(self) -> Weights:
        return self.next_weights()

    def learn_from(self, evidence: Evidence) -> None:
        pairs = _pairs(evidence)
        if not len(pairs):
            return
        raised = np.exp(self._shares + SOFTMAX_RATE * _logistic_slope(pairs @ self._columns.T, self._shares))
        floored = np.maximum(raised / raised.sum(), FLOOR)
        self._shares = floored / floored.sum()


def presets_of(prior: Prior) -> list[Prior]:
    """Return 40 presets: the prior, each group of views by each of FACTORS, and each pair of groups doubled."""
    scalings: list[dict[str, float]] = [{}]
    scalings += [{group: factor} for group in GROUPS for factor in FACTORS]
    scalings += [dict.fromkeys(pair, 2.0) for pair in combinations(GROUPS, 2)]
    return [_scale_groups(prior, scaling) for scaling in scalings]


def _scale_groups(prior: Prior, scaling: Mapping[str, float]) -> Prior:
    factors = {view: factor for group, factor in scaling.items() for view in GROUPS[group]}
    return {view: weight * factors.get(view, 1.0) for view, weight in prior.items()}


def _pairs(evidence: Evidence) -> Floats:
    """Return values of what helped less values of what did not, [pairs, views]; none where nothing was told apart."""
    values = np.array([memory.values for memory in evidence.shown], np.float64) / VIEW_SCALE
    helped: NDArray[np.bool_] = np.array([memory.id in evidence.helpful for memory in evidence.shown])
    apart = values[helped][:, None, :] - values[~helped][None, :, :]
    return apart.reshape(-1, values.shape[1])


def _logistic_slope(pairs: Floats, weights: Floats) -> Floats:
    """Return the mean direction in which weights put more of the pairs, [pairs, weights], the right way round."""
    doubt = 1.0 / (1.0 + np.exp(pairs @ weights))
    slope: Floats = (doubt @ pairs) / len(pairs)
    return slope


PEERS: Mapping[str, Callable[[Prior, Sequence[str], int], Peer]] = {
    "fixed": lambda prior, names, _: OneForAll(FixedWeights(as_columns(prior, names))),
    "literal": lambda prior, _, __: OneForAll(literal_learner(prior)),
    "thompson": lambda prior, names, order: ThompsonByKind(
        [as_columns(preset, names) for preset in presets_of(prior)], order
    ),
    "pairwise": lambda prior, names, _: OneForAll(PairwiseRanker(as_columns(prior, names))),
    "softmax": lambda prior, names, _: OneForAll(SoftmaxGroups(as_columns(prior, names), names)),
}
"""Makes a peer from a prior, the order of the views, and a seed."""
