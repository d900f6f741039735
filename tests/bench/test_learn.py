"""soma bench learn runs on a part of LoCoMo and prints its keys; its tenants learn what is true of their questions.

Both in one module: on a new machine the tenants are made first, which takes longer than all that is tested here.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from soma.bench.candidates.questions import load_question_sets
from soma.bench.learn import curve_tables, key_table
from soma.bench.learning.boards import Board
from soma.bench.learning.courses import course_within, run_course
from soma.bench.learning.priors import PLAN
from soma.bench.learning.rules import CoreLearner
from soma.cli.commands.bench import command as bench

pytestmark = pytest.mark.learning

CONVERSATIONS = (1, 5)
KEYS = [
    "bad_prior.after_60",
    "bad_prior.best_fixed",
    "good_prior.worst_drop",
    "top1_gain_after_100",
    "held_out.default",
    "held_out.learned",
    "literal.after_100",
    "constructed.newest.gamma",
    "constructed.oldest.old",
]


@pytest.mark.long
def test_every_key_is_printed(data: Path) -> None:
    chosen = [*(word for number in CONVERSATIONS for word in ("--conversation", str(number))), "--orders", "1"]
    ran = CliRunner().invoke(bench, ["learn", "--data", str(data), *chosen, "--json"], catch_exceptions=False)
    result = json.loads(ran.stdout)
    for path in KEYS:
        value = result
        for name in path.split("."):
            value = value[name]
        assert isinstance(value, float)
    for key in ("after_60", "best_fixed"):
        assert 0.0 < result["bad_prior"][key] <= 100.0
    assert result["bad_prior"]["after_60"] > result["bad_prior"]["start"]
    assert len(list(curve_tables(result))) == 3
    assert key_table(result).row_count > len(KEYS)


def test_one_conversation_is_not_enough(data: Path) -> None:
    ran = CliRunner().invoke(bench, ["learn", "--data", str(data), "--conversation", "1"])
    assert ran.exit_code == 2
    assert "at least two conversations" in ran.output


@pytest.fixture(scope="module")
def boards(data: Path) -> list[Board]:
    return [Board(tenant) for tenant in load_question_sets("locomo", data, numbers=CONVERSATIONS)]


def lessons(board: Board, asked: np.ndarray) -> tuple[dict[str, float], float]:
    """The weights after 100 feedbacks from the plan's weights, and the recall gained on questions kept apart."""
    learner = CoreLearner(PLAN)
    course = course_within(board, asked, order=0, wrong=0.1, feedbacks=100)
    r10, _, _, _ = run_course(course, learner, (0, 100))
    return learner.state.weights, r10[1] - r10[0]


@pytest.mark.long  # on a new machine its tenants are made first
@pytest.mark.parametrize("number", range(len(CONVERSATIONS)))
def test_who_asks_about_one_end_of_time_learns_it_up(boards: list[Board], number: int) -> None:
    board = boards[number]
    newest, gained = lessons(board, np.flatnonzero(board.tenant.earliest >= 0.75))
    assert newest["gamma"] > PLAN["temporal"]
    assert gained >= 0.0  # a dozen questions are examined, and most are right from the start
    oldest, gained = lessons(board, np.flatnonzero(board.tenant.latest <= 0.25))
    assert oldest["old"] > PLAN["old"]
    assert gained >= 0.0  # a dozen questions are examined, and most are right from the start
    assert newest["gamma"] > oldest["gamma"]
    assert oldest["old"] > newest["old"]


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("learn", "there is no set in"),
        ("recall", "there is no set in"),
        ("echo", "there is no locomo/locomo10.json in"),
    ],
)
def test_who_names_a_folder_without_the_data_is_told_where_it_is(name, missing, tmp_path):
    ran = CliRunner().invoke(bench, [name, "--data", str(tmp_path)])
    assert ran.exit_code == 2
    assert missing in ran.output
    assert "snap-research/locomo" in ran.output


def test_who_names_the_folder_of_the_conversations_itself_means_the_one_around_it(data):
    ran = CliRunner().invoke(bench, ["learn", "--data", str(data / "locomo"), "--conversation", "1"])
    assert "at least two conversations" in ran.output
