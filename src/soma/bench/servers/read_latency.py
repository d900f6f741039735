"""How long people wait for what they look at, once there is much of it: one reader, each request another tenant."""

import time
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from soma.bench.servers.brain_process import BrainProcess, headers
from soma.bench.servers.load import Wire, percentile, request

READS = 400  # of each kind
CONVERSATIONS = 5_000  # that feedback was given in
PAGE = 80  # updates that `soma weights --why` asks for at once, page by page
WALKS = 10  # of so many learners


def reading(brain: BrainProcess, tenants: Sequence[str], random: Random) -> dict[str, Any]:
    """Milliseconds: `history` is what `soma weights --history` asks for, `why` each page of `soma weights --why`."""
    paths: dict[str, Callable[[], str]] = {
        "state": lambda: "/context/adaptation/state",
        "usage": lambda: "/context/usage",
        "history": lambda: "/context/adaptation/history?limit=20",
        "feedback": lambda: f"/context/feedback?conversation_id=c{random.randrange(CONVERSATIONS)}&limit=50",
    }
    took = {}
    for name, path in paths.items():
        took[name] = _timed(brain.url, [(tenant, path()) for tenant in random.choices(tenants, k=READS)])
    took["why"] = _timed(brain.url, _walks(brain, random.sample(tenants, min(WALKS, len(tenants)))))
    return {
        "read_p50_ms": {name: percentile(each, 0.5) * 1_000 for name, each in took.items()},
        "read_p95_ms": {name: percentile(each, 0.95) * 1_000 for name, each in took.items()},
    }


def _walks(brain: BrainProcess, tenants: Sequence[str]) -> list[tuple[str, str]]:
    """From some way back to the newest, of one learner after another."""
    newest = {tenant: brain.call("GET", "/context/adaptation/state", tenant)["version"] for tenant in tenants}
    return [
        (tenant, f"/context/adaptation/history?limit={PAGE}&after={after}")
        for tenant in tenants
        for after in range(max(0, newest[tenant] - READS // WALKS * PAGE), newest[tenant], PAGE)
    ]


def _timed(url: str, asked: Sequence[tuple[str, str]]) -> list[float]:
    wire, took = Wire(url), []
    for tenant, path in asked:
        prebuilt = request("GET", path, headers(tenant))
        began = time.perf_counter()
        answer = wire.send(prebuilt)
        took.append(time.perf_counter() - began)
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {answer.body[:300]!r}")
    wire.close()
    return took
