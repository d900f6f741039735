"""Curves of a set: worked figures, a made-up set, and the keys of two real ones."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from tests.bench.learning.made_up import PRIOR, make_tenant

from soma.bench.candidates.questions import join_question_sets
from soma.bench.learning.boards import Board
from soma.bench.learning.courses import MARKS
from soma.bench.learning.peers import PEERS
from soma.bench.learning.set_curves import EVIDENCE, MORE, TYPICAL, WRONG, Examination, SetCurves, kinds_of, measure_set
from soma.bench.learning.set_figures import FIGURES, SHIPPED, report_sets, set_tables
from soma.bench.learning.starts import Start
from soma.brain.context.held_out import is_held_out
from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.shapes import NO_SHAPES
from soma.cli.commands.bench import command as bench

pytestmark = pytest.mark.learning

SMALL = ("bfcl_memory", "facts")
KEYS = ("start", "after_20", "after_60", "fitted", "worst_drop")


def curves_of(rows: list[tuple[float, float]], fitted: tuple[float, float]) -> SetCurves:
    """The same curve in every column."""
    curve = np.array([rows])
    columns = [(EVIDENCE, wrong) for wrong in WRONG] + [(column, TYPICAL) for column in PEERS]
    return SetCurves(9, {(SHIPPED, column, wrong): curve for column, wrong in columns}, np.array([fitted]))


def test_way_and_drop_of_a_worked_example():
    rows = [(50.0, 10.0), (48.0, 10.0), (51.0, 10.0), (55.0, 10.0), (56.0, 10.0), (58.0, 10.0), (60.0, 10.0)]
    other = [(80.0, 10.0)] * len(MARKS)
    found = report_sets(
        {"one": curves_of(rows, (60.0, 10.2)), "other": curves_of(other, (90.0, 10.0))},
        {name: {SHIPPED: {}} for name in ("one", "other")},
    )
    assert found["one"]["worst_drop"] == {"r10": 2.0, "hit1": 0.0}
    assert found["one"]["way_20"] == {"r10": 50.0, "hit1": None}
    assert found["one"]["way_60"]["r10"] == 80.0
    assert found["mean"]["start"]["r10"] == 65.0
    assert found["mean"]["way_60"]["r10"] == 40.0  # of the mean gains: 4 of 10
    assert found["mean"]["worst_drop"]["r10"] == 2.0
    assert all(table.row_count == 3 for table in set_tables(found))


def test_every_column_learns_on_a_set_of_two_collections():
    tenant = join_question_sets([make_tenant(), make_tenant(12)])
    start = Start(PRIOR, NO_SHAPES)
    found = measure_set(Board(tenant), tenant.as_matrix(), {SHIPPED: start}, orders=2, views=tenant.names)
    assert found.questions == 42
    shapes = {key: curve.shape for key, curve in found.curves.items()}
    assert shapes.pop((SHIPPED, EVIDENCE, TYPICAL)) == (2 * MORE, len(MARKS), 2)
    assert set(shapes.values()) == {(2, len(MARKS), 2)}
    assert len(found.curves) == len(WRONG) + len(PEERS)
    own = found.curves[SHIPPED, EVIDENCE, 0.0].mean(axis=0)
    assert own[-1, 1] > own[0, 1] + 20
    assert (found.fitted == 100.0).all()
    assert set(found.worst_drops) == {(SHIPPED, EVIDENCE, TYPICAL)}
    told = report_sets({"one": found}, {"one": {SHIPPED: {}}})
    assert told["one"]["evidence"]["start"] == told["one"]["fixed"]["start"]  # the same orders, and so the same exams
    assert set(told["one"]["worst_drop_interval"]) == set(FIGURES)
    [table, *_] = set_tables(told)
    assert table.columns[-1].header == "95 %"


def test_an_examination_finds_what_the_board_finds_also_by_kind():
    board, weights = Board(make_tenant()), (0.2, 1.0, 0.1)
    asked = np.arange(0, 30, 2)
    exam = Examination(board, asked, np.arange(30) % 3)
    r10, hit1 = board.scores(weights, asked)
    assert (exam.figures(lambda _: weights) == 100 * np.stack([r10, hit1], axis=1)).all()
    by_kind = exam.figures(lambda kind: (1.0, 0.0, 0.0) if kind else weights)
    assert by_kind[:, 1].mean() > exam.figures(lambda _: weights)[:, 1].mean()


def test_one_question_in_four_measures_by_the_rule_of_the_brain():
    board = Board(make_tenant(200))
    shown = board.best_of((1.0, 0.0, 0.0), 0)
    flags = [board.evidence(shown, question).held_out for question in range(200)]
    assert flags == [is_held_out(text, Hyperparameters()) for text in board.tenant.texts]
    assert 0.15 < np.mean(flags) < 0.35


def test_kinds_of_questions_differ_by_what_they_ask_and_whether_they_name_something():
    tenant = make_tenant(5)
    texts = ("When was it?", "When did Anna go?", "Who was it?", "How many were there?", "Why?")
    object.__setattr__(tenant, "texts", texts)
    assert kinds_of(Board(tenant)).tolist() == [0, 1, 2, 4, 6]


@pytest.mark.long  # on a new machine its candidates are computed first
def test_the_keys_of_two_small_sets_are_printed(data):
    if not (data / "shapes" / SMALL[0]).is_dir():
        pytest.skip("the sets of other shapes are not there")
    chosen = [word for name in SMALL for word in ("--set", name)]
    ran = CliRunner().invoke(bench, ["learn", "--data", str(data), *chosen, "--orders", "1", "--json"])
    found = json.loads(ran.stdout)
    for name in (*SMALL, "mean"):
        for start in ("", "left_out."):
            for column in ("", *(f"{peer}." for peer in PEERS)):
                for key in KEYS:
                    for figure in FIGURES:
                        assert 0.0 <= found[f"learn.{name}.{start}{column}{key}.{figure}"] <= 100.0
    for name in SMALL:
        assert found[f"learn.{name}.credit_alone.after_300"] > 0.0
