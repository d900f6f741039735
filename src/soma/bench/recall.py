"""`soma bench recall`: how often what was asked for is found. LoCoMo at turn level, without a judge."""

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

from soma.bench.candidates.baselines import compare
from soma.bench.candidates.fitting import fitted, left_out
from soma.bench.candidates.gather import gather
from soma.bench.candidates.matrix import Floats, Judged, figures, from_found, interval, macro, summary
from soma.bench.candidates.relevance import cosines, floored
from soma.bench.data import real_data
from soma.bench.data.locomo import CATEGORIES, Conversation, load
from soma.bench.data.shapes import documents, notes
from soma.bench.flat import flattened
from soma.brain.core.observations import Shown
from soma.brain.core.serving.pack import PackCandidate, duplicate_pairs, pack
from soma.brain.core.serving.rank import rank
from soma.brain.tokens import BundledTokenizer
from soma.memory.embedders.base import Embedder
from soma.memory.embedders.minilm import MiniLM
from soma.memory.types import STEPS
from soma.memory.views import VIEWS

PLAN = {"semantic": 1.0, "graph": 0.2, "temporal": 0.1}
SHIPPED = {name: view.weight for name, view in VIEWS.items()}
LEARNED_ELSEWHERE = ("value", "importance", "linked")  # nothing in this data moves them
CHOSEN_ON = 5  # conversations on which views and constants were chosen; the others report them
BUDGETS = (512, 1_024, 2_048, 4_096)
TAU = 0.7

Result = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Within:
    """What was found within each conversation.

    `near`, `keys` and `tokens` are those of all rows; `same` are pairs of places.
    """

    judged: Judged
    near: Floats
    keys: Sequence[str]
    tokens: Sequence[int]
    same: Sequence[Sequence[tuple[int, int]]]


def run(data: Path, *, console: Console | None = None, consolidated: bool = False) -> Result:
    """All figures by name; fractions from 0 to 1. `data` is the folder that holds `locomo/`.

    `consolidated` asks once more after everything was distilled.
    """
    progress = console or Console(quiet=True)
    embedder = MiniLM()
    conversations = load(data)
    shown = track(conversations, "each conversation alone", console=progress, transient=True)
    alone = joined([_asked(conversation, embedder) for conversation in shown])
    progress.print("the floor and the plain orders")
    floor, orders = compare(conversations, embedder)
    result: Result = {"questions": len(alone.judged), "memories": sum(len(one.messages) for one in conversations)}
    result |= _baselines(orders, alone.judged)
    learned = _within(result, alone.judged, floor, progress)
    result |= {"audited": _audited(data, alone, learned), "context": _context(alone)}
    result |= {"relevant": floored(alone.judged, alone.judged.scores(SHIPPED), alone.near)}
    progress.print("all in one namespace, then other shapes")
    together = asyncio.run(gather(conversations, embedder, together=True)).judged
    result |= {"one_namespace": _together(alone.judged, together)}
    result |= {"shapes": {name: _shaped(conversations, shape, embedder) for name, shape in SHAPES.items()}}
    if consolidated:
        progress.print("each conversation alone, consolidated")
        result["consolidated"] = _consolidated(conversations, embedder, alone.judged)
    return result


def _consolidated(conversations: Sequence[Conversation], embedder: Embedder, before: Judged) -> Result:
    """Shipped weights, after consolidating until nothing is left to distil."""
    after = joined([_asked(conversation, embedder, consolidated=True) for conversation in conversations]).judged
    found = figures(after, after.scores(SHIPPED))
    lost = figures(before, before.scores(SHIPPED))["r10"] - found["r10"]
    return _judge(after, after.scores(SHIPPED)) | {"lost_against_before": macro(lost, after.category)}


def _asked(conversation: Conversation, embedder: Embedder, *, consolidated: bool = False) -> Within:
    gathered = asyncio.run(gather([conversation], embedder, consolidated=consolidated))
    hits = [hit for found in gathered.found for hit in found]
    count = BundledTokenizer().count
    same = [found.duplicates(range(len(found))) for found in gathered.found]
    near = cosines(gathered.found)
    return Within(gathered.judged, near, [hit.key for hit in hits], [count(hit.text) for hit in hits], same)


def joined(parts: Sequence[Within]) -> Within:
    """Conversation by conversation: hundreds of candidates of thousands of questions would not fit at once."""
    ends = np.cumsum([0, *(len(part.keys) for part in parts)])
    starts = [part.judged.starts[:-1] + end for part, end in zip(parts, ends, strict=False)]
    judged = Judged(
        views=parts[0].judged.views,
        values=np.concatenate([part.judged.values for part in parts]),
        gold=np.concatenate([part.judged.gold for part in parts]),
        starts=np.concatenate([*starts, ends[-1:]]),
        gold_count=np.concatenate([part.judged.gold_count for part in parts]),
        category=np.concatenate([part.judged.category for part in parts]),
        conversation=np.repeat(np.arange(len(parts)), [len(part.judged) for part in parts]),
    )
    return Within(
        judged,
        near=np.concatenate([part.near for part in parts]),
        keys=[key for part in parts for key in part.keys],
        tokens=[tokens for part in parts for tokens in part.tokens],
        same=[pairs for part in parts for pairs in part.same],
    )


SHAPES = {"documents": documents, "notes": notes}


def _baselines(orders: Mapping[str, NDArray[np.bool_]], judged: Judged) -> Result:
    return {name: summary(from_found(found, judged.gold_count), judged.category) for name, found in orders.items()}


def _within(result: Result, judged: Judged, floor: Judged, progress: Console) -> Floats:
    """Fill in what is found within each conversation; returns the scores of learned weights."""
    names = [name for name in judged.views if name not in LEARNED_ELSEWHERE]
    scores, weights = left_out(judged, lambda questions: fitted(judged, names, questions))
    floor_scores, _ = left_out(floor, lambda questions: fitted(floor, floor.views, questions))
    result["floor"] = _judge(floor, floor_scores)
    result["plain_default"] = _judge(judged, judged.scores(PLAN))
    result["shipped"] = _judge(judged, judged.scores(SHIPPED))
    result["semantic_alone"] = _judge(judged, judged.scores({"semantic": 1.0}))
    result["learned_loo"] = _judge(judged, scores) | {
        "vs_floor": _difference(judged, scores, floor, floor_scores),
        "weights": {name: float(np.mean([one[name] for one in weights])) for name in names},
    }
    result["learned_chosen_0_4_reported_5_9"] = _held_out(judged, names)
    result["candidates"] = _candidates(judged)
    result["without"] = {
        name: _loss(judged, scores, [other for other in names if other != name])
        for name in track(names, "each view left out", console=progress, transient=True)
    }
    return scores


def _judge(judged: Judged, scores: Floats) -> Result:
    found = figures(judged, scores)
    low, high = interval(found["r10"], judged.category)
    wide_low, wide_high = interval(found["r10"], judged.category, judged.conversation)
    return summary(found, judged.category) | {
        "macro_r10_interval": [low, high],
        "macro_r10_interval_by_conversation": [wide_low, wide_high],
    }


def _difference(judged: Judged, scores: Floats, floor: Judged, floor_scores: Floats) -> Result:
    """Paired, macro R@10."""
    gain = figures(judged, scores)["r10"] - figures(floor, floor_scores)["r10"]
    low, high = interval(gain, judged.category)
    wide_low, wide_high = interval(gain, judged.category, judged.conversation)
    return {
        "difference": macro(gain, judged.category),
        "low": low,
        "high": high,
        "low_by_conversation": wide_low,
        "high_by_conversation": wide_high,
    }


def _held_out(judged: Judged, names: Sequence[str]) -> Result:
    weights = fitted(judged, names, np.flatnonzero(judged.conversation < CHOSEN_ON))
    return _judge_some(judged, judged.scores(weights), judged.conversation >= CHOSEN_ON)


def _judge_some(judged: Judged, scores: Floats, those: NDArray[np.bool_]) -> Result:
    found = {name: values[those] for name, values in figures(judged, scores).items()}
    return summary(found, judged.category[those])


def _loss(judged: Judged, scores: Floats, names: Sequence[str]) -> Result:
    """What is lost without a view, the others learned again."""
    without, _ = left_out(judged, lambda questions: fitted(judged, names, questions))
    found, less = figures(judged, scores), figures(judged, without)
    return {
        "macro_r10": macro(found["r10"] - less["r10"], judged.category),
        "hit1": float((found["hit1"] - less["hit1"]).mean()),
    }


def _candidates(judged: Judged) -> Result:
    among = np.add.reduceat(judged.gold.astype(float), judged.starts[:-1]) / judged.gold_count
    return {"recall": float(among.mean()), "mean": float(np.diff(judged.starts).mean())}


def _together(alone: Judged, together: Judged) -> Result:
    """All conversations in one namespace: shipped weights, and weights learned there on the other conversations."""
    names = [name for name in together.views if name not in LEARNED_ELSEWHERE]
    scores, _ = left_out(together, lambda questions: fitted(together, names, questions))
    return _judge(together, scores) | {
        "shipped": _judge(together, together.scores(SHIPPED)),
        "plain_default": _judge(together, together.scores(PLAN)),
        "lost_against_alone": macro(
            figures(alone, alone.scores(SHIPPED))["r10"] - figures(together, together.scores(SHIPPED))["r10"],
            alone.category,
        ),
    }


def _shaped(conversations: Sequence[Conversation], shape: Any, embedder: Embedder) -> Result:
    gathered = asyncio.run(gather([shape(conversation) for conversation in conversations], embedder))
    judged = gathered.judged
    return {
        "shipped": _judge(judged, judged.scores(SHIPPED)),
        "relevant": floored(judged, judged.scores(SHIPPED), cosines(gathered.found)),
        "semantic_alone": _judge(judged, judged.scores({"semantic": 1.0})),
    }


def _audited(data: Path, alone: Within, scores: Floats) -> Result:
    """The same order, judged by corrected evidence."""
    corrected = [asked.gold for one in load(data, audited=True) for asked in one.questions]
    judged = alone.judged
    rows = zip(alone.keys, judged.question.tolist(), strict=True)
    gold = np.array([key in corrected[question] for key, question in rows])
    count = np.array([len(one) for one in corrected])
    again = Judged(judged.views, judged.values, gold, judged.starts, count, judged.category, judged.conversation)
    return {"learned_loo": _judge(again, scores), "shipped": _judge(again, again.scores(SHIPPED))}


def _context(alone: Within) -> Result:
    """The share of gold evidence that is packed into a lane of so many tokens, by the brain's own order and packing."""
    judged, names = alone.judged, tuple(sorted(SHIPPED))
    levels = np.rint(judged.values * STEPS).astype(int)
    shares: dict[int, list[float]] = {budget: [] for budget in BUDGETS}
    for number, (first, last) in enumerate(pairwise(judged.starts.tolist())):
        shown = [Shown(str(row), tuple(levels[row].tolist())) for row in range(first, last)]
        ranked = rank(shown, tuple(judged.views), names, [SHIPPED[name] for name in names], TAU)
        same = duplicate_pairs((str(first + one), str(first + other)) for one, other in alone.same[number])
        order = [PackCandidate(row.id, row.attention, alone.tokens[int(row.id)]) for row in ranked]
        for budget, found in shares.items():
            packed = pack(order, token_budget=budget, is_duplicate=same, attention_share=1.0)
            right = judged.gold[[int(one) for one in packed.shown]].sum()
            found.append(float(right / judged.gold_count[number]))
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


@click.command("recall")
@real_data.option
@click.option("--consolidated", is_flag=True, help="Also after consolidating everything; takes twice as long.")
@click.option("--json", "as_json", is_flag=True, help="Figures by dotted name instead of tables.")
def command(data: Path, *, consolidated: bool, as_json: bool) -> None:
    """How often what was asked for is found: LoCoMo at turn level, without a judge. Takes some minutes."""
    result = run(data, console=Console(stderr=True), consolidated=consolidated)
    if as_json:
        click.echo(json.dumps(flattened(result, "recall"), indent=1))
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
