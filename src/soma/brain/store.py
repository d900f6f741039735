"""The brain's rows beside the log: what was shown, first answers by key, people's feedback, the ledger of tokens."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from typing import Any, NamedTuple, TypeVar

import msgspec

from soma.brain.core.observations import Shown
from soma.brain.types import FeedbackRow, Principal, UsageRow
from soma.events.ids import now
from soma.events.log import Reads
from soma.events.pending import Sums
from soma.events.transaction import Prefetch, Transaction

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
    shown: tuple[Shown, ...]
    diversity: float
    gain: float
    embedding: list[float]
    novelty: float = 1.0
    changes: tuple[tuple[str, float], ...] = ()


class _Content(msgspec.Struct, frozen=True):
    query: str
    views: tuple[str, ...]
    shown: tuple[Shown, ...]
    diversity: float
    gain: float
    novelty: float = 1.0
    changes: tuple[tuple[str, float], ...] = ()


BUNDLE = (
    "bundle_id", "tenant_id", "user_id", "agent_id", "conversation_id", "learner_version", "content", "embedding",
)  # fmt: skip


def keep_bundle(transaction: Transaction, bundle: Bundle, *, days: int) -> None:
    content = _Content(*(getattr(bundle, name) for name in _Content.__struct_fields__))
    expires_at = (datetime.now(UTC) + timedelta(days=days)).isoformat(timespec="microseconds")
    row = (
        bundle.bundle_id,
        bundle.tenant_id,
        bundle.user_id,
        bundle.agent_id,
        bundle.conversation_id,
        bundle.learner_version,
        msgspec.json.encode(content).decode(),
        array("f", bundle.embedding).tobytes(),
        expires_at,
    )
    transaction.insert("bundles", (*BUNDLE, "expires_at"), [row])


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
        embedding=array("f", embedding).tolist(),
    )


def drop_expired_bundles(transaction: Transaction) -> None:
    transaction.execute("DELETE FROM bundles WHERE expires_at <= ?", [now()])


class FirstOutcome(NamedTuple):
    """The first report of an iteration: whose it was, where it left the learner, what was answered."""

    agent_id: str
    learner_version: int
    answer: str


def first_outcome(transaction: Transaction, principal: Principal, turn_id: str, number: int) -> FirstOutcome | None:
    def load() -> FirstOutcome | None:
        rows = transaction.peek(
            "SELECT agent_id, learner_version, answer FROM turn_metrics "
            "WHERE tenant_id = ? AND turn_id = ? AND iteration_number = ?",
            [principal.tenant_id, turn_id, number],
        )
        return FirstOutcome(*rows[0]) if rows else None

    return transaction.noted(("outcome", principal.tenant_id, turn_id, number), load)


def outcomes(reads: Reads, principal: Principal, turn_id: str) -> list[str]:
    """The bodies of a turn's iterations of this agent, in order."""
    rows = reads.query(
        "SELECT body FROM turn_metrics WHERE tenant_id = ? AND turn_id = ? AND agent_id = ? ORDER BY iteration_number",
        [principal.tenant_id, turn_id, principal.agent_id],
    )
    return [body for (body,) in rows]


OUTCOME = (
    "tenant_id", "turn_id", "iteration_number", "agent_id", "learner_version", "body", "answer", "created_at",
)  # fmt: skip


def keep_outcome(
    transaction: Transaction, principal: Principal, turn_id: str, number: int, *, body: str, first: FirstOutcome
) -> None:
    row = (principal.tenant_id, turn_id, number, first.agent_id, first.learner_version, body, first.answer, now())
    transaction.insert("turn_metrics", OUTCOME, [row])
    transaction.note(("outcome", principal.tenant_id, turn_id, number), first)


def first_answer(transaction: Transaction, tenant_id: str, key: str) -> str | None:
    """What was answered to `key` first, in this commit or before."""
    return transaction.noted(("answer", tenant_id, key), lambda: transaction.prefetched(answer_to(tenant_id, key)))


def answer_to(tenant_id: str, key: str) -> Prefetch:
    return Prefetch(answers, (tenant_id, key))


def answers(reads: Reads, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """By tenant and key. A join, in this order: SQLite would look for pairs IN a list in every row."""
    found: dict[tuple[str, str], str] = {}
    for some in _chunks(keys):
        pairs = ", ".join(["(?, ?)"] * len(some))
        rows = reads.query(
            f"WITH asked (tenant, name) AS (VALUES {pairs}) SELECT tenant_id, key, answer "
            "FROM asked CROSS JOIN feedback_keys WHERE tenant_id = tenant AND key = name",
            list(chain.from_iterable(some)),
        )
        found |= {(tenant_id, key): answer for tenant_id, key, answer in rows}
    return found


def first_answers(reads: Reads, tenant_id: str, keys: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for some in _chunks(keys):
        rows = reads.query(
            f"SELECT key, answer FROM feedback_keys WHERE tenant_id = ? AND key IN ({_marks(some)})",
            [tenant_id, *some],
        )
        found.update((key, answer) for key, answer in rows)
    return found


def keep_answers(transaction: Transaction, tenant_id: str, answers: Iterable[tuple[str, str]], *, at: str) -> None:
    rows = [(tenant_id, key, answer, at) for key, answer in answers]
    transaction.insert("feedback_keys", ("tenant_id", "key", "answer", "created_at"), rows)
    for _, key, answer, _ in rows:
        transaction.note(("answer", tenant_id, key), answer)


FEEDBACK = (
    "position", "item", "tenant_id", "user_id", "agent_id", "conversation_id", "bundle_id", "reward", "helpful",
    "unhelpful", "applied", "reason", "learner_version", "created_at",
)  # fmt: skip
USAGE = ("tenant_id", "agent_id", "conversation_id", "day", "model", "tokens", "cost", "calls", "created_at")
USAGE_DAYS = Sums("usage_days", ("tenant_id", "day", "model"), ("tokens", "cost", "calls"))


def keep_feedback(transaction: Transaction, position: int, rows: Sequence[tuple[Any, ...]]) -> None:
    """Rows of one event, in its order."""
    placed = [(position, number, *row) for number, row in enumerate(rows)]
    transaction.insert("feedback_events", FEEDBACK, placed)


def feedback(reads: Reads, principal: Principal, conversation_id: str, *, limit: int) -> list[FeedbackRow]:
    """The newest first."""
    rows = reads.query(
        "SELECT created_at, bundle_id, reward, helpful, unhelpful, applied, reason, learner_version "
        "FROM feedback_events WHERE tenant_id = ? AND conversation_id = ? AND user_id = ? AND agent_id = ? "
        "ORDER BY position DESC, item DESC LIMIT ?",
        [principal.tenant_id, conversation_id, principal.user_id, principal.agent_id, limit],
    )
    return [
        FeedbackRow(
            at=at,
            bundle_id=bundle_id,
            reward=reward,
            helpful=helpful,
            unhelpful=unhelpful,
            applied=bool(applied),
            reason=reason,
            version=version,
        )
        for at, bundle_id, reward, helpful, unhelpful, applied, reason, version in rows
    ]


def learned_last(reads: Reads, *, tenants: int) -> list[Principal]:
    """Of each of the tenants that learned last, the learner that did."""
    rows = reads.query(
        "SELECT tenant_id, agent_id FROM learner_snapshots GROUP BY tenant_id, agent_id "
        "ORDER BY MAX(created_at) DESC, tenant_id, agent_id"
    )
    newest: dict[str, str] = {}
    for tenant_id, agent_id in rows:
        newest.setdefault(tenant_id, agent_id)
    return [
        Principal(tenant_id=tenant, user_id="", agent_id=agent) for tenant, agent in islice(newest.items(), tenants)
    ]


def places(reads: Reads, principal: Principal, conversation_id: str, *, limit: int) -> list[tuple[int, int]]:
    """Where the log holds what this person said in a conversation: (position, item), the newest first."""
    rows = reads.query(
        "SELECT position, item FROM feedback_events "
        "WHERE tenant_id = ? AND conversation_id = ? AND user_id = ? AND agent_id = ? "
        "ORDER BY position DESC, item DESC LIMIT ?",
        [principal.tenant_id, conversation_id, principal.user_id, principal.agent_id, limit],
    )
    return [(position, item) for position, item in rows]


def keep_usage(transaction: Transaction, rows: Sequence[tuple[Any, ...]]) -> None:
    """Entries of the ledger, each in the sums of its day as well."""
    transaction.insert("token_usage", USAGE, rows)
    for tenant_id, _, _, day, model, tokens, cost, calls, _ in rows:
        transaction.add(USAGE_DAYS, (tenant_id, day, model), (tokens, cost, calls))


def usage(reads: Reads, tenant_id: str, *, start: str, end: str) -> list[UsageRow]:
    rows = reads.query(
        "SELECT day, model, tokens, cost, calls FROM usage_days "
        "WHERE tenant_id = ? AND day BETWEEN ? AND ? ORDER BY day, model",
        [tenant_id, start, end],
    )
    return [UsageRow(day=d, model=m, tokens=int(t), cost=float(c), calls=int(n)) for d, m, t, c, n in rows]


def _chunks(values: Iterable[T]) -> Iterator[list[T]]:
    distinct = list(dict.fromkeys(values))
    for start in range(0, len(distinct), CHUNK):
        yield distinct[start : start + CHUNK]


def _marks(values: Sequence[Any]) -> str:
    return ", ".join("?" * len(values))
