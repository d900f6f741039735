"""What `soma bench recall` says of memories that do not stand out, on a worked example."""

import numpy as np
import pytest

from soma.bench.candidates.matrix import CandidateMatrix
from soma.bench.candidates.relevance import figures_above_floor, measure_floor

CANDIDATES = 40


@pytest.fixture
def worked() -> tuple[CandidateMatrix, np.ndarray, np.ndarray]:
    """Of forty the first three stand out by score, the last by meaning; gold are the second, the last, one between."""
    scores, near = np.linspace(0.2, 0.0, CANDIDATES), np.zeros(CANDIDATES)
    scores[:3], near[-1] = (1.0, 0.9, 0.8), 0.6
    gold = np.zeros(CANDIDATES, bool)
    gold[[1, 20, CANDIDATES - 1]] = True
    one = np.array([0])
    judged = CandidateMatrix(
        ["view"], np.zeros((CANDIDATES, 1), np.float32), gold, np.array([0, CANDIDATES]), one + 3, one, one
    )
    return judged, scores, near


def test_gold_that_does_not_stand_out_is_lost_and_what_is_kept_moves_up(worked):
    judged, scores, near = worked
    told = figures_above_floor(judged, scores, near)
    assert told["kept"] == 4
    assert told["gold_50_before"] == 1.0
    assert told["gold_50"] == pytest.approx(2 / 3)
    assert told["micro_r5"] == pytest.approx(2 / 3), "the last of forty is the fourth of four"
    assert told["hit1"] == 0


def test_the_floor_is_measured_in_tokens_and_in_gold_before_and_after(worked):
    judged, scores, near = worked
    told = measure_floor(judged, scores, near, np.full(CANDIDATES, 10, np.int32))
    assert told["before"] == pytest.approx({"tokens": 400, "gold_shown": 1.0, "shown_gold": 3 / 40})
    assert told["after"] == pytest.approx({"tokens": 40, "gold_shown": 2 / 3, "shown_gold": 2 / 4})
