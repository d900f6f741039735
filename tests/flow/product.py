"""The product as a person has it: `soma up` as a process, its doors over the network, its commands as processes."""

import atexit
import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import httpx
from tests.flow.terminal import Server, terminal
from tests.places import DATA
from tests.servers import free_port
from websockets.sync.client import ClientConnection, connect

LOCOMO = DATA / "locomo" / "locomo10.json"
START_SECONDS = 90.0
DJANGO = "soma.agent.django_settings"
DATABASES = ("agent.sqlite3", "brain.sqlite3")


@dataclass
class Person:
    """Somebody with a token: every door, as they find it."""

    url: str
    token: str

    def __post_init__(self) -> None:
        headers = {"Authorization": f"Bearer {self.token}"}
        closing = httpx.Limits(max_keepalive_connections=0)  # nobody has to close a client
        self.http = httpx.Client(base_url=f"{self.url}/api/v2", headers=headers, timeout=60, limits=closing)

    def get(self, path: str, **query: Any) -> Any:
        return self.http.get(path, params=query).raise_for_status().json()

    def post(self, path: str, body: Any) -> Any:
        return self.http.post(path, json=body).raise_for_status().json()

    def converse(self) -> str:
        return str(self.post("/chat/conversations", {})["id"])

    def ask(self, content: str, conversation: str | None = None, **more: Any) -> dict[str, Any]:
        place = conversation or self.converse()
        return dict(self.post(f"/chat/conversations/{place}/messages", {"content": content, **more}))

    def trace(self, turn_id: str) -> dict[str, Any]:
        return dict(self.get(f"/trace/{turn_id}", include_messages=True, full=True))

    def remember(self, *texts: str, **fields: Any) -> list[str]:
        answer = self.post("/memories", {"items": [{"text": text, **fields} for text in texts]})
        return [result["id"] for result in answer["results"]]

    def recall(self, query: str) -> list[str]:
        return [hit["text"] for hit in self.get("/memories/recall", query=query)["hits"]]

    @contextmanager
    def socket(self) -> Iterator[ClientConnection]:
        address = f"{self.url.replace('http', 'ws', 1)}/ws/v2/chat"
        with connect(address, additional_headers={"Authorization": f"Bearer {self.token}"}) as connection:
            yield connection

    @contextmanager
    def events(self, path: str, *, body: Any = None, **query: Any) -> Iterator[Iterator[dict[str, Any]]]:
        """The frames of a server-sent event stream."""
        method = "GET" if body is None else "POST"
        with self.http.stream(method, path, params=query, json=body) as response:
            response.raise_for_status()
            lines = response.iter_lines()
            yield (json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: "))


@dataclass(slots=True)
class Product:
    """A server process on a data folder of its own."""

    data_dir: Path
    url: str
    process: Server

    @property
    def token(self) -> str:
        return (self.data_dir / "token").read_text()

    @property
    def owner(self) -> Person:
        return Person(self.url, self.token)

    def member(self, name: str, role: str = "member") -> Person:
        return Person(self.url, self.owner.post("/members", {"username": name, "role": role})["token"])

    def tenant(self, name: str) -> Person:
        return Person(self.url, self.owner.post("/tenants", {"id": name, "owner": f"{name}-owner"})["token"])

    def run(self, *arguments: str, token: str | None = None, **more: str) -> subprocess.CompletedProcess[str]:
        """A command of `soma`, as typed in another terminal."""
        env = environment(self.data_dir, **({"SOMA_TOKEN": token} if token else {}), **more)
        return terminal().run(arguments, env)

    def rows(self) -> dict[str, int]:
        """How many rows each table of both databases has."""
        return {
            f"{name}:{table}": count for name in DATABASES for table, count in _counts(self.data_dir / name).items()
        }

    def kill(self) -> None:
        """Nothing is said goodbye to."""
        self.process.kill()
        self.process.communicate(timeout=10)

    def stop(self) -> str:
        """As Ctrl-C does; returns what the server said meanwhile."""
        self.process.terminate()
        said, _ = self.process.communicate(timeout=20)
        return said


def launch(data_dir: Path, *, script: Path | None = None, **more: str) -> Product:
    """`soma up` on a free port, or a Python script in its place."""
    port = free_port()
    process = terminal().launch(["up"], environment(data_dir, SOMA_PORT=str(port), **more), script=script)
    return Product(data_dir, f"http://127.0.0.1:{port}", process)


def start(data_dir: Path, *, script: Path | None = None, **more: str) -> Product:
    """The same, once it answers. In an empty folder it finds its tables made: a third of its first start."""
    if data_dir.is_dir() and not any(data_dir.iterdir()) and "SOMA_DATABASE_URL" not in more:
        shutil.copy2(_tables(), data_dir)
    product = launch(data_dir, script=script, **more)
    deadline = time.monotonic() + START_SECONDS
    while not _answers(product.url):
        if product.process.poll() is not None or time.monotonic() > deadline:
            product.process.kill()
            raise AssertionError(f"the server did not start: {product.process.communicate(10)[0]}")
        time.sleep(0.05)
    return product


@lru_cache
def _tables() -> Path:
    """The agent's database without a row, made once a test run."""
    folder = Path(tempfile.mkdtemp(prefix="soma-tables-"))
    atexit.register(shutil.rmtree, folder)
    made = terminal().run(["migrate"], environment(folder, DJANGO_SETTINGS_MODULE=DJANGO), module="django")
    assert made.returncode == 0, made.stderr
    (folder / DATABASES[0]).chmod(0o600)  # as the server makes it
    return folder / DATABASES[0]


def environment(data_dir: Path, **more: str) -> dict[str, str]:
    """This environment without settings of the developer, but for those given."""
    foreign = ("SOMA", "SA01_", "OPENAI_", "OPENROUTER_", "GROQ_", "ANTHROPIC_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    quiet = {"SOMABRAIN_CONSOLIDATION": "false"}  # tests count rows
    return {**kept, "SOMA_DATA_DIR": str(data_dir), "COLUMNS": "80", "NO_COLOR": "1", **quiet, **more}


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", timeout=2).is_success
    except httpx.TransportError:
        return False


def _counts(database: Path) -> dict[str, int]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {table: connection.execute(f'SELECT COUNT(*) FROM "{table}"').fetchone()[0] for table in tables}
