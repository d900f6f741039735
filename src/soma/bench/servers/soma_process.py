"""Soma process: a whole server in a folder of its own, without the key of any model provider."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

FIRST_PORT = 29_796
PATIENCE = 600.0  # seconds
COMMAND = "import sys; from soma.cli.main import main; sys.exit(main())"
PASSED_ON = {"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR"}  # of the environment: no setting, no provider's key


class SomaProcess:
    """A context in which `soma up` runs; commands are run as a user runs them."""

    def __init__(self, folder: Path) -> None:
        environment = {name: value for name, value in os.environ.items() if name in PASSED_ON}
        self._environment = {**environment, "SOMA_DATA_DIR": str(folder)}
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        self._http: httpx.Client | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, "up", "--port", str(FIRST_PORT)],
            env=self._environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None  # noqa: S101 - opened with a pipe
        if not self._process.stdout.readline():  # it prints its greeting once it answers
            raise RuntimeError("Soma did not start; its reason is above")
        url = json.loads((self._folder / "server.json").read_text("utf-8"))["url"]
        token = (self._folder / "token").read_text("utf-8").strip()
        headers = {"Authorization": f"Bearer {token}"}
        self._http = httpx.Client(base_url=f"{url}/api/v2", headers=headers, timeout=PATIENCE)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._http is not None:
            self._http.close()
        if self._process is not None and self._process.stdout is not None:
            self._process.terminate()
            self._process.wait()
            self._process.stdout.close()

    def run(self, *words: str) -> str:
        """Run a command of `soma` and return its output; raise RuntimeError if it fails."""
        command = [sys.executable, "-c", COMMAND, *words]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"soma {' '.join(words)} ended with {done.returncode}: {done.stderr[-500:]}")
        return done.stdout

    def post(self, path: str, body: Any) -> Any:
        assert self._http is not None  # noqa: S101 - asked of one that runs
        response = self._http.post(path, json=body)
        response.raise_for_status()
        return response.json()

    def get(self, path: str) -> Any:
        assert self._http is not None  # noqa: S101 - asked of one that runs
        response = self._http.get(path)
        response.raise_for_status()
        return response.json()

    def converse(self, messages: list[str]) -> dict[str, Any]:
        """Send all messages in one new conversation; return the end of the last turn."""
        place = self.post("/chat/conversations", {})["id"]
        said: list[dict[str, Any]] = [
            self.post(f"/chat/conversations/{place}/messages", {"content": text}) for text in messages
        ]
        return said[-1]
