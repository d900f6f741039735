"""The brain's composition root: settings in, a running brain and its app out; the one place that names adapters.

The agent's process opens it for the brain inside, `python -m soma.brain` for the brain apart.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from soma.brain import residual
from soma.brain.api import create_app
from soma.brain.auth import ServiceToken
from soma.brain.checkpoints import Signer
from soma.brain.client import BrainClient
from soma.brain.core.weights import Views
from soma.brain.housekeeping import kept_tidy
from soma.brain.learners import Learners
from soma.brain.metrics import BrainMetrics
from soma.brain.residual import Residuals
from soma.brain.scratchpads import Falling, InRedis
from soma.brain.service import Brain
from soma.brain.settings import BrainSettings
from soma.brain.tokens import BundledTokenizer
from soma.brain.workers import InProcesses, InThreads, Workers
from soma.brain.working_memory import InProcess, WorkingMemory
from soma.events.database import Database, migrate
from soma.events.writer import Writer
from soma.memory.embedders.base import Embedder
from soma.memory.embedders.minilm import MiniLM
from soma.memory.memory import Memory
from soma.memory.memory import migrate as migrate_memory
from soma.memory.views import VIEWS


class RedisUnavailable(RuntimeError):
    """A Redis is configured and does not answer."""


@dataclass(frozen=True, slots=True)
class OpenBrain:
    """What runs: `app` to be served, `client` for this process, `writer` for consumers of the brain's log."""

    brain: Brain
    app: FastAPI
    client: BrainClient
    writer: Writer


@asynccontextmanager
async def open_brain(
    settings: BrainSettings, *, embedder: Embedder | None = None, registry: CollectorRegistry | None = None
) -> AsyncIterator[OpenBrain]:
    """Migrate, start, and close in the reverse order. Two brains must not open one SQLite file: hold `locked` first.

    `registry` is where its metrics are registered; none means one of its own.
    """
    async with AsyncExitStack() as stack:
        database = Database(settings.database)
        stack.callback(database.close)
        prepare(database)
        writer = Writer(database, waiting=settings.waiting_writes)
        writer.start()
        stack.callback(writer.close)
        memory = Memory(writer, embedder or MiniLM(), additions=settings.graph_augment_max_additions)
        stack.callback(memory.close)
        await memory.start()
        learners = Learners(
            writer,
            settings.learner.hyperparameters(shipped_views()),
            Signer.kept_in(settings.data_dir / "brain-signing-key"),
            snapshot_every=settings.snapshot_every,
            checkpoint_every=settings.checkpoint_every,
        )
        await writer.write(learners.configure)
        await writer.write(learners.restore)
        workers = _workers(settings, database, learners)
        stack.push_async_callback(workers.aclose)
        working_memory, residuals = await _scratchpads(settings, stack)
        brain = Brain(
            settings=settings,
            writer=writer,
            memory=memory,
            learners=learners,
            working_memory=working_memory,
            residuals=residuals,
            tokens=BundledTokenizer(),
            metrics=BrainMetrics(registry, tenants=settings.metrics_tenants),
            workers=workers,
        )
        stack.callback(brain.close)
        app = create_app(brain, ServiceToken(settings.token))
        await stack.enter_async_context(kept_tidy(writer))
        client = await stack.enter_async_context(BrainClient.in_process(app, service_token=settings.token))
        yield OpenBrain(brain=brain, app=app, client=client, writer=writer)


async def _scratchpads(settings: BrainSettings, stack: AsyncExitStack) -> tuple[WorkingMemory, Residuals]:
    """In this process, or in Redis by its URL. Raises RedisUnavailable where it is configured and not there."""
    limits = {"items": settings.working_memory_items, "conversations": settings.working_memory_conversations}
    rings = InProcess(**limits)
    residuals = residual.InProcess(conversations=settings.working_memory_conversations)
    if not (url := settings.redis_url.get_secret_value()):
        return rings, residuals
    from redis.asyncio import Redis  # noqa: PLC0415 - an extra; only a deployment that names a Redis needs it
    from redis.exceptions import RedisError  # noqa: PLC0415

    redis = Redis.from_url(url, socket_timeout=settings.redis_seconds, socket_connect_timeout=settings.redis_seconds)
    stack.push_async_callback(redis.aclose)
    shared = InRedis(redis, **limits)
    try:
        await shared.ping()
    except RedisError as error:
        raise RedisUnavailable(f"SOMA_REDIS_URL is set and Redis does not answer: {error}") from error
    falling = Falling(shared, rings, residuals, RedisError)
    return falling, falling


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
