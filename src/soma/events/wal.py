"""SQLite's write-ahead log (the WAL; no log of events), copied into the database file beside the writer.

Copying is what SQLite calls a checkpoint. Beside a busy writer it never reaches the end of the WAL, which then is never
begun anew; by the writer it keeps everyone who waits for a commit waiting for the disk. So a thread of its own copies
the many pages and has the file synchronised; the few that come meanwhile the writer copies, between two commits. No
commit depends on it: what fails, or what a reader's old snapshot holds back, is tried again.
"""

import logging
import threading
from contextlib import closing
from pathlib import Path

from soma.events.database import Connection, Database

FROM = 8_000  # pages: most are written many times before they must be copied
LOOK_SECONDS = 0.1  # between two looks at how many there are
PASSES = 12  # at most, to meet a moment without a commit: only then does SQLite synchronise the file
HELD_SECONDS = 0.002  # the transaction at work may hold back a page or two
REST = 500  # pages that the writer may copy itself, as far as the thread could see
RETRY_SECONDS = 10.0

COPY = "PRAGMA wal_checkpoint(PASSIVE)"  # waits for nobody. Answers: does another copy, pages in the WAL, pages copied

# https://sqlite.org/fileformat2.html#the_write_ahead_log
HEADER = 32
FRAME_HEADER = 24  # before each page

logger = logging.getLogger(__name__)


class WalCopier:
    """The writer's companion: `copy_rest` is called in its thread between two commits. Idle where there is no WAL."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._has_grown = threading.Event()
        self._is_copied = threading.Event()  # but for what was committed meanwhile
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="wal", daemon=True)

    def start(self) -> None:
        if self._database.dialect == "sqlite":
            self._thread.start()

    def close(self) -> None:
        """End the thread. What is not copied stays in the WAL, which the last connection to close copies."""
        self._closing.set()
        self._has_grown.set()
        if self._thread.is_alive():
            self._thread.join()

    def copy_rest(self, connection: Connection) -> None:
        """Copy what is left where the thread has copied the bulk: the next commit can begin the WAL anew."""
        if self._is_copied.is_set():
            self._is_copied.clear()
            try:
                connection.query(COPY)
            except Exception:
                logger.exception("the rest of the write-ahead log was not copied")
        self._has_grown.set()

    def _run(self) -> None:
        pause = LOOK_SECONDS
        while not self._closing.wait(pause):
            self._has_grown.wait()
            self._has_grown.clear()
            pause = LOOK_SECONDS
            try:
                if is_beyond(FROM, self._database.path):
                    self._copy()
            except Exception:
                logger.exception("the write-ahead log was not copied")
                pause = RETRY_SECONDS

    def _copy(self) -> None:
        """Copy until a pass finds what the one before it found: with no commit between them, the file is synced."""
        before = None
        with closing(self._database.connect()) as connection:
            for _ in range(PASSES):
                found = connection.query(COPY)[0]
                is_busy, pages, copied = found
                if is_busy or self._closing.is_set():
                    return
                if copied < pages:
                    self._closing.wait(HELD_SECONDS)
                elif found == before:
                    break
                before = found
        if pages - copied <= REST:  # else a reader holds them back: so it is next time
            self._is_copied.set()


def is_beyond(pages: int, database: Path) -> bool:
    """Return whether more than `pages` of the WAL are in use.

    Its size tells how many ever were: it is begun anew in place.
    """
    try:
        with database.with_name(f"{database.name}-wal").open("rb") as file:
            header = file.read(HEADER)
            page_size, salt = int.from_bytes(header[8:12], "big"), header[16:24]  # the salt is another each time
            file.seek(HEADER + pages * (FRAME_HEADER + page_size) + 8)
            return bool(salt) and file.read(8) == salt
    except FileNotFoundError:
        return False
