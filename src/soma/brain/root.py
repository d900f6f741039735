"""The brain's composition root: settings in, a running brain and its app out; the one place that names adapters.

The agent's process opens it for a brain in the same process, `python -m soma.brain` for one of its own.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import httpx
from prometheus_client import CollectorRegistry

from soma.brain.api.app import create_app
from soma.brain.api.auth import ServiceToken
from soma.brain.api.fast_path import FastPath
from soma.brain.client import BrainClient
from soma.brain.context.corrections import forget_corrections
from soma.brain.context.redis import FallbackScratchpads, RedisScratchpads
from soma.brain.context.residual import LocalResiduals, Residuals
from soma.brain.context.working_memory import LocalWorkingMemory, WorkingMemory
from soma.brain.core.shapes import Mixing, Shape
from soma.brain.core.weights import Views
from soma.brain.experiments.coordinator import Coordinator
from soma.brain.experiments.experiments import Experiments
from soma.brain.feedback.workers import ProcessWorkers, ThreadWorkers, Workers
from soma.brain.housekeeping import run_housekeeping
from soma.brain.learners.checkpoints import Signer
from soma.brain.learners.learners import Learners
from soma.brain.learners.retention import Retention
from soma.brain.learners.snapshots import find_recent_learners
from soma.brain.metrics import BrainMetrics
from soma.brain.service import Brain, StartCost
from soma.brain.settings import BrainSettings
from soma.brain.settings.memory import MemorySettings
from soma.brain.summariser import Summariser
from soma.brain.tokens import BundledTokenizer
from soma.events.database import Connection, Database, is_storage_error, migrate
from soma.events.writer import Writer
from soma.memory import embedding_models
from soma.memory.embedders.base import Embedder
from soma.memory.embedders.choose import ModelChoice, make_embedder
from soma.memory.memory import Memory
from soma.memory.memory import migrate as migrate_memory
from soma.memory.upkeep.keeper import Routine
from soma.memory.views import VIEWS
from soma.memory.views.shapes import SHAPES
from soma.process.reasons import reason_of


class RedisUnavailable(RuntimeError):
    """A Redis is configured and does not answer."""


class DatabaseUnavailable(RuntimeError):
    """The database does not answer, or is not one that can be used."""


@dataclass(frozen=True, slots=True)
class OpenBrain:
    """A running brain: `app` to be served, `client` for this process, `writer` for consumers of the brain's log."""

    brain: Brain
    app: FastPath
    client: BrainClient
    writer: Writer
    coordinator: Coordinator
    retention: Retention


@asynccontextmanager
async def open_brain(
    settings: BrainSettings, *, embedder: Embedder | None = None, registry: CollectorRegistry | None = None
) -> AsyncIterator[OpenBrain]:
    """Migrate, start, and close in the reverse order. Two brains must not open one SQLite file: take its `lock` first.

    `registry` is where its metrics are registered; none means one of its own.
    """
    async with AsyncExitStack() as stack:
        writer = _writer(settings, stack)
        memory = await _memory(settings.memory, writer, stack, embedder, additions=settings.graph_augment_max_additions)
        learners, restored = await _learners(settings, writer)
        metrics = BrainMetrics(registry, tenants=settings.metrics_tenants)
        await asyncio.to_thread(_show_learners, metrics, learners, writer.database, settings.metrics_tenants)
        workers = _workers(settings, writer.database, learners)
        stack.push_async_callback(workers.aclose)
        working_memory, residuals = await _scratchpads(settings, stack)
        experiments = Experiments(learners)
        brain = Brain(
            settings=settings,
            writer=writer,
            memory=memory,
            learners=learners,
            experiments=experiments,
            working_memory=working_memory,
            residuals=residuals,
            tokens=BundledTokenizer(),
            metrics=metrics,
            workers=workers,
            restored=restored,
        )
        stack.callback(brain.close)
        coordinator = Coordinator(settings=settings, writer=writer, learners=learners, experiments=experiments)
        if settings.coordinator_seconds:
            _run(coordinator.run(), "coordinator", stack)
        app = FastPath(create_app(brain, ServiceToken(settings.token)), most=settings.max_body_bytes)
        retention = Retention(writer, learners, days=settings.retention_days)
        await stack.enter_async_context(run_housekeeping(writer, retention))
        client = await stack.enter_async_context(BrainClient.in_process(app, service_token=settings.token))
        yield OpenBrain(
            brain=brain, app=app, client=client, writer=writer, coordinator=coordinator, retention=retention
        )


def _run(work: Coroutine[Any, Any, None], name: str, stack: AsyncExitStack) -> None:
    """Run `work` in the background until the stack is left."""
    task = asyncio.create_task(work, name=name)

    async def end() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    stack.push_async_callback(end)


# The log and its writer


def _writer(settings: BrainSettings, stack: AsyncExitStack) -> Writer:
    database = Database(settings.database)
    stack.callback(database.close)
    prepare(database, with_pgvector=settings.memory.pgvector_from is not None)
    writer = Writer(database, waiting=settings.waiting_writes)
    writer.start()
    stack.callback(writer.close)
    return writer


def prepare(database: Database, *, with_pgvector: bool = False) -> None:
    """Make or bring up to date the tables of log, brain and memory. Raises VectorsUnavailable without pgvector."""
    connection = _connect(database)
    try:
        migrate(connection, "events", files("soma.events") / "migrations")
        migrate(connection, "brain", files("soma.brain") / "migrations")
        migrate_memory(connection, with_pgvector=with_pgvector)
    finally:
        connection.close()


def _connect(database: Database) -> Connection:
    try:
        return database.connect()
    except Exception as error:
        if not is_storage_error(error):
            raise
        raise DatabaseUnavailable(f"the database cannot be reached: {error}") from error


# Memory


async def _memory(
    settings: MemorySettings, writer: Writer, stack: AsyncExitStack, embedder: Embedder | None, *, additions: int
) -> Memory:
    chosen, former = (embedder, []) if embedder else await _embedders(settings, stack, writer.database)
    memory = Memory(
        writer,
        chosen,
        former=former,
        bound_bytes=settings.index_bytes,
        additions=additions,
        sketch_from=settings.sketch_from,
        pgvector_from=settings.pgvector_from,
        kept_in=writer.database.path.with_name("memory-index") if writer.database.dialect == "sqlite" else None,
        on_erased=forget_corrections,
    )
    stack.callback(memory.close)
    stack.push_async_callback(memory.settle)
    await memory.start()
    if embedder is None:
        await embedding_models.write_choice_of(writer, choice(settings), chosen)
    _run(memory.run_upkeep(await _routine(settings, stack)), "upkeep", stack)
    return memory


def choice(settings: MemorySettings) -> ModelChoice:
    if settings.embedder == "minilm":
        return ModelChoice()
    return ModelChoice(
        kind=settings.embedder,
        model=settings.embedder_model,
        url=settings.embedder_url,
        dimension=settings.embedder_dimension,
    )


async def _embedders(
    settings: MemorySettings, stack: AsyncExitStack, database: Database
) -> tuple[Embedder, list[Embedder]]:
    """Make the embedder of the settings, and the former ones whose vectors may still be there."""
    key = settings.embedder_key.get_secret_value()
    patience = settings.embedder_patience_seconds
    http = stack.enter_context(httpx.Client(timeout=patience))
    chosen = choice(settings)

    def make_former(before: ModelChoice) -> Embedder:
        former_key = settings.embedder_former_key.get_secret_value() or (key if before.url == chosen.url else "")
        return make_embedder(before, http, key=former_key, patience_seconds=patience)

    return (
        make_embedder(chosen, http, key=key, patience_seconds=patience),
        await asyncio.to_thread(embedding_models.find_former, database, chosen, make_former),
    )


async def _routine(settings: MemorySettings, stack: AsyncExitStack) -> Routine:
    summarise = None
    if settings.summariser_url:
        http = await stack.enter_async_context(httpx.AsyncClient())
        key = settings.summariser_key.get_secret_value()
        summarise = Summariser(http, url=settings.summariser_url, model=settings.summariser_model, key=key)
    return Routine(
        every_seconds=settings.upkeep_seconds,
        share=settings.upkeep_share,
        verify_hours=settings.verify_hours,
        consolidate=settings.consolidation,
        summarise=summarise,
    )


# What is learned


async def _learners(settings: BrainSettings, writer: Writer) -> tuple[Learners, StartCost]:
    """Build the learners, with the states of those that learned last; count them and the seconds that it took."""
    learners = Learners(
        writer,
        settings.learner.hyperparameters(shipped_views(), shipped_shapes()),
        Signer.of(settings),
        snapshot_every=settings.snapshot_every,
        checkpoint_every=settings.checkpoint_every,
    )
    await writer.write(learners.configure)
    began = time.perf_counter()
    restored = await writer.write(learners.load_recent)
    return learners, StartCost(restored, round(time.perf_counter() - began, 3))


def shipped_views() -> Views:
    """Return the memory's views with their shipped weights: the prior of every learner."""
    return Views.of({name: view.weight for name, view in VIEWS.items()})


def shipped_shapes() -> Mixing:
    """Return the memory's shapes of data, between which a learner finds its own."""
    return Mixing(
        shapes=tuple(
            Shape(name, shape.temperature, tuple(sorted(shape.weights.items()))) for name, shape in SHAPES.items()
        )
    )


def _show_learners(metrics: BrainMetrics, learners: Learners, database: Database, tenants: int) -> None:
    """Show the restored learners: a scrape right after a restart then finds the weights of before it."""
    known = (
        (principal, learners.read_committed(principal)) for principal in find_recent_learners(database, tenants=tenants)
    )
    metrics.add_restored(known, learners.hyperparameters)


# Scratchpads and workers


async def _scratchpads(settings: BrainSettings, stack: AsyncExitStack) -> tuple[WorkingMemory, Residuals]:
    """Keep scratchpads in this process, or in Redis by its URL. Raises RedisUnavailable if that does not answer."""
    limits = {"items": settings.working_memory_items, "conversations": settings.working_memory_conversations}
    rings = LocalWorkingMemory(**limits)
    residuals = LocalResiduals(conversations=settings.working_memory_conversations)
    if not (url := settings.redis_url.get_secret_value()):
        return rings, residuals
    from redis.asyncio import Redis  # noqa: PLC0415 - an extra; only a deployment that names a Redis needs it
    from redis.exceptions import RedisError  # noqa: PLC0415

    seconds = settings.redis_seconds
    try:
        redis = Redis.from_url(url, socket_timeout=seconds, socket_connect_timeout=seconds)
    except ValueError as error:
        raise RedisUnavailable(f"SOMA_REDIS_URL is not the address of a Redis server: {error}") from error
    stack.push_async_callback(redis.aclose)
    shared = RedisScratchpads(redis, **limits)
    try:
        await shared.ping()
    except RedisError as error:
        raise RedisUnavailable(f"SOMA_REDIS_URL is set and Redis does not answer: {reason_of(error)}") from error
    scratchpads = FallbackScratchpads(shared, rings, residuals, RedisError)
    return scratchpads, scratchpads


def _workers(settings: BrainSettings, database: Database, learners: Learners) -> Workers:
    place = database, learners.hyperparameters, learners.digest
    return ProcessWorkers(*place, count=settings.batch_workers) if settings.batch_workers else ThreadWorkers(*place)
