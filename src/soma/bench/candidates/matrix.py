"""The matrix of all candidates of all questions, and the usual figures of a ranking of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indexes = NDArray[np.int64]

DEEPEST = 20


@dataclass(frozen=True, slots=True)
class CandidateMatrix:
    """Candidates as rows, those of question q from `starts[q]` to `starts[q + 1]`; columns are `views` in [0, 1]."""

    views: Sequence[str]
    values: NDArray[np.float32]
    gold: NDArray[np.bool_]
    starts: Indexes
    gold_count: Indexes
    category: Indexes
    conversation: Indexes

    def __len__(self) -> int:
        return len(self.gold_count)

    @property
    def question(self) -> Indexes:
        """Return the question of each row."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    def columns(self, names: Sequence[str]) -> list[int]:
        return [list(self.views).index(name) for name in names]

    def scores(self, weights: Mapping[str, float]) -> Floats:
        names = [name for name in weights if name in self.views]
        values = self.values[:, self.columns(names)].astype(np.float64)
        scores: Floats = values @ np.array([weights[name] for name in names])
        return scores


def place_candidates(starts: Indexes, ends: Indexes) -> tuple[Indexes, NDArray[np.bool_]]:
    """Return the row of each candidate, [questions, candidates], and which places are beyond a question's last one.

    Those have row 0.
    """
    place = np.arange(int((ends - starts).max()))[None, :] + starts[:, None]
    absent: NDArray[np.bool_] = place >= ends[:, None]
    return np.where(absent, 0, place), absent


def join_matrices(parts: Sequence[CandidateMatrix]) -> CandidateMatrix:
    """Join the questions of several conversations, one matrix each."""
    ends = np.cumsum([0, *(len(part.gold) for part in parts)])
    starts = [part.starts[:-1] + end for part, end in zip(parts, ends, strict=False)]
    return CandidateMatrix(
        views=parts[0].views,
        values=np.concatenate([part.values for part in parts]),
        gold=np.concatenate([part.gold for part in parts]),
        starts=np.concatenate([*starts, ends[-1:]]),
        gold_count=np.concatenate([part.gold_count for part in parts]),
        category=np.concatenate([part.category for part in parts]),
        conversation=np.repeat(np.arange(len(parts)), [len(part) for part in parts]),
    )


def figures(matrix: CandidateMatrix, scores: Floats) -> dict[str, Floats]:
    """Return for each question recall at 5, 10 and 20, hit@1, the reciprocal rank of the first hit, and nDCG at 10."""
    tops = [_top(scores[start:end], start) for start, end in zip(matrix.starts, matrix.starts[1:], strict=False)]
    hits = np.zeros((len(matrix), DEEPEST), bool)
    for question, rows in enumerate(tops):
        hits[question, : len(rows)] = matrix.gold[rows]
    return figures_of_hits(hits, matrix.gold_count)


def figures_of_hits(hits: NDArray[np.bool_], gold_count: Indexes) -> dict[str, Floats]:
    """Like `figures`, from `hits` [questions, 20]: whether the memory at each rank is right."""
    discount = 1 / np.log2(np.arange(2, 12))
    ideal = np.cumsum(discount)[np.minimum(gold_count, 10) - 1]
    return {
        **{f"r{depth}": hits[:, :depth].sum(axis=1) / gold_count for depth in (5, 10, 20)},
        "hit1": hits[:, 0].astype(np.float64),
        "mrr": np.where(hits.any(axis=1), 1.0 / (1 + hits.argmax(axis=1)), 0.0),
        "ndcg10": (hits[:, :10] * discount).sum(axis=1) / ideal,
    }


def _top(scores: Floats, start: int) -> Indexes:
    return start + np.argsort(-scores, kind="stable")[:DEEPEST]


def summary(figure: Mapping[str, Floats], category: Indexes) -> dict[str, float]:
    """Average each figure: micro over the questions, macro over the means of the categories."""
    result = {}
    for name, values in figure.items():
        result[f"micro_{name}"] = float(values.mean())
        result[f"macro_{name}"] = macro(values, category)
    result["hit1"] = float(figure["hit1"].mean())
    for number in np.unique(category):
        result[f"category_{number}_r10"] = float(figure["r10"][category == number].mean())
    return result


def macro(values: Floats, category: Indexes) -> float:
    return float(np.mean([values[category == number].mean() for number in np.unique(category)]))


def interval(
    values: Floats, category: Indexes, groups: Indexes | None = None, *, draws: int = 1_000, seed: int = 0
) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the macro mean over questions or, with `groups`, whole conversations."""
    generator = np.random.default_rng(seed)
    members = [np.flatnonzero(groups == group) for group in np.unique(groups)] if groups is not None else []
    means = []
    for _ in range(draws):
        if groups is None:
            drawn = generator.integers(0, len(values), len(values))
        else:
            drawn = np.concatenate([members[k] for k in generator.integers(0, len(members), len(members))])
        means.append(macro(values[drawn], category[drawn]))
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)
