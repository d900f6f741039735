"""The log: gap-free, chained, whole after failures."""

import asyncio
import sqlite3
import threading
from collections.abc import Iterator

import pytest

from soma.events.chain import Event, Head, verify
from soma.events.cursors import Consumer
from soma.events.errors import ChainBroken, WriteFailed, WriterBusy
from soma.events.facts.codec import Subject, draft, fact_of
from soma.events.facts.learning import LearnerConfigured
from soma.events.facts.turn import DraftReplaced
from soma.events.log import Log
from soma.events.pending import Sums
from soma.events.transaction import Prefetch, Transaction
from soma.events.writer import WAITING, Writer


@pytest.fixture
def writer(database) -> Iterator[Writer]:
    writer = Writer(database)
    writer.start()
    yield writer
    writer.close()


def subject(stream="turn:1", *, tenant="acme", conversation="c1") -> Subject:
    return Subject(tenant_id=tenant, stream=stream, conversation_id=conversation)


def note(number=0):
    return DraftReplaced(iteration_number=number, reason="test")


async def test_positions_have_no_gaps_and_chains_verify_under_concurrent_writes(database, writer):
    streams = [f"turn:{n % 7}" for n in range(500)]
    await asyncio.gather(*(writer.write(lambda tx, s=s: tx.append(draft(note(), subject(s)))) for s in streams))
    log = Log(database)
    assert [event.position for event in log.read_after(0, limit=1000)] == list(range(1, 501))
    for stream in set(streams):
        assert verify(log.read_stream("acme", stream)).seq == streams.count(stream)
    assert [event.conversation_position for event in log.read_conversation("acme", "c1")] == list(range(1, 501))


async def test_a_failing_write_leaves_the_others_and_no_gap(database, writer):
    def fail(tx: Transaction) -> None:
        tx.append(draft(note(), subject()))
        tx.keep("seen", "never")
        raise ValueError("no")

    writes = [writer.write(lambda tx: tx.append(draft(note(), subject()))), writer.write(fail)]
    writes.append(writer.write(lambda tx: (tx.append(draft(note(), subject())), tx.get("seen", lambda: "nothing"))[1]))
    results = await asyncio.gather(*writes, return_exceptions=True)
    assert isinstance(results[1], ValueError)
    assert results[2] == "nothing"
    assert [event.seq for event in Log(database).read_stream("acme", "turn:1")] == [1, 2]


async def test_kept_values_are_seen_only_after_a_commit_and_survive_in_order(writer):
    def count(tx: Transaction) -> int:
        value = tx.get("counter", lambda: 0) + 1
        tx.keep("counter", value)
        return value

    assert sorted(await asyncio.gather(*(writer.write(count) for _ in range(200)))) == list(range(1, 201))


async def test_a_changed_payload_a_changed_envelope_and_a_missing_event_are_noticed(database, writer):
    for number in range(4):
        await writer.write(lambda tx, n=number: tx.append(draft(note(n), subject())))
    events = Log(database).read_stream("acme", "turn:1")
    assert verify(events).seq == 4
    for broken in (
        _changed(events, payload="{}"),
        _changed(events, user_id="mallory"),
        events[:1] + events[2:],
    ):
        with pytest.raises(ChainBroken):
            verify(broken)
    assert verify(_changed(events, payload=None)).seq == 4  # erased, not changed
    assert verify(events[2:], after=Head(2, events[1].hash)).seq == 4


def _changed(events: list[Event], **fields) -> list[Event]:
    import msgspec

    return [events[0], msgspec.structs.replace(events[1], **fields), *events[2:]]


async def test_a_restarted_writer_continues_positions_and_chains(database, writer):
    await writer.write(lambda tx: tx.append(draft(note(), subject())))
    again = Writer(database)
    again.start()
    event = await again.write(lambda tx: tx.append(draft(note(), subject())))
    again.close()
    assert (event.position, event.seq, event.conversation_position) == (2, 2, 2)


async def test_facts_read_back_as_they_were_written(database, writer):
    await writer.write(lambda tx: tx.append(draft(note(3), subject())))
    assert fact_of(Log(database).read_stream("acme", "turn:1")[0]) == note(3)


async def test_another_tenants_stream_and_conversation_of_the_same_name_are_others(database, writer):
    for tenant in ("acme", "globex"):
        await writer.write(lambda tx, t=tenant: tx.append(draft(note(), subject(tenant=t))))
    assert [event.tenant_id for event in Log(database).read_conversation("globex", "c1")] == ["globex"]
    assert Log(database).read_stream("globex", "turn:1")[0].seq == 1


async def test_a_consumer_sees_each_event_once_and_again_after_a_failure(database, writer):
    seen: list[int] = []
    broken = threading.Event()

    async def handle(events):
        if broken.is_set():
            broken.clear()
            raise ConnectionError
        seen.extend(event.position for event in events)

    consumer = Consumer("test", writer=writer, types=["chat.draft_replaced"], handle=handle)
    await writer.write(lambda tx: tx.append(draft(note(), subject())))
    assert await consumer.step() == 1
    broken.set()
    await writer.write(lambda tx: tx.append(draft(note(), subject())))
    with pytest.raises(ConnectionError):
        await consumer.step()
    assert await consumer.step() == 1
    assert await consumer.step() == 0
    assert seen == [1, 2]


def held(writer: Writer) -> threading.Event:
    """The writer is at work until the gate is set: what is submitted now forms the next group."""
    begun, gate = threading.Event(), threading.Event()

    def hold(_: Transaction) -> None:
        begun.set()
        gate.wait(20)

    writer.submit(hold)
    begun.wait(5)
    return gate


async def test_a_write_that_was_given_up_before_its_turn_does_not_stop_the_writer(database, writer):
    gate = held(writer)
    given_up = writer.submit(lambda tx: tx.append(draft(note(), subject())))
    assert given_up.cancel()
    gate.set()
    await writer.write(lambda tx: tx.append(draft(note(), subject())))
    assert [event.position for event in Log(database).read_after(0)] == [1]


async def test_where_the_database_undoes_a_whole_group_no_later_write_of_it_is_half_kept(database, writer):
    """SQLite rolls the transaction back by itself where the disk is full: savepoints after that begin a new one."""
    await writer.write(lambda tx: tx.append(draft(note(), subject())))
    gate = held(writer)

    def disk_full(tx: Transaction) -> None:
        tx.execute("ROLLBACK")
        raise sqlite3.OperationalError("database or disk is full")

    group = [
        writer.submit(lambda tx: tx.append(draft(note(), subject()))),
        writer.submit(disk_full),
        writer.submit(lambda tx: tx.append(draft(note(), subject()))),
    ]
    gate.set()
    for job in group:
        with pytest.raises(WriteFailed):
            job.result(5)
    event = await writer.write(lambda tx: tx.append(draft(note(), subject())))
    assert (event.position, event.seq) == (2, 2)
    assert verify(Log(database).read_stream("acme", "turn:1")).seq == 2


async def test_a_full_queue_says_so_at_once_and_takes_writes_again_when_it_has_room(writer):
    gate = held(writer)
    waiting = [writer.submit(lambda _: None) for _ in range(WAITING)]
    with pytest.raises(WriterBusy):
        writer.submit(lambda _: None)
    gate.set()
    waiting[-1].result(10)
    assert await writer.write(lambda _: "written") == "written"


async def test_a_read_only_database_refuses_the_write_and_keeps_nothing(database, writer):
    await writer.write(lambda tx: tx.query("PRAGMA query_only = ON"))
    with pytest.raises(WriteFailed, match="readonly"):
        await writer.write(lambda tx: tx.append(draft(note(), subject())))
    assert Log(database).read_after(0) == []


NOTES = ("name", "value")


@pytest.fixture
def notes(database) -> None:
    connection = database.connect()
    connection.execute("CREATE TABLE notes (name TEXT PRIMARY KEY, value INTEGER)")
    connection.close()


async def grouped(writer: Writer, *works):
    """Run `works` in one commit: they wait together while the writer is held up."""
    held, go = threading.Event(), threading.Event()

    def hold(_: Transaction) -> None:
        held.set()
        go.wait()

    first = asyncio.ensure_future(writer.write(hold))
    await asyncio.to_thread(held.wait)
    waiting = [asyncio.ensure_future(writer.write(work)) for work in works]
    await asyncio.sleep(0.05)
    go.set()
    await first
    return await asyncio.gather(*waiting, return_exceptions=True)


def count(tx: Transaction) -> int:
    return int(tx.query("SELECT COUNT(*) FROM notes")[0][0])


async def test_inserted_rows_are_seen_by_the_queries_of_their_commit(database, writer, notes):
    answers = await grouped(
        writer,
        lambda tx: tx.insert("notes", NOTES, [(f"a{n}", n) for n in range(600)]),
        count,
        lambda tx: (tx.insert("notes", NOTES, [("b", 1)]), count(tx))[1],
        lambda tx: int(tx.peek("SELECT COUNT(*) FROM notes")[0][0]),
    )
    assert answers[1:3] == [600, 601]
    assert database.query("SELECT COUNT(*) FROM notes") == [(601,)]


async def test_a_failed_write_takes_its_rows_with_it_and_leaves_those_of_the_others(database, writer, notes):
    def fail(tx: Transaction) -> None:
        tx.insert("notes", NOTES, [("mine", 1)])
        count(tx)  # so that they are in the database when it fails
        tx.append(draft(note(), subject()))
        raise ValueError("no")

    answers = await grouped(
        writer,
        lambda tx: tx.insert("notes", NOTES, [("before", 1)]),
        fail,
        lambda tx: (tx.insert("notes", NOTES, [("after", 1)]), tx.append(draft(note(), subject())))[0],
    )
    assert isinstance(answers[1], ValueError)
    assert database.query("SELECT name FROM notes ORDER BY name") == [("after",), ("before",)]
    assert [event.position for event in Log(database).read_after(0)] == [1]


async def test_a_stream_is_followed_by_the_types_that_are_asked_for(database, writer):
    facts = [note(), LearnerConfigured(digest="d", hyperparameters={})] * 10
    await writer.write(lambda tx: [tx.append(draft(fact, subject())) for fact in facts])
    log = Log(database)
    assert [event.seq for event in log.follow("acme", "turn:1")] == list(range(1, 21))
    followed = log.follow("acme", "turn:1", types=[LearnerConfigured.event_type], after=2)
    assert [event.seq for event in followed] == list(range(4, 21, 2))


async def test_a_note_is_for_the_writes_of_one_commit(writer, notes):
    answers = await grouped(
        writer, lambda tx: tx.note("key", "noted"), lambda tx: tx.get_noted("key", lambda: "read from the database")
    )
    assert answers[1] == "noted"
    assert await writer.write(lambda tx: tx.get_noted("key", lambda: "read")) == "read"


async def test_two_writers_on_one_log_leave_no_gap(database, writer):
    other = Writer(database)
    other.start()
    works = [lambda tx: tx.append(draft(note(), subject()))] * 30
    await asyncio.gather(*((writer, other)[n % 2].write(work) for n, work in enumerate(works)))
    other.close()
    events = Log(database).read_after(0)
    assert [event.position for event in events] == list(range(1, 31))
    assert verify(Log(database).read_stream("acme", "turn:1")).seq == 30


async def test_too_many_waiting_writes_are_refused(database):
    writer = Writer(database, waiting=3)
    writer.start()
    answers = await grouped(writer, *[lambda _: None] * 5)
    assert [type(answer) for answer in answers] == [type(None)] * 3 + [WriterBusy] * 2
    writer.close()


POINTS = Sums("points", ("name",), ("count", "worth"))


async def test_what_is_added_in_one_commit_and_in_several_is_summed_and_a_failed_write_adds_nothing(database, writer):
    def fail(tx: Transaction) -> None:
        tx.add(POINTS, ("a",), (100, 100.0))
        raise ValueError("no")

    def fail_by_sql(tx: Transaction) -> None:
        tx.add(POINTS, ("b",), (100, 100.0))
        tx.execute("INSERT INTO nowhere VALUES (1)")

    table = "CREATE TABLE points (name TEXT PRIMARY KEY, count INTEGER NOT NULL, worth REAL NOT NULL)"
    await writer.write(lambda tx: tx.execute(table))
    for _ in range(2):
        writes = [writer.write(lambda tx, n=n: tx.add(POINTS, ("ab"[n % 2],), (n, 0.5))) for n in range(6)]
        results = await asyncio.gather(*writes, writer.write(fail), writer.write(fail_by_sql), return_exceptions=True)
        assert [type(each) for each in results[6:]] == [ValueError, WriteFailed]
    assert database.query("SELECT name, count, worth FROM points ORDER BY name") == [("a", 12, 3.0), ("b", 18, 3.0)]


def refused_by_the_database(reads, keys):
    return reads.query("SELECT * FROM nowhere")


def faulty(reads, keys):
    raise KeyError("a fault of its own")


def positions(reads, keys):
    rows = reads.query("SELECT seq, position FROM events ORDER BY seq")
    return {seq: position for seq, position in rows if seq in keys}


async def together(writer, *writes):
    """In one commit."""
    gate = threading.Event()
    blocked = asyncio.create_task(writer.write(lambda _: gate.wait(10)))
    await asyncio.sleep(0.05)
    waiting = asyncio.gather(*writes, return_exceptions=True)
    await asyncio.sleep(0)
    gate.set()
    await blocked
    return list(await waiting)


async def test_what_the_writes_of_a_commit_declare_is_fetched_together(database, writer):
    asked = []

    def lookup(reads, keys):
        asked.append(list(keys))
        return positions(reads, keys)

    def asking(number, *others):
        return writer.write(
            lambda tx: [tx.get_prefetched(Prefetch(lookup, key)) for key in (number, *others)],
            prefetch=Prefetch(lookup, number),
        )

    for _ in range(3):
        await writer.write(lambda tx: tx.append(draft(note(), subject())))
    assert await together(writer, asking(1), asking(2), asking(1), asking(9, 3)) == [[1], [2], [1], [None, 3]]
    assert asked == [[1, 2, 9], [3]]


async def test_what_was_looked_up_late_is_not_remembered_for_the_next_write(database, writer):
    wanted = Prefetch(positions, 1)

    def look_and_fail(tx: Transaction) -> None:
        tx.append(draft(note(), subject()))
        tx.query("SELECT 1")
        assert tx.get_prefetched(wanted) == 1
        raise ValueError("no")

    failed, found = await together(
        writer, writer.write(look_and_fail), writer.write(lambda tx: tx.get_prefetched(wanted))
    )
    assert isinstance(failed, ValueError)
    assert found is None


async def test_a_faulty_lookup_fails_the_write_that_asks_and_no_other_of_its_commit(database, writer):
    wanted = Prefetch(faulty, 1)
    failed, event = await together(
        writer,
        writer.write(lambda tx: tx.get_prefetched(wanted), prefetch=wanted),
        writer.write(lambda tx: tx.append(draft(note(), subject()))),
    )
    assert isinstance(failed, KeyError)
    assert event.position == 1


async def test_a_lookup_that_the_database_refuses_refuses_its_commit_and_no_later_one(database, writer):
    wanted = Prefetch(refused_by_the_database, 1)
    outcomes = await together(
        writer,
        writer.write(lambda tx: tx.get_prefetched(wanted), prefetch=wanted),
        writer.write(lambda tx: tx.append(draft(note(), subject()))),
    )
    assert [type(each) for each in outcomes] == [WriteFailed, WriteFailed]
    event = await writer.write(lambda tx: tx.append(draft(note(), subject())))
    assert event.position == 1


async def test_what_waits_when_the_writer_is_closed_is_written_and_what_comes_later_is_refused(database):
    writer = Writer(database)
    writer.start()
    waiting = [writer.submit(lambda tx: tx.append(draft(note(), subject()))) for _ in range(20)]
    await asyncio.to_thread(writer.close)
    assert [each.result(1).position for each in waiting] == list(range(1, 21))
    with pytest.raises(WriteFailed, match="closed"):
        await writer.write(lambda tx: tx.append(draft(note(), subject())))
