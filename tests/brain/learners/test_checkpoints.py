"""A checkpoint holds a learner's whole state under a signature; what was changed in it does not verify."""

import msgspec
import pytest
from msgspec.structs import replace
from tests.brain.conftest import ALICE
from tests.brain.requests import new_feedback

from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.state import LearnerState
from soma.brain.learners.chain import stream_of
from soma.brain.learners.checkpoints import Signer, is_signed
from soma.brain.root import open_brain
from soma.brain.verify import verify_database
from soma.events.chain import Head
from soma.events.facts.codec import fact_of
from soma.events.facts.learning import LearningCheckpointed
from soma.events.log import Log
from soma.memory.embedders.hashing import HashingEmbedder

STATE = LearnerState.initial(Hyperparameters())


def test_a_key_is_made_once_and_only_its_owner_reads_it(tmp_path):
    path = tmp_path / "key"
    assert Signer.load(path).public_key == Signer.load(path).public_key
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "change", [{"learner_version": 1}, {"chain_hash": "0"}, {"agent_id": "b"}, {"signature": "00"}, {"public_key": "x"}]
)
def test_a_changed_checkpoint_is_not_signed(tmp_path, change):
    fact = Signer.load(tmp_path / "key").checkpoint("acme", "a", STATE, Head(7, "ff"))
    assert is_signed("acme", fact)
    assert not is_signed("globex", fact)
    assert not is_signed("acme", msgspec.structs.replace(fact, **change))
    other = msgspec.structs.replace(STATE, baseline=0.5)
    assert not is_signed("acme", msgspec.structs.replace(fact, state=other.to_json()))


async def test_checkpoints_come_at_their_pace_and_replay_confirms_them(settings):
    settings = settings.model_copy(update={"checkpoint_every": 100})
    async with open_brain(settings, embedder=HashingEmbedder()) as opened:
        for batch in range(3):
            items = [{"conversation_id": f"{batch} {n}", "reward": n / 90} for n in range(90)]
            await opened.client.feedback_batch(replace(ALICE, user_id=f"user-{batch}"), items)
        facts = map(fact_of, Log(opened.writer.database).read_stream(ALICE.tenant_id, stream_of(ALICE)))
        made = [fact for fact in facts if isinstance(fact, LearningCheckpointed)]
        assert [fact.learner_version for fact in made] == [180, 270]
        assert LearnerState.from_json(made[-1].state).state_hash() == (await opened.client.state(ALICE)).state_hash
        report = verify_database(opened.writer.database)
        assert (report.checkpoints, report.faults) == (2, [])


async def test_every_learner_is_there_at_the_start(settings):
    from soma.brain.types import Principal

    tenants = [Principal(tenant_id=f"t{n}", user_id="u", agent_id="a") for n in range(20)]
    async with open_brain(settings, embedder=HashingEmbedder()) as opened:
        for tenant in tenants:
            for number in range(3):
                await opened.client.feedback(tenant, new_feedback(conversation_id=f"c{number}", reward=0.5))
    async with open_brain(settings, embedder=HashingEmbedder()) as opened:
        kept = [opened.writer.get_kept(("learner", tenant.tenant_id, "a")) for tenant in tenants]
        assert [standing.state.version for standing in kept if standing] == [3] * 20
