"""A process that is killed while it takes up another model: the next one goes on where it was."""

import asyncio
import signal
import subprocess
import sys

import pytest
from tests.memory.conftest import Counting, opened
from tests.memory.test_remember import new, recalled

from soma.memory.embedders.hashing import Hashing
from soma.memory.upkeep.reembed import progress, reembed

pytestmark = pytest.mark.long

STEPS = 2
SCRIPT = """
import asyncio, os, signal, sys
from soma.events.database import Database
from soma.events.writer import Writer
from soma.memory.embedders.hashing import Hashing
from soma.memory.memory import Memory
from soma.memory.upkeep.reembed import reembed

async def main():
    writer = Writer(Database(sys.argv[1]))
    writer.start()
    memory = Memory(writer, Hashing(128), former=[Hashing(64)])
    left = int(sys.argv[2])
    async for _ in reembed(memory._store, "acme"):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


def killed_while_it_works(url: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-c", SCRIPT, url, str(STEPS)], check=False, capture_output=True)


async def test_a_killed_process_loses_a_step_at_most(database, alice):
    async with opened(database, Hashing(64)) as memory:
        await memory.remember(alice, [new(f"note {n}", key=f"n{n}") for n in range(100)])
    killed = await asyncio.to_thread(killed_while_it_works, database.url)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    counting = Counting(Hashing(128))
    async with opened(database, counting, former=[Hashing(64)]) as memory:
        assert (await recalled(memory, alice, "note 42"))[0] == "note 42"
        assert progress(memory._store, "acme").embedded == STEPS * 16
        async for _ in reembed(memory._store, "acme"):
            pass
        assert len(counting.texts) == 100 - STEPS * 16
        assert progress(memory._store, "acme").is_done
    assert database.query("SELECT COUNT(*), COUNT(DISTINCT model) FROM memory_embeddings") == [(100, 1)]
