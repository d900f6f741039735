"""The write-ahead log is copied beside the writer and begun anew; nothing that was committed depends on it."""

import secrets
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from soma.events import wal
from soma.events.chain import verify
from soma.events.database import Connection, Database, Row, SqliteConnection
from soma.events.log import Log
from soma.events.transaction import Transaction
from soma.events.wal import WalCopier, is_beyond
from soma.events.writer import Writer

PAGES = 50
WRITES = 20_000  # one of so many begins the WAL anew
PATIENCE_SECONDS = 60
COUNT = "SELECT COUNT(*) FROM notes"
WORKER = Path(__file__).with_name("append_until_killed.py")


@dataclass
class Copying:
    """What the thread comes upon before it copies and the writer before the rest, and whether the thread has copied."""

    begin: Callable[[], None] = lambda: None
    finish: Callable[[], None] = lambda: None
    is_done: threading.Event = field(default_factory=threading.Event)


class WatchedConnection(SqliteConnection):
    def __init__(self, path: str, copying: Copying) -> None:
        super().__init__(path)
        self.copying = copying

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        if sql == wal.COPY and threading.current_thread().name == "writer":
            self.copying.finish()
        return super().query(sql, parameters)

    def close(self) -> None:
        super().close()
        if threading.current_thread().name == "wal":
            self.copying.is_done.set()


@dataclass(frozen=True)
class Watched(Database):
    copying: Copying = field(default_factory=Copying)

    def connect(self) -> Connection:
        if threading.current_thread().name == "wal":
            self.copying.begin()
        return WatchedConnection(str(self.path), self.copying)


def fail() -> None:
    raise sqlite3.OperationalError("database or disk is full")


@pytest.fixture
def database(database, monkeypatch) -> Watched:
    monkeypatch.setattr(wal, "FROM", PAGES)
    monkeypatch.setattr(wal, "LOOK_SECONDS", 0)
    monkeypatch.setattr(wal, "RETRY_SECONDS", 0)
    watched = Watched(database.url)
    connection = watched.connect()
    connection.execute("CREATE TABLE notes (name TEXT PRIMARY KEY)")
    connection.execute("CREATE TABLE fill (bytes BLOB)")
    connection.close()
    return watched


@pytest.fixture
def writer(database) -> Iterator[Writer]:
    writer = Writer(database)
    writer.start()
    writer.submit(write).result(PATIENCE_SECONDS)  # there is a WAL
    yield writer
    writer.close()
    database.close()


def write(tx: Transaction) -> None:
    tx.insert("notes", ("name",), [(secrets.token_hex(16),)])


def grow(tx: Transaction) -> None:
    """By more pages than it takes to be copied."""
    tx.execute("INSERT INTO fill VALUES (zeroblob(?))", [(PAGES + 1) * 4096])


def wal_of(database: Database) -> Path:
    return database.path.with_name(f"{database.path.name}-wal")


def salt(database: Database) -> bytes:
    """Another one each time the WAL is begun anew."""
    return wal_of(database).read_bytes()[16:24]


def write_until_begun_anew(writer: Writer) -> None:
    before = salt(writer.database)
    for _ in range(WRITES):
        writer.submit(write).result(PATIENCE_SECONDS)
        if salt(writer.database) != before:
            return
    pytest.fail("it only grows")


def test_it_is_begun_anew_again_and_again_while_the_writer_never_rests(writer):
    stop = threading.Event()

    def write_without_rest() -> None:
        while not stop.is_set():
            for job in [writer.submit(write) for _ in range(5)]:
                job.result(PATIENCE_SECONDS)

    others = [threading.Thread(target=write_without_rest) for _ in range(2)]
    for thread in others:
        thread.start()
    try:
        for _ in range(10):
            write_until_begun_anew(writer)
    finally:
        stop.set()
        for thread in others:
            thread.join()


def test_what_is_committed_while_the_thread_copies_is_copied_by_the_writer(database, writer):
    copying = database.copying
    begun, go = threading.Event(), threading.Event()

    def wait_for_writer() -> None:
        copying.begin = fail  # it copies this once
        begun.wait(PATIENCE_SECONDS)

    def commit_after_the_copy(tx: Transaction) -> None:
        tx.execute("INSERT INTO notes VALUES ('late')")
        begun.set()
        go.wait(PATIENCE_SECONDS)

    copying.begin = wait_for_writer
    before = salt(database)
    writer.submit(grow).result(PATIENCE_SECONDS)
    late = writer.submit(commit_after_the_copy)
    assert copying.is_done.wait(PATIENCE_SECONDS)
    writer_thread_has_seen_it = writer.submit(lambda _: None)
    go.set()
    late.result(PATIENCE_SECONDS)
    writer_thread_has_seen_it.result(PATIENCE_SECONDS)
    assert salt(database) == before
    writer.submit(write).result(PATIENCE_SECONDS)
    assert salt(database) != before
    assert database.query("SELECT name FROM notes WHERE name = 'late'") == [("late",)]


def test_a_reader_of_an_old_snapshot_delays_it_and_sees_its_snapshot(database, writer):
    before = salt(database)
    reader = database.reader()
    reader.execute("BEGIN")
    assert reader.query(COUNT) == [(1,)]
    for _ in range(5):
        database.copying.is_done.clear()
        writer.submit(grow).result(PATIENCE_SECONDS)
        writer.submit(write).result(PATIENCE_SECONDS)
        assert database.copying.is_done.wait(PATIENCE_SECONDS)
    assert reader.query(COUNT) == [(1,)]
    assert salt(database) == before
    reader.execute("COMMIT")
    assert reader.query(COUNT) == [(6,)]
    write_until_begun_anew(writer)


def test_a_copy_that_fails_is_logged_and_tried_again_and_writes_go_on(database, writer, caplog):
    database.copying.begin = fail
    before = salt(database)
    writer.submit(grow).result(PATIENCE_SECONDS)
    while not caplog.records:
        writer.submit(write).result(PATIENCE_SECONDS)
    assert {record.getMessage() for record in caplog.records} == {"the write-ahead log was not copied"}
    assert "disk is full" in str(caplog.records[0].exc_info)
    assert salt(database) == before
    database.copying.begin = lambda: None
    write_until_begun_anew(writer)


def test_a_rest_that_fails_to_be_copied_is_logged_and_fails_no_write(database, writer, caplog):
    failed = threading.Event()

    def fail_and_say() -> None:
        failed.set()
        fail()

    database.copying.finish = fail_and_say
    writer.submit(grow).result(PATIENCE_SECONDS)
    while not failed.is_set():
        writer.submit(write).result(PATIENCE_SECONDS)
    writer.submit(write).result(PATIENCE_SECONDS)
    assert "the rest of the write-ahead log was not copied" in caplog.text
    database.copying.finish = lambda: None
    write_until_begun_anew(writer)


def test_closing_ends_the_thread(database):
    writer = Writer(database)
    writer.start()
    started = {thread for thread in threading.enumerate() if thread.name == "wal"}
    writer.submit(grow).result(PATIENCE_SECONDS)
    assert database.copying.is_done.wait(PATIENCE_SECONDS)
    writer.close()
    assert started
    assert not any(thread.is_alive() for thread in started)


def test_where_there_is_no_wal_nothing_is_copied(tmp_path):
    assert not is_beyond(0, tmp_path / "none.sqlite3")
    before = set(threading.enumerate())
    copier = WalCopier(Database("postgresql://nowhere/none"))
    copier.start()
    assert set(threading.enumerate()) == before
    copier.close()


def test_a_wal_that_is_begun_anew_in_place_is_as_long_as_what_is_new(database, writer, monkeypatch):
    monkeypatch.setattr(wal, "FROM", 1_000_000)
    writer.submit(grow).result(PATIENCE_SECONDS)
    assert is_beyond(PAGES, database.path)
    assert not is_beyond(10 * PAGES, database.path)
    connection = database.connect()
    while connection.query("PRAGMA wal_checkpoint(RESTART)")[0][0]:  # busy: the writer or the copier still reads
        time.sleep(0.01)
    connection.close()
    writer.submit(write).result(PATIENCE_SECONDS)
    assert wal_of(database).stat().st_size > PAGES * 4096
    assert is_beyond(0, database.path)
    assert not is_beyond(PAGES, database.path)


@pytest.mark.parametrize("acknowledged", [200, 1_000, 2_000])
def test_a_kill_in_the_midst_of_copying_loses_nothing(database, acknowledged):
    process = subprocess.Popen([sys.executable, str(WORKER), database.url], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    lines = [line for _, line in zip(range(acknowledged), process.stdout, strict=False)]
    process.send_signal(signal.SIGKILL)
    rest, _ = process.communicate()
    # the last line may be cut short by the kill: it was not acknowledged
    positions = [int(line) for line in (*lines, *rest.split("\n")[:-1])]
    assert len(positions) >= acknowledged
    assert database.query("PRAGMA integrity_check") == [("ok",)]
    head = verify(Log(database).read_stream("acme", "turn:1"))
    assert head.seq >= max(positions)
    assert database.query("SELECT COUNT(*) FROM events") == [(head.seq,)]
    database.close()
