"""What the database refuses is told apart from a database that is away, and an unfit fact never reaches it."""

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from importlib.resources import files
from typing import Any

import msgspec
import pytest
from tests.events.test_facts import EXAMPLES, name_of
from tests.events.test_writer import held, note, subject

from soma.events.database import Database, migrate
from soma.events.errors import FactUnfit, WriteFailed, WriteRefused
from soma.events.facts.codec import Subject, draft
from soma.events.facts.registry import FACTS
from soma.events.facts.turn import DraftReplaced
from soma.events.log import Log
from soma.events.transaction import Transaction
from soma.events.writer import Writer

TABLE = "CREATE TABLE refusing (name TEXT PRIMARY KEY, count INTEGER NOT NULL CHECK (count >= 0))"
WRONG: list[Any] = [
    None,
    True,
    1.5,
    -1,
    "text",
    ["list"],
    {"an": "object"},
    float("nan"),
    float("inf"),
    2**70,
    "\ud83d",
]
SUBJECT = Subject(tenant_id="acme", stream="turn:1")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)])
def writer(request, tmp_path) -> Iterator[Writer]:
    sqlite = f"sqlite:///{tmp_path}/log.sqlite3"
    database = Database(sqlite if request.param == "sqlite" else request.getfixturevalue("postgresql").database())
    connection = database.connect()
    migrate(connection, "events", files("soma.events") / "migrations")
    connection.execute(TABLE)
    connection.close()
    writer = Writer(database)
    writer.start()
    yield writer
    writer.close()
    database.close()


@pytest.mark.parametrize(
    "row",
    [("a", -35), ("a", None), (None, None), ("first", 1)],
    ids=["a check", "null", "nulls", "there already"],
)
async def test_a_row_that_breaks_a_rule_is_refused_by_itself_and_not_called_away(writer, row):
    await writer.write(lambda tx: tx.execute("INSERT INTO refusing VALUES ('first', 1)"))

    def write(tx: Transaction) -> None:
        tx.append(draft(note(), subject()))
        tx.execute("INSERT INTO refusing VALUES (?, ?)", row)

    gate = held(writer)
    jobs = [
        writer.submit(lambda tx: tx.append(draft(note(), subject()))),
        writer.submit(write),
        writer.submit(lambda tx: tx.append(draft(note(), subject()))),
    ]
    gate.set()
    with pytest.raises(WriteRefused) as refused:
        jobs[1].result(10)
    assert "\n" not in str(refused.value)  # PostgreSQL tells the row in a second line
    assert [job.result(10).seq for job in (jobs[0], jobs[2])] == [1, 2]
    assert len(Log(writer.database).read_stream("acme", "turn:1")) == 2


@pytest.mark.integration
@pytest.mark.parametrize("writer", ["postgresql"], indirect=True)
async def test_a_nul_that_postgresql_does_not_take_is_refused(writer):
    with pytest.raises(WriteRefused):
        await writer.write(lambda tx: tx.execute("INSERT INTO refusing VALUES (?, 1)", ["a\x00b"]))
    await writer.write(lambda tx: tx.execute("INSERT INTO refusing VALUES ('b', 1)"))


@pytest.mark.parametrize("message", ["database is locked", "database or disk is full", "disk I/O error"])
async def test_a_database_that_is_away_is_not_called_a_refusal(writer, message):
    def fail(tx: Transaction) -> None:
        raise sqlite3.OperationalError(message)

    with pytest.raises(WriteFailed, match=message):
        await writer.write(fail)


@pytest.mark.parametrize("fact", FACTS.values(), ids=lambda fact: fact.event_type)
def test_no_fact_is_drafted_that_could_not_be_read_again(fact):
    """Every field takes every type: what is drafted reads back, everything else is refused."""
    whole = msgspec.json.decode((EXAMPLES / name_of(fact)).read_bytes(), type=fact)
    for field in msgspec.structs.fields(fact):
        for value in WRONG:
            changed = msgspec.structs.replace(whole, **{field.name: value})
            with suppress(FactUnfit):
                assert isinstance(msgspec.json.decode(draft(changed, SUBJECT).payload, type=fact), fact)


def test_what_is_unfit_is_told_by_its_kind_and_place_and_not_by_its_text():
    unfit: Any = DraftReplaced(iteration_number=0, reason=["a secret"])  # type: ignore[arg-type]
    with pytest.raises(FactUnfit, match=r"chat\.draft_replaced: .*\$\.reason") as refused:
        draft(unfit, SUBJECT)
    assert "a secret" not in str(refused.value)
