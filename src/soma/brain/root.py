"""The brain's composition root: settings in, a running brain and its app out; the one place that names adapters.

The agent's process opens it for the brain inside, `python -m soma.brain` for the brain apart.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from soma.brain import residual
from soma.brain.api import create_app
from soma.brain.auth import ServiceToken
from soma.brain.client import BrainClient
from soma.brain.coordinator import Coordinator
from soma.brain.core.weights import Views
from soma.brain.learners import Learners
from soma.brain.metrics import BrainMetrics
from soma.brain.service import Brain
from soma.brain.settings import BrainSettings
from soma.brain.tokens import BundledTokenizer
from soma.brain.workers import InProcesses, InThreads, Workers
from soma.brain.working_memory import InProcess
from soma.events.database import Database, migrate
from soma.events.writer import Writer
from soma.memory.embedders.base import Embedder
from soma.memory.embedders.minilm import MiniLM
from soma.memory.memory import Memory
from soma.memory.memory import migrate as migrate_memory
from soma.memory.views import VIEWS


@dataclass(frozen=True, slots=True)
class OpenBrain:
    """What runs: `app` to be served, `client` for this process, `writer` for consumers of the brain's log."""

    brain: Brain
    app: FastAPI
    client: BrainClient
    writer: Writer
    coordinator: Coordinator


@asynccontextmanager
async def open_brain(
    settings: BrainSettings, *, embedder: Embedder | None = None, registry: CollectorRegistry | None = None
) -> AsyncIterator[OpenBrain]:
    """Migrate, start, and close in the reverse order. Two brains must not open one SQLite file: hold `locked` first.

    `registry` is where its metrics are registered; none means one of its own.
    """
    async with AsyncExitStack() as stack:
        database = Database(settings.database)
        prepare(database)
        writer = Writer(database)
        writer.start()
        stack.callback(writer.close)
        memory = Memory(writer, embedder or MiniLM(), additions=settings.graph_augment_max_additions)
        stack.callback(memory.close)
        await memory.start()
        learners = Learners(
            writer,
            settings.learner.hyperparameters(shipped_views()),
            snapshot_every=settings.snapshot_every,
        )
        await writer.write(learners.configure)
        workers = _workers(settings, database, learners)
        stack.push_async_callback(workers.aclose)
        brain = Brain(
            settings=settings,
            writer=writer,
            memory=memory,
            learners=learners,
            working_memory=InProcess(
                items=settings.working_memory_items, conversations=settings.working_memory_conversations
            ),
            residuals=residual.InProcess(conversations=settings.working_memory_conversations),
            tokens=BundledTokenizer(),
            metrics=BrainMetrics(registry, tenants=settings.metrics_tenants),
            workers=workers,
        )
        stack.callback(brain.close)
        coordinator = Coordinator(settings=settings, writer=writer, learners=learners, experiments=brain.experiments)
        if settings.coordinator_seconds:
            polling = asyncio.create_task(coordinator.run(), name="coordinator")
            stack.push_async_callback(_stopped, polling)
        app = create_app(brain, ServiceToken(settings.token))
        client = await stack.enter_async_context(BrainClient.in_process(app, service_token=settings.token))
        yield OpenBrain(brain=brain, app=app, client=client, writer=writer, coordinator=coordinator)


async def _stopped(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _workers(settings: BrainSettings, database: Database, learners: Learners) -> Workers:
    place = database, learners.hyperparameters, learners.digest
    return InProcesses(*place, count=settings.batch_workers) if settings.batch_workers else InThreads(*place)


def prepare(database: Database) -> None:
    """Make or bring up to date the tables of log, brain and memory."""
    connection = database.connect()
    try:
        migrate(connection, "events", files("soma.events") / "migrations")
        migrate(connection, "brain", files("soma.brain") / "migrations")
        migrate_memory(connection)
    finally:
        connection.close()


def shipped_views() -> Views:
    """The memory's views with the weights of a learner that has learned nothing."""
    return Views.of({name: view.weight for name, view in VIEWS.items()})
