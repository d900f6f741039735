"""What `soma bench recall` says of memories below the floor, on a worked example."""

import numpy as np
import pytest

from soma.bench.candidates.matrix import CandidateMatrix
from soma.bench.candidates.relevance import (
    BestCandidates,
    FloorSet,
    figures_above_floor,
    fit_measure,
    measure_floor,
    rank_best,
)

CANDIDATES = 40
ALL = {"tokens": 400, "gold_shown": 1.0, "shown_gold": 3 / 40, "unanswered_tokens": 400, "silent": 0.0}


@pytest.fixture
def worked() -> tuple[CandidateMatrix, np.ndarray, np.ndarray]:
    """Of forty the first three bear on the question by score, the last by meaning; gold are the second, the last, one
    between."""
    scores, near = np.linspace(0.2, 0.0, CANDIDATES), np.zeros(CANDIDATES)
    scores[:3], near[-1] = (1.0, 0.9, 0.8), 1.0
    gold = np.zeros(CANDIDATES, bool)
    gold[[1, 20, CANDIDATES - 1]] = True
    one = np.array([0])
    judged = CandidateMatrix(
        ["view"], np.zeros((CANDIDATES, 1), np.float32), gold, np.array([0, CANDIDATES]), one + 3, one, one
    )
    return judged, scores, near


def best_of(worked: tuple[CandidateMatrix, np.ndarray, np.ndarray]) -> list[BestCandidates]:
    matrix, scores, near = worked
    return rank_best(matrix, scores, near, [10] * CANDIDATES)


def far_from_all(worked: tuple[CandidateMatrix, np.ndarray, np.ndarray]) -> list[BestCandidates]:
    matrix, scores, near = worked
    return rank_best(matrix, scores, near * 0.1, [10] * CANDIDATES)


def test_gold_below_the_floor_is_lost_and_what_is_kept_moves_up(worked):
    judged, scores, near = worked
    told = figures_above_floor(judged, scores, near)
    assert told["kept"] == 3
    assert told["gold_50_before"] == 1.0
    assert told["gold_50"] == pytest.approx(1 / 3)
    assert told["micro_r5"] == pytest.approx(1 / 3)
    assert told["hit1"] == 0


def test_the_floor_is_measured_in_tokens_and_in_gold_before_and_after_and_taught(worked):
    told = measure_floor(FloorSet(best_of(worked) * 4, far_from_all(worked)))
    assert told["before"] == pytest.approx(ALL)
    assert told["after"] == pytest.approx(
        {"tokens": 30, "gold_shown": 1 / 3, "shown_gold": 1 / 3, "unanswered_tokens": 0, "silent": 1.0}
    )
    assert told["taught"].keys() == ALL.keys()
    assert "left_out" not in told


def test_a_fitted_measure_finds_which_part_tells_gold_and_where_it_lies():
    lots = np.random.default_rng(0)
    asked = []
    for _ in range(40):
        parts = lots.uniform(0.0, 1.0, (50, 3))
        gold = np.arange(50) == parts[:, 1].argmax()
        asked.append(BestCandidates(parts, float(lots.normal(0.6, 0.05)), gold, np.full(50, 10), 1))
    shares, constants = fit_measure([FloorSet(asked[:20], []), FloorSet(asked[20:], [])])
    assert shares[1] > 0.9
    assert constants.bearing_mean == pytest.approx(0.96, abs=0.05)
    assert constants.nearness_mean == pytest.approx(0.6, abs=0.03)
    assert constants.nearness_spread == pytest.approx(0.05, abs=0.02)
