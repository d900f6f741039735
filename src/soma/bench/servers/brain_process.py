"""Brain process: a brain in a folder of its own, which a benchmark starts, kills and starts again."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from soma.bench.servers.load import HttpConnection, HttpResponse, build_request

TOKEN = "the-token-of-a-benchmark"  # noqa: S105 - of a server that lives as long as the benchmark
FIRST_PORT = 29_696


class BrainProcess:
    def __init__(self, folder: Path, **settings: str) -> None:
        self._environment = {
            **os.environ,
            "SOMA_DATA_DIR": str(folder),
            "SOMA_SERVICE_TOKEN": TOKEN,
            "SOMA_BRAIN_PORT": str(FIRST_PORT),
            **settings,
        }
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def start(self) -> float:
        """Start it; return the seconds until it answers that it is ready."""
        began = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "soma.brain"], env=self._environment, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None  # noqa: S101 - opened with a pipe
        line = self._process.stdout.readline()
        found = re.search(r"http://\S+", line)
        if found is None:
            raise RuntimeError(f"the brain did not start: {line!r}")
        self.url = found[0]
        self.send(build_request("GET", "/readyz", {}))
        return time.perf_counter() - began

    def send(self, prebuilt: bytes) -> HttpResponse:
        connection = HttpConnection(self.url)
        answer = connection.send(prebuilt)
        connection.close()
        return answer

    def call(self, method: str, path: str, tenant: str, body: Mapping[str, Any] | None = None) -> Any:
        content = b"" if body is None else json.dumps(body).encode()
        answer = self.send(build_request(method, path, headers(tenant), content))
        if answer.status >= 300:
            raise RuntimeError(f"{path}: {answer.status} {answer.body[:300]!r}")
        return json.loads(answer.body)

    def kill(self) -> None:
        """Kill it with SIGKILL; its workers end when their parent does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            assert self._process.stdout is not None  # noqa: S101 - opened with a pipe
            self._process.stdout.close()
            self._process = None

    def verify(self) -> dict[str, Any]:
        """Return the report of `python -m soma.brain.verify` on its database."""
        done = subprocess.run(
            [sys.executable, "-m", "soma.brain.verify", "--json"],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        report: dict[str, Any] = json.loads(done.stdout)
        return report

    @property
    def cpu_s(self) -> float:
        """Processor time of the brain and its workers so far: comparable even on a busy machine."""
        assert self._process is not None  # noqa: S101 - asked of one that runs
        ticks, waiting = 0, [self._process.pid]
        while waiting:
            folder = Path(f"/proc/{waiting.pop()}")
            fields = (folder / "stat").read_text("ascii").rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
            for task in (folder / "task").iterdir():
                waiting += map(int, (task / "children").read_text("ascii").split())
        return ticks / os.sysconf("SC_CLK_TCK")

    @property
    def rss_mb(self) -> float:
        assert self._process is not None  # noqa: S101 - asked of one that runs
        status = Path(f"/proc/{self._process.pid}/status").read_text("ascii")
        return int(status.split("VmRSS:")[1].split()[0]) / 1024


def headers(tenant: str, user: str = "bench") -> dict[str, str]:
    return {
        "Authorization": f"Bearer {TOKEN}",
        "X-Soma-Tenant": tenant,
        "X-Soma-User": user,
        "X-Soma-Agent": "bench",
        "Content-Type": "application/json",
    }
