"""The door of the brain: one client, two transports (the app in this process, or a URL).

Calls that commit are shielded from their caller's cancellation, and each call runs in an empty contextvars Context, so
that nothing of the caller's (Django's connections, a trace) leaks into the brain when both share a process.
"""

import asyncio
import contextvars
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Self, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from soma.brain.errors import BrainRefused, BrainUnavailable
from soma.brain.types import (
    BatchAnswer,
    Consolidated,
    Consolidations,
    ContextBundle,
    Experiment,
    ExportPage,
    FeedbackAnswer,
    FeedbackRow,
    Forgotten,
    ImportedDocument,
    ImportedLines,
    Learned,
    LearnerHistory,
    LearnerView,
    Linked,
    MemoryPage,
    MemoryStatus,
    MemoryVerified,
    Preview,
    Principal,
    RecalledMemory,
    RememberedItem,
    RolledBack,
    Undone,
    UsageRow,
    Withdrawn,
)

T = TypeVar("T")

TIMEOUT_SECONDS = 10.0
LONG_SECONDS = 600.0  # for what works through many memories
CONNECTIONS = 100


class BrainClient:
    """The brain's verbs. Each raises BrainUnavailable or BrainRefused, and nothing else."""

    def __init__(self, http: httpx.AsyncClient, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._http = http
        self._timeout_seconds = timeout_seconds
        self._running: set[asyncio.Task[Any]] = set()

    @classmethod
    def in_process(cls, app: Any, *, service_token: str, timeout_seconds: float = TIMEOUT_SECONDS) -> Self:
        """Over an ASGI app of this process, whose lifespan is its composition root's to run."""
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        http = httpx.AsyncClient(transport=transport, base_url="http://brain", headers=_bearer(service_token))
        return cls(http, timeout_seconds=timeout_seconds)

    @classmethod
    def at(cls, url: str, *, service_token: str, timeout_seconds: float = TIMEOUT_SECONDS) -> Self:
        """Over HTTP, to a brain of its own."""
        http = httpx.AsyncClient(
            base_url=url,
            headers=_bearer(service_token),
            limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
            timeout=None,  # noqa: S113 - one clock for both transports: asyncio.timeout below
        )
        return cls(http, timeout_seconds=timeout_seconds)

    async def aclose(self) -> None:
        """Let the commits under way end, then close the connections."""
        if self._running:
            await asyncio.wait(self._running)
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    # Context and learning

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
        body = _given(
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
        raw_confidence: float | None = None,
    ) -> Learned:
        """Learn from one iteration. Keyed by (turn, iteration): a repeated call gets the first answer.

        `weights` and `neuromodulators` say what the iteration was built with. `cited` are the ids of the bundle's
        memories that the answer cites, `progress` in [-1, 1] is what the iteration added to the turn. Calibration is
        taught by `raw_confidence`, the model's own.
        """
        body = _given(
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
            raw_confidence=raw_confidence,
        )
        return await self._commit(principal, "/v1/learning/publish_turn_metrics", body, Learned)

    async def feedback(self, principal: Principal, **body: Any) -> FeedbackAnswer:
        """A person's feedback; `body` is that of POST /context/feedback."""
        return await self._commit(principal, "/context/feedback", body, FeedbackAnswer)

    async def feedback_batch(
        self, principal: Principal, items: Sequence[Mapping[str, Any]], *, idempotency_key: str | None = None
    ) -> BatchAnswer:
        body = _given(items=[dict(item) for item in items], idempotency_key=idempotency_key)
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
        body = _given(turn_id=turn_id, iteration_number=iteration_number, version=version)
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
        body = _given(query=query, weights=weights, top_k=top_k, token_budget=token_budget, at=at)
        return await self._post(principal, "/context/adaptation/preview", body, Preview)

    # Experiments

    async def experiments(self, principal: Principal, *, status: str | None = None) -> list[Experiment]:
        answer = await self._read(principal, "/v1/experiments", {"status": status}, _ExperimentsAnswer)
        return answer.experiments

    async def experiment(self, principal: Principal, name: str) -> Experiment:
        return await self._read(principal, f"/v1/experiments/{quote(name, safe='')}", {}, Experiment)

    async def create_experiment(self, principal: Principal, **body: Any) -> Experiment:
        """`body` is that of POST /v1/experiments; with a name alone, the shipped experiment of that name."""
        return await self._commit(principal, "/v1/experiments", body, Experiment)

    async def assign_subject(self, principal: Principal, name: str, subject: str) -> str:
        """The arm of `subject`, the same for ever."""
        path = f"/v1/experiments/{quote(name, safe='')}/assignments"
        return (await self._commit(principal, path, {"subject": subject}, _AssignmentAnswer)).arm

    async def record_outcomes(self, principal: Principal, name: str, items: Sequence[Mapping[str, Any]]) -> int:
        path = f"/v1/experiments/{quote(name, safe='')}/outcomes"
        return (
            await self._commit(principal, path, {"items": [dict(item) for item in items]}, _RecordedAnswer)
        ).recorded

    async def decide_experiment(self, principal: Principal, name: str, *, stop: bool = False) -> Experiment:
        path = f"/v1/experiments/{quote(name, safe='')}/decision"
        return await self._commit(principal, path, {"stop": stop}, Experiment)

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

    # Memory

    async def remember(
        self, principal: Principal, items: Sequence[Mapping[str, Any]], *, namespace: str = "default"
    ) -> list[RememberedItem]:
        body = {"items": [dict(item) for item in items], "namespace": namespace}
        answer = await self._commit(principal, "/v1/memory/remember", body, _RememberAnswer)
        return answer.results

    async def recall(
        self,
        principal: Principal,
        *,
        query: str,
        top_k: int = 10,
        conversation_id: str | None = None,
        namespace: str = "default",
        at: str | None = None,
    ) -> list[RecalledMemory]:
        body = _given(query=query, top_k=top_k, conversation_id=conversation_id, namespace=namespace, at=at)
        answer = await self._post(principal, "/v1/memory/recall", body, _RecallAnswer)
        return answer.hits

    async def forget(
        self,
        principal: Principal,
        *,
        ids: Sequence[str] = (),
        keys: Sequence[str] = (),
        namespace: str = "default",
    ) -> Forgotten:
        body = _given(ids=list(ids) or None, keys=list(keys) or None, namespace=namespace)
        return await self._commit(principal, "/v1/memory/forget", body, Forgotten)

    async def memories(
        self,
        principal: Principal,
        *,
        limit: int = 50,
        after: str | None = None,
        search: str | None = None,
        namespace: str = "default",
    ) -> MemoryPage:
        """Browse what the caller may see, newest first; `search` finds words of the text."""
        parameters = {"limit": limit, "after": after, "search": search, "namespace": namespace}
        return await self._read(principal, "/v1/memories", parameters, MemoryPage)

    async def import_document(
        self,
        principal: Principal,
        *,
        name: str,
        text: str,
        format: str,  # noqa: A002 - the wire's name
        scope: str = "user",
        written_at: str | None = None,
        namespace: str = "default",
    ) -> ImportedDocument:
        """Remember a long text in chunks; again under the same name, change what changed and forget what is gone."""
        body = _given(name=name, text=text, format=format, scope=scope, written_at=written_at, namespace=namespace)
        return await self._commit(
            principal, "/v1/memory/documents", body, ImportedDocument, timeout_seconds=LONG_SECONDS
        )

    async def import_memories(
        self, principal: Principal, lines: Sequence[str], *, scope: str = "user", namespace: str = "default"
    ) -> ImportedLines:
        """Remember lines of JSON as an export has them, or none of them where one is wrong."""
        body = {"lines": list(lines), "scope": scope, "namespace": namespace}
        return await self._commit(principal, "/v1/memory/import", body, ImportedLines, timeout_seconds=LONG_SECONDS)

    async def export_page(
        self, principal: Principal, *, after: str | None = None, namespace: str = "default"
    ) -> ExportPage:
        """Some of what the caller sees, as `import_memories` takes it; without what consolidation made."""
        parameters = {"after": after, "namespace": namespace}
        return await self._read(principal, "/v1/memory/export", parameters, ExportPage)

    async def link_memories(
        self,
        principal: Principal,
        *,
        from_key: str,
        to_key: str,
        relation: str,
        weight: float = 1.0,
        namespace: str = "default",
    ) -> Linked:
        body = _given(from_key=from_key, to_key=to_key, relation=relation, weight=weight, namespace=namespace)
        return await self._commit(principal, "/v1/memory/links", body, Linked)

    async def memory_status(self, principal: Principal, *, namespace: str = "default") -> MemoryStatus:
        return await self._read(principal, "/v1/memory/status", {"namespace": namespace}, MemoryStatus)

    async def verify_memory(self, principal: Principal, *, repair: bool = False, whole: bool = False) -> MemoryVerified:
        """Compare everything made from the memories that the caller sees with their texts, and mend it if asked.

        `whole` takes in those of the tenant's other users; only what the caller sees is named.
        """
        body = {"repair": repair, "whole": whole}
        return await self._commit(principal, "/v1/memory/verify", body, MemoryVerified, timeout_seconds=LONG_SECONDS)

    async def consolidations(self, principal: Principal, *, namespace: str = "default") -> list[Consolidated]:
        found = await self._read(principal, "/v1/memory/consolidations", {"namespace": namespace}, Consolidations)
        return found.consolidations

    async def undo_consolidation(self, principal: Principal, *, id: str, namespace: str = "default") -> Undone:  # noqa: A002 - the wire's name
        return await self._commit(
            principal, "/v1/memory/consolidations/undo", {"id": id, "namespace": namespace}, Undone
        )

    # Health

    async def ready(self) -> dict[str, Any]:
        """What the brain says of itself and its dependencies; raises BrainUnavailable where it is not ready."""
        response = await self._run(self._send("GET", "/readyz", {}))
        return _decoded(response, dict[str, Any])

    # One way to each kind of call

    async def _commit(
        self,
        principal: Principal,
        path: str,
        body: Mapping[str, Any],
        answer: type[T],
        *,
        timeout_seconds: float | None = None,
    ) -> T:
        """A call that changes something: it goes on when its caller is cancelled."""
        content = msgspec.json.encode(body)
        task = self._start(
            self._send("POST", path, _named(principal), timeout_seconds=timeout_seconds, content=content)
        )
        return _decoded(await asyncio.shield(task), answer)

    async def _post(self, principal: Principal, path: str, body: Mapping[str, Any], answer: type[T]) -> T:
        sending = self._send("POST", path, _named(principal), content=msgspec.json.encode(body))
        return _decoded(await self._run(sending), answer)

    async def _read(self, principal: Principal, path: str, parameters: Mapping[str, Any], answer: type[T]) -> T:
        given = {name: value for name, value in parameters.items() if value is not None}
        return _decoded(await self._run(self._send("GET", path, _named(principal), params=given)), answer)

    async def _run(self, sending: Coroutine[Any, Any, httpx.Response]) -> httpx.Response:
        return await self._start(sending)

    def _start(self, sending: Coroutine[Any, Any, httpx.Response]) -> asyncio.Task[httpx.Response]:
        task = asyncio.get_running_loop().create_task(sending, context=contextvars.Context())
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # looked at here, because the caller of a shielded call may be gone

    async def _send(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        *,
        timeout_seconds: float | None = None,
        **content: Any,
    ) -> httpx.Response:
        seconds = timeout_seconds or self._timeout_seconds
        try:
            async with asyncio.timeout(seconds):
                response = await self._http.request(
                    method, path, headers={"Content-Type": "application/json", **headers}, **content
                )
        except TimeoutError:
            raise BrainUnavailable(f"The brain did not answer within {seconds:g} s.") from None
        except httpx.HTTPError as error:
            raise BrainUnavailable(f"The brain cannot be reached: {type(error).__name__} {error}".rstrip()) from error
        if response.is_success:
            return response
        raise _refusal(response)


class _ExperimentsAnswer(msgspec.Struct):
    experiments: list[Experiment]


class _AssignmentAnswer(msgspec.Struct):
    arm: str


class _RecordedAnswer(msgspec.Struct):
    recorded: int


class _FeedbackAnswers(msgspec.Struct):
    feedback: list[FeedbackRow]


class _UsageAnswer(msgspec.Struct):
    rows: list[UsageRow]


class _RememberAnswer(msgspec.Struct):
    results: list[RememberedItem]


class _RecallAnswer(msgspec.Struct):
    hits: list[RecalledMemory]


class _ErrorBody(msgspec.Struct):
    code: str
    message: str
    field: str | None = None


def _refusal(response: httpx.Response) -> BrainUnavailable | BrainRefused:
    try:
        body = msgspec.json.decode(response.content, type=_ErrorBody)
    except msgspec.DecodeError:
        return BrainUnavailable(f"The brain answered {response.status_code} in a form that is not its own.")
    if response.is_server_error:
        return BrainUnavailable(body.message)
    after = response.headers.get("Retry-After")
    return BrainRefused(
        body.code, body.message, body.field, response.status_code, retry_after=float(after) if after else None
    )


def _decoded(response: httpx.Response, answer: type[T]) -> T:
    try:
        return msgspec.json.decode(response.content, type=answer)
    except msgspec.DecodeError as error:
        raise BrainUnavailable(f"The brain's answer cannot be read: {error}") from error


def _bearer(service_token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {service_token}"}


def _named(principal: Principal) -> dict[str, str]:
    """Percent-encoded, because a header carries ASCII and an id may not; the door decodes."""
    return {
        "X-Soma-Tenant": quote(principal.tenant_id),
        "X-Soma-User": quote(principal.user_id),
        "X-Soma-Agent": quote(principal.agent_id),
    }


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
