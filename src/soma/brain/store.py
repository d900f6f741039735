"""The brain's rows beside the log: what was shown, first answers by key, people's feedback, the ledger of tokens."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import chain
from typing import Any, TypeVar

import msgspec
import numpy as np

from soma.brain.types import Principal, UsageRow
from soma.events.ids import now
from soma.events.log import Reads
from soma.events.writer import Transaction

T = TypeVar("T")
CHUNK = 500  # values in one IN list


class Bundle(msgspec.Struct, frozen=True, kw_only=True):
    """What was shown for a query: all that feedback on it is learned from."""

    bundle_id: str
    tenant_id: str
    user_id: str
    agent_id: str
    conversation_id: str
    learner_version: int
    query: str
    views: tuple[str, ...]
    shown: tuple[tuple[str, tuple[int, ...]], ...]
    diversity: float
    gain: float
    embedding: list[float]
    novelty: float = 1.0


class _Content(msgspec.Struct, frozen=True):
    query: str
    views: tuple[str, ...]
    shown: tuple[tuple[str, tuple[int, ...]], ...]
    diversity: float
    gain: float
    novelty: float = 1.0


BUNDLE = (
    "bundle_id", "tenant_id", "user_id", "agent_id", "conversation_id", "learner_version", "content", "embedding",
)  # fmt: skip


def keep_bundle(transaction: Transaction, bundle: Bundle, *, days: int) -> None:
    content = _Content(bundle.query, bundle.views, bundle.shown, bundle.diversity, bundle.gain, bundle.novelty)
    expires_at = (datetime.now(UTC) + timedelta(days=days)).isoformat(timespec="microseconds")
    transaction.execute(
        f"INSERT INTO bundles ({', '.join(BUNDLE)}, expires_at) VALUES ({_marks([*BUNDLE, ''])})",
        [
            bundle.bundle_id,
            bundle.tenant_id,
            bundle.user_id,
            bundle.agent_id,
            bundle.conversation_id,
            bundle.learner_version,
            msgspec.json.encode(content).decode(),
            np.asarray(bundle.embedding, "<f4").tobytes(),
            expires_at,
        ],
    )


def bundles(reads: Reads, principal: Principal, ids: Iterable[str]) -> dict[str, Bundle]:
    """The living bundles among `ids` that this user of this agent was shown."""
    found: dict[str, Bundle] = {}
    for some in _chunks(ids):
        rows = reads.query(
            f"SELECT {', '.join(BUNDLE)} FROM bundles WHERE bundle_id IN ({_marks(some)}) "
            "AND tenant_id = ? AND user_id = ? AND agent_id = ? AND expires_at > ?",
            [*some, principal.tenant_id, principal.user_id, principal.agent_id, now()],
        )
        found |= {row[0]: _bundle(row) for row in rows}
    return found


def _bundle(row: Sequence[Any]) -> Bundle:
    *names, content, embedding = row
    parts = msgspec.json.decode(content, type=_Content)
    return Bundle(
        **dict(zip(BUNDLE, names, strict=False)),
        **msgspec.structs.asdict(parts),
        embedding=np.frombuffer(embedding, "<f4").tolist(),
    )


def drop_expired_bundles(transaction: Transaction) -> None:
    transaction.execute("DELETE FROM bundles WHERE expires_at <= ?", [now()])


def first_outcome(reads: Reads, principal: Principal, turn_id: str, number: int) -> tuple[str, int, str] | None:
    """(agent, learner version, answer) of the first call for this iteration."""
    rows = reads.query(
        "SELECT agent_id, learner_version, answer FROM turn_metrics "
        "WHERE tenant_id = ? AND turn_id = ? AND iteration_number = ?",
        [principal.tenant_id, turn_id, number],
    )
    return (rows[0][0], rows[0][1], rows[0][2]) if rows else None


def last_outcome(reads: Reads, principal: Principal, turn_id: str) -> str | None:
    """The body of the newest iteration of a turn of this agent."""
    rows = reads.query(
        "SELECT body FROM turn_metrics WHERE tenant_id = ? AND turn_id = ? AND agent_id = ? "
        "ORDER BY iteration_number DESC LIMIT 1",
        [principal.tenant_id, turn_id, principal.agent_id],
    )
    return rows[0][0] if rows else None


def keep_outcome(
    transaction: Transaction, principal: Principal, turn_id: str, number: int, *, version: int, body: str, answer: str
) -> None:
    transaction.execute(
        "INSERT INTO turn_metrics (tenant_id, turn_id, iteration_number, agent_id, learner_version, body, answer, "
        "created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [principal.tenant_id, turn_id, number, principal.agent_id, version, body, answer, now()],
    )


def first_answers(reads: Reads, tenant_id: str, keys: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for some in _chunks(keys):
        rows = reads.query(
            f"SELECT key, answer FROM feedback_keys WHERE tenant_id = ? AND key IN ({_marks(some)})",
            [tenant_id, *some],
        )
        found.update((key, answer) for key, answer in rows)
    return found


def keep_answers(transaction: Transaction, tenant_id: str, answers: Iterable[tuple[str, str]]) -> None:
    at = now()
    rows = [(tenant_id, key, answer, at) for key, answer in answers]
    _insert(transaction, "feedback_keys", ("tenant_id", "key", "answer", "created_at"), rows)


FEEDBACK = (
    "position", "item", "tenant_id", "user_id", "agent_id", "conversation_id", "bundle_id", "reward", "helpful",
    "unhelpful", "applied", "reason", "learner_version", "created_at",
)  # fmt: skip
USAGE = ("tenant_id", "agent_id", "conversation_id", "day", "model", "tokens", "cost", "calls", "created_at")


ROWS = 500  # of one statement: a thousand small steps of a cursor would each wait for Python's lock


def keep_feedback(transaction: Transaction, rows: Sequence[tuple[Any, ...]]) -> None:
    _insert(transaction, "feedback_events", FEEDBACK, rows)


def keep_usage(transaction: Transaction, rows: Sequence[tuple[Any, ...]]) -> None:
    _insert(transaction, "token_usage", USAGE, rows)


def _insert(transaction: Transaction, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    for start in range(0, len(rows), ROWS):
        some = rows[start : start + ROWS]
        transaction.execute(_statement(table, tuple(columns), len(some)), list(chain.from_iterable(some)))


@lru_cache(64)
def _statement(table: str, columns: tuple[str, ...], count: int) -> str:
    row = f"({_marks(columns)})"
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join([row] * count)}"


def usage(reads: Reads, tenant_id: str, *, start: str, end: str) -> list[UsageRow]:
    rows = reads.query(
        "SELECT day, model, SUM(tokens), SUM(cost), SUM(calls) FROM token_usage "
        "WHERE tenant_id = ? AND day BETWEEN ? AND ? GROUP BY day, model ORDER BY day, model",
        [tenant_id, start, end],
    )
    return [UsageRow(day=d, model=m, tokens=int(t), cost=float(c), calls=int(n)) for d, m, t, c, n in rows]


def _chunks(values: Iterable[T]) -> Iterator[list[T]]:
    distinct = list(dict.fromkeys(values))
    for start in range(0, len(distinct), CHUNK):
        yield distinct[start : start + CHUNK]


def _marks(values: Sequence[Any]) -> str:
    return ", ".join("?" * len(values))
