"""soma bench echo: measure what a model teaches that always cites wrongly, with full confidence, on LoCoMo.

Each conversation has a hundred turns. In each the model cites the best ranked memory that does not help. In one run
nobody gives feedback; in the other a person names what helped in every tenth turn, in place of the model's citation.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
from msgspec.structs import replace
from rich.console import Console
from rich.table import Table

from soma.bench.candidates.fixed_weights import SHIPPED
from soma.bench.candidates.matrix import Floats
from soma.bench.candidates.questions import load_question_sets
from soma.bench.data.real_data import locomo_option
from soma.bench.data.sets import LOCOMO
from soma.bench.learning.boards import Board
from soma.bench.learning.courses import Course, course_within, examine, mean
from soma.bench.learning.priors import PLAN, Prior
from soma.bench.learning.rules import CoreLearner
from soma.brain.core.observations import EvidenceSource

TURNS = 100
SPEAKS = 10  # turns for each in which a person gives feedback
STARTS: dict[str, Prior] = {"shipped": SHIPPED, "plan": PLAN}
PEOPLE = {"no person": 0, "a person in ten turns": SPEAKS}


def measure(boards: Sequence[Board], orders: int) -> list[dict[str, Any]]:
    """Measure recall at 10 and top-1, before and after, in percent, for each start and with or without a person."""
    return [
        {"start": start, "people": people} | _figures(prior, speaks, boards, orders)
        for start, prior in STARTS.items()
        for people, speaks in PEOPLE.items()
    ]


def _figures(prior: Prior, speaks: int, boards: Sequence[Board], orders: int) -> dict[str, Any]:
    figures, size = [], []
    for board in boards:
        questions = np.arange(len(board))
        courses = [course_within(board, questions, order=order, wrong=0.0, feedbacks=TURNS) for order in range(orders)]
        figures.append([_run_course(course, CoreLearner(prior), speaks) for course in courses])
        size.append(len(courses[0].examined))
    values, sizes = np.array(figures), np.array(size, np.float64)
    r10_before, top1_before, r10, top1 = (mean(values[:, :, part], sizes) for part in range(4))
    return {
        "r10": [r10_before, r10],
        "top1": [top1_before, top1],
        "r10_change": r10 - r10_before,
        "top1_change": top1 - top1_before,
    }


def _run_course(course: Course, learner: CoreLearner, speaks: int) -> Floats:
    before = examine(course, learner.final_weights())
    for number, exercise in enumerate(course.exercises, 1):
        shown = exercise.board.best_of(learner.next_weights(), exercise.question)
        if speaks and number % speaks == 0:
            learner.learn_from(exercise.board.evidence(shown, exercise.question))
        else:
            cited = exercise.board.evidence(shown, exercise.question, wrong=0.0)
            learner.learn_from(replace(cited, source=EvidenceSource.MODEL))
    return np.array([*before, *examine(course, learner.final_weights())])


@click.command()
@locomo_option
@click.option("--orders", type=click.IntRange(1), default=5, show_default=True, help="Orders of each one's questions.")
@click.option("--conversation", "conversations", type=click.IntRange(0, 9), multiple=True, help="Only these.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(data: Path, orders: int, conversations: Sequence[int], *, as_json: bool) -> None:
    """Measure what a model teaches that always cites wrongly, on LoCoMo."""
    chosen = sorted(set(conversations)) or list(range(10))
    rows = measure([Board(tenant) for tenant in load_question_sets(LOCOMO, data, numbers=chosen)], orders)
    if as_json:
        click.echo(json.dumps({"turns": TURNS, "rows": rows}))
        return
    table = Table("start", "feedback", "recall at 10", "top-1", title=f"{TURNS} turns with a model that cites wrongly")
    for row in rows:
        changes = (f"{a:.1f} > {b:.1f} ({b - a:+.1f})" for a, b in (row["r10"], row["top1"]))
        table.add_row(row["start"], row["people"], *changes)
    Console(width=max(Console().width, 100)).print(table)
