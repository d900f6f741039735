"""soma bench echo: what a model teaches that cites wrongly, always and with full confidence, on LoCoMo.

A hundred turns a conversation. In each the model cites the best ranked of the memories that do not help. Once nobody
speaks; once a person names what helped in every tenth turn, and what the model cited there is taken back.
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

from soma.bench.candidates.matrix import Floats
from soma.bench.candidates.questions import tenants
from soma.bench.data import real_data
from soma.bench.learning.boards import Board
from soma.bench.learning.courses import Course, mean, within
from soma.bench.learning.priors import PLAN, SHIPPED, Prior
from soma.bench.learning.rules import Core
from soma.brain.core.observations import EvidenceSource

TURNS = 100
SPEAKS = 10  # a person, in every so many turns
STARTS: dict[str, Prior] = {"shipped": SHIPPED, "plan": PLAN}
PEOPLE = {"no person": 0, "a person in ten turns": SPEAKS}


def measure(boards: Sequence[Board], orders: int) -> list[dict[str, Any]]:
    """Measure by start and by who speaks: recall at 10 and top-1, before and after, in percent."""
    return [
        {"start": start, "people": people} | _figures(prior, speaks, boards, orders)
        for start, prior in STARTS.items()
        for people, speaks in PEOPLE.items()
    ]


def _figures(prior: Prior, speaks: int, boards: Sequence[Board], orders: int) -> dict[str, Any]:
    figures, size = [], []
    for board in boards:
        asked = np.arange(len(board))
        courses = [within(board, asked, order=order, wrong=0.0, feedbacks=TURNS) for order in range(orders)]
        figures.append([_taken(course, Core(prior), speaks) for course in courses])
        size.append(len(courses[0].examined))
    values, sizes = np.array(figures), np.array(size, np.float64)
    r10_before, top1_before, r10, top1 = (mean(values[:, :, part], sizes) for part in range(4))
    return {
        "r10": [r10_before, r10],
        "top1": [top1_before, top1],
        "r10_change": r10 - r10_before,
        "top1_change": top1 - top1_before,
    }


def _taken(course: Course, learner: Core, speaks: int) -> Floats:
    before = _examined(course, learner)
    for number, lesson in enumerate(course.lessons, 1):
        shown = lesson.board.shown(learner.served(), lesson.question)
        if speaks and number % speaks == 0:
            learner.hear(lesson.board.evidence(shown, lesson.question))
        else:
            cited = lesson.board.evidence(shown, lesson.question, wrong=0.0)
            learner.hear(replace(cited, source=EvidenceSource.MODEL))
    return np.array([*before, *_examined(course, learner)])


def _examined(course: Course, learner: Core) -> tuple[float, float]:
    r10, top1 = course.board.scores(learner.settled(), course.examined)
    return 100.0 * float(r10.mean()), 100.0 * float(top1.mean())


@click.command()
@real_data.option
@click.option("--orders", type=click.IntRange(1), default=5, show_default=True, help="Orders of each one's questions.")
@click.option("--conversation", "conversations", type=click.IntRange(0, 9), multiple=True, help="Only these.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(data: Path, orders: int, conversations: Sequence[int], *, as_json: bool) -> None:
    """What a model teaches that always cites wrongly, on LoCoMo."""
    chosen = sorted(set(conversations)) or list(range(10))
    rows = measure([Board(tenant) for tenant in tenants(data, conversations=chosen)], orders)
    if as_json:
        click.echo(json.dumps({"turns": TURNS, "rows": rows}))
        return
    table = Table(
        "start", "who speaks", "recall at 10", "top-1", title=f"{TURNS} turns with a model that cites wrongly"
    )
    for row in rows:
        changes = (f"{a:.1f} > {b:.1f} ({b - a:+.1f})" for a, b in (row["r10"], row["top1"]))
        table.add_row(row["start"], row["people"], *changes)
    Console(width=max(Console().width, 100)).print(table)
