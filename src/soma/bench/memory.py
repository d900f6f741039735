"""`soma bench memory`: what remembering and recalling cost, by the number of memories of a tenant.

The memories are texts of 25 words, drawn from the model's vocabulary as words are in real texts (Zipf), a conversation
for each hundred. Filling takes the readings of some of them, turned a little, for all: the texts and their words are
distinct, and it takes minutes instead of hours. What is timed is always the real model.
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

from soma.bench.candidates.gather import memory_on, owner
from soma.bench.flat import flattened
from soma.bench.tenants import ratio
from soma.brain.context.bundle import ranked
from soma.brain.core.serving.serve import serve
from soma.brain.core.state import LearnerState
from soma.brain.root import shipped_views
from soma.brain.settings.learner import LearnerSettings
from soma.memory.embedders.base import Reading
from soma.memory.embedders.basis import vocabulary
from soma.memory.embedders.minilm import MiniLM, unit
from soma.memory.memory import Memory
from soma.memory.text.languages import ENGLISH
from soma.memory.types import NewMemory, Query

WORDS = 25
QUESTION_WORDS = 10  # as in LoCoMo, where 99 % have at most 20
LONG_WORDS = 25
IN_CONVERSATION = 100
COMMON = sorted(ENGLISH.stop_words)
COMMON_SHARE = 0.45  # of the words of real messages
POOL = 500  # texts that the model reads for filling
NOISE = 0.02  # a number of a vector: the cosine with its origin is about .93
TIMED = 300
WARM_UP = 20
BATCH = 1_000
WHO = owner("bench")

Result = dict[str, Any]


class Filling:
    """Readings of a pool, each use turned a little."""

    name, dimension, late_dimension = MiniLM.name, MiniLM.dimension, MiniLM.late_dimension

    def __init__(self, model: MiniLM, texts: Sequence[str]) -> None:
        self._pool = [model.read(text) for text in texts]
        self._generator = np.random.default_rng(1)
        self._used = 0

    def read(self, text: str) -> Reading:  # noqa: ARG002 - any text
        self._used += 1
        origin = self._pool[self._used % len(self._pool)]
        noise = self._generator.normal(0, NOISE, len(origin.vector)).astype(np.float32)
        return Reading(unit(origin.vector + noise), origin.words, origin.word_vectors, origin.late_vectors)

    def read_all(self, texts: Sequence[str]) -> Sequence[Reading]:
        return [self.read(text) for text in texts]


class Words:
    """Texts by rule, the same ones each time."""

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
    """Figures by size. Filling and measuring are processes of their own: what filling took is not counted."""
    return {str(size): _sized(size) for size in sizes}


def _sized(size: int) -> Result:
    with tempfile.TemporaryDirectory() as folder:
        _apart(filled, folder, size)
        disk = sum(file.stat().st_size for file in Path(folder).iterdir())
        return {"disk_mb": disk / 1e6, **_apart(measured, folder, size)}


def _apart(work: Callable[[str, int], Result], folder: str, size: int) -> Result:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as alone:
        return alone.submit(work, folder, size).result()


def filled(folder: str, size: int) -> Result:
    asyncio.run(_filled(Path(folder), size))
    return {}


def measured(folder: str, size: int) -> Result:
    return asyncio.run(_measured(Path(folder), size))


def _beside_others(_: str, size: int) -> Result:
    """What a hundred other tenants cost one of `size` memories."""
    words = Words(0)
    filling = Filling(MiniLM(), [words.text() for _ in range(POOL)])
    return ratio(filling, [words.text() for _ in range(size)], [words.text(QUESTION_WORDS) for _ in range(TIMED)])


async def _filled(folder: Path, size: int) -> None:
    words, model = Words(0), MiniLM()
    async with memory_on(folder, Filling(model, [words.text() for _ in range(POOL)])) as memory:
        await _fill(memory, words, size)


async def _measured(folder: Path, size: int) -> Result:
    words = Words(size)
    started = time.perf_counter()
    async with memory_on(folder, MiniLM()) as memory:
        await memory.candidates(WHO, Query(text="the first question after a start"))
        start = time.perf_counter() - started
        return {"start_s": start, "rss_at_start_mb": resident(), **await _times(memory, words), "rss_mb": resident()}


async def _fill(memory: Memory, words: Words, size: int) -> None:
    for start in range(0, size, BATCH):
        numbers = range(start, min(start + BATCH, size))
        await memory.remember(WHO, [_new(words, f"c{number // IN_CONVERSATION}") for number in numbers])


async def _times(memory: Memory, words: Words) -> Result:
    async def told(number: int) -> None:
        await memory.remember(WHO, [_new(words, f"timed {number // IN_CONVERSATION}")])

    recall, known = await _recalled(memory, words, QUESTION_WORDS)
    long, _ = await _recalled(memory, words, LONG_WORDS)
    remember = await _timed(told)
    items = [_new(words, "batch") for _ in range(TIMED)]
    started = time.perf_counter()
    await memory.remember(WHO, items)
    rate = len(items) / (time.perf_counter() - started)
    return {
        **{f"recall_{name}": value for name, value in recall.items()},
        **{f"recall_embedded_{name}": value for name, value in known.items()},
        **{f"recall_long_{name}": value for name, value in long.items()},
        **{f"remember_{name}": value for name, value in remember.items()},
        "remember_per_s": rate,
    }


async def _recalled(memory: Memory, words: Words, count: int) -> tuple[dict[str, float], dict[str, float]]:
    """Candidates and their order by shipped weights, for questions of `count` words: new ones, then asked again."""
    questions = [Query(text=words.text(count)) for _ in range(TIMED + WARM_UP)]
    constants = LearnerSettings().hyperparameters(shipped_views())
    served = serve(LearnerState.initial(constants), constants)

    async def asked(number: int) -> None:
        ranked(await memory.candidates(WHO, questions[number]), served)

    return await _timed(asked), await _timed(asked)  # the second time their readings are still cached


def _new(words: Words, conversation: str) -> NewMemory:
    return NewMemory(text=words.text(), conversation_id=conversation, metadata={"speaker": "Robin"})


async def _timed(call: Callable[[int], Awaitable[None]]) -> dict[str, float]:
    """Milliseconds of single calls, one after the other: of the clock, and of the processor (others take our turns)."""
    clock, processor = [], []
    for number in range(TIMED + WARM_UP):
        wall, work = time.perf_counter(), time.process_time()
        await call(number)
        clock.append((time.perf_counter() - wall) * 1e3)
        processor.append((time.process_time() - work) * 1e3)
    figures = {f"p{share}_ms": float(np.percentile(clock[WARM_UP:], share)) for share in (50, 95, 99)}
    return figures | {"cpu_p95_ms": float(np.percentile(processor[WARM_UP:], 95))}


def resident() -> float:
    """Megabytes of this process that are in memory."""
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
    """What remembering and recalling cost: latency, throughput, memory, disk, start."""
    try:
        numbers = [int(size) for size in sizes.split(",")]
    except ValueError as error:
        raise click.BadParameter("whole numbers with commas, as 1000,10000", param_hint="--sizes") from error
    result = run(numbers)
    tenants = _apart(_beside_others, "", BATCH)
    if as_json:
        click.echo(json.dumps(flattened({**result, "tenants": tenants}, "memory"), indent=1))
    else:
        Console().print(table(result))
        Console().print(
            "recall of one tenant beside {others} others, against alone: {recall_ratio:.2f}".format(**tenants)
        )
