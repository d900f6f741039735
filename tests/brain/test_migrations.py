"""What an older version has written is there after an upgrade."""

import shutil
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
from tests.brain.conftest import ALICE, FACTS, metrics_of
from tests.brain.requests import new_feedback, new_query, new_report

from soma.brain.feedback.meaning import key_of
from soma.brain.feedback.single import shorten_answer
from soma.brain.root import open_brain
from soma.brain.types import FeedbackAnswer
from soma.brain.verify import verify_database
from soma.brain.wire.requests import Feedback
from soma.events.database import Database, migrate
from soma.memory.embedders.hashing import HashingEmbedder

THUMB = Feedback(conversation_id="c1", reward=1.0)
ANSWER = FeedbackAnswer(
    accepted=True,
    adaptation_applied=True,
    weights_before={"alpha": 1.0, "lambda": 0.5},
    weights_after={"alpha": 1.0, "lambda": 0.75},
    weight_deltas={"alpha": 0.0, "lambda": 0.25},
    feedback_id=key_of(ALICE, THUMB),
    version=1,
)


NEWEST = {  # what the newest migrations made, and so what their databases did not have before
    ("brain", "0007_words_and_values"): [
        "TABLE standing_words",
        "TABLE person_days",
        "TABLE learner_jumps",
        "TABLE value_steps",
        "TABLE value_start",
    ],
    ("memory", "0009_forgotten_chunks"): ["TABLE memory_forgotten_chunks"],
    ("memory", "0006_forgotten"): ["INDEX memories_forgotten"],
    ("memory", "0004_consolidations"): ["TABLE memory_consolidations"],
}
KEPT = (
    "events", "learner_snapshots", "bundles", "turn_metrics", "feedback_events", "feedback_keys", "usage_days",
    "turn_rewards", "memories", "memory_embeddings", "memory_links", "memory_documents",
)  # fmt: skip


def older(folder: Path, until: str) -> Path:
    """The brain's migrations that came before `until`."""
    folder.mkdir()
    for file in (files("soma.brain") / "migrations").iterdir():
        if file.name < until:
            shutil.copy(str(file), folder)
    return folder


async def test_first_answers_and_the_ledger_outlive_the_move_to_fewer_pages(settings, tmp_path):
    file = settings.data_dir / "brain.sqlite3"
    file.unlink()  # it has the tables of today
    connection = Database(f"sqlite:///{file}").connect()
    migrate(connection, "brain", older(tmp_path / "older", "0006"))
    given = [ALICE.tenant_id, key_of(ALICE, THUMB), shorten_answer(ANSWER), "2026-01-01"]
    connection.execute("INSERT INTO feedback_keys VALUES (?, ?, ?, ?)", given)
    for tokens in (3, 4):
        connection.execute(
            "INSERT INTO token_usage (tenant_id, agent_id, day, model, tokens, cost, calls, created_at) "
            "VALUES ('acme', 'helper', '2026-01-01', 'small', ?, 0.25, 1, '2026-01-01')",
            [tokens],
        )
    connection.close()

    async with open_brain(settings, embedder=HashingEmbedder()) as opened:
        again = await opened.client.feedback(ALICE, new_feedback(conversation_id="c1", reward=1.0))
        [day] = await opened.client.usage(ALICE, start="2026-01-01", end="2026-01-31")
        assert verify_database(opened.writer.database).faults == []
    assert again == msgspec.structs.replace(ANSWER, status="duplicate")
    assert (day.day, day.model, day.tokens, day.cost, day.calls) == ("2026-01-01", "small", 7, 0.5, 2)


async def lived(client) -> tuple[str, str]:
    """A learner with updates of every kind; the bundle and the memory that the last word was about."""
    await client.remember(ALICE, [{"text": text, "key": f"k{n}"} for n, text in enumerate(FACTS)])
    for number in range(3):
        bundle = await client.evaluate(
            ALICE, new_query(conversation_id="c", query="Caroline cat train Melanie", top_k=4)
        )
        ids = [memory.id for memory in bundle.memories]
        await client.feedback(
            ALICE, new_feedback(conversation_id="c", bundle_id=bundle.bundle_id, helpful=ids[:1], unhelpful=ids[1:2])
        )
        await client.feedback(ALICE, new_feedback(conversation_id="c", turn_id=f"t{number}", thumb=1))
        await client.publish_turn_metrics(ALICE, new_report(**metrics_of(f"t{number}", bundle_id=bundle.bundle_id)))
    await client.forget(ALICE, keys=["k5"])
    return bundle.bundle_id, ids[0]


async def found(opened) -> dict[str, Any]:
    """All that people see of a brain."""
    database, client = opened.writer.database, opened.client
    return {
        "state": msgspec.to_builtins(await client.state(ALICE)),
        "memories": msgspec.to_builtins(await client.memories(ALICE)),
        "values": sorted(database.query("SELECT id, value FROM memories")),
        "hits": [hit.id for hit in await client.recall(ALICE, query="Caroline cat")],
        "usage": msgspec.to_builtins(await client.usage(ALICE, start="2026-01-01", end="2126-01-01")),
    }


async def test_what_was_learned_and_remembered_outlives_the_newest_migrations(settings):
    """A brain that has lived, its tables as they were before, brought up to now."""
    async with open_brain(settings, embedder=HashingEmbedder()) as opened:
        bundle_id, memory_id = await lived(opened.client)
    async with open_brain(settings, embedder=HashingEmbedder()) as opened:  # all is written down that waited
        before = await found(opened)
        rows = {table: opened.writer.database.query(f"SELECT * FROM {table} ORDER BY 1, 2") for table in KEPT}
    connection = Database(f"sqlite:///{settings.data_dir}/brain.sqlite3").connect()
    for (component, name), made in NEWEST.items():
        for what in made:
            connection.execute(f"DROP {what}")
        connection.execute("DELETE FROM schema_migrations WHERE component = ? AND name = ?", [component, name])
    connection.close()

    async with open_brain(settings, embedder=HashingEmbedder()) as opened:
        assert await found(opened) == before
        for table, known in rows.items():
            assert opened.writer.database.query(f"SELECT * FROM {table} ORDER BY 1, 2") == known, table
        assert verify_database(opened.writer.database).faults == []
        version = before["state"]["version"]
        word = await opened.client.feedback(
            ALICE, new_feedback(conversation_id="c", bundle_id=bundle_id, unhelpful=[memory_id])
        )
        assert word.version == version + 1
        await opened.client.rollback(ALICE, version=version)
        again = await found(opened)
        assert again["values"] == before["values"]
        assert verify_database(opened.writer.database).faults == []
