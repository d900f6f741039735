"""A real agent with its brain in the process, on a data folder of the test run; each test gets people of its own."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

# Django reads its settings once, when it is set up: the folder is chosen before.
FOLDER = Path(tempfile.mkdtemp(prefix="soma-agent-tests-"))
os.environ["SOMA_DATA_DIR"] = str(FOLDER)
os.environ["DJANGO_SETTINGS_MODULE"] = "soma.agent.django_settings"

import django  # noqa: E402

django.setup()

from tests.agent.stage import Person, Stage, opened  # noqa: E402

from soma.agent.settings import Settings  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def folder() -> Iterator[Path]:
    yield FOLDER
    shutil.rmtree(FOLDER, ignore_errors=True)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(folder) -> AsyncIterator[Stage]:
    """The agent of a module's tests, which say `pytestmark = pytest.mark.asyncio(loop_scope="module")`."""
    async with opened(Settings(data_dir=folder)) as stage:
        yield stage


@pytest_asyncio.fixture(loop_scope="module")
async def ann(stage: Stage) -> Person:
    """The owner of a tenant that nobody else has used."""
    return await stage.newcomer()
