"""A database by its URL: connections that speak `?` placeholders and begin transactions by hand.

`sqlite:///path` and `postgresql://...`. Nothing above this file names a driver.
"""

import contextlib
import sqlite3
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Literal, Protocol

from soma.events.errors import ReadFailed
from soma.events.ids import now
from soma.process.private_files import make_private

Row = tuple[Any, ...]
Dialect = Literal["sqlite", "postgresql"]

WAL_PAGES = 32_000  # in the write-ahead log, then a commit copies them: only where `wal.py` does not come to it
BUSY_TIMEOUT_SECONDS = 10.0
ADDRESSES = ("sqlite:///", "postgresql://", "postgres://")


def check_address(url: str) -> str:
    """Return `url` where it is empty or of a kind that is supported. Raises ValueError."""
    if url and not url.startswith(ADDRESSES):
        raise ValueError(f"must begin with {' or '.join(ADDRESSES)}")
    return url


class Connection(Protocol):
    """One connection, used by one thread at a time."""

    dialect: Dialect

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None: ...
    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None: ...
    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]: ...
    def close(self) -> None: ...


class Reader(Protocol):
    """Anything that answers queries: a database (what is committed), or a transaction (its own writes besides)."""

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]: ...


class SqliteConnection:
    """A connection with WAL and full synchronisation: acknowledged writes survive a kill and a power cut."""

    dialect: Dialect = "sqlite"

    def __init__(self, path: str) -> None:
        self._raw = sqlite3.connect(
            path,
            timeout=BUSY_TIMEOUT_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            "temp_store = MEMORY",
            "cache_size = -16384",  # KiB: the pages of indexes that every write touches
            f"wal_autocheckpoint = {WAL_PAGES}",
        ):
            self._raw.execute(f"PRAGMA {pragma}")

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        self._raw.execute(sql, parameters)

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        self._raw.executemany(sql, rows)

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        return self._raw.execute(sql, parameters).fetchall()

    def close(self) -> None:
        self._raw.close()


class PostgresConnection:
    """A connection over psycopg; `?` becomes `%s`."""

    dialect: Dialect = "postgresql"

    def __init__(self, url: str) -> None:
        import psycopg  # noqa: PLC0415 - an extra; only a deployment that names a PostgreSQL URL needs it

        self._raw = psycopg.connect(url, autocommit=True)

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        self._raw.execute(_percent(sql), parameters or None)

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        with self._raw.cursor() as cursor:
            cursor.executemany(_percent(sql), rows)

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        return self._raw.execute(_percent(sql), parameters or None).fetchall()

    def close(self) -> None:
        self._raw.close()


def _percent(sql: str) -> Any:
    return sql.replace("?", "%s")


@dataclass(frozen=True, slots=True)
class Database:
    """The database at `url`. `reader()` is a connection of the calling thread's own."""

    url: str
    _local: threading.local = field(default_factory=threading.local, repr=False, compare=False)
    _readers: list[Connection] = field(default_factory=list, repr=False, compare=False)

    @property
    def dialect(self) -> Dialect:
        return "sqlite" if self.url.startswith("sqlite:") else "postgresql"

    def connect(self) -> Connection:
        if self.dialect == "postgresql":
            return PostgresConnection(self.url)
        self.create()
        return SqliteConnection(str(self.path))

    def create(self) -> None:
        """Create SQLite's file for its user alone; SQLite gives the files beside it (-wal, -shm) the same mode."""
        if self.dialect == "sqlite":
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            make_private(self.path)

    @property
    def path(self) -> Path:
        return Path(self.url.removeprefix("sqlite:///"))

    def reader(self) -> Connection:
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self.connect()
            self._readers.append(connection)
        return connection

    def close(self) -> None:
        """Close the readers of all threads, once none of them reads any more."""
        while self._readers:
            self._readers.pop().close()

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Read on this thread's connection. After an error the next read opens a new one: a database comes back."""
        try:
            return self.reader().query(sql, parameters)
        except Exception as error:
            if not is_storage_error(error):
                raise
            self.forget_reader()
            raise ReadFailed(f"{ReadFailed.__doc__} ({first_line_of(error)})") from error

    def forget_reader(self) -> None:
        """Close this thread's connection, if it has one."""
        connection: Connection | None = getattr(self._local, "connection", None)
        self._local.connection = None
        if connection is not None:
            with contextlib.suppress(Exception):
                self._readers.remove(connection)
            with contextlib.suppress(Exception):
                connection.close()


def is_storage_error(error: BaseException) -> bool:
    """Return whether it is the database's own error: away, locked, full, or a statement that it does not take."""
    return isinstance(error, sqlite3.Error) or type(error).__module__.partition(".")[0] == "psycopg"


REFUSALS = {"IntegrityError", "DataError", "ProgrammingError"}  # as every driver calls them (PEP 249)


def is_refusal(error: BaseException) -> bool:
    """Return whether the database takes writes but not this one: a constraint, a bad value or statement.

    Any other error of its own (locked, full, away) may pass.
    """
    return is_storage_error(error) and any(kind.__name__ in REFUSALS for kind in type(error).__mro__)


def first_line_of(error: BaseException) -> str:
    """Return the database's words for an error, without the row: PostgreSQL gives values in later lines."""
    return str(error).partition("\n")[0]


def migrate(connection: Connection, component: str, folder: Traversable) -> None:
    """Apply the numbered `NNNN_name.<dialect>.sql` files of `folder` that `component` has not had yet."""
    connection.execute(
        "CREATE TABLE IF NOT EXISTS schema_migrations "
        "(component TEXT NOT NULL, name TEXT NOT NULL, applied_at TEXT NOT NULL, PRIMARY KEY (component, name))"
    )
    applied = {
        name for (name,) in connection.query("SELECT name FROM schema_migrations WHERE component = ?", [component])
    }
    ending = f".{connection.dialect}.sql"
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        name = file.name.removesuffix(ending)
        if not file.name.endswith(ending) or name in applied:
            continue
        connection.execute("BEGIN")
        for statement in _statements(file.read_text("utf-8")):
            connection.execute(statement)
        connection.execute("INSERT INTO schema_migrations VALUES (?, ?, ?)", [component, name, now()])
        connection.execute("COMMIT")


def _statements(script: str) -> list[str]:
    """Split a migration: comments go to the line's end, `;` ends a statement, neither stands in a literal."""
    code = "\n".join(line.split("--", 1)[0] for line in script.splitlines())
    return [statement for statement in code.split(";") if statement.strip()]
