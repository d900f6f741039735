"""A real agent with its brain in the process, on a data folder of the test run; each test gets people of its own.

With SOMA_TEST_DATABASE=postgresql the same tests run on a PostgreSQL server of theirs.
"""

import inspect
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from asgiref.sync import SyncToAsync
from django.db import connections
from tests.servers import PostgreSQL

# With -n, tests run in workers: the process that hands them out needs no server.
RUNS_TESTS = "PYTEST_XDIST_WORKER" in os.environ or not any(word.startswith("-n") for word in sys.argv)
SERVER = PostgreSQL() if RUNS_TESTS and os.environ.get("SOMA_TEST_DATABASE") == "postgresql" else None
# Django reads its settings once, when it is set up: the folder is chosen before.
FOLDER = Path(tempfile.mkdtemp(prefix="soma-agent-tests-"))
os.environ["SOMA_DATA_DIR"] = str(FOLDER)
os.environ["SOMA_DATABASE_URL"] = SERVER.database() if SERVER else ""
if SERVER:
    os.environ["SOMA_LEASE_SECONDS"] = (
        "0.3"  # that of a worker that died is waited for: on a server others may be alive
    )
os.environ["DJANGO_SETTINGS_MODULE"] = "soma.agent.django_settings"

import django  # noqa: E402

django.setup()

from tests.agent.stage import Person, Stage, opened  # noqa: E402

from soma.agent.settings import Settings  # noqa: E402

ON_A_DATABASE = {"stage", "ann", "aftermath"}  # fixtures; `folder` is every test's, so it must be asked for by name


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what opens an agent. On PostgreSQL only this runs again."""
    chosen = [item for item in items if _uses_a_database(item)]
    for item in chosen:
        item.add_marker("agent")
    if SERVER is None:
        return
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = chosen


def _uses_a_database(item: pytest.Item) -> bool:
    if not isinstance(item, pytest.Function) or "tests/agent" not in item.path.as_posix():
        return False
    return not ON_A_DATABASE.isdisjoint(item.fixturenames) or "folder" in inspect.signature(item.function).parameters


@pytest.fixture(scope="session", autouse=True)
def folder() -> Iterator[Path]:
    yield FOLDER
    shutil.rmtree(FOLDER, ignore_errors=True)
    if SERVER:
        SyncToAsync.single_thread_executor.submit(connections.close_all).result()
        SERVER.close()


@pytest.fixture(scope="session")
def server() -> PostgreSQL | None:
    """The server of this run's databases; None where they are files of SQLite."""
    return SERVER


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(folder) -> AsyncIterator[Stage]:
    """The agent of a module's tests, which say `pytestmark = pytest.mark.asyncio(loop_scope="module")`."""
    async with opened(Settings(data_dir=folder)) as stage:
        yield stage


@pytest_asyncio.fixture(loop_scope="module")
async def ann(stage: Stage) -> Person:
    """The owner of a tenant that nobody else has used."""
    return await stage.newcomer()
