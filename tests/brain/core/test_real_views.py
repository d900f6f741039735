"""Tenants made of real conversations: who asks about the newest quarter learns recent up, about the oldest, old up."""

from pathlib import Path

import numpy as np
import pytest

from soma.bench.boards import Board
from soma.bench.courses import taken, within
from soma.bench.priors import PLAN
from soma.bench.questions import tenants
from soma.bench.rules import Core

pytestmark = pytest.mark.learning

CONVERSATIONS = (1, 5)


@pytest.fixture(scope="module")
def boards(data: Path) -> list[Board]:
    return [Board(tenant) for tenant in tenants(data, conversations=CONVERSATIONS)]


def lessons(board: Board, asked: np.ndarray) -> tuple[dict[str, float], float]:
    """The weights after 100 feedbacks from the plan's weights, and the recall gained on questions kept apart."""
    learner = Core(PLAN)
    course = within(board, asked, order=0, wrong=0.1, feedbacks=100)
    r10, _, _, _ = taken(course, learner, (0, 100))
    return learner.state.weights, r10[1] - r10[0]


@pytest.mark.parametrize("number", range(len(CONVERSATIONS)))
def test_who_asks_about_one_end_of_time_learns_it_up(boards: list[Board], number: int) -> None:
    board = boards[number]
    newest, gained = lessons(board, np.flatnonzero(board.tenant.earliest >= 0.75))
    assert newest["gamma"] > PLAN["temporal"]
    assert gained > 0.0
    oldest, gained = lessons(board, np.flatnonzero(board.tenant.latest <= 0.25))
    assert oldest["old"] > PLAN["old"]
    assert gained > 0.0
    assert newest["gamma"] > oldest["gamma"]
    assert oldest["old"] > newest["old"]
