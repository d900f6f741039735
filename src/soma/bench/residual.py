"""soma bench residual: measure how many role-bound items one residual vector can hold."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import click
import numpy as np

from soma.brain.context.residual import Vector, bind, role, unbind

COUNTS = (4, 8, 12, 16, 20, 24, 28, 32, 40, 48, 64)
ENOUGH = 0.95
DIMENSION = 384


def random_units(count: int, dimension: int, *, seed: int) -> Vector:
    """Draw random unit vectors, which are like embeddings of unrelated texts."""
    rows: Vector = np.random.default_rng(seed).standard_normal((count, dimension))
    unit: Vector = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def curve(
    dimension: int, *, vocabulary: int, trials: int, counts: Sequence[int] = COUNTS, seed: int = 7
) -> dict[int, float]:
    """Return the share of items that are recovered, by the number of bound items."""
    draw = np.random.default_rng(seed)
    found = {}
    for count in counts:
        right = 0
        for _ in range(trials):
            items = random_units(vocabulary, dimension, seed=int(draw.integers(2**32)))
            chosen = draw.choice(vocabulary, count, replace=False)
            right += _count_recovered(items, chosen.tolist())
        found[count] = right / (count * trials)
    return found


def _count_recovered(items: Vector, chosen: Sequence[int]) -> int:
    roles = [role(f"place {place}", items.shape[1]) for place in range(len(chosen))]
    whole = np.sum([bind(named, items[item]) for named, item in zip(roles, chosen, strict=True)], axis=0)
    echoes = np.stack([unbind(named, whole) for named in roles])
    return int(np.sum(np.argmax(echoes @ items.T, axis=1) == chosen))


def capacity(shares: Mapping[int, float]) -> int:
    """Return the most items of which at least 95 % are recovered, as of every smaller number."""
    fits = 0
    for count, share in sorted(shares.items()):
        if share < ENOUGH:
            break
        fits = count
    return fits


@click.command()
@click.option("--dimension", default=DIMENSION, show_default=True, type=click.IntRange(8, 8_192))
@click.option("--trials", default=30, show_default=True, type=click.IntRange(1, 10_000))
@click.option("--json", "as_json", is_flag=True, help="One object.")
def command(*, dimension: int, trials: int, as_json: bool) -> None:
    """Measure the capacity of the residual vector: the share of items recovered, by their number."""
    curves = {vocabulary: curve(dimension, vocabulary=vocabulary, trials=trials) for vocabulary in (100, 1_000)}
    found: dict[str, Any] = {
        "dimension": dimension,
        "accuracy": curves,
        "capacity": {vocabulary: capacity(shares) for vocabulary, shares in curves.items()},
    }
    if as_json:
        print(json.dumps(found))
        return
    print(f"{'items':>5}" + "".join(f"  among {vocabulary:>5,}" for vocabulary in curves))
    for count in COUNTS:
        print(f"{count:>5}" + "".join(f"  {shares[count]:>10.1%}" for shares in curves.values()))
    for vocabulary, fits in found["capacity"].items():
        print(f"at least {ENOUGH:.0%} of up to {fits} items among {vocabulary:,} at {dimension} dimensions")
