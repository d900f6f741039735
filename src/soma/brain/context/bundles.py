"""Bundles as rows: what was shown for a query, kept for as long as feedback on it may come."""

from array import array
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from soma.brain.core.observations import ShownMemory
from soma.brain.types import Principal
from soma.events.database import Reader
from soma.events.ids import now
from soma.events.sql import placeholders, split_values
from soma.events.transaction import Transaction


class Bundle(msgspec.Struct, frozen=True, kw_only=True):
    """A record of what was shown for a query: all that feedback on it is learned from."""

    bundle_id: str
    tenant_id: str
    user_id: str
    agent_id: str
    conversation_id: str
    learner_version: int
    query: str
    views: tuple[str, ...]
    shown: tuple[ShownMemory, ...]
    diversity: float | None
    gain: float
    embedding: list[float]
    novelty: float = 1.0
    changes: tuple[tuple[str, float], ...] = ()
    bearings: tuple[float | None, ...] = ()
    nearness: float | None = None


class _Content(msgspec.Struct, frozen=True):
    query: str
    views: tuple[str, ...]
    shown: tuple[ShownMemory, ...]
    diversity: float | None
    gain: float
    novelty: float = 1.0
    changes: tuple[tuple[str, float], ...] = ()
    bearings: tuple[float | None, ...] = ()
    nearness: float | None = None


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


def find_bundles(reads: Reader, principal: Principal, ids: Iterable[str]) -> dict[str, Bundle]:
    """Find the unexpired bundles among `ids` that this user of this agent was shown."""
    found: dict[str, Bundle] = {}
    for some in split_values(ids):
        rows = reads.query(
            f"SELECT {', '.join(BUNDLE)} FROM bundles WHERE bundle_id IN ({placeholders(some)}) "
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
