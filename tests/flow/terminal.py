"""Commands of `soma` and servers as typed in a terminal, without the wait for Python to start.

Each is a fork of one process that has imported the libraries of others and nothing that reads a setting.
Arguments, environment, streams and exit status are its own; the script `soma` has tests of its own.

`python -m tests.flow.terminal` reads requests as JSON lines: a command is answered with its exit status when it has
ended, a server with its process id when it has begun, and a question about a server with its exit status or null.
"""

import atexit
import gc
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn, TextIO

from tests.marks import SERVER, check_mark

ROOT = Path(__file__).parents[2]
SOMA = Path(sys.executable).with_name("soma")
STREAMS = ("stdin", "stdout", "stderr")
LONGEST_SECONDS = 120


class Terminal:
    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.flow.terminal"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(
        self, words: Sequence[str], environment: Mapping[str, str], *, said: str = "", module: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """What a command says and how it ends; `said` is its standard input.

        With `module` it is `python -m MODULE` rather than `soma`.
        """
        check_mark(*SERVER)
        with tempfile.TemporaryDirectory(prefix="soma-terminal-") as place:
            folder = Path(place)
            (folder / "stdin").write_text(said)
            status = self._asked(_typed(words, environment, folder, module=module))
            out, err = ((folder / name).read_text() for name in STREAMS[1:])
        return subprocess.CompletedProcess([str(SOMA), *words], status, out, err)

    def launch(self, words: Sequence[str], environment: Mapping[str, str], *, script: Path | None = None) -> "Server":
        """A server that goes on running; with `script` that Python script rather than `soma`."""
        check_mark(*SERVER)
        with tempfile.TemporaryDirectory(prefix="soma-terminal-") as place:
            folder = Path(place)
            (folder / "stdin").touch()
            os.mkfifo(folder / "stdout")
            typed = _typed(words, environment, folder, script=str(script or ""))
            pid = self._asked(typed | {"stays": True})
            return Server(self, pid, (folder / "stdout").open())

    def status_of(self, pid: int) -> int | None:
        """The exit status of a server; None while it runs."""
        status: int | None = self._asked({"status_of": pid})
        return status

    def _asked(self, request: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate(timeout=10)


class Server:
    """A running server: what tests use of a `subprocess.Popen`, its standard error going where its output goes."""

    def __init__(self, terminal: Terminal, pid: int, stdout: TextIO) -> None:
        self._terminal = terminal
        self.pid = pid
        self.stdout = stdout
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            self.returncode = self._terminal.status_of(self.pid)
        return self.returncode

    def terminate(self) -> None:
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def communicate(self, timeout: float) -> tuple[str, None]:
        """What it says until it ends."""
        deadline = time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("soma up", timeout)
            time.sleep(0.02)
        with self.stdout:
            return self.stdout.read(), None

    def _signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


def _typed(
    words: Sequence[str], environment: Mapping[str, str], folder: Path, *, module: str = "", script: str = ""
) -> dict[str, Any]:
    fork = {"words": words, "environment": dict(environment), "folder": str(folder), "cwd": str(Path.cwd())}
    return {"fork": fork, "module": module, "script": script, "stays": False}


@lru_cache
def terminal() -> Terminal:
    """The one of this test run."""
    opened = Terminal()
    atexit.register(opened.close)
    return opened


def main() -> None:
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)  # noqa: T201 - the protocol


def answer(request: dict[str, Any]) -> int | None:
    if "status_of" in request:
        ended, status = os.waitpid(request["status_of"], os.WNOHANG)
        return os.waitstatus_to_exitcode(status) if ended else None
    if (pid := os.fork()) == 0:
        become(**request["fork"])
        if not request["stays"]:
            signal.alarm(LONGEST_SECONDS)
        run(request["module"], request["script"])
    if request["stays"]:
        return pid
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def become(*, words: list[str], environment: dict[str, str], folder: str, cwd: str) -> None:
    """Turn this fork into the process of one command. Where its output is a pipe, errors go there too."""
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [str(SOMA), *words]
    place = Path(folder)
    os.dup2(os.open(place / "stdin", os.O_RDONLY), 0)
    said, complained = place / "stdout", place / "stderr"
    pipe = said.is_fifo()  # whoever reads it removes it as soon as both ends are open
    os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT, 0o600), 1)
    os.dup2(1 if pipe else os.open(complained, os.O_WRONLY | os.O_CREAT, 0o600), 2)
    sys.stdin = os.fdopen(0)  # the old one may hold requests


def run(module: str, script: str) -> NoReturn:
    """Run the module, the script or `soma`; it ends this process by its exit status."""
    if module:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    elif script:
        runpy.run_path(script, run_name="__main__")
    else:
        from soma.cli.main import main as soma

        soma()
    sys.exit(0)


if __name__ == "__main__":
    import channels.layers  # noqa: F401 - imported for the forks
    import django.db.models  # noqa: F401
    import httpx  # noqa: F401
    import jsonschema  # noqa: F401
    import regopy  # noqa: F401
    import rich.console
    import rich.progress  # noqa: F401
    import uvicorn  # noqa: F401
    import uvloop  # noqa: F401

    import soma.agent.settings
    import soma.brain.root  # noqa: F401

    gc.freeze()  # or each fork copies all of it only to look for garbage at its end: half a second
    main()
