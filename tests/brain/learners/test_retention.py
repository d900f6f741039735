"""What people said goes after its time, behind a signed checkpoint; what was learned, and the chain, stay provable."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from msgspec.structs import replace
from tests.brain.conftest import ALICE, BOB, MALLORY, metrics_of, remembered
from tests.brain.requests import new_feedback, new_query, new_report

from soma.brain.errors import BrainRefused
from soma.brain.learners.chain import stream_of, subject_of
from soma.brain.learners.checkpoints import Signer
from soma.brain.learners.learners import Learners
from soma.brain.learners.replay_start import find_start
from soma.brain.learners.retention import Retention, erase, find_boundary, find_stretch
from soma.brain.root import open_brain
from soma.brain.verify import verify_database
from soma.events.chain import verify
from soma.events.facts.codec import draft, fact_of
from soma.events.facts.learning import LearningCheckpointed, LearningErased
from soma.events.log import Log
from soma.memory.embedders.hashing import HashingEmbedder

pytestmark = pytest.mark.learning

DAYS = 90
LATER = timedelta(days=DAYS + 2)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)])
def settings(request, settings):
    """Both databases, with few snapshots, so that most versions are replayed."""
    url = request.getfixturevalue("postgresql").database() if request.param == "postgresql" else ""
    return settings.model_copy(update={"database_url": url, "snapshot_every": 4, "batch_workers": 0})


async def lived(client, who=ALICE, *, turns=range(6)) -> None:
    """Every kind of update, one by one and in a batch."""
    await remembered(client, who)
    for number in turns:
        bundle = await client.evaluate(
            who, new_query(conversation_id="c1", query="Caroline cat train Melanie", top_k=6)
        )
        await client.publish_turn_metrics(who, new_report(**metrics_of(f"t{number}", bundle_id=bundle.bundle_id)))
        await client.feedback(
            who, new_feedback(conversation_id="c1", bundle_id=bundle.bundle_id, helpful=[bundle.memories[0].id])
        )
        metadata = {"tokens": 10, "model": "m"}
        await client.feedback(
            who, new_feedback(conversation_id="c1", turn_id=f"t{number}", reward=number % 10 / 10, metadata=metadata)
        )
    items = [{"conversation_id": "c2", "reward": n / 9, "query": f"{turns} {n}"} for n in range(9)]
    await client.feedback_batch(who, items)


def aged(opened, days: float = DAYS + 2) -> None:
    """As if all that is there had been written `days` earlier. The chain covers timestamps: it is sealed again."""
    from soma.events.chain import Head, envelope_hash

    reads = opened.writer.database
    connection = reads.connect()
    connection.execute("BEGIN")
    for tenant_id, stream in connection.query("SELECT DISTINCT tenant_id, stream FROM events"):
        head = Head()
        for event in Log(reads).read_stream(tenant_id, stream):
            at = (datetime.fromisoformat(event.timestamp) - timedelta(days=days)).isoformat(timespec="microseconds")
            older = msgspec.structs.replace(event, timestamp=at)
            sealed = envelope_hash(older, seq=event.seq, payload_hash=event.payload_hash, prev_hash=head.hash)
            connection.execute(
                "UPDATE events SET timestamp = ?, prev_hash = ?, hash = ? WHERE position = ?",
                [at, head.hash, sealed, event.position],
            )
            head = Head(event.seq, sealed)
    connection.execute("COMMIT")
    connection.close()


@pytest.fixture
async def old(settings):
    """A brain whose Alice and Mallory have lived long ago, and who go on today. Opened again: heads are read anew."""
    async with open_brain(settings, embedder=HashingEmbedder()) as opened:
        await lived(opened.client)
        await lived(opened.client, MALLORY)
        aged(opened)
    async with open_brain(settings, embedder=HashingEmbedder()) as opened:
        await lived(opened.client, turns=range(10, 13))
        yield opened


def proved(opened, settings):
    report = verify_database(opened.writer.database, Signer.of(settings).believed)
    assert report.faults == []
    assert report.feedbacks == report.rows
    return report


def told(opened, who=ALICE) -> list[bool]:
    """Of each event of the learner's chain, whether its payload is there."""
    return [
        event.payload is not None for event in Log(opened.writer.database).read_stream(who.tenant_id, stream_of(who))
    ]


async def test_what_is_old_goes_and_what_was_learned_stays_to_the_bit(old, settings):
    before = await old.client.state(ALICE)
    usage = await old.client.usage(ALICE)
    whole = proved(old, settings)
    assert await old.retention.erase_old() > 1
    assert await old.client.state(ALICE) == before
    assert await old.client.usage(ALICE) == usage
    report = proved(old, settings)
    start = find_start(old.writer.database, ALICE)
    assert start is not None
    assert start.version == 27
    assert report.starts == {
        "acme helper": f"checkpoint 27 of {datetime.now(UTC).date()}, signature good",
        "globex helper": f"checkpoint 27 of {datetime.now(UTC).date()}, signature good",
    }
    assert report.states == whole.states
    assert report.states["acme helper"] == before.state_hash
    assert report.erased == 2 * (18 + 13 + 1)
    assert report.rows == whole.rows - 2 * (12 + 9)
    assert not any(told(old)[: start.seq])
    assert all(told(old)[start.seq :])
    assert verify(Log(old.writer.database).read_stream(ALICE.tenant_id, stream_of(ALICE))).seq == len(told(old))
    assert await old.retention.erase_old() == 0


async def test_a_restart_and_every_later_version_come_out_the_same(old, settings):
    hashes = {n: old.brain._learners.state_at(old.writer.database, ALICE, n).state_hash() for n in range(27, 45)}
    await old.retention.erase_old()
    async with open_brain(settings, embedder=HashingEmbedder()) as again:
        learners: Learners = again.brain._learners
        assert {n: learners.state_at(again.writer.database, ALICE, n).state_hash() for n in hashes} == hashes
        mallory = Log(again.writer.database).find_newest(
            MALLORY.tenant_id, stream_of(MALLORY), ["learning.checkpointed"]
        )
        fact = fact_of(mallory) if mallory else None
        assert isinstance(fact, LearningCheckpointed)
        assert (await again.client.state(MALLORY)).state_hash == fact.state_hash


async def test_history_begins_at_the_checkpoint_and_says_so(old):
    await old.retention.erase_old()
    history = await old.client.history(ALICE, after=0, limit=100)
    assert (history.oldest_version, history.start_version) == (27, 27)
    assert history.oldest_at is not None
    assert [update.version for update in history.updates] == list(range(28, history.newest_version + 1))


async def test_history_does_not_begin_in_a_batch_whose_event_has_gone(old):
    """A state from within it is still kept."""
    state = await old.client.state(ALICE)
    await old.retention.erase_old(at=datetime.now(UTC) + LATER)
    history = await old.client.history(ALICE, limit=3)
    assert (history.start_version, history.updates) == (state.version, [])
    assert history.start_weights == state.weights


async def test_a_rollback_before_the_checkpoint_names_the_oldest_version(old, settings):
    await old.retention.erase_old()
    with pytest.raises(BrainRefused, match="oldest version that can be restored is 27") as refused:
        await old.client.rollback(ALICE, version=26)
    assert (refused.value.code, refused.value.status) == ("version_erased", 410)
    for version in (27, 30, 0):
        assert (await old.client.rollback(ALICE, version=version)).restored_version == version
    with pytest.raises(BrainRefused) as refused:
        await old.client.rollback(ALICE, turn_id="t3", iteration_number=0)
    assert refused.value.code == "version_erased"
    proved(old, settings)


async def test_a_kept_rollback_holds_what_it_went_back_to(old, settings):
    await old.client.rollback(ALICE, version=20)
    before = await old.client.state(ALICE)
    await old.retention.erase_old()
    start = find_start(old.writer.database, ALICE)
    assert start is not None
    assert 0 < start.version <= 20
    assert proved(old, settings).states["acme helper"] == before.state_hash


@pytest.mark.parametrize("kills", [0, 1, 2, 5])
async def test_a_kill_between_any_two_steps_leaves_a_whole_log(old, settings, monkeypatch, kills):
    monkeypatch.setattr("soma.brain.learners.retention.EVENTS", 3)
    before = await old.client.state(ALICE)
    reads, learners = old.writer.database, old.brain._learners
    horizon = datetime.now(UTC) - timedelta(days=DAYS)
    boundary = find_boundary(reads, learners, ALICE, horizon)
    assert boundary is not None
    retention = Retention(old.writer, learners, days=DAYS)
    await old.writer.write(lambda tx: retention._declare(tx, ALICE, None, boundary))
    for _ in range(kills):
        stretch = find_stretch(reads, ALICE)
        assert stretch is not None
        await old.writer.write(lambda tx, stretch=stretch: erase(tx, ALICE, stretch))
    assert any(told(old)[: boundary.head.seq])
    async with open_brain(settings, embedder=HashingEmbedder()) as again:
        assert (await again.client.state(ALICE)) == before
        assert proved(again, settings).states["acme helper"] == before.state_hash
        await again.retention.erase_old()
        assert not any(told(again)[: boundary.head.seq])
        assert proved(again, settings).states["acme helper"] == before.state_hash


async def test_one_tenant_s_time_leaves_the_other_s_rows(old, settings):
    others = told(old, MALLORY)
    learners, reads = old.brain._learners, old.writer.database
    horizon = datetime.now(UTC) - timedelta(days=DAYS)
    await Retention(old.writer, learners, days=DAYS)._erase_past(ALICE, horizon)
    assert told(old, MALLORY) == others
    assert find_start(reads, MALLORY) is None
    count = "SELECT COUNT(*) FROM feedback_events WHERE tenant_id = ?"
    assert reads.query(count, [MALLORY.tenant_id]) == [(12 + 9,)]
    assert list(proved(old, settings).starts) == ["acme helper"]


async def test_two_processes_on_one_log_erase_once(old, settings):
    async with open_brain(settings, embedder=HashingEmbedder()) as other:
        await old.retention.erase_old()
        await other.retention.erase_old()
        log = Log(old.writer.database).read_stream(ALICE.tenant_id, stream_of(ALICE))
        assert sum(isinstance(fact_of(event), LearningErased) for event in log) == 1
        await other.client.feedback(BOB, new_feedback(conversation_id="c", reward=0.5))
        await old.client.feedback(BOB, new_feedback(conversation_id="d", reward=0.5))
        proved(old, settings)


async def test_a_second_round_starts_at_the_first_checkpoint(old, settings):
    await old.retention.erase_old()
    before = await old.client.state(ALICE)
    await old.retention.erase_old(at=datetime.now(UTC) + LATER)
    start = find_start(old.writer.database, ALICE)
    assert start is not None
    assert start.version == before.version
    assert proved(old, settings).states["acme helper"] == before.state_hash
    keys = "SELECT (SELECT COUNT(*) FROM feedback_keys) + (SELECT COUNT(*) FROM turn_metrics)"
    assert old.writer.database.query(keys) == [(0,)]
    await lived(old.client, turns=range(20, 22))
    proved(old, settings)


async def test_zero_days_keep_everything(old):
    assert await Retention(old.writer, old.brain._learners, days=0).erase_old(at=datetime.now(UTC) + 100 * LATER) == 0


def declare(tx, checkpoint: LearningCheckpointed, until: int) -> None:
    """As the retention does, with whatever checkpoint."""
    placed = tx.append(draft(checkpoint, subject_of(ALICE)))
    version = checkpoint.learner_version
    erased = LearningErased(
        agent_id="helper", until_seq=until, learner_version=version, checkpoint_seq=placed.seq, state_hash="", reason=""
    )
    tx.append(draft(erased, subject_of(ALICE)))
    starts = "INSERT INTO learner_starts VALUES (?, ?, ?, ?, ?, ?)"
    tx.execute(starts, [ALICE.tenant_id, ALICE.agent_id, version, until, placed.seq, 0])
    tx.execute("DELETE FROM learner_snapshots WHERE tenant_id = ?", [ALICE.tenant_id])


@pytest.mark.parametrize("forgery", ["another key", "no signature", "another state", "another place"])
async def test_a_forged_checkpoint_is_no_beginning(old, settings, tmp_path, forgery):
    """Whoever can write the database can make the chain fit, but not the signature."""
    reads, learners = old.writer.database, old.brain._learners
    boundary = find_boundary(reads, learners, ALICE, datetime.now(UTC) - timedelta(days=DAYS))
    assert boundary is not None
    forged = msgspec.structs.replace(boundary.state, baseline=0.9)
    if forgery == "another key":
        fact = Signer.load(tmp_path / "stranger").checkpoint("acme", "helper", forged, boundary.head)
    else:
        fact = Signer.of(settings).checkpoint("acme", "helper", boundary.state, boundary.head)
    if forgery == "no signature":
        fact = msgspec.structs.replace(fact, signature="")
    if forgery == "another state":
        fact = msgspec.structs.replace(fact, state=forged.to_json(), state_hash=forged.state_hash())
    if forgery == "another place":
        fact = Signer.of(settings).checkpoint("acme", "helper", boundary.state, replace(boundary.head, hash="0" * 64))

    await old.writer.write(lambda tx: declare(tx, fact, boundary.head.seq))
    report = verify_database(reads, Signer.of(settings).believed)
    assert "not signed by a key that is believed" in report.faults[0]
    assert report.starts == {}
    with pytest.raises(BrainRefused) as refused:
        learners.state_at(reads, ALICE, 27)
    assert refused.value.code == "checkpoint_not_believed"


async def test_a_key_that_is_named_is_believed(old, settings):
    await old.retention.erase_old()
    own = Signer.of(settings).public_key
    (settings.data_dir / "brain-signing-key").unlink()
    assert verify_database(old.writer.database, Signer.of(settings).believed).starts == {}
    named = settings.model_copy(update={"believed_keys": f"{own} 00"})
    assert proved(old, named).starts.keys() == {"acme helper", "globex helper"}


async def test_a_payload_that_no_event_erased_is_a_fault(old, settings):
    connection = old.writer.database.connect()
    connection.execute("UPDATE events SET payload = NULL WHERE tenant_id = 'globex' AND seq = 2 AND stream LIKE 'l%'")
    connection.close()
    assert "nothing erased it" in verify_database(old.writer.database, Signer.of(settings).believed).faults[0]


async def test_a_kept_withdrawal_holds_what_it_was_derived_from(old, settings):
    await old.client.withdraw_answer(ALICE, turn_id="t4")
    before = await old.client.state(ALICE)
    await old.retention.erase_old()
    start = find_start(old.writer.database, ALICE)
    assert start is not None
    assert 0 < start.version < 15
    assert proved(old, settings).states["acme helper"] == before.state_hash
    with pytest.raises(BrainRefused) as refused:
        await old.client.withdraw_answer(ALICE, turn_id="t0")
    assert refused.value.code == "version_erased"


async def test_an_answer_from_before_the_start_cannot_be_withdrawn_and_says_so(old):
    assert await Retention(old.writer, old.brain._learners, days=DAYS).erase_old()
    with pytest.raises(BrainRefused) as refused:
        await old.client.withdraw_answer(ALICE, turn_id="t0")
    assert refused.value.code == "version_erased"
