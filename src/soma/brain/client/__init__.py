"""The brain's client: its verbs, taking request structs, over either transport."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from soma.brain.client.documents import DocumentCalls
from soma.brain.client.experiments import ExperimentCalls
from soma.brain.client.memory import MemoryCalls
from soma.brain.client.transport import drop_none, fields_of
from soma.brain.types import (
    BatchAnswer,
    ContextBundle,
    FeedbackAnswer,
    FeedbackRow,
    IterationAnswer,
    LearnerHistory,
    LearnerView,
    PreviewAnswer,
    Principal,
    RolledBack,
    UsageRow,
    Withdrawn,
)
from soma.brain.wire import requests
from soma.brain.wire.requests import Credit, Evaluate, Feedback, TurnMetrics


class BrainClient(MemoryCalls, DocumentCalls, ExperimentCalls):
    """The brain's verbs. Each raises BrainUnavailable or BrainRefused, and nothing else."""

    async def evaluate(self, principal: Principal, request: Evaluate) -> ContextBundle:
        """Recall what helps with the query, ranked by the learned weights, packed into its token budget."""
        return await self._commit(principal, "/context/evaluate", fields_of(request), ContextBundle)

    async def state(self, principal: Principal) -> LearnerView:
        return await self._read(principal, "/context/adaptation/state", {}, LearnerView)

    async def publish_turn_metrics(self, principal: Principal, report: TurnMetrics) -> IterationAnswer:
        """Learn from one iteration. Keyed by (turn, iteration): a repeated call gets the first answer."""
        return await self._commit(principal, "/v1/learning/publish_turn_metrics", fields_of(report), IterationAnswer)

    async def feedback(self, principal: Principal, feedback: Feedback) -> FeedbackAnswer:
        """Learn from a person's feedback; a repeated one gets the first answer."""
        return await self._commit(principal, "/context/feedback", fields_of(feedback), FeedbackAnswer)

    async def credit(self, principal: Principal, happening: Credit) -> FeedbackAnswer:
        """Learn from what happened to an answer; `reason` says why nothing was learned, where nothing was."""
        return await self._commit(principal, "/context/credit", fields_of(happening), FeedbackAnswer)

    async def feedback_batch(
        self, principal: Principal, items: Sequence[Mapping[str, Any]], *, idempotency_key: str | None = None
    ) -> BatchAnswer:
        body = drop_none(items=[dict(item) for item in items], idempotency_key=idempotency_key)
        return await self._commit(principal, "/context/feedback/batch", body, BatchAnswer)

    async def rollback(
        self,
        principal: Principal,
        *,
        turn_id: str | None = None,
        iteration_number: int | None = None,
        version: int | None = None,
    ) -> RolledBack:
        """Take the learner back to where it was after (turn, iteration), or at `version`."""
        body = drop_none(turn_id=turn_id, iteration_number=iteration_number, version=version)
        return await self._commit(principal, "/context/adaptation/rollback", body, RolledBack)

    async def withdraw_answer(self, principal: Principal, *, turn_id: str) -> Withdrawn:
        """Withdraw the answer of a turn: no verdict on it is learned from, and what was is left out."""
        return await self._commit(principal, "/v1/learning/withdraw_answer", {"turn_id": turn_id}, Withdrawn)

    async def history(self, principal: Principal, *, after: int | None = None, limit: int = 50) -> LearnerHistory:
        """Explain why the weights moved: the updates after version `after`, or the last ones."""
        parameters = {"after": after, "limit": limit}
        return await self._read(principal, "/context/adaptation/history", parameters, LearnerHistory)

    async def preview(self, principal: Principal, request: requests.Preview) -> PreviewAnswer:
        """Compare what the query is shown by the weights in use and by others (the shipped ones where absent)."""
        return await self._post(principal, "/context/adaptation/preview", fields_of(request), PreviewAnswer)

    async def list_feedback(
        self, principal: Principal, *, conversation_id: str, limit: int | None = None
    ) -> list[FeedbackRow]:
        """List what the caller said in a conversation, newest first."""
        asked = {"conversation_id": conversation_id, "limit": limit}
        return (await self._read(principal, "/context/feedback", asked, _FeedbackAnswers)).feedback

    async def usage(self, principal: Principal, *, start: str | None = None, end: str | None = None) -> list[UsageRow]:
        """Sum the tenant's tokens and cost by day and model; days as YYYY-MM-DD, `end` included."""
        answer = await self._read(principal, "/context/usage", {"from": start, "to": end}, _UsageAnswer)
        return answer.rows


class _FeedbackAnswers(msgspec.Struct):
    feedback: list[FeedbackRow]


class _UsageAnswer(msgspec.Struct):
    rows: list[UsageRow]
