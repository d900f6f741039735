"""soma bench memory: measure what remembering and recalling cost, by the number of memories of a tenant.

The memory is filled with rows (`fill.py`), which takes minutes instead of hours. All timed calls use the real model. A
start is measured from the start of its process, twice: from the rows alone, and from the index that the first one kept.
"""

import asyncio
import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from soma.bench.candidates.gather import open_memory, open_writer, owner_of
from soma.bench.fill import IN_CONVERSATION, POOL, SPEAKER, PooledEmbedder, TextSource, fill_rows
from soma.bench.flat import flatten
from soma.bench.tenants import recall_ratio
from soma.brain.context.bundle import rank_candidates
from soma.brain.core.serving.serve import serve
from soma.brain.core.state import LearnerState
from soma.brain.root import shipped_views
from soma.brain.settings.learner import LearnerSettings
from soma.memory.embedders.minilm import MiniLM
from soma.memory.memory import Memory
from soma.memory.types import NewMemory, Query

QUESTION_WORDS = 10  # as in LoCoMo, where 99 % have at most 20
LONG_WORDS = 25
TIMED = 300
WARM_UP = 20
LOOKED_AT = 200  # candidates whose texts are read: as many as a bundle of fifty memories looks at
OWNER, OTHER = owner_of("bench"), owner_of("other")
OTHERS = 100  # memories of another tenant, who asks while the large one loads
BESIDE_OTHERS = 1_000  # memories of a tenant beside a hundred others
KEPT = "memory-index"

Result = dict[str, Any]


def run(sizes: Sequence[int]) -> Result:
    """Return the figures by size. Filling and measuring are separate processes, so that filling is not counted."""
    return {str(size): _measure_size(size) for size in sizes}


def _measure_size(size: int) -> Result:
    with tempfile.TemporaryDirectory() as folder:
        _run_apart(fill, folder, size)
        rows = _measure_disk(Path(folder))
        first = _run_apart(measure_first, folder, size)
        return {"disk_mb": rows, "disk_kept_mb": _measure_disk(Path(folder) / KEPT), **first} | _run_apart(
            measure, folder, size
        )


def _measure_disk(folder: Path) -> float:
    """Return the megabytes of the files in a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6


def _run_apart(work: Callable[[str, int], Result], folder: str, size: int) -> Result:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as alone:
        return alone.submit(work, folder, size).result()


def fill(folder: str, size: int) -> Result:
    asyncio.run(_fill_folder(Path(folder), size))
    return {}


def measure_first(folder: str, size: int) -> Result:
    return asyncio.run(_measure_first(Path(folder), size))


def measure(folder: str, size: int) -> Result:
    return asyncio.run(_measure_folder(Path(folder), size))


def _measure_among_others(_: str, size: int) -> Result:
    """Measure what a hundred other tenants cost a tenant of `size` memories."""
    words = TextSource(0)
    embedder = PooledEmbedder(MiniLM(), words.texts(POOL))
    return recall_ratio(embedder, words.texts(size), words.texts(TIMED, QUESTION_WORDS))


async def _fill_folder(folder: Path, size: int) -> None:
    model, words = MiniLM(), TextSource(1)
    async with open_memory(folder, model) as memory:
        await memory.remember(OTHER, [NewMemory(text=text) for text in words.texts(OTHERS)])
    with open_writer(folder) as writer:
        fill_rows(writer, model, OWNER, size)


async def _measure_first(folder: Path, size: int) -> Result:
    """Measure a start from the rows alone, and what another tenant waits meanwhile."""
    words = TextSource(size)
    async with open_memory(folder, MiniLM(), kept_in=folder / KEPT) as memory:
        await memory.start()
        await memory.candidates(OTHER, Query(text="the first question of another tenant"))
        loading = asyncio.create_task(memory.candidates(OWNER, Query(text="the first question after a start")))
        waits = []
        while not loading.done():
            begun = time.perf_counter()
            await memory.candidates(OTHER, Query(text=words.text(QUESTION_WORDS)))
            waits.append((time.perf_counter() - begun) * 1e3)
            await asyncio.sleep(0.02)
        return {"start_from_rows_s": seconds_since_start(), "others_meanwhile_p95_ms": float(np.percentile(waits, 95))}


async def _measure_folder(folder: Path, size: int) -> Result:
    words = TextSource(size)
    async with open_memory(folder, MiniLM(), kept_in=folder / KEPT) as memory:
        await memory.start()
        begun = time.perf_counter()
        await memory.candidates(OWNER, Query(text="the first question after a start"))
        return {
            "start_s": seconds_since_start(),
            "first_recall_s": time.perf_counter() - begun,
            "rss_at_start_mb": resident_megabytes(),
            **await _times(memory, words),
            "rss_mb": resident_megabytes(),
        }


async def _times(memory: Memory, words: TextSource) -> Result:
    async def remember_one(number: int) -> None:
        await memory.remember(OWNER, [_new(words, f"timed {number // IN_CONVERSATION}")])

    looked_at = await _time_looks(memory, words)
    recall, known = await _time_recall(memory, words, QUESTION_WORDS)
    long, _ = await _time_recall(memory, words, LONG_WORDS)
    remember = await _time(remember_one)
    items = [_new(words, "batch") for _ in range(TIMED)]
    started = time.perf_counter()
    await memory.remember(OWNER, items)
    rate = len(items) / (time.perf_counter() - started)
    return {
        **{f"recall_{name}": value for name, value in recall.items()},
        **{f"recall_embedded_{name}": value for name, value in known.items()},
        **{f"recall_long_{name}": value for name, value in long.items()},
        **{f"look_{name}": value for name, value in looked_at.items()},
        **{f"remember_{name}": value for name, value in remember.items()},
        "remember_per_s": rate,
    }


async def _time_recall(memory: Memory, words: TextSource, count: int) -> tuple[dict[str, float], dict[str, float]]:
    """Time recall and ranking by shipped weights for questions of `count` words: new ones, then the same again."""
    questions = [Query(text=words.text(count)) for _ in range(TIMED + WARM_UP)]
    hyperparameters = LearnerSettings().hyperparameters(shipped_views())
    served = serve(LearnerState.initial(hyperparameters), hyperparameters)

    async def recall_one(number: int) -> None:
        rank_candidates(await memory.candidates(OWNER, questions[number]), served)

    return await _time(recall_one), await _time(recall_one)  # the second time their readings are still cached


async def _time_looks(memory: Memory, words: TextSource) -> dict[str, float]:
    """Time the reading of the texts of many candidates of a question, which a bundle adds to a recall."""
    clock = []
    for _ in range(TIMED):
        found = await memory.candidates(OWNER, Query(text=words.text(QUESTION_WORDS)))
        begun = time.perf_counter()
        await asyncio.to_thread(found.read, range(min(LOOKED_AT, len(found))))
        clock.append((time.perf_counter() - begun) * 1e3)
    return {f"p{share}_ms": float(np.percentile(clock, share)) for share in (50, 95)}


def _new(words: TextSource, conversation: str) -> NewMemory:
    return NewMemory(text=words.text(), conversation_id=conversation, metadata=SPEAKER)


async def _time(call: Callable[[int], Awaitable[None]]) -> dict[str, float]:
    """Return milliseconds of single calls, by the clock and by the processor, which other programs do not slow."""
    clock, processor = [], []
    for number in range(TIMED + WARM_UP):
        wall, work = time.perf_counter(), time.process_time()
        await call(number)
        clock.append((time.perf_counter() - wall) * 1e3)
        processor.append((time.process_time() - work) * 1e3)
    figures = {f"p{share}_ms": float(np.percentile(clock[WARM_UP:], share)) for share in (50, 95, 99)}
    return figures | {"cpu_p95_ms": float(np.percentile(processor[WARM_UP:], 95))}


def seconds_since_start() -> float:
    """Return how long ago this process was started."""
    ticks = int(Path("/proc/self/stat").read_text("ascii").rpartition(")")[2].split()[19])
    return float(Path("/proc/uptime").read_text("ascii").split()[0]) - ticks / os.sysconf("SC_CLK_TCK")


def resident_megabytes() -> float:
    """Return the resident memory of this process."""
    status = Path("/proc/self/status").read_text("utf-8")
    return next(int(line.split()[1]) / 1e3 for line in status.splitlines() if line.startswith("VmRSS:"))


def table(result: Result) -> Table:
    shown = Table("", *(f"{int(size):,}" for size in result), title="memories of a tenant")
    for name in next(iter(result.values())):
        shown.add_row(name.replace("_", " "), *(f"{figures[name]:,.2f}" for figures in result.values()))
    return shown


@click.command("memory")
@click.option("--sizes", default="1000,10000,100000", help="Numbers of memories, with commas.")
@click.option("--json", "as_json", is_flag=True, help="Figures by dotted name instead of a table.")
def command(sizes: str, *, as_json: bool) -> None:
    """Measure what remembering and recalling cost: latency, throughput, memory, disk, start."""
    try:
        numbers = [int(size) for size in sizes.split(",")]
    except ValueError as error:
        raise click.BadParameter(
            "must be whole numbers with commas, such as 1000,10000", param_hint="--sizes"
        ) from error
    result = run(numbers)
    tenants = _run_apart(_measure_among_others, "", BESIDE_OTHERS)
    if as_json:
        click.echo(json.dumps(flatten({**result, "tenants": tenants}, "memory"), indent=1))
    else:
        Console().print(table(result))
        Console().print(
            "recall of one tenant beside {others} others, against alone: {recall_ratio:.2f}".format(**tenants)
        )
