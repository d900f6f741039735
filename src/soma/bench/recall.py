"""soma bench recall: measure on each set of a folder how often the evidence of a question is found. No judge."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from soma.bench.candidates.fitting import cross_validate, fit_weights
from soma.bench.candidates.fixed_weights import FITTED, PLAN_ALONE, SEMANTIC_ALONE, SHIPPED
from soma.bench.candidates.matrix import CandidateMatrix, Floats, figures, join_matrices
from soma.bench.candidates.questions import QuestionSet, count_missing, load_question_sets, load_unanswered
from soma.bench.candidates.relevance import BestCandidates, FloorSet, fit_measure, measure_floor, rank_best
from soma.bench.candidates.shapes import fit_shapes
from soma.bench.candidates.splits import measure_splits
from soma.bench.candidates.stranger import ScoredSet, fit_stranger
from soma.bench.data.real_data import choose_sets, sets_option
from soma.bench.data.sets import LOCOMO
from soma.bench.flat import flatten

FIGURES = ("r5", "r10", "hit1", "mrr")
FOLDS = 5  # of the questions, where a set has one collection
ROWS = {
    "shipped": "shipped weights",
    "plan": "the plan's three views and weights",
    "semantic": "the view `semantic` alone",
    "left_out": "prior fitted to the other sets",
    "fitted_loo": "fitted to the other collections of the set",
}
MEASURED = ("bearing_mean", "bearing_spread", "nearness_mean", "nearness_spread")
PARTS = ("score", "of_nearest", "cosine")  # of a bearing
FLOORS = {
    "before": "all",
    "after": "not below the default floor",
    "taught": "not below a floor learned from 15 held-out questions",
    "left_out": "the same, from a start fitted to the other sets",
}

Figures = dict[str, float]
Result = dict[str, dict[str, Any]]


def run(sets: Mapping[str, Path], progress: Progress, *, without: Sequence[str] = ()) -> Result:
    """Return the figures of each set, as fractions from 0 to 1, and the weights of the prior fitted to all of them.

    Of each view of `without`, also what is lost where the weights are fitted again without it.
    """
    found = {name: _load(name, folder, progress) for name, folder in sets.items()}
    matrices = {name: join_matrices([one.as_matrix() for one in parts]) for name, parts in found.items()}
    scored = {name: ScoredSet(matrix, FITTED) for name, matrix in matrices.items()}
    judged = {name: _judge(found[name], load_unanswered(name, folder)) for name, folder in sets.items()}
    result: Result = {}
    for name, matrix in progress.track(matrices.items(), description="fitting"):
        others = [one for other, one in scored.items() if other != name]
        elsewhere = fit_measure([one for other, one in judged.items() if other != name]) if others else None
        result[name] = {
            "questions": len(matrix),
            "shipped": _figures(matrix, matrix.scores(SHIPPED)),
            "plan": _figures(matrix, matrix.scores(PLAN_ALONE)),
            "semantic": _figures(matrix, matrix.scores(SEMANTIC_ALONE)),
            "fitted_loo": _figures(matrix, _fit_elsewhere(matrix, FITTED)),
            "floor": measure_floor(judged[name], elsewhere),
        }
        if without:
            result[name]["without"] = {
                view: _measure_loss(matrix, result[name]["fitted_loo"], view) for view in without
            }
        if others:
            result[name]["left_out"] = _figures(matrix, matrix.scores(fit_stranger(others)))
    if LOCOMO in matrices:
        result[LOCOMO]["splits"] = measure_splits(matrices[LOCOMO], FITTED)
    size = sum(abs(SHIPPED[name]) for name in FITTED)
    shapes = {name: shape._asdict() for name, shape in fit_shapes(matrices, FITTED, size).items()}
    shares, constants = fit_measure(list(judged.values()))
    bearing = {name: getattr(constants, name) for name in MEASURED} | dict(zip(PARTS, shares, strict=True))
    return result | {"prior": fit_stranger(list(scored.values())), "shapes": shapes, "bearing": bearing}


def _load(name: str, folder: Path, progress: Progress) -> list[QuestionSet]:
    """Load the candidates of a set, or compute them, with its progress shown."""
    task = progress.add_task(f"{name}: candidates", total=count_missing(name, folder))
    found = load_question_sets(name, folder, progress=lambda done: progress.advance(task, done))
    progress.remove_task(task)
    return found


def _judge(parts: Sequence[QuestionSet], unanswered: Sequence[QuestionSet]) -> FloorSet:
    return FloorSet(_rank_best(parts), _rank_best(unanswered))


def _rank_best(parts: Sequence[QuestionSet]) -> list[BestCandidates]:
    return [
        best
        for part in parts
        for matrix in [part.as_matrix()]
        for best in rank_best(matrix, matrix.scores(SHIPPED), part.near.astype(np.float64), part.tokens.tolist())
    ]


def _measure_loss(matrix: CandidateMatrix, whole: Figures, view: str) -> Figures:
    less = _figures(matrix, _fit_elsewhere(matrix, [name for name in FITTED if name != view]))
    return {name: whole[name] - less[name] for name in ("r10", "hit1")}


def _fit_elsewhere(matrix: CandidateMatrix, names: Sequence[str]) -> Floats:
    """Return scores by weights fitted to the other collections; of a single one, to the other questions."""
    if len(np.unique(matrix.conversation)) == 1:
        folds = np.arange(len(matrix)) % FOLDS
        matrix = CandidateMatrix(
            matrix.views, matrix.values, matrix.gold, matrix.starts, matrix.gold_count, matrix.category, folds
        )
    scores, _ = cross_validate(matrix, lambda questions: fit_weights(matrix, names, questions))
    return scores


def _figures(matrix: CandidateMatrix, scores: Floats) -> Figures:
    found = figures(matrix, scores)
    return {name: float(found[name].mean()) for name in FIGURES}


def table(result: Result) -> Table:
    """Return a table of recall at 10 and hit@1 in percent: a row for each way to weigh, a column for each set."""
    sets = [name for name in result if "shipped" in result[name]]
    shown = Table("R@10 / hit@1", *sets, "mean", title="Recall by set, each question counting the same")
    for key, title in ROWS.items():
        found = [result[name][key] for name in sets if key in result[name]]
        if found:
            mean = {name: float(np.mean([one[name] for one in found])) for name in FIGURES}
            shown.add_row(title, *(f"{100 * one['r10']:.1f} / {100 * one['hit1']:.1f}" for one in [*found, mean]))
    return shown


def floor_table(result: Result) -> Table:
    """Return a table of what is shown of the best fifty: tokens, share of the gold, share of it that is gold.

    Below, for questions that nothing answers: tokens, and the share for which nothing is shown.
    """
    sets = [name for name in result if "floor" in result[name]]
    shown = Table("the best 50: tokens, gold shown, gold among the shown; unanswered", *sets)
    for key, title in FLOORS.items():
        found = [result[name]["floor"][key] for name in sets if key in result[name]["floor"]]
        if found:
            shown.add_row(title, *(_describe_shown(one) for one in found))
    return shown


def _describe_shown(one: Mapping[str, float]) -> str:
    answered = f"{one['tokens']:,.0f}  {one['gold_shown']:.3f}  {one['shown_gold']:.3f}"
    return f"{answered}\n{one['unanswered_tokens']:,.0f}  {one['silent']:.2f}"


def loss_table(result: Result, views: Sequence[str]) -> Table:
    """Return a table of the points of recall at 10 and hit@1 that are lost without each view, on each set."""
    sets = [name for name in result if "without" in result[name]]
    shown = Table("lost without", *sets, title="R@10 / hit@1 in points, fitted to the other collections")
    for view in views:
        lost = [result[name]["without"][view] for name in sets]
        shown.add_row(view, *(f"{100 * one['r10']:+.1f} / {100 * one['hit1']:+.1f}" for one in lost))
    return shown


def splits_table(splits: Mapping[str, Figures]) -> Table:
    """Return a table of the figures by seed, micro, in percent."""
    shown = Table(
        "seed", "R@10", "MRR", "hit@1", title="LoCoMo, fitted to half of its conversations, on the other half"
    )
    for seed, one in splits.items():
        shown.add_row(seed, *(f"{100 * one[name]:.1f}" for name in ("r10", "mrr", "hit1")))
    return shown


@click.command("recall")
@sets_option
@click.option("--set", "names", multiple=True, help="Only these sets.")
@click.option(
    "--without",
    type=click.Choice(sorted(FITTED)),
    multiple=True,
    metavar="VIEW",
    help="Also what is lost without this view, its weight and all others fitted again.",
)
@click.option("--json", "as_json", is_flag=True, help="Figures by dotted name instead of a table.")
def command(data: Mapping[str, Path], names: Sequence[str], without: Sequence[str], *, as_json: bool) -> None:
    """Measure on each set of a folder how often the evidence of a question is found. Takes some minutes."""
    with Progress(console=Console(stderr=True), transient=True) as progress:
        result = run(choose_sets(data, names), progress, without=without)
    if as_json:
        click.echo(json.dumps(flatten(result, "recall"), indent=1))
        return
    out = Console(width=max(Console().width, 150))
    out.print(table(result))
    out.print(floor_table(result))
    if without:
        out.print(loss_table(result, without))
    if LOCOMO in result:
        out.print(splits_table(result[LOCOMO]["splits"]))
    out.print(f"prior fitted to all: {_in_line(result['prior'])}")
    out.print(f"bearing fitted to all: {_in_line(result['bearing'])}")
    for name, shape in result["shapes"].items():
        out.print(f"{name} (temperature {shape['temperature']:g}): {_in_line(shape['weights'])}")


def _in_line(weights: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {weight:g}" for name, weight in weights.items())
