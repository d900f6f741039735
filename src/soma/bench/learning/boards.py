"""Boards: candidates that can be ranked by any weights, as vectors; the same bits as `brain.core.serving.rank`.

Columns are added in the order of their names, and equal scores keep the order of the keys.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from soma.bench.candidates.matrix import Floats, Indexes, place_candidates
from soma.bench.candidates.questions import QuestionSet
from soma.brain.context.held_out import is_held_out
from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.observations import VIEW_SCALE, Evidence, ShownMemory

SHOWN = 10
HYPERPARAMETERS = Hyperparameters()


class Board:
    """The questions of a tenant, with the views that a learner may see; `names` is the order of the views.

    One question in four is held out, by the rule of the brain and the text of the question.
    """

    def __init__(self, tenant: QuestionSet, views: Sequence[str] | None = None) -> None:
        self.tenant = tenant
        self.names = tuple(name for name in tenant.names if views is None or name in views)
        place, self._absent = place_candidates(tenant.starts[:-1], tenant.starts[1:])
        self.gold: NDArray[np.bool_] = tenant.gold[place] & ~self._absent
        self._held_out = [is_held_out(text, HYPERPARAMETERS) for text in tenant.texts]
        self._columns = []
        for name in self.names:
            column = tenant.values[:, tenant.names.index(name)][place].astype(np.float64)
            column[self._absent] = 0.0
            self._columns.append(column)

    def __len__(self) -> int:
        return len(self.gold)

    def values_of(self, questions: Indexes) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return the values of some questions in [0, 1], [views, questions, candidates], and which are absent."""
        columns = np.stack([(column[questions] / VIEW_SCALE).astype(np.float32) for column in self._columns])
        return columns, self._absent[questions]

    def top(self, weights: Sequence[float], questions: Indexes | slice) -> Indexes:
        """Return the places of the ten best candidates of each question, best first."""
        absent = self._absent[questions]
        scores = np.zeros(absent.shape)
        for weight, column in zip(weights, self._columns, strict=True):
            if weight:
                scores += weight * column[questions]
        scores /= VIEW_SCALE
        scores[absent] = -np.inf
        return np.argsort(-scores, axis=1, kind="stable")[:, :SHOWN]

    def scores(self, weights: Sequence[float], questions: Indexes | slice) -> tuple[Floats, Floats]:
        """Return for each question recall at 10, and whether the first memory is right."""
        right = np.take_along_axis(self.gold[questions], self.top(weights, questions), axis=1)
        return right.sum(axis=1) / self.tenant.gold_count[questions], right[:, 0].astype(np.float64)

    def best_of(self, weights: Sequence[float], question: int) -> list[int]:
        """Return the places of the ten best candidates of one question."""
        return [int(place) for place in self.top(weights, slice(question, question + 1))[0]]

    def recall_of(self, shown: Sequence[int], question: int) -> float:
        """Return recall at 10 of what was shown."""
        return float(self.gold[question, shown].sum() / self.tenant.gold_count[question])

    def evidence(self, shown: Sequence[int], question: int, *, wrong: float | None = None) -> Evidence:
        """Return the feedback on what was shown: which memories helped, or that none did.

        With `wrong` in [0, 1), one of the others is named instead.
        """
        helpful = [place for place in shown if self.gold[question, place]]
        others = [place for place in shown if not self.gold[question, place]]
        if wrong is not None and others:
            helpful = [others[int(wrong * len(others))]]
        columns = [column[question, shown].astype(int).tolist() for column in self._columns]
        return Evidence(
            views=self.names,
            shown=tuple(
                ShownMemory(str(place), row) for place, row in zip(shown, zip(*columns, strict=True), strict=True)
            ),
            helpful=tuple(map(str, helpful)),
            unhelpful=() if helpful else tuple(map(str, shown)),
            held_out=self._held_out[question],
        )
