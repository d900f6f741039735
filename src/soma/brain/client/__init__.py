"""The door of the brain: its verbs, in the brain's own words, over either transport."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from soma.brain.client.documents import DocumentCalls
from soma.brain.client.experiments import ExperimentCalls
from soma.brain.client.memory import MemoryCalls
from soma.brain.client.transport import given
from soma.brain.types import (
    BatchAnswer,
    ContextBundle,
    FeedbackAnswer,
    FeedbackRow,
    Learned,
    LearnerHistory,
    LearnerView,
    Preview,
    Principal,
    RolledBack,
    UsageRow,
    Withdrawn,
)


class BrainClient(MemoryCalls, DocumentCalls, ExperimentCalls):
    """The brain's verbs. Each raises BrainUnavailable or BrainRefused, and nothing else."""

    async def evaluate(
        self,
        principal: Principal,
        *,
        conversation_id: str,
        query: str,
        top_k: int | None = None,
        token_budget: int | None = None,
        namespace: str = "default",
        at: str | None = None,
        half_life_days: float | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> ContextBundle:
        """Recall what helps with `query`, ranked by the learned weights, packed into `token_budget`.

        `options` describes what the bundle's plan may choose from (`planning.PlanOptions`).
        """
        body = given(
            conversation_id=conversation_id,
            query=query,
            top_k=top_k,
            token_budget=token_budget,
            namespace=namespace,
            at=at,
            half_life_days=half_life_days,
            options=options,
        )
        return await self._commit(principal, "/context/evaluate", body, ContextBundle)

    async def state(self, principal: Principal) -> LearnerView:
        return await self._read(principal, "/context/adaptation/state", {}, LearnerView)

    async def publish_turn_metrics(
        self,
        principal: Principal,
        *,
        turn_id: str,
        iteration_number: int,
        tools_used: Sequence[str],
        tool_outcomes: Mapping[str, str],
        confidence: float,
        latency_ms: float,
        weights: Mapping[str, float],
        neuromodulators: Mapping[str, float],
        conversation_id: str | None = None,
        bundle_id: str | None = None,
        cited: Sequence[str] = (),
        progress: float | None = None,
        cost: float | None = None,
        tokens: int | None = None,
        model: str | None = None,
        extractive: bool = False,
        raw_confidence: float | None = None,
    ) -> Learned:
        """Learn from one iteration. Keyed by (turn, iteration): a repeated call gets the first answer.

        `weights` and `neuromodulators` say what the iteration was built with. `cited` are the ids of the bundle's
        memories that the answer cites, which teach a little, and nothing where the model is `extractive`: it only
        quotes. `progress` in [-1, 1] is what the iteration added to the turn. Calibration is taught by
        `raw_confidence`, the model's own.
        """
        body = given(
            turn_id=turn_id,
            iteration_number=iteration_number,
            tools_used=list(tools_used),
            tool_outcomes=dict(tool_outcomes),
            confidence=confidence,
            latency_ms=latency_ms,
            weights=dict(weights),
            neuromodulators=dict(neuromodulators),
            conversation_id=conversation_id,
            bundle_id=bundle_id,
            cited=list(cited),
            progress=progress,
            cost=cost,
            tokens=tokens,
            model=model,
            extractive=extractive,
            raw_confidence=raw_confidence,
        )
        return await self._commit(principal, "/v1/learning/publish_turn_metrics", body, Learned)

    async def feedback(self, principal: Principal, **body: Any) -> FeedbackAnswer:
        """A person's feedback; `body` is that of POST /context/feedback."""
        return await self._commit(principal, "/context/feedback", body, FeedbackAnswer)

    async def feedback_batch(
        self, principal: Principal, items: Sequence[Mapping[str, Any]], *, idempotency_key: str | None = None
    ) -> BatchAnswer:
        body = given(items=[dict(item) for item in items], idempotency_key=idempotency_key)
        return await self._commit(principal, "/context/feedback/batch", body, BatchAnswer)

    async def rollback(
        self,
        principal: Principal,
        *,
        turn_id: str | None = None,
        iteration_number: int | None = None,
        version: int | None = None,
    ) -> RolledBack:
        """Make the learner what it was after (turn, iteration), or at `version`."""
        body = given(turn_id=turn_id, iteration_number=iteration_number, version=version)
        return await self._commit(principal, "/context/adaptation/rollback", body, RolledBack)

    async def withdraw_answer(self, principal: Principal, *, turn_id: str) -> Withdrawn:
        """The answer of a turn no longer stands: no verdict on it is learned from, and what was is left out."""
        return await self._commit(principal, "/v1/learning/withdraw_answer", {"turn_id": turn_id}, Withdrawn)

    async def history(self, principal: Principal, *, after: int | None = None, limit: int = 50) -> LearnerHistory:
        """Why the weights moved: the updates after version `after`, or the last ones, each explained."""
        parameters = {"after": after, "limit": limit}
        return await self._read(principal, "/context/adaptation/history", parameters, LearnerHistory)

    async def preview(
        self,
        principal: Principal,
        *,
        query: str,
        weights: Mapping[str, float] | None = None,
        top_k: int | None = None,
        token_budget: int | None = None,
        at: str | None = None,
    ) -> Preview:
        """What `query` would be shown by the weights in use and by `weights` (the shipped ones where absent)."""
        body = given(query=query, weights=weights, top_k=top_k, token_budget=token_budget, at=at)
        return await self._post(principal, "/context/adaptation/preview", body, Preview)

    async def feedback_given(
        self, principal: Principal, *, conversation_id: str, limit: int | None = None
    ) -> list[FeedbackRow]:
        """What the caller said in a conversation, the newest first."""
        asked = {"conversation_id": conversation_id, "limit": limit}
        return (await self._read(principal, "/context/feedback", asked, _FeedbackAnswers)).feedback

    async def usage(self, principal: Principal, *, start: str | None = None, end: str | None = None) -> list[UsageRow]:
        """Tokens and cost of the tenant by day and model; days as YYYY-MM-DD, `end` included."""
        answer = await self._read(principal, "/context/usage", {"from": start, "to": end}, _UsageAnswer)
        return answer.rows


class _FeedbackAnswers(msgspec.Struct):
    feedback: list[FeedbackRow]


class _UsageAnswer(msgspec.Struct):
    rows: list[UsageRow]
