"""A real brain in a folder of its own, reached in process and over loopback HTTP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from pydantic import SecretStr
from tests.databases import copy_tables
from tests.marks import SERVER, check_mark

from soma.brain.__main__ import listen
from soma.brain.client import BrainClient
from soma.brain.root import OpenBrain, open_brain
from soma.brain.settings import BrainSettings
from soma.brain.types import Principal
from soma.memory.embedders.hashing import HashingEmbedder

ALICE = Principal(tenant_id="acme", user_id="alice", agent_id="helper")
BOB = Principal(tenant_id="acme", user_id="bob", agent_id="helper")
MALLORY = Principal(tenant_id="globex", user_id="alice", agent_id="helper")
TOKEN = "a-token-of-the-tests"


IN_PROCESS, OVER_HTTP, ON_POSTGRESQL = "in process", "over http", "in process, on postgresql"


@pytest.fixture(
    params=[
        IN_PROCESS,
        pytest.param(OVER_HTTP, marks=pytest.mark.e2e),
        pytest.param(ON_POSTGRESQL, marks=pytest.mark.integration),
    ]
)
def way(request) -> str:
    """Over which transport and database a test runs that takes a `client`."""
    return str(request.param)


@pytest.fixture
def settings(request, tmp_path) -> BrainSettings:
    way = request.getfixturevalue("way") if "way" in request.fixturenames else IN_PROCESS
    url = ""
    if way == ON_POSTGRESQL:
        url = request.getfixturevalue("postgresql").prepared()
    else:
        copy_tables(tmp_path / "brain.sqlite3")
    return BrainSettings(data_dir=tmp_path, database_url=url, service_token=SecretStr(TOKEN))


@pytest.fixture
async def opened(settings) -> AsyncIterator[OpenBrain]:
    async with open_brain(settings, embedder=HashingEmbedder()) as opened:
        yield opened


@pytest.fixture
async def client(way, opened) -> AsyncIterator[BrainClient]:
    """The same suite runs over both transports and both databases."""
    if way != OVER_HTTP:
        yield opened.client
        return
    async with served(opened) as url, BrainClient.at(url, service_token=TOKEN) as client:
        yield client


@asynccontextmanager
async def served(opened: OpenBrain) -> AsyncIterator[str]:
    check_mark(*SERVER)
    listening = listen("127.0.0.1", 19696)
    server = uvicorn.Server(uvicorn.Config(opened.app, log_level="warning", lifespan="off", ws="none"))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:  # noqa: ASYNC110 - uvicorn offers no event to wait for
        await asyncio.sleep(0.005)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    await serving
    listening.close()


def metrics_of(turn_id: str = "turn-1", iteration_number: int = 0, **fields: Any) -> dict[str, Any]:
    return {
        "turn_id": turn_id,
        "iteration_number": iteration_number,
        "tools_used": ["clock"],
        "tool_outcomes": {"clock": "ok"},
        "confidence": 0.8,
        "latency_ms": 120.0,
        "weights": {},
        "neuromodulators": {},
    } | fields


FACTS = [
    "Caroline went to the LGBTQ support group on 7 May.",
    "Melanie painted a sunrise over the lake last year.",
    "The cat is called Miso and likes tuna.",
    "Caroline wants to adopt a child and works as a counsellor.",
    "Melanie ran a charity race for mental health.",
    "The train to Bern leaves at nine from platform four.",
]


async def remembered(client: BrainClient, principal: Principal = ALICE) -> list[str]:
    items = [{"key": f"fact-{n}", "text": text} for n, text in enumerate(FACTS)]
    return [item.id for item in await client.remember(principal, items)]
