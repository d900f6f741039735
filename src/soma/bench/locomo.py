"""soma bench locomo: LoCoMo in detail, at turn level: intervals, views left out, context, other shapes. No judge."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from soma.bench.candidates.baselines import rank_baselines
from soma.bench.candidates.fitting import cross_validate, fit_weights
from soma.bench.candidates.fixed_weights import LEARNED_ELSEWHERE, PLAN_ALONE, SEMANTIC_ALONE, SHIPPED
from soma.bench.candidates.gather import gather
from soma.bench.candidates.matrix import (
    CandidateMatrix,
    Floats,
    figures,
    figures_of_hits,
    interval,
    join_matrices,
    macro,
    summary,
)
from soma.bench.candidates.relevance import cosines, figures_above_floor
from soma.bench.data.collections import Collection
from soma.bench.data.locomo import CATEGORIES, load
from soma.bench.data.real_data import locomo_option
from soma.bench.data.reshaped import as_documents, as_notes
from soma.bench.flat import flatten
from soma.brain.core.observations import ShownMemory
from soma.brain.core.serving.pack import PackCandidate, duplicate_pairs, pack
from soma.brain.core.serving.rank import rank
from soma.brain.tokens import BundledTokenizer
from soma.memory.embedders.base import Embedder
from soma.memory.embedders.minilm import MiniLM
from soma.memory.types import STEPS

CHOSEN_ON = 5  # conversations on which views and constants were chosen; the others only report
BUDGETS = (512, 1_024, 2_048, 4_096)
TAU = 0.7

Result = dict[str, Any]


@dataclass(frozen=True, slots=True)
class FoundCandidates:
    """Candidates found within each conversation.

    `near`, `keys` and `tokens` have an entry for each row; `same` lists pairs of duplicates by their places.
    """

    matrix: CandidateMatrix
    near: Floats
    keys: Sequence[str]
    tokens: Sequence[int]
    same: Sequence[Sequence[tuple[int, int]]]


def run(data: Path, *, console: Console | None = None, consolidated: bool = False) -> Result:
    """Return all figures by name, as fractions from 0 to 1. `data` is the folder that holds `locomo/`.

    `consolidated` also asks once more after everything is consolidated.
    """
    progress = console or Console(quiet=True)
    embedder = MiniLM()
    conversations = load(data)
    shown = track(conversations, "each conversation alone", console=progress, transient=True)
    alone = join([_gather_one(conversation, embedder) for conversation in shown])
    progress.print("the floor and the plain rankings")
    floor, orders = rank_baselines(conversations, embedder)
    result: Result = {"questions": len(alone.matrix), "memories": sum(len(one.messages) for one in conversations)}
    result |= _baselines(orders, alone.matrix)
    learned = _measure_within(result, alone.matrix, floor, progress)
    result |= {"audited": _measure_audited(data, alone, learned), "context": _measure_context(alone)}
    result |= {"relevant": figures_above_floor(alone.matrix, alone.matrix.scores(SHIPPED), alone.near)}
    progress.print("all in one namespace, then other shapes")
    together = asyncio.run(gather(conversations, embedder, together=True)).matrix
    result |= {"one_namespace": _measure_together(alone.matrix, together)}
    result |= {"shapes": {name: _measure_shape(conversations, shape, embedder) for name, shape in SHAPES.items()}}
    if consolidated:
        progress.print("each conversation alone, consolidated")
        result["consolidated"] = _measure_consolidated(conversations, embedder, alone.matrix)
    return result


def _measure_consolidated(conversations: Sequence[Collection], embedder: Embedder, before: CandidateMatrix) -> Result:
    """Measure shipped weights after consolidating until nothing is left to consolidate."""
    after = join([_gather_one(conversation, embedder, consolidated=True) for conversation in conversations]).matrix
    found = figures(after, after.scores(SHIPPED))
    lost = figures(before, before.scores(SHIPPED))["r10"] - found["r10"]
    return _judge(after, after.scores(SHIPPED)) | {"lost_against_before": macro(lost, after.category)}


def _gather_one(conversation: Collection, embedder: Embedder, *, consolidated: bool = False) -> FoundCandidates:
    gathered = asyncio.run(gather([conversation], embedder, consolidated=consolidated))
    hits = [hit for found in gathered.found for hit in found]
    count = BundledTokenizer().count
    same = [found.duplicates(range(len(found))) for found in gathered.found]
    near = cosines(gathered.found)
    return FoundCandidates(gathered.matrix, near, [hit.key for hit in hits], [count(hit.text) for hit in hits], same)


def join(parts: Sequence[FoundCandidates]) -> FoundCandidates:
    """Join conversations. They are gathered one by one, because all candidates would not fit into memory at once."""
    return FoundCandidates(
        join_matrices([part.matrix for part in parts]),
        near=np.concatenate([part.near for part in parts]),
        keys=[key for part in parts for key in part.keys],
        tokens=[tokens for part in parts for tokens in part.tokens],
        same=[pairs for part in parts for pairs in part.same],
    )


SHAPES = {"documents": as_documents, "notes": as_notes}


def _baselines(orders: Mapping[str, NDArray[np.bool_]], matrix: CandidateMatrix) -> Result:
    return {name: summary(figures_of_hits(found, matrix.gold_count), matrix.category) for name, found in orders.items()}


def _measure_within(result: Result, matrix: CandidateMatrix, floor: CandidateMatrix, progress: Console) -> Floats:
    """Add the figures within each conversation to the result; return the scores by learned weights."""
    names = [name for name in matrix.views if name not in LEARNED_ELSEWHERE]
    scores, weights = cross_validate(matrix, lambda questions: fit_weights(matrix, names, questions))
    floor_scores, _ = cross_validate(floor, lambda questions: fit_weights(floor, floor.views, questions))
    result["floor"] = _judge(floor, floor_scores)
    result["plain_default"] = _judge(matrix, matrix.scores(PLAN_ALONE))
    result["shipped"] = _judge(matrix, matrix.scores(SHIPPED))
    result["semantic_alone"] = _judge(matrix, matrix.scores(SEMANTIC_ALONE))
    result["learned_loo"] = _judge(matrix, scores) | {
        "vs_floor": _difference(matrix, scores, floor, floor_scores),
        "weights": {name: float(np.mean([one[name] for one in weights])) for name in names},
    }
    result["learned_chosen_0_4_reported_5_9"] = _measure_held_out(matrix, names)
    result["candidates"] = _measure_candidates(matrix)
    result["without"] = {
        name: _loss(matrix, scores, [other for other in names if other != name])
        for name in track(names, "each view left out", console=progress, transient=True)
    }
    return scores


def _judge(matrix: CandidateMatrix, scores: Floats) -> Result:
    found = figures(matrix, scores)
    low, high = interval(found["r10"], matrix.category)
    wide_low, wide_high = interval(found["r10"], matrix.category, matrix.conversation)
    return summary(found, matrix.category) | {
        "macro_r10_interval": [low, high],
        "macro_r10_interval_by_conversation": [wide_low, wide_high],
    }


def _difference(matrix: CandidateMatrix, scores: Floats, floor: CandidateMatrix, floor_scores: Floats) -> Result:
    """Return the paired difference in macro recall at 10, with intervals."""
    gain = figures(matrix, scores)["r10"] - figures(floor, floor_scores)["r10"]
    low, high = interval(gain, matrix.category)
    wide_low, wide_high = interval(gain, matrix.category, matrix.conversation)
    return {
        "difference": macro(gain, matrix.category),
        "low": low,
        "high": high,
        "low_by_conversation": wide_low,
        "high_by_conversation": wide_high,
    }


def _measure_held_out(matrix: CandidateMatrix, names: Sequence[str]) -> Result:
    weights = fit_weights(matrix, names, np.flatnonzero(matrix.conversation < CHOSEN_ON))
    return _judge_some(matrix, matrix.scores(weights), matrix.conversation >= CHOSEN_ON)


def _judge_some(matrix: CandidateMatrix, scores: Floats, chosen: NDArray[np.bool_]) -> Result:
    found = {name: values[chosen] for name, values in figures(matrix, scores).items()}
    return summary(found, matrix.category[chosen])


def _loss(matrix: CandidateMatrix, scores: Floats, names: Sequence[str]) -> Result:
    """Return what is lost without a view when the others are learned again."""
    without, _ = cross_validate(matrix, lambda questions: fit_weights(matrix, names, questions))
    found, less = figures(matrix, scores), figures(matrix, without)
    return {
        "macro_r10": macro(found["r10"] - less["r10"], matrix.category),
        "hit1": float((found["hit1"] - less["hit1"]).mean()),
    }


def _measure_candidates(matrix: CandidateMatrix) -> Result:
    among = np.add.reduceat(matrix.gold.astype(float), matrix.starts[:-1]) / matrix.gold_count
    return {"recall": float(among.mean()), "mean": float(np.diff(matrix.starts).mean())}


def _measure_together(alone: CandidateMatrix, together: CandidateMatrix) -> Result:
    """Measure all conversations in one namespace, by shipped weights and by weights learned on the others there."""
    names = [name for name in together.views if name not in LEARNED_ELSEWHERE]
    scores, _ = cross_validate(together, lambda questions: fit_weights(together, names, questions))
    return _judge(together, scores) | {
        "shipped": _judge(together, together.scores(SHIPPED)),
        "plain_default": _judge(together, together.scores(PLAN_ALONE)),
        "lost_against_alone": macro(
            figures(alone, alone.scores(SHIPPED))["r10"] - figures(together, together.scores(SHIPPED))["r10"],
            alone.category,
        ),
    }


def _measure_shape(conversations: Sequence[Collection], shape: Any, embedder: Embedder) -> Result:
    gathered = asyncio.run(gather([shape(conversation) for conversation in conversations], embedder))
    matrix = gathered.matrix
    return {
        "shipped": _judge(matrix, matrix.scores(SHIPPED)),
        "relevant": figures_above_floor(matrix, matrix.scores(SHIPPED), cosines(gathered.found)),
        "semantic_alone": _judge(matrix, matrix.scores(SEMANTIC_ALONE)),
    }


def _measure_audited(data: Path, alone: FoundCandidates, scores: Floats) -> Result:
    """Judge the same ranking by corrected evidence."""
    corrected = [asked.gold for one in load(data, audited=True) for asked in one.questions]
    matrix = alone.matrix
    rows = zip(alone.keys, matrix.question.tolist(), strict=True)
    gold = np.array([key in corrected[question] for key, question in rows])
    count = np.array([len(one) for one in corrected])
    again = CandidateMatrix(
        matrix.views, matrix.values, gold, matrix.starts, count, matrix.category, matrix.conversation
    )
    return {"learned_loo": _judge(again, scores), "shipped": _judge(again, again.scores(SHIPPED))}


def _measure_context(alone: FoundCandidates) -> Result:
    """Return the share of gold evidence that the brain packs into a context, by its size in tokens."""
    matrix, names = alone.matrix, tuple(sorted(SHIPPED))
    levels = np.rint(matrix.values * STEPS).astype(int)
    shares: dict[int, list[float]] = {budget: [] for budget in BUDGETS}
    for number, (first, last) in enumerate(pairwise(matrix.starts.tolist())):
        shown = [ShownMemory(str(row), tuple(levels[row].tolist())) for row in range(first, last)]
        ranked = rank(shown, tuple(matrix.views), names, [SHIPPED[name] for name in names], TAU)
        same = duplicate_pairs((str(first + one), str(first + other)) for one, other in alone.same[number])
        order = [PackCandidate(row.id, row.attention, alone.tokens[int(row.id)]) for row in ranked]
        for budget, found in shares.items():
            packed = pack(order, token_budget=budget, is_duplicate=same, attention_share=1.0)
            right = matrix.gold[[int(one) for one in packed.shown]].sum()
            found.append(float(right / matrix.gold_count[number]))
    return {str(budget): float(np.mean(found)) for budget, found in shares.items()}


def table(result: Result) -> Table:
    shown = Table(title=f"LoCoMo, {result['memories']:,} memories, {result['questions']:,} questions")
    columns = ("", "macro R@10", "95 %", "micro R@10", "R@5", "R@20", "hit@1", "nDCG@10")
    for name in (*columns, *CATEGORIES.values()):
        shown.add_column(name, justify="left" if not name else "right")
    for name, row in _rows(result):
        low, high = row.get("macro_r10_interval", (None, None))
        cells = [
            row["macro_r10"],
            row["micro_r10"],
            row["micro_r5"],
            row["micro_r20"],
            row["hit1"],
            row["micro_ndcg10"],
        ]
        cells += [row[f"category_{number}_r10"] for number in CATEGORIES]
        texts = [f"{cell:.3f}" for cell in cells]
        shown.add_row(name, texts[0], f"{low:.3f}-{high:.3f}" if low is not None else "", *texts[1:])
    return shown


def _rows(result: Result) -> list[tuple[str, Result]]:
    one, shapes = result["one_namespace"], result["shapes"]
    return [
        ("BM25", result["bm25"]),
        ("dense", result["dense"]),
        ("RRF of both", result["rrf"]),
        ("plain linear floor, learned LOO", result["floor"]),
        ("semantic view alone", result["semantic_alone"]),
        ("plan's three views and weights", result["plain_default"]),
        ("shipped weights (in sample)", result["shipped"]),
        ("the same, what stands out", result["relevant"]),
        ("learned LOO", result["learned_loo"]),
        ("learned on 0-4, reported on 5-9", result["learned_chosen_0_4_reported_5_9"]),
        ("learned LOO, audited evidence", result["audited"]["learned_loo"]),
        ("one namespace, shipped", one["shipped"]),
        ("one namespace, learned LOO", one),
        *((f"{name}, shipped", shape["shipped"]) for name, shape in shapes.items()),
        *((f"{name}, what stands out", shape["relevant"]) for name, shape in shapes.items()),
        *((f"{name}, semantic alone", shape["semantic_alone"]) for name, shape in shapes.items()),
    ]


def contributions(result: Result) -> Table:
    shown = Table("view", "macro R@10 lost without it", "hit@1 lost", "learned weight", "shipped weight")
    for name, loss in result["without"].items():
        learned = result["learned_loo"]["weights"]
        scale = learned["semantic"]
        cells = (loss["macro_r10"], loss["hit1"], learned[name] / scale)
        shown.add_row(name, *(f"{cell:+.3f}" for cell in cells), f"{SHIPPED[name]:+.2f}")
    return shown


@click.command("locomo")
@locomo_option
@click.option("--consolidated", is_flag=True, help="Also after consolidating everything; takes twice as long.")
@click.option("--json", "as_json", is_flag=True, help="Figures by dotted name instead of tables.")
def command(data: Path, *, consolidated: bool, as_json: bool) -> None:
    """Measure LoCoMo in detail: intervals, each view left out, context, one namespace, other shapes. Takes minutes."""
    result = run(data, console=Console(stderr=True), consolidated=consolidated)
    if as_json:
        click.echo(json.dumps(flatten(result, "locomo"), indent=1))
        return
    out = Console()
    out.print(table(result))
    out.print(contributions(result))
    gain, context = result["learned_loo"]["vs_floor"], result["context"]
    out.print(f"learned against the floor, paired: {gain['difference']:+.3f} [{gain['low']:+.3f}, {gain['high']:+.3f}]")
    if consolidated:
        after = result["consolidated"]
        out.print(f"consolidated: macro R@10 {after['macro_r10']:.3f}, lost {after['lost_against_before']:+.4f}")
    for name, kept in [("chats", result["relevant"]), *((n, one["relevant"]) for n, one in result["shapes"].items())]:
        out.print(
            f"of the best 50, {name}: {kept['kept']:.1f} stand out, "
            f"with {kept['gold_50']:.3f} of the gold where all 50 have {kept['gold_50_before']:.3f}"
        )
    out.print("gold in context: " + ", ".join(f"{share:.3f} at {size} tokens" for size, share in context.items()))
