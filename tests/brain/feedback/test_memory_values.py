"""A rollback gives memories the learned values of that version, whatever happened since."""

from functools import partial
from random import Random
from typing import Any

import pytest
from pydantic import SecretStr
from tests.brain.conftest import ALICE, BOB, FACTS, TOKEN, metrics_of
from tests.brain.requests import new_feedback, new_query, new_report

from soma.brain.learners.lineage import Jump, last_common_version, lineage
from soma.brain.root import open_brain
from soma.brain.settings import BrainSettings
from soma.brain.types import Principal
from soma.brain.verify import verify_database
from soma.memory.embedders.hashing import HashingEmbedder

pytestmark = pytest.mark.learning

OTHER = Principal(tenant_id="acme", user_id="alice", agent_id="another")
QUESTION = "Caroline cat train Melanie"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)])
def settings(request, tmp_path):
    url = request.getfixturevalue("postgresql").database() if request.param == "postgresql" else ""
    return BrainSettings(
        data_dir=tmp_path,
        database_url=url,
        service_token=SecretStr(TOKEN),
        batch_workers=0,
        snapshot_every=3,
        lessons_per_day=0,
    )


class Life:
    """A learner's history at random, and the values of its memories after every version."""

    def __init__(self, opened, seed: int) -> None:
        self._opened = opened
        self._client = opened.client
        self._random = Random(seed)
        self._bundles: list[tuple[Principal, str, list[str]]] = []
        self._turns = 0
        self._withdrawn = 0
        self.seen: dict[int, dict[str, float]] = {}

    def values(self) -> dict[str, float]:
        rows = self._opened.writer.database.query("SELECT id, value FROM memories WHERE forgotten_at IS NULL")
        return dict(rows)

    async def note(self) -> None:
        version: int = (await self._client.state(ALICE)).version
        self.seen[version] = self.values()

    async def begin(self) -> None:
        items = [{"text": text, "key": f"k{n}", "scope": "tenant"} for n, text in enumerate(FACTS * 2)]
        items = [item | {"text": f"{item['text']} {n // len(FACTS)}"} for n, item in enumerate(items)]
        await self._client.remember(ALICE, items)
        await self.note()

    async def step(self) -> None:
        act = self._random.choice(
            [self.evidence, self.evidence, self.change, self.batch, self.verdict, self.cite, self.withdraw, self.forget]
        )
        await act()
        await self.note()

    async def _shown(self, who: Principal) -> tuple[str, list[str]]:
        bundle = await self._client.evaluate(who, new_query(conversation_id="c", query=QUESTION, top_k=6))
        return bundle.bundle_id, [memory.id for memory in bundle.memories]

    def _word(self, bundle_id: str, ids: list[str]) -> dict[str, Any]:
        named = self._random.sample(ids, min(2, len(ids)))
        return {"conversation_id": "c", "bundle_id": bundle_id, "helpful": named[:1], "unhelpful": named[1:]}

    async def evidence(self) -> None:
        who = self._random.choice([ALICE, BOB])
        bundle_id, ids = await self._shown(who)
        self._bundles.append((who, bundle_id, ids))
        await self._client.feedback(who, new_feedback(**self._word(bundle_id, ids)))

    async def change(self) -> None:
        if self._bundles:
            who, bundle_id, ids = self._random.choice(self._bundles[-6:])
            await self._client.feedback(who, new_feedback(**self._word(bundle_id, ids)))

    async def batch(self) -> None:
        words = []
        for _ in range(3):
            bundle_id, ids = await self._shown(ALICE)
            self._bundles.append((ALICE, bundle_id, ids))
            words += [self._word(bundle_id, ids) for _ in range(2)]
        known = [self._word(bundle_id, ids) for who, bundle_id, ids in self._bundles[-5:] if who == ALICE]
        await self._client.feedback_batch(ALICE, words + known[:1])

    async def verdict(self) -> None:
        self._turns += 1
        await self._client.feedback(ALICE, new_feedback(conversation_id="c", turn_id=f"t{self._turns}", thumb=1))

    async def withdraw(self) -> None:
        if self._withdrawn < self._turns:
            self._withdrawn += 1
            await self._client.withdraw_answer(ALICE, turn_id=f"t{self._withdrawn}")

    async def cite(self) -> None:
        bundle_id, ids = await self._shown(BOB)
        self._turns += 1
        await self._client.publish_turn_metrics(
            BOB, new_report(**metrics_of(f"t{self._turns}", bundle_id=bundle_id, cited=ids[:1], confidence=0.1))
        )

    async def forget(self) -> None:
        if len(living := self.values()) > 6:
            await self._client.forget(ALICE, ids=[self._random.choice(sorted(living))])

    async def back(self, version: int) -> None:
        before = self.values()
        told = await self._client.rollback(ALICE, version=version)
        after = self.values()
        expected = {memory: value for memory, value in self.seen[version].items() if memory in after}
        assert {memory: after[memory] for memory in expected} == expected
        assert told.values_restored == sum(before[memory] != value for memory, value in after.items())
        assert told.values_from is None
        await self.note()


@pytest.mark.parametrize("seed", range(4))
async def test_values_after_a_rollback_are_those_of_the_version(settings, seed):
    async with open_brain(settings, embedder=HashingEmbedder()) as opened:
        life = Life(opened, seed)
        await life.begin()
        for _ in range(3):
            for _ in range(9):
                await life.step()
            await life.back(life._random.choice(sorted(life.seen)))
        await life.back(0)
        await life.back(max(life.seen) - 2 if max(life.seen) - 2 in life.seen else 0)
        shown = {memory.id: memory.value for memory in (await opened.client.memories(ALICE)).memories}
        assert shown == life.values()
        assert verify_database(opened.writer.database).faults == []


async def test_what_another_learner_taught_stays_when_one_goes_back(settings):
    async with open_brain(settings, embedder=HashingEmbedder()) as opened:
        life = Life(opened, 1)
        await life.begin()
        for _ in range(3):
            await life.evidence()
        bundle = await opened.client.evaluate(OTHER, new_query(conversation_id="c", query=QUESTION, top_k=6))
        taught = bundle.memories[0].id
        await opened.client.feedback(
            OTHER, new_feedback(conversation_id="c", bundle_id=bundle.bundle_id, helpful=[taught])
        )
        await opened.client.rollback(ALICE, version=0)
        assert life.values() == {memory: 0.55 if memory == taught else 0.5 for memory in life.seen[0]}
        assert verify_database(opened.writer.database).faults == []


async def test_a_rollback_says_what_it_cannot_give_back(settings):
    """Steps of values were not kept from the beginning: what is older stays, and is told."""
    async with open_brain(settings, embedder=HashingEmbedder()) as opened:
        life = Life(opened, 2)
        await life.begin()
        for _ in range(4):
            await life.evidence()
            await life.note()
        middle = max(life.seen)
        await opened.writer.write(_as_before_steps_were_kept)
        await life.evidence()
        assert (await opened.client.rollback(ALICE, version=middle)).values_from is None
        assert life.values() == life.seen[middle]
        told = await opened.client.rollback(ALICE, version=1)
        assert (told.values_restored, told.values_from) == (0, middle)
        assert verify_database(opened.writer.database).faults == []


def _executed(tx, sql) -> None:
    tx.execute(sql)


def _as_before_steps_were_kept(tx) -> None:
    tx.execute("DELETE FROM value_steps")
    tx.execute("UPDATE value_start SET position = (SELECT MAX(position) FROM events)")


async def test_a_value_that_nobody_taught_is_noticed(settings):
    async with open_brain(settings, embedder=HashingEmbedder()) as opened:
        life = Life(opened, 3)
        await life.begin()
        await life.evidence()
        for change, fault in (
            ("UPDATE memories SET value = 0.9 WHERE value > 0.5", "is not what it was taught"),
            ("UPDATE value_steps SET helpful = 1 - helpful", "did not name memory"),
        ):
            await opened.writer.write(partial(_executed, sql=change))
            assert any(fault in one for one in verify_database(opened.writer.database).faults)


def test_a_lineage_follows_every_jump():
    jumps = [Jump(5, 2, frozenset()), Jump(7, None, frozenset({2})), Jump(9, 4, frozenset())]
    standing = {version: [n for n in range(1, 10) if lineage(version, jumps).holds(n)] for version in range(1, 10)}
    assert standing[4] == [1, 2, 3, 4]
    assert standing[5] == [1, 2]
    assert standing[6] == [1, 2, 6]
    assert standing[7] == [1, 6]
    assert standing[8] == [1, 6, 8]
    assert standing[9] == [1, 2, 3, 4]
    assert last_common_version(lineage(4, jumps), lineage(6, jumps)) == 2
    assert last_common_version(lineage(6, jumps), lineage(7, jumps)) == 1
    assert last_common_version(lineage(8, jumps), lineage(8, jumps)) >= 8
