"""soma bench soak: check what must hold under a thousand iterations of noise, in the real brain in this process.

Random rewards leave every weight in its box and working memory bounded. Tenants taught side by side end with the same
bits as each would alone. Praise alone never lowers alpha or lambda under the literal rule.
"""

import asyncio
import json
import random
import resource
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from soma.brain.client import BrainClient
from soma.brain.core.hyperparameters import Rule
from soma.brain.core.weights import SEVEN, box
from soma.brain.root import open_brain
from soma.brain.settings import BrainSettings
from soma.brain.settings.learner import LearnerSettings
from soma.brain.types import ContextBundle, LearnerView, Principal
from soma.brain.wire.requests import Evaluate, Feedback, TurnMetrics

PATIENCE = 120.0  # seconds for a call: the machine may be busy
ADMITTED = 0.1  # salience that enters working memory: low, so that the bound of working memory is reached
TURN = 5  # iterations a turn
AT = "2026-01-01T00:00:00+00:00"
SHOWN = 10
PLACES = ("Bern", "Oslo", "Lima", "Cairo", "Kyoto", "Quito", "Perth", "Dakar", "Turin", "Hanoi")
THINGS = ("a bicycle", "the piano", "an old map", "two tickets", "his diary")
BOXES = {weight.name: (weight.low, weight.high) for weight in SEVEN}


@dataclass(frozen=True, slots=True)
class Noise:
    """Outcome of random rewards."""

    iterations: int
    outside: int
    working_memory: int
    working_memory_bound: int
    alpha: float
    lambda_: float
    megabytes_grown: float


@dataclass(frozen=True, slots=True)
class CrossTalk:
    """Outcome of tenants in parallel: how many differ from being alone, and what foreign they saw and learned."""

    tenants: int
    feedbacks: int
    differ: int
    foreign_memories: int
    foreign_lessons: int


@dataclass(frozen=True, slots=True)
class Praise:
    """Outcome of rewards of +1 alone: how often alpha or lambda fell, and how far both went in the first 20."""

    rewards: int
    alpha_lowered: int
    lambda_lowered: int
    alpha_after_20: float
    lambda_after_20: float


@asynccontextmanager
async def open_soak_brain(rule: str) -> AsyncIterator[tuple[BrainClient, BrainSettings]]:
    with tempfile.TemporaryDirectory() as folder:
        settings = BrainSettings(
            lessons_per_day=0,  # no daily limit: a person gives the feedback of years in minutes
            data_dir=Path(folder),
            service_token=SecretStr("soak"),
            learner=LearnerSettings(learning_rule=Rule(rule), gate_admit=ADMITTED),
        )
        async with (
            open_brain(settings) as opened,
            BrainClient.in_process(opened.app, service_token=settings.token, timeout_seconds=PATIENCE) as client,
        ):
            yield client, settings


def principal(tenant: str) -> Principal:
    return Principal(tenant_id=tenant, user_id="asker", agent_id="soak")


def texts(tenant: str) -> list[str]:
    return [
        f"{tenant} left {thing} in {place} on day {7 * n + m}."
        for n, thing in enumerate(THINGS)
        for m, place in enumerate(PLACES)
    ]


def make_question(draws: random.Random) -> str:
    return f"Who left {draws.choice(THINGS)} in {draws.choice(PLACES)}?"


async def remember(client: BrainClient, tenant: str) -> None:
    items = [
        {"key": f"{n}", "text": text, "occurred_at": f"2025-{1 + n % 12:02}-01T00:00:00+00:00"}
        for n, text in enumerate(texts(tenant))
    ]
    await client.remember(principal(tenant), items)


async def measure_noise(client: BrainClient, settings: BrainSettings, iterations: int) -> Noise:
    """Send iterations, verdicts and evidence at random; a conversation lasts for a hundred turns."""
    tenant, draws = principal("noise"), random.Random(0)
    await remember(client, "noise")
    began, outside, most_items = _megabytes(), 0, 0
    for number in range(iterations):
        turn, iteration = divmod(number, TURN)
        conversation = f"c{turn // 100}"
        bundle = await client.evaluate(
            tenant, Evaluate(conversation_id=conversation, query=make_question(draws), top_k=SHOWN, at=AT)
        )
        most_items = max(most_items, len(bundle.working_memory))
        learned = await client.publish_turn_metrics(
            tenant,
            TurnMetrics(
                turn_id=f"t{turn}",
                iteration_number=iteration,
                tools_used=["clock"],
                tool_outcomes={"clock": draws.choice(["ok", "failed"])},
                confidence=draws.random(),
                latency_ms=draws.uniform(0.0, 20_000.0),
                weights=bundle.weights,
                neuromodulators=bundle.neuromodulators,
                conversation_id=conversation,
                bundle_id=bundle.bundle_id,
                progress=draws.uniform(-1.0, 1.0),
                cost=draws.uniform(0.0, 0.1),
            ),
        )
        outside += _count_outside(learned.weights)
        await client.feedback(tenant, Feedback(**_random_feedback(conversation, bundle, draws)))
    end = await client.state(tenant)
    outside += _count_outside(end.learned or end.weights)
    return Noise(
        iterations=iterations,
        outside=outside,
        working_memory=most_items,
        working_memory_bound=settings.working_memory_items,
        alpha=end.weights["alpha"],
        lambda_=end.weights["lambda"],
        megabytes_grown=_megabytes() - began,
    )


def _random_feedback(conversation: str, bundle: ContextBundle, draws: random.Random) -> dict[str, Any]:
    body: dict[str, Any] = {
        "conversation_id": conversation,
        "bundle_id": bundle.bundle_id,
        "reward": draws.uniform(-1.0, 1.0),
    }
    if bundle.memories and draws.random() < 0.5:
        body["helpful"] = [draws.choice(bundle.memories).id]
    return body


def _count_outside(weights: Mapping[str, float]) -> int:
    """Count the weights that are outside their boxes."""
    boxes = {name: BOXES.get(name) or box(name) for name in weights}
    return sum(not boxes[name][0] <= weight <= boxes[name][1] for name, weight in weights.items())


@dataclass(frozen=True, slots=True)
class TaughtTenant:
    state: LearnerView
    foreign_memories: int
    last: ContextBundle


async def teach(client: BrainClient, number: int, feedbacks: int) -> TaughtTenant:
    """Teach a tenant its own taste, with idempotency keys that all tenants use and that must not collide."""
    name, draws = f"tenant-{number}", random.Random(number)
    tenant, taste, foreign = principal(name), PLACES[number % len(PLACES)], 0
    for turn in range(feedbacks):
        bundle = await client.evaluate(
            tenant, Evaluate(conversation_id="c", query=make_question(draws), top_k=SHOWN, at=AT)
        )
        foreign += sum(not memory.text.startswith(f"{name} ") for memory in bundle.memories)
        helpful = [memory.id for memory in bundle.memories if taste in memory.text]
        await client.feedback(
            tenant,
            Feedback(
                conversation_id="c",
                bundle_id=bundle.bundle_id,
                helpful=tuple(helpful) or (draws.choice(bundle.memories).id,),
                reward=draws.uniform(-1.0, 1.0),
                idempotency_key=f"feedback-{turn}",
            ),
        )
    return TaughtTenant(await client.state(tenant), foreign, bundle)


async def learns_from_foreign(client: BrainClient, tenant: str, bundle: ContextBundle) -> bool:
    """Send evidence about another tenant's bundle; return whether the tenant learned from it."""
    before = await client.state(principal(tenant))
    helpful = [memory.id for memory in bundle.memories[:1]]
    await client.feedback(
        principal(tenant), Feedback(conversation_id="c", bundle_id=bundle.bundle_id, helpful=tuple(helpful))
    )
    after = await client.state(principal(tenant))
    return after.learned != before.learned


async def measure_cross_talk(rule: str, tenants: int, feedbacks: int) -> CrossTalk:
    """Teach all tenants at once in one brain, then one after another in a fresh one, and compare the states."""
    names = [f"tenant-{number}" for number in range(tenants)]
    async with open_soak_brain(rule) as (client, _):
        for name in names:
            await remember(client, name)
        together = await asyncio.gather(*(teach(client, number, feedbacks) for number in range(tenants)))
        bundles = [one.last for one in together]
        neighbours = zip(names, bundles[1:] + bundles[:1], strict=True)
        lessons = sum([await learns_from_foreign(client, name, bundle) for name, bundle in neighbours])
    async with open_soak_brain(rule) as (client, _):
        alone = []
        for number, name in enumerate(names):
            await remember(client, name)
            alone.append(await teach(client, number, feedbacks))
    return CrossTalk(
        tenants=tenants,
        feedbacks=feedbacks,
        differ=sum(one.state.state_hash != other.state.state_hash for one, other in zip(together, alone, strict=True)),
        foreign_memories=sum(one.foreign_memories for one in together),
        foreign_lessons=lessons,
    )


async def measure_praise(client: BrainClient, rewards: int) -> Praise:
    tenant = principal("praised")
    path = [(await client.state(tenant)).weights]
    for number in range(rewards):
        await client.feedback(
            tenant, Feedback(conversation_id="c", turn_id=f"t{number}", reward=1.0, idempotency_key=f"p{number}")
        )
        path.append((await client.state(tenant)).weights)
    steps = list(pairwise(path))
    early = path[min(20, rewards)]
    return Praise(
        rewards=rewards,
        alpha_lowered=sum(after["alpha"] < before["alpha"] for before, after in steps),
        lambda_lowered=sum(after["lambda"] < before["lambda"] for before, after in steps),
        alpha_after_20=early["alpha"] - path[0]["alpha"],
        lambda_after_20=early["lambda"] - path[0]["lambda"],
    )


async def soak(rule: str, *, iterations: int, tenants: int, feedbacks: int) -> dict[str, Any]:
    began = time.perf_counter()
    async with open_soak_brain(rule) as (client, settings):
        random_rewards = await measure_noise(client, settings, iterations)
        praise = await measure_praise(client, feedbacks)
    side_by_side = await measure_cross_talk(rule, tenants, feedbacks)
    return {
        "rule": rule,
        "noise": asdict(random_rewards),
        "cross_talk": asdict(side_by_side),
        "praise": asdict(praise),
        "seconds": time.perf_counter() - began,
    }


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024


@click.command()
@click.option("--rule", type=click.Choice([rule.value for rule in Rule]), default="evidence", show_default=True)
@click.option(
    "--iterations", type=click.IntRange(1), default=1_000, show_default=True, help="Iterations of random rewards."
)
@click.option("--tenants", type=click.IntRange(2), default=10, show_default=True, help="Tenants side by side.")
@click.option("--feedbacks", type=click.IntRange(1), default=100, show_default=True, help="Feedbacks of each tenant.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(rule: str, iterations: int, tenants: int, feedbacks: int, *, as_json: bool) -> None:
    """Soak the brain: a thousand iterations of random rewards, tenants side by side, praise alone."""
    result = asyncio.run(soak(rule, iterations=iterations, tenants=tenants, feedbacks=feedbacks))
    if as_json:
        click.echo(json.dumps(result))
        return
    table = Table("what", "figure", "value", title=f"rule {rule}, {result['seconds']:.0f} s")
    for part in ("noise", "cross_talk", "praise"):
        for name, value in result[part].items():
            table.add_row(part, name, f"{value:g}")
    Console().print(table)
