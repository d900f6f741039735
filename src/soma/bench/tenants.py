"""Whether a tenant's recall costs more where there are others: the same questions to the same memories, alone and among
a hundred tenants whose indexes are loaded too, in turns within one process.
"""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from soma.bench.candidates.gather import memory_on, owner, remember_all
from soma.memory.embedders.base import Embedder
from soma.memory.memory import Memory
from soma.memory.types import NewMemory, Query

OTHERS = 100
THEIRS = 100  # of each other one
WHO = owner("bench")


def ratio(embedder: Embedder, texts: Sequence[str], questions: Sequence[str]) -> dict[str, Any]:
    """One tenant remembers `texts`, each other one the first of them; `recall_ratio` is that of the medians."""
    return asyncio.run(_ratio(embedder, [NewMemory(text=text) for text in texts], questions))


async def _ratio(embedder: Embedder, items: Sequence[NewMemory], questions: Sequence[str]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        async with memory_on(Path(first), embedder) as alone, memory_on(Path(second), embedder) as among:
            for memory in (alone, among):
                await remember_all(memory, WHO, items)
            for number in range(OTHERS):
                other = owner(f"other{number}")
                await remember_all(among, other, items[:THEIRS])
                await among.candidates(other, Query(text=questions[0]))
            taken: dict[Memory, list[float]] = {alone: [], among: []}
            for number, question in enumerate(questions):
                for memory in (alone, among) if number % 2 else (among, alone):
                    started = time.perf_counter()
                    await memory.candidates(WHO, Query(text=question))
                    taken[memory].append((time.perf_counter() - started) * 1e3)
            by_itself, beside = (float(np.median(times)) for times in taken.values())
    return {"others": OTHERS, "alone_p50_ms": by_itself, "among_p50_ms": beside, "recall_ratio": beside / by_itself}
