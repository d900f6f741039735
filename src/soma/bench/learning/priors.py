"""Priors: weights that learners start from, and the best fixed weights in hindsight."""

from collections.abc import Sequence

import numpy as np

from soma.bench.candidates.fitting import fit_weights
from soma.bench.candidates.fixed_weights import PLAN_ALONE
from soma.bench.candidates.matrix import CandidateMatrix, Indexes, join_matrices
from soma.bench.candidates.questions import QuestionSet
from soma.bench.learning.boards import Board
from soma.brain.core.weights import box
from soma.memory.views import VIEWS

Prior = dict[str, float]
BARE: Prior = dict.fromkeys(VIEWS, 0.0)
PLAN: Prior = BARE | PLAN_ALONE
PLAN_VIEWS = tuple(PLAN_ALONE)
BAD = {"semantic": 0.1, "temporal": 1.0}

STRENGTHS = (0.5, 2.0, 8.0, 32.0)  # L2 of the fits among which the best one is chosen

# Mixes that somebody would write by hand, for ThompsonLearner sampling; a view that is not named has the plan's weight.
PRESETS: dict[str, Prior] = {
    "plan": {},
    "meaning only": {"graph": 0.0, "temporal": 0.0},
    "recent": {"temporal": 1.0},
    "old": {"old": 1.0, "temporal": 0.0},
    "linked": {"graph": 1.0},
    "nearby": {"window": 1.0},
    "scene": {"window": 1.0, "surroundings": 0.5, "session": 0.5},
    "dated": {"date": 1.0, "when": 0.5},
    "people": {"author": 0.5, "about": 0.5},
    "statements": {"question": -0.5},
    "nearby and dated": {"window": 1.0, "date": 1.0, "when": 0.5},
    "everything": {name: 0.5 for name in VIEWS if name not in PLAN_VIEWS and name != "question"},
}


def presets() -> list[Prior]:
    return [PLAN | preset for preset in PRESETS.values()]


def as_columns(prior: Prior, names: Sequence[str]) -> tuple[float, ...]:
    return tuple(prior.get(name, 0.0) for name in names)


def scale_to_boxes(weights: Prior) -> Prior:
    """Scale weights so that alpha is 1, and clip them to their boxes."""
    unit = max(weights["semantic"], 1e-3)
    whole = BARE | {name: weight / unit for name, weight in weights.items()}
    return {name: float(np.clip(weight, *box(name))) for name, weight in whole.items()}


def fit(known: CandidateMatrix, questions: Indexes, *, views: Sequence[str] | None = None, l2: float = 2.0) -> Prior:
    return scale_to_boxes(fit_weights(known, list(views or known.views), questions, l2=l2))


def fit_to_others(tenants: Sequence[QuestionSet], left_out: int, *, views: Sequence[str] | None = None) -> Prior:
    """A good prior: fit_weights to every conversation but one."""
    known = join_matrices([tenant.as_matrix() for number, tenant in enumerate(tenants) if number != left_out])
    return fit(known, np.arange(len(known)), views=views)


def best_fixed(board: Board, questions: Indexes, known: Sequence[Prior]) -> Prior:
    """Return the weights that find most evidence in hindsight: fits to these very questions, or `known` weights."""
    whole = board.tenant.as_matrix()
    fits = [fit(whole, questions, views=board.names, l2=l2) for l2 in STRENGTHS]

    def recall_of(prior: Prior) -> float:
        return float(board.scores(as_columns(prior, board.names), questions)[0].mean())

    return max([*fits, *known], key=recall_of)
