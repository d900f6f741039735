"""Commands of `soma` as typed in a terminal, without the wait for Python to start.

Each command is a fork of one process that has imported the libraries of others and nothing that reads a setting.
Arguments, environment, streams and exit status are the command's own; the script `soma` has tests of its own.

`python -m tests.flow.terminal` reads commands as JSON lines, and answers each with its exit status.
"""

import atexit
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

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
        self, words: Sequence[str], environment: Mapping[str, str], *, said: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """What a command says and how it ends; `said` is its standard input."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with tempfile.TemporaryDirectory(prefix="soma-terminal-") as place:
            folder = Path(place)
            (folder / "stdin").write_text(said)
            typed = {"words": words, "environment": dict(environment), "folder": place, "cwd": str(Path.cwd())}
            self._process.stdin.write(json.dumps(typed) + "\n")
            self._process.stdin.flush()
            status = int(self._process.stdout.readline())
            out, err = ((folder / name).read_text() for name in STREAMS[1:])
        return subprocess.CompletedProcess([str(SOMA), *words], status, out, err)

    def close(self) -> None:
        self._process.communicate(timeout=10)


@lru_cache
def terminal() -> Terminal:
    """The one of this test run."""
    opened = Terminal()
    atexit.register(opened.close)
    return opened


def main() -> None:
    for line in sys.stdin:
        typed = json.loads(line)
        if (pid := os.fork()) == 0:
            become(**typed)
            from soma.cli.main import main as soma

            soma()  # ends this process by its exit status
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201 - the protocol


def become(*, words: list[str], environment: dict[str, str], folder: str, cwd: str) -> None:
    """Turn this fork into the process of one command."""
    signal.alarm(LONGEST_SECONDS)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [str(SOMA), *words]
    for number, name in enumerate(STREAMS):
        flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT
        os.dup2(os.open(Path(folder) / name, flags, 0o600), number)
    sys.stdin = os.fdopen(0)  # the old one may hold commands of the terminal


if __name__ == "__main__":
    import httpx  # noqa: F401 - imported for the forks
    import rich.console
    import rich.progress  # noqa: F401

    import soma.agent.settings
    import soma.brain.settings  # noqa: F401

    main()
