"""A process that is killed while it takes up another model: the next one goes on where it was."""

import asyncio
import signal
import subprocess
import sys

import pytest
from tests.memory.conftest import Counting, opened
from tests.memory.test_remember import new, recalled

from soma.memory.embedders.hashing import HashingEmbedder
from soma.memory.upkeep.reembed import count_progress, switch_model

pytestmark = pytest.mark.long

STEPS = 2
SCRIPT = """
import asyncio, os, signal, sys
from soma.events.database import Database
from soma.events.writer import Writer
from soma.memory.embedders.hashing import HashingEmbedder
from soma.memory.memory import Memory
from soma.memory.upkeep.reembed import switch_model

async def main():
    writer = Writer(Database(sys.argv[1]))
    writer.start()
    memory = Memory(writer, HashingEmbedder(128), former=[HashingEmbedder(64)])
    left = int(sys.argv[2])
    async for _ in switch_model(memory._store, "acme"):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


def killed_while_it_works(url: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-c", SCRIPT, url, str(STEPS)], check=False, capture_output=True)


async def test_a_killed_process_loses_a_step_at_most(database, alice):
    async with opened(database, HashingEmbedder(64)) as memory:
        await memory.remember(alice, [new(f"note {n}", key=f"n{n}") for n in range(100)])
    killed = await asyncio.to_thread(killed_while_it_works, database.url)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    counting = Counting(HashingEmbedder(128))
    async with opened(database, counting, former=[HashingEmbedder(64)]) as memory:
        assert (await recalled(memory, alice, "note 42"))[0] == "note 42"
        assert count_progress(memory._store, "acme").embedded == STEPS * 16
        async for _ in switch_model(memory._store, "acme"):
            pass
        assert len(counting.texts) == 100 - STEPS * 16
        assert count_progress(memory._store, "acme").is_done
    assert database.query("SELECT COUNT(*), COUNT(DISTINCT model) FROM memory_embeddings") == [(100, 1)]
