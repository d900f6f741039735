"""Latency of reads when there is much to read: one reader, each request for another tenant."""

import time
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from soma.bench.servers.brain_process import BrainProcess, headers
from soma.bench.servers.load import HttpConnection, build_request, percentile

READS = 400  # of each kind
CONVERSATIONS = 5_000  # in which feedback was given
PAGE = 80  # updates in each page that `soma weights --why` asks for
WALKS = 10  # learners whose history is read page by page


def measure_reads(brain: BrainProcess, tenants: Sequence[str], random: Random) -> dict[str, Any]:
    """Return milliseconds by kind: `history` is `soma weights --history`, `why` each page of `soma weights --why`."""
    paths: dict[str, Callable[[], str]] = {
        "state": lambda: "/context/adaptation/state",
        "usage": lambda: "/context/usage",
        "history": lambda: "/context/adaptation/history?limit=20",
        "feedback": lambda: f"/context/feedback?conversation_id=c{random.randrange(CONVERSATIONS)}&limit=50",
    }
    took = {}
    for name, path in paths.items():
        took[name] = _time_requests(brain.url, [(tenant, path()) for tenant in random.choices(tenants, k=READS)])
    took["why"] = _time_requests(brain.url, _history_pages(brain, random.sample(tenants, min(WALKS, len(tenants)))))
    return {
        "read_p50_ms": {name: percentile(each, 0.5) * 1_000 for name, each in took.items()},
        "read_p95_ms": {name: percentile(each, 0.95) * 1_000 for name, each in took.items()},
    }


def _history_pages(brain: BrainProcess, tenants: Sequence[str]) -> list[tuple[str, str]]:
    """List the pages from some way back to the newest, of one learner after another."""
    newest = {tenant: brain.call("GET", "/context/adaptation/state", tenant)["version"] for tenant in tenants}
    return [
        (tenant, f"/context/adaptation/history?limit={PAGE}&after={after}")
        for tenant in tenants
        for after in range(max(0, newest[tenant] - READS // WALKS * PAGE), newest[tenant], PAGE)
    ]


def _time_requests(url: str, requests: Sequence[tuple[str, str]]) -> list[float]:
    connection, took = HttpConnection(url), []
    for tenant, path in requests:
        prebuilt = build_request("GET", path, headers(tenant))
        began = time.perf_counter()
        answer = connection.send(prebuilt)
        took.append(time.perf_counter() - began)
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {answer.body[:300]!r}")
    connection.close()
    return took
