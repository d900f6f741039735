"""What a tenant asks costs the same work whatever the number of the others: counted, not timed."""

from importlib.resources import files

import pytest
from tests.memory.conftest import opened, owner
from tests.memory.test_remember import new

from soma.events.database import Connection, Database, SqliteConnection, migrate
from soma.memory.memory import Memory
from soma.memory.memory import migrate as migrate_memory
from soma.memory.types import Query

pytestmark = pytest.mark.long

ALICE = owner("alice")
TEXTS = [f"note {number} about the harbour" for number in range(12)]


class Counted(Database):
    """A database file whose connections count the steps that SQLite's virtual machine takes: each row that is looked
    at is some of them."""

    steps = 0

    def connect(self) -> Connection:
        connection = super().connect()
        assert isinstance(connection, SqliteConnection)
        connection._raw.set_progress_handler(self.step, 1)
        return connection

    def step(self) -> int:
        Counted.steps += 1
        return 0


async def verbs(memory: Memory) -> dict[str, int]:
    """Steps that each verb of Alice takes, when her partitions are loaded and she is known."""
    taken: dict[str, int] = {}

    async def count(name, verb) -> None:
        before = Counted.steps
        await verb
        taken[name] = Counted.steps - before

    await count("recall", memory.candidates(ALICE, Query(text="what of the harbour?")))
    await count("search", memory.search(ALICE, "harbour"))
    await count("list", memory.list(ALICE, limit=10))
    await count("statistics", memory.statistics(ALICE))
    await count("remember", memory.remember(ALICE, [new("one more thing", key="more")]))
    await count("forget", memory.forget(ALICE, keys=["more"]))
    return taken


@pytest.mark.parametrize("size", [1, 60])
async def test_no_verb_of_a_tenant_costs_more_where_there_are_others(tmp_path, embedder, size):
    costs = []
    for others in (1, 10, 100):
        database = Counted(f"sqlite:///{tmp_path}/{others}.sqlite3")
        connection = database.connect()
        migrate(connection, "events", files("soma.events") / "migrations")
        migrate_memory(connection)
        connection.close()
        async with opened(database, embedder) as memory:
            await memory.remember(ALICE, [new(text) for text in TEXTS])
            for number in range(others):
                notes = [new(f"{note} {TEXTS[note % 12]}", key=str(note)) for note in range(size)]
                await memory.remember(owner(f"user{number}", tenant=f"tenant{number}"), notes)
        async with opened(database, embedder) as memory:
            first = Counted.steps
            await memory.candidates(ALICE, Query(text="the first after a start"))
            loading = Counted.steps - first
            costs.append({"load": loading} | await verbs(memory) | {"loads": memory._store.partitions.loads})
        database.close()
    assert costs[0]["loads"] == 3  # her own, her agent's, her tenant's
    assert costs[0]["load"] > len(TEXTS)
    assert costs[0] == costs[1] == costs[2]
