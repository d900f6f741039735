"""soma bench turn-metrics: measure how long learning delays an iteration, in process and over HTTP."""

import asyncio
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import click
import uvloop
from pydantic import SecretStr

from soma.bench.feedback import WORDS
from soma.bench.flat import show_figures
from soma.bench.servers.brain_process import TOKEN, BrainProcess
from soma.bench.servers.load import percentile
from soma.brain.client import BrainClient
from soma.brain.root import open_brain
from soma.brain.settings import BrainSettings
from soma.brain.types import Principal
from soma.brain.wire.requests import Evaluate, TurnMetrics

MEMORIES = 200
ITERATIONS = 3  # a turn
WARMING = 50  # calls that are not counted
TOOLS = ("clock", "calculator", "recall")


@click.command("turn-metrics")
@click.option(
    "--calls",
    type=click.IntRange(1),
    default=2_000,
    show_default=True,
    help="Iterations of each way, with a bundle each.",
)
@click.option("--seed", default=1, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print one object.")
def command(calls: int, seed: int, *, as_json: bool) -> None:
    """Publish the metrics of CALLS iterations, one after another, over both transports."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        figures = {"calls": calls, "publish": runner.run(measure(calls, seed))}
    show_figures(figures, as_json=as_json)


async def measure(calls: int, seed: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="soma-bench-") as folder:
        settings = BrainSettings(data_dir=Path(folder), service_token=SecretStr(TOKEN), lessons_per_day=0)
        async with open_brain(settings) as opened:
            inside = await _time_calls(opened.client, calls, Random(seed))
    with tempfile.TemporaryDirectory(prefix="soma-bench-") as folder:
        brain = BrainProcess(Path(folder))
        try:
            await asyncio.to_thread(brain.start)
            async with BrainClient.at(brain.url, service_token=TOKEN) as client:
                outside = await _time_calls(client, calls, Random(seed))
        finally:
            brain.kill()
    return {
        f"{way}_p{share:.0%}_ms".replace("%", ""): percentile(took, share) * 1_000
        for way, took in (("in_process", inside), ("http", outside))
        for share in (0.5, 0.95)
    }


async def _time_calls(client: BrainClient, calls: int, random: Random) -> list[float]:
    """Return the seconds of each call, without the bundle that precedes it in an iteration."""
    principal = Principal(tenant_id="bench", user_id="bench", agent_id="bench")
    texts = [" ".join(random.sample(WORDS, 8)) for _ in range(MEMORIES)]
    await client.remember(principal, [{"text": text} for text in texts])
    took = []
    for turn_id, number in _iterations(WARMING + calls):
        query = " ".join(random.sample(WORDS, 4))
        bundle = await client.evaluate(principal, Evaluate(conversation_id=turn_id, query=query, top_k=10))
        body = _random_metrics(turn_id, number, random) | {
            "bundle_id": bundle.bundle_id,
            "cited": [random.choice(bundle.memories).id],
            "weights": bundle.weights,
            "neuromodulators": bundle.neuromodulators,
        }
        began = time.perf_counter()
        await client.publish_turn_metrics(principal, TurnMetrics(**body))
        took.append(time.perf_counter() - began)
    return took[WARMING:]


def _iterations(count: int) -> Iterator[tuple[str, int]]:
    return ((f"turn-{at // ITERATIONS}", at % ITERATIONS) for at in range(count))


def _random_metrics(turn_id: str, number: int, random: Random) -> dict[str, Any]:
    used = random.sample(TOOLS, random.randrange(3))
    return {
        "turn_id": turn_id,
        "iteration_number": number,
        "conversation_id": turn_id,
        "tools_used": used,
        "tool_outcomes": {tool: random.choice(("ok", "ok", "failed")) for tool in used},
        "confidence": random.random(),
        "latency_ms": 200 + 2_000 * random.random(),
        "tokens": 800,
        "model": "bench",
    }
