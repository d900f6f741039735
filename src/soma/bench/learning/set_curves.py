"""Curves on any set: one learner a set, the questions of all its collections mixed, two thirds of them taught.

Figures are pairs, recall at 10 and hit@1, in percent.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from soma.bench.candidates.fitting import fit_weights
from soma.bench.candidates.fixed_weights import FITTED
from soma.bench.candidates.matrix import CandidateMatrix, Floats, Indexes
from soma.bench.learning.boards import Board
from soma.bench.learning.courses import MARKS, Course, course_within
from soma.bench.learning.drops import Examined, worst_drop_interval
from soma.bench.learning.peers import PEERS, OneForAll, Peer
from soma.bench.learning.priors import as_columns
from soma.bench.learning.rules import Weights
from soma.bench.learning.starts import Start
from soma.memory.text.languages import ENGLISH
from soma.memory.text.vocabulary import BY_LANGUAGE
from soma.memory.text.words import tokens

WRONG = (0.0, 0.1, 0.3)  # shares of the feedbacks that name a wrong memory
TYPICAL = 0.1
EVIDENCE = "evidence"  # the column of the brain's own rule
OWN = (EVIDENCE, TYPICAL)
SHOWN = 10
MORE = 4  # times as many orders for the brain's own rule, or chance decides how far it drops

CurveKey = tuple[str, str, float]
"""Start, column, share of wrong feedback."""


@dataclass(frozen=True, slots=True)
class SetCurves:
    """Curves of a set, [orders, marks, 2], and what weights fitted to the taught questions reach, [orders, 2].

    `worst_drops` are intervals of the worst drop of the brain's own rule, [2, (low, high)].
    """

    questions: int
    curves: Mapping[CurveKey, Floats]
    fitted: Floats
    worst_drops: Mapping[CurveKey, Floats] = field(default_factory=dict)


class Examination:
    """The examined questions as arrays: `columns` [views, questions, candidates]."""

    def __init__(self, board: Board, questions: Indexes, kinds: Indexes) -> None:
        self.kinds = kinds[questions]
        self._gold, self._gold_count = board.gold[questions], board.tenant.gold_count[questions]
        self._columns, self._absent = board.values_of(questions)

    def figures(self, weights_for: Callable[[int], Weights]) -> Floats:
        """Return the figures of a ranking whose weights may differ by the kind of question, [questions, 2]."""
        by_weights: dict[Weights, list[int]] = {}
        for kind in np.unique(self.kinds).tolist():
            by_weights.setdefault(tuple(weights_for(kind)), []).append(kind)
        found = np.zeros((len(self._gold), 2))
        for weights, kinds in by_weights.items():
            chosen = np.isin(self.kinds, kinds)
            found[chosen] = self._rank(weights, chosen if len(by_weights) > 1 else slice(None))
        figures: Floats = 100.0 * found
        return figures

    def _rank(self, weights: Weights, chosen: NDArray[np.bool_] | slice) -> Floats:
        scores = np.tensordot(np.array(weights, np.float32), self._columns[:, chosen], 1)
        scores[self._absent[chosen]] = -np.inf
        gold = self._gold[chosen]
        best = np.argpartition(-scores, min(SHOWN, scores.shape[1]) - 1, axis=1)[:, :SHOWN]
        found = np.take_along_axis(gold, best, axis=1).sum(axis=1) / self._gold_count[chosen]
        first = gold[np.arange(len(scores)), scores.argmax(axis=1)]
        return np.stack([found, first], axis=1)


def kinds_of(board: Board) -> Indexes:
    """Return the kind of each question, from 0 to 7: asks when, who, how many or else; whether it names something."""
    return np.array([_kind(text) for text in board.tenant.texts], np.int64)


def _kind(text: str) -> int:
    lower, words = text.lower(), tokens(text)
    tests = (
        BY_LANGUAGE[ENGLISH].asks_when.search(lower),
        "who" in words or "whose" in words,
        BY_LANGUAGE[ENGLISH].asks_number.search(lower),
    )
    asks = next((number for number, passed in enumerate(tests) if passed), len(tests))
    names = any(word[0].isupper() or word[0].isdigit() for word in text.split()[1:])
    return 2 * asks + names


def measure_set(
    board: Board,
    matrix: CandidateMatrix,
    starts: Mapping[str, Start],
    *,
    orders: int,
    views: Sequence[str] = FITTED,
    tick: Callable[[], object] = lambda: None,
) -> SetCurves:
    """Teach and examine every column from every start, in so many orders; `tick` is called after each order.

    The brain's own rule is taught in MORE times as many, with the TYPICAL share of wrong feedback. `views` are those
    whose weights are fitted.
    """
    curves: dict[CurveKey, list[Examined]] = {}
    fitted = []
    everything, kinds = np.arange(len(board)), kinds_of(board)
    for order in range(MORE * orders):
        courses = {
            wrong: course_within(board, everything, order=order, wrong=wrong, feedbacks=MARKS[-1]) for wrong in WRONG
        }
        examined = courses[TYPICAL].examined
        exam = Examination(board, examined, kinds)
        fitted.append(_fit(board, matrix, exam, np.setdiff1d(everything, examined), views))
        for key, course, peer in _columns(board, courses, starts, order):
            if order >= orders and key[1:] != OWN:
                continue
            curves.setdefault(key, []).append(Examined(examined, run_course(course, peer, exam, kinds)))
        tick()
    means = {key: np.array([part.figures.mean(axis=1) for part in parts]) for key, parts in curves.items()}
    drops = {key: worst_drop_interval(parts) for key, parts in curves.items() if key[1:] == OWN}
    return SetCurves(len(board), means, np.array(fitted), drops)


def _columns(
    board: Board, courses: Mapping[float, Course], starts: Mapping[str, Start], order: int
) -> list[tuple[CurveKey, Course, Peer]]:
    own = [
        ((name, EVIDENCE, wrong), course, OneForAll(start.learner()))
        for name, start in starts.items()
        for wrong, course in courses.items()
    ]
    return own + [
        ((name, column, TYPICAL), courses[TYPICAL], make(start.prior, board.names, order))
        for name, start in starts.items()
        for column, make in PEERS.items()
    ]


def _fit(board: Board, matrix: CandidateMatrix, exam: Examination, taught: Indexes, views: Sequence[str]) -> Floats:
    """Return what weights reach that are fitted to all gold of the taught questions."""
    weights = as_columns(fit_weights(matrix, views, taught), board.names)
    reached: Floats = exam.figures(lambda _: weights).mean(axis=0)
    return reached


def run_course(course: Course, peer: Peer, exam: Examination, kinds: Indexes) -> Floats:
    """Run a course; return the figures at each of MARKS, [marks, questions, 2]."""
    found = []
    for number, exercise in enumerate((*course.exercises, None)):
        if number in MARKS:
            found.append(exam.figures(peer.final_weights_for))
        if exercise is not None:
            kind = int(kinds[exercise.question])
            shown = exercise.board.best_of(peer.weights_for(kind), exercise.question)
            peer.learn_from(exercise.board.evidence(shown, exercise.question, wrong=exercise.wrong), kind)
    return np.array(found)
