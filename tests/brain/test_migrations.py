"""What an older version has written is there after an upgrade."""

import shutil
from importlib.resources import files
from pathlib import Path

import msgspec
from tests.brain.conftest import ALICE

from soma.brain.bodies import Feedback
from soma.brain.feedback import key_of
from soma.brain.feedback_desk import brief
from soma.brain.root import open_brain
from soma.brain.types import FeedbackAnswer
from soma.brain.verify import verified
from soma.events.database import Database, migrate
from soma.memory.embedders.hashing import Hashing

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


def older(folder: Path, until: str) -> Path:
    """The brain's migrations that came before `until`."""
    folder.mkdir()
    for file in (files("soma.brain") / "migrations").iterdir():
        if file.name < until:
            shutil.copy(str(file), folder)
    return folder


async def test_first_answers_and_the_ledger_outlive_the_move_to_fewer_pages(settings, tmp_path):
    connection = Database(f"sqlite:///{settings.data_dir}/brain.sqlite3").connect()
    migrate(connection, "brain", older(tmp_path / "older", "0006"))
    given = [ALICE.tenant_id, key_of(ALICE, THUMB), brief(ANSWER), "2026-01-01"]
    connection.execute("INSERT INTO feedback_keys VALUES (?, ?, ?, ?)", given)
    for tokens in (3, 4):
        connection.execute(
            "INSERT INTO token_usage (tenant_id, agent_id, day, model, tokens, cost, calls, created_at) "
            "VALUES ('acme', 'helper', '2026-01-01', 'small', ?, 0.25, 1, '2026-01-01')",
            [tokens],
        )
    connection.close()

    async with open_brain(settings, embedder=Hashing()) as opened:
        again = await opened.client.feedback(ALICE, conversation_id="c1", reward=1.0)
        [day] = await opened.client.usage(ALICE, start="2026-01-01", end="2026-01-31")
        assert verified(opened.writer.database).faults == []
    assert again == msgspec.structs.replace(ANSWER, status="duplicate")
    assert (day.day, day.model, day.tokens, day.cost, day.calls) == ("2026-01-01", "small", 7, 0.5, 2)
