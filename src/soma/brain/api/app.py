"""The brain's HTTP door: reads a request, asks for the verb, writes the answer. One error shape everywhere."""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from soma.brain.api.auth import HEADERS, ROLE_HEADER, Authenticator
from soma.brain.api.documents import add_documents
from soma.brain.api.experiments import Door, add_experiments, add_insight
from soma.brain.api.memory import add_upkeep
from soma.brain.errors import BrainRefused
from soma.brain.service import Brain, owner
from soma.brain.types import MemoryPage, Principal, RememberedItem, StoredMemory
from soma.brain.wire import requests
from soma.brain.wire.claims import CLAIMS, check_claims
from soma.brain.wire.requests import Body
from soma.events import wire
from soma.events.errors import LogError, WriterBusy, WriteRefused
from soma.events.ids import new_id
from soma.memory.errors import (
    AlreadyForgotten,
    MemoryRefused,
    ModelUnavailable,
    NotTheAuthor,
    UnknownDocument,
    UnknownKey,
)
from soma.memory.types import MemoryRecord, NewLink, NewMemory, Remembered

JSON = "application/json"
BUSY_SECONDS = 1
LARGEST_PAGE = 200
MEMORY_STATUS: dict[type[MemoryRefused], int] = {
    UnknownKey: 404,
    UnknownDocument: 404,
    AlreadyForgotten: 410,
    NotTheAuthor: 403,
}
HTTP_CODES = {404: "not_found", 405: "method_not_allowed"}


def create_app(brain: Brain, auth: Authenticator) -> FastAPI:
    app = FastAPI(title="Soma brain", version="1", docs_url=None, redoc_url=None)
    app.state.brain, app.state.auth = brain, auth
    app.add_exception_handler(BrainRefused, _refused)
    app.add_exception_handler(MemoryRefused, _memory_refused)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(LogError, _storage_failed)
    app.add_exception_handler(ModelUnavailable, _model_away)
    app.add_exception_handler(Exception, _failed)
    _add_context(app, brain)
    _add_learning(app, brain)
    _add_memory(app, brain)
    _add_health(app, brain, auth)
    door = Door(_principal, _read, _json, _takes)
    add_experiments(app, brain, door)
    add_insight(app, brain, door)
    add_upkeep(app, brain, door)
    add_documents(app, brain, door)
    return app


def _add_context(app: FastAPI, brain: Brain) -> None:
    @app.post("/context/evaluate", **_takes(requests.Evaluate))
    async def evaluate(request: Request) -> Response:
        principal, body = await _read(request, requests.Evaluate)
        return _json(await brain.evaluate(principal, body))

    @app.post("/v1/memory/recall", **_takes(requests.Recall))
    async def recall(request: Request) -> Response:
        began = time.perf_counter()
        principal, body = await _read(request, requests.Recall)
        hits, weights = await brain.recall(principal, body)
        duration_ms = (time.perf_counter() - began) * 1_000
        return _json({"hits": hits, "weights": weights, "duration_ms": duration_ms})

    @app.post("/context/feedback", **_takes(requests.Feedback))
    async def give_feedback(request: Request) -> Response:
        principal, body = await _read(request, requests.Feedback)
        answer = await brain.feedback(principal, body)
        return _json(answer, 200 if answer.adaptation_applied or answer.status == "duplicate" else 202)

    @app.post("/context/feedback/batch", **_takes(requests.FeedbackBatch, items=requests.Feedback))
    async def give_feedback_batch(request: Request) -> Response:
        principal, body = await _read(request, requests.FeedbackBatch)
        return _json(await brain.feedback_batch(principal, bytes(body.items), idempotency_key=body.idempotency_key))

    @app.get("/context/usage")
    async def usage(request: Request) -> Response:
        principal = _principal(request, "from", "to")
        today = datetime.now(UTC).date().isoformat()
        start, end = _day(request, "from", today[:8] + "01"), _day(request, "to", today)
        return _json({"rows": await brain.usage(principal, start=start, end=end)})


def _add_learning(app: FastAPI, brain: Brain) -> None:
    @app.get("/context/adaptation/state")
    async def state(request: Request) -> Response:
        return _json(await brain.state(_principal(request)))

    @app.post("/context/adaptation/rollback", **_takes(requests.Rollback))
    async def roll_back(request: Request) -> Response:
        principal, body = await _read(request, requests.Rollback)
        return _json(await brain.roll_back(principal, body))

    @app.post("/v1/learning/publish_turn_metrics", **_takes(requests.TurnMetrics))
    async def publish_turn_metrics(request: Request) -> Response:
        principal, body = await _read(request, requests.TurnMetrics)
        requests.check_numbers(body.weights, "weights")
        requests.check_numbers(body.neuromodulators, "neuromodulators")
        return _json(await brain.publish_turn_metrics(principal, body))


def _add_memory(app: FastAPI, brain: Brain) -> None:
    @app.post("/v1/memory/remember", **_takes(requests.Remember))
    async def remember(request: Request) -> Response:
        principal, body = await _read(request, requests.Remember)
        items = [_new(item) for item in body.items]
        results = await brain.memory.remember(
            owner(principal), items, namespace=body.namespace, are_messages=body.are_messages
        )
        return _json({"results": [_remembered(result) for result in results]})

    @app.post("/v1/memory/forget", **_takes(requests.Forget))
    async def forget(request: Request) -> Response:
        principal, body = await _read(request, requests.Forget)
        if not (body.ids or body.keys):
            raise BrainRefused("invalid_body", "Name the memories to forget, by ids or keys.", "ids")
        return _json(await brain.forget(principal, body))

    @app.get("/v1/memories")
    async def memories(request: Request) -> Response:
        asked = request.query_params
        principal = _principal(request, "namespace", "search", "after", "limit")
        namespace, after, limit = asked.get("namespace", "default"), asked.get("after"), _limit(request)
        if search := asked.get("search"):
            page = await brain.memory.search(owner(principal), search, namespace=namespace, limit=limit, after=after)
        else:
            page = await brain.memory.list(owner(principal), namespace=namespace, limit=limit, after=after)
        return _json(MemoryPage(memories=[_stored(memory) for memory in page.items], next=page.after))


def _add_health(app: FastAPI, brain: Brain, auth: Authenticator) -> None:
    @app.get("/healthz")
    async def up(_: Request) -> Response:
        return _json({"status": "up"})

    @app.get("/readyz")
    async def ready(_: Request) -> Response:
        away = await brain.ready()
        if away:
            message = "; ".join(f"{name}: {what}" for name, what in away.items())
            return _json({"code": "not_ready", "message": message, "away": away, "request_id": new_id()}, 503)
        answer = {"status": "ready", "dependencies": ["database"], "degraded": await brain.degraded()}
        return _json(answer | {"restored": brain.restored._asdict()})

    @app.get("/metrics")
    async def metrics(request: Request) -> Response:
        auth.admit(_headers(request))
        return Response(brain.metrics.exposition(), media_type="text/plain; version=0.0.4; charset=utf-8")


# Reading a request


def _principal(request: Request, *asked: str) -> Principal:
    """`asked` are what a query may ask for, beside saying again who it speaks for."""
    auth: Authenticator = request.app.state.auth
    principal = auth.principal(_headers(request))
    if request.scope["query_string"]:
        _check_query(request, asked)
        check_claims(principal, request.query_params)
    return principal


def _check_query(request: Request, asked: Sequence[str]) -> None:
    if (wrong := wire.not_text(request.scope["query_string"])) is not None:
        raise BrainRefused("invalid_query", "This is not text in UTF-8.", wrong)
    given = [name for name, _ in request.query_params.multi_items()]
    for name in given:
        if name not in asked and name not in CLAIMS:
            known = f"it may ask for {', '.join(asked)}" if asked else "it takes none"
            raise BrainRefused("invalid_query", f"`{name}` is no parameter of this query: {known}.", name)
        if given.count(name) > 1:
            raise BrainRefused("invalid_query", f"`{name}` is given twice.", name)


def _headers(request: Request) -> dict[str, str]:
    """By their names in lower case, as ASGI gives them."""
    given = request.scope["headers"]
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in given}
    if len(headers) < len(given):
        _check_once([name.decode("latin-1") for name, _ in given])
    return headers


def _check_once(names: list[str]) -> None:
    """Who says twice who calls proves nothing."""
    for name in ("Authorization", *HEADERS.values(), ROLE_HEADER):
        if names.count(name.lower()) > 1:
            raise BrainRefused("principal_invalid", f"{name} is given twice.", name, 401)


async def _read(request: Request, kind: type[Body]) -> tuple[Principal, Any]:
    principal = _principal(request)
    body = requests.read(await request.body(), kind)
    if body.says_who:
        check_claims(principal, requests.claims(body))
    return principal, body


def _day(request: Request, name: str, default: str) -> str:
    value = request.query_params.get(name, default)
    try:
        return datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC).date().isoformat()
    except ValueError:
        raise BrainRefused("invalid_query", f"`{name}` is a day as YYYY-MM-DD.", name) from None


def _limit(request: Request) -> int:
    value = request.query_params.get("limit", "50")
    if not value.isdecimal() or not 1 <= int(value[:9]) <= LARGEST_PAGE:
        raise BrainRefused("invalid_query", f"`limit` is a number from 1 to {LARGEST_PAGE}.", "limit")
    return int(value)


def _new(item: requests.RememberItem) -> NewMemory:
    fields = msgspec.structs.asdict(item)
    links = [NewLink(to_key=link.to_key, relation=link.relation, weight=link.weight) for link in item.links]
    return NewMemory(**fields | {"links": links})


def _remembered(result: Remembered) -> RememberedItem:
    error = _told(result.refusal) if result.refusal else None
    return RememberedItem(id=result.id, key=result.key, status=result.status, error=error)


def _told(refused: MemoryRefused) -> dict[str, Any]:
    return {"code": refused.code, "message": str(refused), "field": refused.field}


def _stored(memory: MemoryRecord) -> StoredMemory:
    return StoredMemory(
        id=memory.id,
        key=memory.key,
        text=memory.text,
        kind=memory.kind,
        scope=memory.scope,
        occurred_at=memory.occurred_at,
        value=memory.value,
        access_count=memory.access_count,
        accessed_at=memory.accessed_at,
        conversation_id=memory.conversation_id,
        metadata=dict(memory.metadata),
        author=memory.author,
    )


# Writing an answer


def _json(answer: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(answer), status, headers, JSON)


def _error(
    status: int, code: str, message: str, field: str | None = None, *, retry_after: int | None = None
) -> Response:
    request_id = new_id()
    body = {"code": code, "message": message, "request_id": request_id} | ({"field": field} if field else {})
    headers = {"X-Request-Id": request_id} | ({"Retry-After": str(retry_after)} if retry_after else {})
    return _json(body, status, headers)


def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, BrainRefused)  # noqa: S101 - as registered
    return _error(error.status, error.code, error.message, error.field)


def _memory_refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, MemoryRefused)  # noqa: S101 - as registered
    status = MEMORY_STATUS.get(type(error), 422)
    return _error(status, error.code, str(error), error.field)


def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - as registered
    return _error(error.status_code, HTTP_CODES.get(error.status_code, "bad_request"), str(error.detail))


def _storage_failed(_: Request, error: Exception) -> Response:
    assert isinstance(error, LogError)  # noqa: S101 - as registered
    if isinstance(error, WriteRefused):
        return _error(422, error.code, str(error))
    return _error(429 if isinstance(error, WriterBusy) else 503, error.code, str(error), retry_after=BUSY_SECONDS)


def _model_away(_: Request, error: Exception) -> Response:
    return _error(503, ModelUnavailable.code, str(error))


def _failed(_: Request, error: Exception) -> Response:
    """The server logs the error itself: this is only what the caller is told."""
    return _error(500, "internal_error", f"The brain failed ({type(error).__name__}); its log says why.")


@cache
def _takes(kind: type[Body], *, items: type[Body] | None = None) -> dict[str, Any]:
    """What OpenAPI says of a body that FastAPI does not read itself; `items` are read one by one."""
    schema = msgspec.json.schema(kind)
    if items is not None:
        schema["$defs"][kind.__name__]["properties"]["items"] = {"type": "array", "maxItems": requests.BATCH}
    return {"openapi_extra": {"requestBody": {"required": True, "content": {JSON: {"schema": schema}}}}}
