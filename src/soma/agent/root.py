"""The composition root of the agent's process: settings -> adapters -> turns. Nowhere else is an adapter chosen."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
from asgiref.sync import sync_to_async
from django.core.management import call_command

from soma.agent.access.accounts import DEFAULT_TENANT, ensure_owner
from soma.agent.access.authors import name_authors
from soma.agent.access.visits import Visits
from soma.agent.documents.folders import folder_of, warn_of_loose_documents
from soma.agent.llm.choose import Models
from soma.agent.memory.forget import Forgetting
from soma.agent.memory.remember import memory_consumer
from soma.agent.models import Tenant
from soma.agent.policy.rego import RegoPolicy
from soma.agent.registry import native_tools
from soma.agent.running import Agent, make_current
from soma.agent.settings import LOCK_FILE, Settings
from soma.agent.storage.leases import Leases
from soma.agent.storage.turn_bounds import TurnBounds
from soma.agent.storage.turn_store import TurnStore
from soma.agent.tools.base import Tool
from soma.agent.tools.breaker import Breakers
from soma.agent.turn.factory import FindModel, TurnFactory
from soma.agent.turn.feed import Feed
from soma.agent.turn.runner import Crash, TurnRunner
from soma.brain.client import BrainClient
from soma.brain.errors import BrainError
from soma.brain.root import open_brain
from soma.brain.settings import BrainSettings
from soma.brain.tokens import BundledTokenizer
from soma.events.database import Database, migrate
from soma.events.ids import continue_after, new_id
from soma.events.writer import Writer
from soma.process.locks import FileInUse, FileLock

logger = logging.getLogger(__name__)

TOKEN_FILE = "token"  # noqa: S105 - the name of the file, not a token


class DataFolderInUse(Exception):
    """Another Soma process works in this data folder; stop it, or set SOMA_DATA_DIR to another folder."""


@asynccontextmanager
async def open_agent(
    settings: Settings,
    *,
    find_model: FindModel | None = None,
    more_tools: Sequence[Tool] = (),
    crash: Crash | None = None,
) -> AsyncIterator[Agent]:
    """Migrate, connect, resume interrupted turns; undo it in reverse order.

    `find_model` answers for a model's name in place of the providers, `more_tools` are there besides our own.
    """
    async with AsyncExitStack() as stack:
        stack.enter_context(_lock(settings.data_dir))
        writer = await _open_database(stack, settings)
        await _prepare_files(settings)
        brain, brain_app = await _open_brain(stack, settings)
        models = Models(settings, await _open_http(stack, settings))
        tokenizer = BundledTokenizer()
        store = await _open_store(settings, writer, tokenizer)
        forgetting = Forgetting(brain, writer)
        native = native_tools(settings.documents, brain, forgetting, name_authors)
        tools = {tool.name: tool for tool in (*native, *more_tools)}
        feed = Feed(writer, quiet_seconds=settings.stream_comment_seconds)
        stack.callback(feed.close)
        factory = TurnFactory(
            settings=settings,
            brain=brain,
            find_model=find_model or models.get,
            tools=tools,
            policy=RegoPolicy.default(),
            breakers=Breakers(),
            count=tokenizer.count,
            load=store.load,
            withheld=store.find_withheld,
        )
        turns = TurnRunner(store, feed, factory.prepare, turn_seconds=settings.turn_seconds, crash=crash)
        running = Agent(
            settings=settings,
            writer=writer,
            store=store,
            feed=feed,
            turns=turns,
            visits=Visits(turns.cancel, seconds=settings.access_check_seconds),
            brain=brain,
            brain_app=brain_app,
            forgetting=forgetting,
            tools=tools,
            count=tokenizer,
            selection=models.default,
            window=models.get().context_tokens,
        )
        await _start(stack, running)
        yield running


async def _start(stack: AsyncExitStack, running: Agent) -> None:
    """Make it the running agent, resume interrupted turns, then begin the work in the background."""
    stack.enter_context(make_current(running))
    if running.settings.single_shot:
        logger.warning("the loop is off: every turn is one model call without tools")
    await running.turns.start(is_alone=running.settings.database.startswith("sqlite:"))
    stack.push_async_callback(running.turns.stop)
    background = {
        "remembering": memory_consumer(running.writer, running.store, running.brain).run(),
        "visits": running.visits.run(),
    }
    for name, work in background.items():
        stack.push_async_callback(_stop, asyncio.create_task(work, name=name))


def _lock(data_dir: Path) -> FileLock:
    """Lock the data folder: embedded databases have one process."""
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        return FileLock(data_dir / LOCK_FILE)
    except FileInUse:
        raise DataFolderInUse(DataFolderInUse.__doc__) from None


async def _open_database(stack: AsyncExitStack, settings: Settings) -> Writer:
    """Create the database, migrate the agent's tables and the log, and start the log's writer."""
    database = Database(settings.database)
    database.create()  # before Django does, with whatever mode the umask leaves
    await sync_to_async(call_command)("migrate", verbosity=0, interactive=False)
    connection = database.connect()
    migrate(connection, "events", files("soma.events") / "migrations")
    connection.close()
    writer = Writer(database)
    stack.callback(database.close)
    writer.start()
    stack.callback(writer.close)
    return writer


async def _open_http(stack: AsyncExitStack, settings: Settings) -> httpx.AsyncClient:
    return await stack.enter_async_context(httpx.AsyncClient(timeout=settings.model_timeout_seconds))


async def _open_store(settings: Settings, writer: Writer, tokenizer: BundledTokenizer) -> TurnStore:
    """Open the turns' tables, and let new ids go on above those that are stored."""
    leases = Leases(writer, worker=new_id(), seconds=settings.lease_seconds)
    bounds = TurnBounds(per_user=settings.turns_per_user, per_tenant=settings.turns_per_tenant)
    store = TurnStore(writer, leases, tokenizer=tokenizer.name, bounds=bounds)
    for stored in await asyncio.to_thread(store.greatest_ids):
        continue_after(stored)
    return store


async def _open_brain(stack: AsyncExitStack, settings: Settings) -> tuple[BrainClient, Any | None]:
    """Open the brain in this process, or the client of one elsewhere where its address is set."""
    if settings.brain_url:
        client = BrainClient.at(settings.brain_url, service_token=settings.brain_token)
        await stack.enter_async_context(client)
        await _warn_where_away(client, settings.brain_url)
        return client, None
    inside = await stack.enter_async_context(open_brain(BrainSettings(data_dir=settings.data_dir)))
    return inside.client, inside.app


async def _warn_where_away(brain: BrainClient, url: str) -> None:
    """Warn where a brain elsewhere is away: it may come later than its agent, which answers without it."""
    try:
        await brain.ready()
    except BrainError as error:
        place = httpx.URL(url)  # shown without a password
        address = f"{place.scheme}://{place.netloc.decode('ascii')}"
        logger.warning("SOMABRAIN_URL: no brain answers at %s, chat goes on without memory: %s", address, error)


async def _prepare_files(settings: Settings) -> None:
    """Write the first owner's token where there is none, and make the default tenant's folder of documents."""
    await sync_to_async(ensure_owner)(settings.data_dir / TOKEN_FILE)
    await sync_to_async(_prepare_documents)(settings.documents)


def _prepare_documents(root: Path) -> None:
    folder_of(root, DEFAULT_TENANT)
    warn_of_loose_documents(root, set(Tenant.objects.values_list("id", flat=True)), DEFAULT_TENANT)


async def _stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
