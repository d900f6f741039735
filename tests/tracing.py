"""What a process and its children try to reach: every connect and send, those of native code too, by strace."""

import ipaddress
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import pytest

CALLS = "connect,sendto,sendmsg,sendmmsg"
DNS = 53
FAMILY = re.compile(r"sa_family=(AF_\w+)")
ADDRESS = re.compile(r'inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)"')
PORT = re.compile(r"sin6?_port=htons\((\d+)\)")
LOOKING_UP = re.compile(r'sun_path="[^"]*(nscd|resolve)')  # services that ask a name server for others
WITHIN = {"AF_UNIX", "AF_NETLINK", "AF_UNSPEC"}  # other processes of this machine, the kernel, nobody


@lru_cache
def _can_trace() -> bool:
    return bool(shutil.which("strace")) and not subprocess.run(["strace", "-qq", "true"], check=False).returncode


class Trace:
    """A folder with a home directory that nobody has used, and a log of what the traced processes reached for."""

    def __init__(self, folder: Path) -> None:
        if not _can_trace():
            pytest.skip("strace is not installed, or this user may not trace: make setup-system")
        self._home = folder / "home"
        self._logs = folder / "logs"
        self._home.mkdir()
        self._logs.mkdir()

    def of(self, command: Sequence[str | Path]) -> list[str]:
        """The same command, watched. A signal for it goes to the command's own process, not to this one."""
        log = self._logs / f"{len(list(self._logs.iterdir()))}.log"
        log.touch()
        watched = ["strace", "-f", "-qq", "--seccomp-bpf", "-e", f"trace={CALLS}", "-o", log, "--", *command]
        return [str(word) for word in watched]

    def environment(self, **settings: str) -> dict[str, str]:
        """Bare: some libraries hold back where a variable tells them that they run in a test."""
        return {"PATH": os.environ["PATH"], "HOME": str(self._home), "COLUMNS": "80", "NO_COLOR": "1", **settings}

    def run(self, command: Sequence[str | Path], **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.of(command), env=self.environment(**settings), text=True, capture_output=True, check=False, timeout=120
        )

    def left(self) -> list[str]:
        """What reached beyond this machine, and what was written to the home directory."""
        calls = [line for log in sorted(self._logs.iterdir()) for line in log.read_text().splitlines()]
        files = [str(path.relative_to(self._home)) for path in self._home.rglob("*")]
        return [*filter(leaves, calls), *files]


def leaves(call: str) -> bool:
    """Whether a traced call names anything but this machine. A question to a name server does, wherever it listens."""
    family = FAMILY.search(call)
    if family is None:  # over a connection, which was seen when it was made
        return False
    if family[1] in WITHIN:
        return LOOKING_UP.search(call) is not None
    address, port = ADDRESS.search(call), PORT.search(call)
    if address is None or port is None:
        return True
    host = ipaddress.ip_address(address[1] or address[2])
    mapped = getattr(host, "ipv4_mapped", None) or host
    return int(port[1]) == DNS or not mapped.is_loopback
