"""Cost of a tenant's recall among other tenants: the same questions, alone and beside a hundred loaded indexes."""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from soma.bench.candidates.gather import open_memory, owner_of, remember_all
from soma.memory.embedders.base import Embedder
from soma.memory.memory import Memory
from soma.memory.types import NewMemory, Query

OTHERS = 100
THEIRS = 100  # memories of each other tenant
OWNER = owner_of("bench")


def recall_ratio(embedder: Embedder, texts: Sequence[str], questions: Sequence[str]) -> dict[str, Any]:
    """Time one tenant, who remembers `texts`, alone and among others; `recall_ratio` compares the medians."""
    return asyncio.run(_recall_ratio(embedder, [NewMemory(text=text) for text in texts], questions))


async def _recall_ratio(embedder: Embedder, items: Sequence[NewMemory], questions: Sequence[str]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        async with open_memory(Path(first), embedder) as alone, open_memory(Path(second), embedder) as among:
            for memory in (alone, among):
                await remember_all(memory, OWNER, items)
            for number in range(OTHERS):
                other = owner_of(f"other{number}")
                await remember_all(among, other, items[:THEIRS])
                await among.candidates(other, Query(text=questions[0]))
            taken: dict[Memory, list[float]] = {alone: [], among: []}
            for number, question in enumerate(questions):
                for memory in (alone, among) if number % 2 else (among, alone):
                    started = time.perf_counter()
                    await memory.candidates(OWNER, Query(text=question))
                    taken[memory].append((time.perf_counter() - started) * 1e3)
            by_itself, beside = (float(np.median(times)) for times in taken.values())
    return {"others": OTHERS, "alone_p50_ms": by_itself, "among_p50_ms": beside, "recall_ratio": beside / by_itself}
