"""kill -9 during ten thousand remembers: what was acknowledged is there once, and projections equal payloads."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.memory.conftest import opened, owner

from soma.events.chain import verify
from soma.events.log import Log
from soma.memory.types import Query

pytestmark = pytest.mark.long

WORKER = Path(__file__).with_name("remember_until_killed.py")
ACKNOWLEDGED = 1_500  # lines to wait for before the kill


@pytest.fixture
def killed(database) -> list[str]:
    """Keys that were acknowledged before the kill."""
    process = subprocess.Popen(
        [sys.executable, str(WORKER), database.url, "10000"], stdout=subprocess.PIPE, text=True, bufsize=1
    )
    assert process.stdout is not None
    keys = [line.strip() for _, line in zip(range(ACKNOWLEDGED), process.stdout, strict=False)]
    process.send_signal(signal.SIGKILL)
    rest, _ = process.communicate()
    # the last line may be cut short by the kill: it was not acknowledged
    return [*keys, *(line for line in rest.split("\n")[:-1] if line)]


async def test_what_was_acknowledged_is_there_once(killed, database, embedder):
    assert len(killed) >= ACKNOWLEDGED
    async with opened(database, embedder) as memory:
        who = owner()
        found: list[str] = []
        after = None
        while True:
            page = await memory.list(who, limit=1_000, after=after)
            found += [record.key for record in page.items]
            after = page.after
            if after is None:
                break
        assert len(found) == len(set(found))
        assert set(killed) <= set(found)
        assert verify(Log(database).read_stream("acme", "memory")).seq >= len(found)
        statistics = await memory.statistics(who)
        assert statistics.memories == len(found)
        assert database.query("SELECT COUNT(*) FROM memory_embeddings") == [(len(found),)]
        embedder.texts.clear()
        for key in killed[:: len(killed) // 20]:
            hits = await memory.candidates(who, Query(text=f"note {key}"))
            assert key in {hit.key for hit in hits}
        assert all(text.startswith("note") for text in embedder.texts), "a memory was embedded again"
    await asyncio.sleep(0)
