"""soma bench learn: measure on each set of a folder whether learning from feedback improves recall.

The real memory finds the candidates of each question once; learners then rank them as the brain does, are told which
of the ten shown helped, and are examined on other questions. One learner a set; on LoCoMo also one a conversation.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from soma.bench.candidates.fixed_weights import FITTED
from soma.bench.candidates.questions import QuestionSet, count_missing, join_question_sets, load_question_sets
from soma.bench.candidates.stranger import ScoredSet
from soma.bench.data.real_data import choose_sets, sets_option
from soma.bench.data.sets import LOCOMO
from soma.bench.flat import flatten
from soma.bench.learning.boards import Board
from soma.bench.learning.credit import report_credit
from soma.bench.learning.curves import count_steps, measure
from soma.bench.learning.figures import report
from soma.bench.learning.set_curves import MORE, SetCurves, measure_set
from soma.bench.learning.set_figures import LEFT_OUT, SHIPPED, report_sets, set_tables
from soma.bench.learning.starts import shipped_start, start_without

LEARN = "learn"
ALL_CONVERSATIONS = range(10)


def curve_tables(result: Mapping[str, Any]) -> Iterator[Table]:
    for part, title in (
        ("within", "Taught on two thirds of a conversation's questions, examined on the rest"),
        ("constructed", "Constructed tenants, who ask about one part of their conversation"),
        ("held_out", "Taught on the other conversations, examined on the one left out"),
    ):
        yield _table(title, result["curves"][part])


def _table(title: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    marks = [str(mark) for mark in rows[0]["marks"]]
    table = Table("start", "wrong", "learner", *marks, "95 % at the end", "top-1", "progressive", title=title)
    for row, before in zip(rows, [None, *rows], strict=False):
        first = before is None or (row["scenario"], row["wrong"]) != (before["scenario"], before["wrong"])
        low, high = row["r10_interval"][-1]
        table.add_row(
            row["scenario"] if first else "",
            f"{100 * row['wrong']:.0f} %" if first else "",
            row["column"],
            *(f"{value:.1f}" for value in row["r10"]),
            f"{low:.1f}-{high:.1f}",
            f"{row['top1'][0]:.1f} > {row['top1'][-1]:.1f}",
            f"{row['progressive']:.1f}",
        )
    return table


def key_table(result: Mapping[str, Any]) -> Table:
    table = Table("key", "value", title="Keys: micro recall at 10 (top-1 where named) in percent")

    def add(prefix: str, value: object) -> None:
        if isinstance(value, Mapping):
            for name, inner in value.items():
                add(f"{prefix}.{name}" if prefix else str(name), inner)
        elif isinstance(value, float):
            table.add_row(prefix, f"{value:.2f}")
        elif isinstance(value, tuple):
            table.add_row(prefix, " to ".join(f"{part:.2f}" for part in value))

    add("", {name: value for name, value in result.items() if name != "curves"})
    return table


@contextmanager
def _bar(title: str, total: int) -> Iterator[Callable[[int], None]]:
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(title, total=total)
        yield lambda done: progress.update(task, advance=done)


def measure_sets(found: Mapping[str, QuestionSet], orders: int, progress: Callable[[int], None]) -> dict[str, Any]:
    """Measure each set, as shipped, and from a start that is fitted to the others."""
    matrices = {name: tenant.as_matrix() for name, tenant in found.items()}
    scored = {name: ScoredSet(matrix, FITTED) for name, matrix in matrices.items()}
    measured: dict[str, SetCurves] = {}
    credit: dict[str, dict[str, Any]] = {}
    for name, tenant in found.items():
        board, starts = Board(tenant), {SHIPPED: shipped_start()}
        if len(found) > 1:
            starts[LEFT_OUT] = start_without(name, matrices, scored)
        progress(1)
        measured[name] = measure_set(board, matrices[name], starts, orders=orders, tick=lambda: progress(1))
        credit[name] = {start: report_credit([board], one.learner, orders=orders) for start, one in starts.items()}
        progress(1)
    return report_sets(measured, credit)


def measure_conversations(data: Path, chosen: Sequence[int], orders: int) -> dict[str, Any]:
    """Measure LoCoMo by conversation: good and bad priors, constructed tenants, conversations left out."""
    found = load_question_sets(LOCOMO, data, numbers=chosen)
    with _bar("LoCoMo by conversation", count_steps()) as progress:
        return report(measure(found, orders, lambda: progress(1)))


def _load(sets: Mapping[str, Path]) -> dict[str, QuestionSet]:
    found = {}
    for name, folder in sets.items():
        with _bar(f"{name}: candidates (cached for the next run)", count_missing(name, folder)) as progress:
            found[name] = join_question_sets(load_question_sets(name, folder, progress=progress))
    return found


@click.command()
@sets_option
@click.option("--set", "names", multiple=True, help="Only these sets.")
@click.option(
    "--orders",
    type=click.IntRange(1),
    default=5,
    show_default=True,
    help="Orders of the questions; four times as many for the brain's own rule on each set.",
)
@click.option(
    "--conversation",
    "conversations",
    type=click.IntRange(0, 9),
    multiple=True,
    help="Only LoCoMo by conversation, and only these, at least two.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object; figures of sets by dotted name.")
def command(
    data: Mapping[str, Path], names: Sequence[str], orders: int, conversations: Sequence[int], *, as_json: bool
) -> None:
    """Measure on each set of a folder whether learning from feedback improves recall. Takes some minutes."""
    if len(set(conversations)) == 1:
        raise click.UsageError("Name at least two conversations: a prior is learned on the others.")
    sets = choose_sets(data, [LOCOMO] if conversations else names)
    by_set: dict[str, Any] = {}
    if not conversations:
        found = _load(sets)
        with _bar("learning", len(found) * (MORE * orders + 2)) as progress:
            by_set = measure_sets(found, orders, progress)
    chosen = sorted(set(conversations)) or list(ALL_CONVERSATIONS)
    alone = measure_conversations(sets[LOCOMO], chosen, orders) if LOCOMO in sets else {}
    if as_json:
        click.echo(json.dumps(alone | flatten(by_set, LEARN)))
        return
    console = Console(width=max(Console().width, 120))
    tables = [*set_tables(by_set), *((*curve_tables(alone), key_table(alone)) if alone else ())]
    for table in tables:
        console.print(table)
