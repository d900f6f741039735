"""soma bench memory: measure what remembering and recalling cost, by the number of memories of a tenant.

The memories are texts of 25 words, drawn from the model's vocabulary with the frequencies of real texts (Zipf), a
conversation for each hundred. The memory is filled with distinct texts, but with readings from a small pool, each with
some noise, which takes minutes instead of hours. All timed calls use the real model.
"""

import asyncio
import json
import multiprocessing
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

from soma.bench.candidates.gather import open_memory, owner_of
from soma.bench.flat import flatten
from soma.bench.tenants import recall_ratio
from soma.brain.context.bundle import rank_candidates
from soma.brain.core.serving.serve import serve
from soma.brain.core.state import LearnerState
from soma.brain.root import shipped_views
from soma.brain.settings.learner import LearnerSettings
from soma.memory.embedders.base import Reading
from soma.memory.embedders.basis import vocabulary
from soma.memory.embedders.minilm import MiniLM, normalise
from soma.memory.memory import Memory
from soma.memory.text.languages import ENGLISH
from soma.memory.text.sentences import Span
from soma.memory.types import NewMemory, Query

WORDS = 25
QUESTION_WORDS = 10  # as in LoCoMo, where 99 % have at most 20
LONG_WORDS = 25
IN_CONVERSATION = 100
COMMON = sorted(ENGLISH.stop_words)
COMMON_SHARE = 0.45  # share of common words in real messages
POOL = 500  # texts that the model reads for filling
NOISE = 0.02  # standard deviation for each number of a vector: the cosine with its origin is about 0.93
TIMED = 300
WARM_UP = 20
BATCH = 1_000
OWNER = owner_of("bench")

Result = dict[str, Any]


class PooledEmbedder:
    """An embedder that answers with readings from a pool, with some noise."""

    name, dimension, late_dimension = MiniLM.name, MiniLM.dimension, MiniLM.late_dimension

    def __init__(self, model: MiniLM, texts: Sequence[str]) -> None:
        self._pool = [model.read(text) for text in texts]
        self._generator = np.random.default_rng(1)
        self._used = 0

    def read(self, text: str) -> Reading:  # noqa: ARG002 - any text
        self._used += 1
        origin = self._pool[self._used % len(self._pool)]
        noise = self._generator.normal(0, NOISE, len(origin.vector)).astype(np.float32)
        return Reading(normalise(origin.vector + noise), origin.words, origin.word_vectors, origin.late_vectors)

    def read_all(self, texts: Sequence[str]) -> Sequence[Reading]:
        return [self.read(text) for text in texts]

    def find_passages(self, text: str) -> Sequence[Span]:  # noqa: ARG002 - texts here are short
        return ()


class TextSource:
    """A reproducible source of texts."""

    def __init__(self, seed: int) -> None:
        self._words = vocabulary()
        self._generator = np.random.default_rng(seed)
        ranks = np.arange(1, len(self._words) + 1)
        self._shares = (1 / ranks) / (1 / ranks).sum()

    def text(self, count: int = WORDS) -> str:
        words = self._generator.choice(self._words, count, p=self._shares)
        common = self._generator.choice(COMMON, count)
        return " ".join(np.where(self._generator.random(count) < COMMON_SHARE, common, words)) + "."


def run(sizes: Sequence[int]) -> Result:
    """Return the figures by size. Filling and measuring are separate processes, so that filling is not counted."""
    return {str(size): _measure_size(size) for size in sizes}


def _measure_size(size: int) -> Result:
    with tempfile.TemporaryDirectory() as folder:
        _run_apart(fill, folder, size)
        disk = sum(file.stat().st_size for file in Path(folder).iterdir())
        return {"disk_mb": disk / 1e6, **_run_apart(measure, folder, size)}


def _run_apart(work: Callable[[str, int], Result], folder: str, size: int) -> Result:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as alone:
        return alone.submit(work, folder, size).result()


def fill(folder: str, size: int) -> Result:
    asyncio.run(_fill_folder(Path(folder), size))
    return {}


def measure(folder: str, size: int) -> Result:
    return asyncio.run(_measure_folder(Path(folder), size))


def _measure_among_others(_: str, size: int) -> Result:
    """Measure what a hundred other tenants cost a tenant of `size` memories."""
    words = TextSource(0)
    embedder = PooledEmbedder(MiniLM(), [words.text() for _ in range(POOL)])
    return recall_ratio(
        embedder, [words.text() for _ in range(size)], [words.text(QUESTION_WORDS) for _ in range(TIMED)]
    )


async def _fill_folder(folder: Path, size: int) -> None:
    words, model = TextSource(0), MiniLM()
    async with open_memory(folder, PooledEmbedder(model, [words.text() for _ in range(POOL)])) as memory:
        await _fill(memory, words, size)


async def _measure_folder(folder: Path, size: int) -> Result:
    words = TextSource(size)
    started = time.perf_counter()
    async with open_memory(folder, MiniLM()) as memory:
        await memory.candidates(OWNER, Query(text="the first question after a start"))
        start = time.perf_counter() - started
        return {
            "start_s": start,
            "rss_at_start_mb": resident_megabytes(),
            **await _times(memory, words),
            "rss_mb": resident_megabytes(),
        }


async def _fill(memory: Memory, words: TextSource, size: int) -> None:
    for start in range(0, size, BATCH):
        numbers = range(start, min(start + BATCH, size))
        await memory.remember(OWNER, [_new(words, f"c{number // IN_CONVERSATION}") for number in numbers])


async def _times(memory: Memory, words: TextSource) -> Result:
    async def remember_one(number: int) -> None:
        await memory.remember(OWNER, [_new(words, f"timed {number // IN_CONVERSATION}")])

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


def _new(words: TextSource, conversation: str) -> NewMemory:
    return NewMemory(text=words.text(), conversation_id=conversation, metadata={"speaker": "Robin"})


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
    tenants = _run_apart(_measure_among_others, "", BATCH)
    if as_json:
        click.echo(json.dumps(flatten({**result, "tenants": tenants}, "memory"), indent=1))
    else:
        Console().print(table(result))
        Console().print(
            "recall of one tenant beside {others} others, against alone: {recall_ratio:.2f}".format(**tenants)
        )
