"""soma bench learn: measure whether learning from feedback improves recall, on LoCoMo.

Each conversation is a tenant. The real memory finds the candidates of each question once; learners then rank them as
the brain does, are told which of the ten shown helped, and are examined on held-out questions.
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

from soma.bench.candidates.questions import count_missing, load_question_sets
from soma.bench.data.real_data import locomo_option
from soma.bench.data.sets import LOCOMO
from soma.bench.learning.boards import Board
from soma.bench.learning.credit import report_credit
from soma.bench.learning.curves import count_steps, measure
from soma.bench.learning.figures import report
from soma.bench.learning.priors import SHIPPED


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


@click.command()
@locomo_option
@click.option(
    "--orders",
    type=click.IntRange(1),
    default=5,
    show_default=True,
    help="Orders of the questions of each conversation.",
)
@click.option(
    "--conversation", "conversations", type=click.IntRange(0, 9), multiple=True, help="Only these, at least two."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(data: Path, orders: int, conversations: Sequence[int], *, as_json: bool) -> None:
    """Measure whether learning from feedback improves recall, on LoCoMo."""
    chosen = sorted(set(conversations)) or list(range(10))
    if len(chosen) < 2:
        raise click.UsageError("Name at least two conversations: a prior is learned on the others.")
    with _bar("finding candidates (cached for the next run)", count_missing(LOCOMO, data, chosen)) as progress:
        found = load_question_sets(LOCOMO, data, numbers=chosen, progress=progress)
    with _bar("learning", count_steps()) as progress:
        measured = measure(found, orders, lambda: progress(1))
    boards = [Board(tenant) for tenant in found]
    result = {**report(measured), "learn": {"locomo": {"credit_alone": report_credit(boards, SHIPPED, orders=orders)}}}
    if as_json:
        click.echo(json.dumps(result))
        return
    console = Console(width=max(Console().width, 140))
    for table in (*curve_tables(result), key_table(result)):
        console.print(table)
