"""The learner's observations as the log keeps them: compact JSON, exact to the last bit of a float.

What has its default is left out, so a default here is a promise: changing one would change how old events replay.
"""

from typing import Any

import msgspec

from soma.brain.core.observations import Answer, Evidence, IterationOutcome, Shown, Source, ToolOutcome
from soma.brain.core.promotion import Promotion

Learnable = Answer | Evidence | IterationOutcome | Promotion


class AnswerRecord(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="answer", gc=False
):
    reward: float | None = None
    thumb: int = 0
    rating: int | None = None
    regenerated: bool = False
    copied: bool = False
    tool_ok: bool | None = None
    raw_confidence: float | None = None
    gain: float | None = None
    cost: float | None = None
    latency_ms: float | None = None
    tools: tuple[str, ...] = ()


class EvidenceRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="evidence"):
    views: tuple[str, ...]
    shown: tuple[Shown, ...]
    helpful: tuple[str, ...] = ()
    unhelpful: tuple[str, ...] = ()
    source: Source = Source.PERSON
    novelty: float = 1.0
    diversity: float | None = None


class OutcomeRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="outcome"):
    tool_outcomes: tuple[ToolOutcome, ...] = ()
    confidence: float | None = None
    progress: float | None = None
    novelty: float = 1.0
    gain: float | None = None
    cost: float | None = None
    latency_ms: float | None = None
    diversity: float | None = None


class PromotionRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="promotion"):
    changes: tuple[tuple[str, float], ...]
    reason: str


Record = AnswerRecord | EvidenceRecord | OutcomeRecord | PromotionRecord
KINDS: dict[type[Record], type[Learnable]] = {
    AnswerRecord: Answer,
    EvidenceRecord: Evidence,
    OutcomeRecord: IterationOutcome,
    PromotionRecord: Promotion,
}


def recorded(observation: Learnable) -> Record:
    match observation:
        case Answer():
            return AnswerRecord(
                reward=observation.reward,
                thumb=observation.thumb,
                rating=observation.rating,
                regenerated=observation.regenerated,
                copied=observation.copied,
                tool_ok=observation.tool_ok,
                raw_confidence=observation.raw_confidence,
                gain=observation.gain,
                cost=observation.cost,
                latency_ms=observation.latency_ms,
                tools=observation.tools,
            )
        case Evidence():
            return EvidenceRecord(
                views=observation.views,
                shown=observation.shown,
                helpful=observation.helpful,
                unhelpful=observation.unhelpful,
                source=observation.source,
                novelty=observation.novelty,
                diversity=observation.diversity,
            )
        case Promotion():
            return PromotionRecord(changes=observation.changes, reason=observation.reason)
    return OutcomeRecord(
        tool_outcomes=observation.tool_outcomes,
        confidence=observation.confidence,
        progress=observation.progress,
        novelty=observation.novelty,
        gain=observation.gain,
        cost=observation.cost,
        latency_ms=observation.latency_ms,
        diversity=observation.diversity,
    )


class BatchRecords(msgspec.Struct):
    """A batch's `weights.batch_updated` with its observations unread: who explains a few needs not all thousand."""

    first_version: int
    cause: str
    hyperparameters: str
    observations: list[msgspec.Raw]


def read(raw: msgspec.Raw) -> Learnable:
    """As `observed`, from the log's own bytes."""
    return _learnable(msgspec.json.decode(raw, type=Record))


def observed(plain: Any) -> Learnable:
    """The inverse of `recorded`, from what the log's JSON holds."""
    return _learnable(msgspec.convert(plain, type=Record))


def _learnable(record: Record) -> Learnable:
    return KINDS[type(record)](**msgspec.structs.asdict(record))
