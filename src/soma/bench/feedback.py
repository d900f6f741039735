"""soma bench feedback: write a million durable feedbacks over HTTP, kill the brain, and prove that none is lost."""

import json
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import click
from rich.console import Console
from rich.progress import track

from soma.bench.flat import show_figures
from soma.bench.servers.brain_process import BrainProcess, headers
from soma.bench.servers.load import build_request, flood, offer, percentile
from soma.bench.servers.read_latency import measure_reads

BATCH = 1_000
CONNECTIONS = 4
MEMORIES = 24  # a tenant
BUNDLES = 10  # a tenant: evidence is given on these
SHOWN = 6
SINGLE_RATE = 500
AT_ONCE = 16, 64  # connections of single feedbacks: people who click in the same moment
MANY = 1_000  # tenants at a start
COPIES = 10  # of each bundle, for each person
COPIED = ("tenant_id", "agent_id", "conversation_id", "learner_version", "content", "expires_at")
WORDS = (
    "lake", "train", "cat", "garden", "music", "paper", "winter", "coffee", "stone", "river", "bread", "letter",
    "window", "harbour", "forest", "clock",
)  # fmt: skip


Shown = list[tuple[str, list[str]]]  # bundles with the memories that they show
Bundles = dict[str, Shown]  # by tenant


@click.command("feedback")
@click.option(
    "--events", type=click.IntRange(1_000), default=1_000_000, show_default=True, help="Feedbacks in batches of 1,000."
)
@click.option("--tenants", type=click.IntRange(1), default=100, show_default=True)
@click.option("--seed", default=1, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print one object.")
def command(events: int, tenants: int, seed: int, *, as_json: bool) -> None:
    """Write EVENTS feedbacks, kill the brain, start it again, count, replay and verify the audit."""
    with tempfile.TemporaryDirectory(prefix="soma-bench-") as folder:
        figures = measure(Path(folder), events=events, tenants=tenants, seed=seed, progress=Console(stderr=True))
    show_figures(figures, as_json=as_json)


def measure(folder: Path, *, events: int, tenants: int, seed: int, progress: Console) -> dict[str, Any]:
    """Return all figures by name; `progress` shows each stage."""
    figures: dict[str, Any] = {"events": events, "tenants": tenants, "answer_share": 0.9}
    names = [f"tenant-{number}" for number in range(tenants)]
    # Without a daily limit: a few persons give all feedback, and all of it is learned.
    brain = BrainProcess(folder, SOMABRAIN_LESSONS_PER_DAY="0")
    try:
        brain.start()
        tracked = track(names, "tenants with memories and bundles", console=progress, transient=True)
        bundles = {tenant: _ask_for_bundles(brain, tenant, Random(f"{seed} {tenant}")) for tenant in tracked}
        progress.print("a person for each batch")
        brain.kill()
        traffic = Traffic(_copy_bundles(folder, bundles, persons=2 * events // BATCH // tenants + 20), seed)
        brain.start()
        figures |= _measure_batches(brain, traffic, events, progress)
        progress.print("reads, then kill -9, a start and the audit")
        figures |= measure_reads(brain, names, Random(f"{seed} reads"))
        figures |= _kill_and_verify(brain, names, traffic.sent)
        progress.print("single feedbacks")
        figures |= _measure_singles(brain, traffic)
        progress.print(f"a start with the learners of {MANY:,} tenants")
        figures |= _measure_restore(brain, traffic)
        figures["rss_mb"] = brain.rss_mb
    finally:
        brain.kill()
    return figures


def _measure_batches(brain: BrainProcess, traffic: "Traffic", events: int, progress: Console) -> dict[str, Any]:
    flood(brain.url, list(traffic.batches(8, evidence=0.1, keyed=True)), connections=CONNECTIONS)  # workers start
    prebuilt = list(traffic.batches(events // BATCH, evidence=0.1, keyed=True))
    cpu = brain.cpu_s
    shown = track(prebuilt, f"batches of {BATCH:,}", console=progress, transient=True, refresh_per_second=1)
    seconds = flood(brain.url, shown, connections=CONNECTIONS)
    cpu = brain.cpu_s - cpu
    del prebuilt, shown
    progress.print("batches with a key for each item, then of evidence alone")
    less = max(events // BATCH // 10, 1)
    by_item = flood(brain.url, list(traffic.batches(less, evidence=0.1, keyed=False)), connections=CONNECTIONS)
    evidence = flood(brain.url, list(traffic.batches(less, evidence=1.0, keyed=True)), connections=CONNECTIONS)
    return {
        "seconds": seconds,
        "events_per_s": events / seconds,
        "cpu_us_per_event": cpu / events * 1e6,
        "key_per_item_events_per_s": less * BATCH / by_item,
        "all_evidence_events_per_s": less * BATCH / evidence,
        "sent": traffic.sent,
    }


def _kill_and_verify(brain: BrainProcess, tenants: list[str], sent: int) -> dict[str, Any]:
    """Kill and start the brain: all answered feedback must be stored, and replay to the same states."""
    before = _state_hashes(brain, tenants)
    brain.kill()
    started = brain.start()
    after = _state_hashes(brain, tenants)
    began = time.perf_counter()
    report = brain.verify()
    derived = {name.split(" ")[0]: state_hash for name, state_hash in report["states"].items()}
    return {
        "start_s": started,
        "stored": report["rows"],
        "lost": sent - report["rows"],
        "replay_equal": before == after == derived and not report["faults"],
        "audit_complete": report["feedbacks"] == report["rows"] and not report["faults"],
        "faults": report["faults"],
        "verify_s": time.perf_counter() - began,
    }


def _state_hashes(brain: BrainProcess, tenants: list[str]) -> dict[str, str]:
    """Return the states of the tenants that learned anything; the others have no chain to replay."""
    states = {tenant: brain.call("GET", "/context/adaptation/state", tenant) for tenant in tenants}
    return {tenant: state["state_hash"] for tenant, state in states.items() if state["version"]}


def _measure_singles(brain: BrainProcess, traffic: "Traffic") -> dict[str, Any]:
    flood(brain.url, list(traffic.singles(500)), connections=8)
    count = 8_000
    seconds, cpu = {}, brain.cpu_s
    for connections in AT_ONCE:
        prebuilt = list(traffic.singles(count))
        seconds[connections] = flood(brain.url, prebuilt, connections=connections)
    cpu = brain.cpu_s - cpu
    took = offer(brain.url, list(traffic.singles(10 * SINGLE_RATE)), rate=SINGLE_RATE, connections=16)
    return {
        "single_per_s": count / seconds[max(AT_ONCE)],
        "single_at_once_per_s": {str(connections): count / each for connections, each in seconds.items()},
        "single_cpu_us": cpu / count / len(AT_ONCE) * 1e6,
        "single_p50_ms": percentile(took, 0.5) * 1_000,
        "single_p95_ms": percentile(took, 0.95) * 1_000,
    }


def _measure_restore(brain: BrainProcess, traffic: "Traffic") -> dict[str, Any]:
    """Time the start with the learners of many tenants, each between two snapshots."""
    few = [
        build_request("POST", "/context/feedback/batch", headers(f"many-{n}"), traffic.few_verdicts(30))
        for n in range(MANY)
    ]
    flood(brain.url, few, connections=CONNECTIONS)
    brain.kill()
    brain.start()
    restored = brain.call("GET", "/readyz", "many-0")["restored"]
    return {"restored_learners": restored["learners"], "restore_s": restored["seconds"]}


def _ask_for_bundles(brain: BrainProcess, tenant: str, random: Random) -> Shown:
    """Ask some questions about this tenant's memories; return the bundles and the memories shown."""
    texts = [" ".join(random.sample(WORDS, 6)) for _ in range(MEMORIES)]
    brain.call("POST", "/v1/memory/remember", tenant, {"items": [{"text": text} for text in texts]})
    found = []
    for number in range(BUNDLES):
        body = {"conversation_id": f"c{number}", "query": " ".join(random.sample(WORDS, 4)), "top_k": SHOWN}
        bundle = brain.call("POST", "/context/evaluate", tenant, body)
        found.append((bundle["bundle_id"], [memory["id"] for memory in bundle["memories"]]))
    return found


def _copy_bundles(folder: Path, bundles: Bundles, *, persons: int) -> Bundles:
    """Copy bundles in the database, so that each batch has its own person with bundles of their own.

    Only the newest feedback of a person on a bundle is learned, and asking for so many bundles would take an hour.
    """
    names = ", ".join(COPIED)
    with closing(sqlite3.connect(folder / "brain.sqlite3")) as connection, connection:
        connection.executemany(
            f"INSERT INTO bundles (bundle_id, user_id, {names}, embedding) "
            f"SELECT bundle_id || ? || ?, ?, {names}, x'' FROM bundles WHERE length(bundle_id) = 36",
            [(f"-{person}", f"-{copy}", f"person-{person}") for person in range(persons) for copy in range(COPIES)],
        )
    return bundles


class Traffic:
    """Feedback as people give it: verdicts with the cost of the answer, evidence on bundles that were shown.

    Each batch comes from another person, and holds more than is learned from one person a day.
    """

    def __init__(self, bundles: Bundles, seed: int) -> None:
        self._bundles = bundles
        self._tenants = list(bundles)
        self._random = Random(seed)
        self._batches = 0
        self.sent = 0

    def batches(self, count: int, *, evidence: float, keyed: bool) -> Iterator[bytes]:
        for _ in range(count):
            person, number = divmod(self._batches, len(self._tenants))
            tenant = self._tenants[number]
            self._batches += 1
            items = [
                self._evidence(tenant, person) if self._random.random() < evidence else self._verdict()
                for _ in range(BATCH)
            ]
            body: dict[str, Any] = {"items": items} | ({"idempotency_key": f"batch-{self.sent}"} if keyed else {})
            caller = headers(tenant, f"person-{person}")
            yield build_request("POST", "/context/feedback/batch", caller, json.dumps(body).encode())

    def few_verdicts(self, count: int) -> bytes:
        return json.dumps({"items": [self._verdict() for _ in range(count)]}).encode()

    def singles(self, count: int) -> Iterator[bytes]:
        for number in range(count):
            person, at = divmod(number, len(self._tenants))
            caller = headers(self._tenants[at], f"single-{self.sent // 10_000}-{person}")
            yield build_request("POST", "/context/feedback", caller, json.dumps(self._verdict()).encode())

    def _verdict(self) -> dict[str, Any]:
        self.sent += 1
        return {
            "conversation_id": f"c{self.sent % 5_000}",
            "query": f"question {self.sent}",
            "reward": self._random.randrange(-10, 11) / 10,
            "metadata": {
                "tokens": 200 + self.sent % 100,
                "model": "bench",
                "cost": 0.002,
                "latency_ms": 500.0 + self.sent / 1_000,
            },
        }

    def _evidence(self, tenant: str, person: int) -> dict[str, Any]:
        self.sent += 1
        bundle_id, shown = self._random.choice(self._bundles[tenant])
        return {
            "conversation_id": f"c{self.sent % 5_000}",
            "bundle_id": f"{bundle_id}-{person}-{self._random.randrange(COPIES)}",
            "helpful": [self._random.choice(shown)],
            "metadata": {"latency_ms": 500.0 + self.sent / 1_000},
        }
