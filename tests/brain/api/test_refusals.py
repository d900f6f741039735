"""Bad input at the brain's door: one clear error that names the field, and nothing written."""

import httpx
import pytest
from tests.brain.conftest import MALLORY, TOKEN, metrics_of

from soma.events.log import Log

HEADERS = {
    "Authorization": f"Bearer {TOKEN}",
    "X-Soma-Tenant": "acme",
    "X-Soma-User": "alice",
    "X-Soma-Agent": "helper",
}


@pytest.fixture
async def door(opened):
    transport = httpx.ASGITransport(opened.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://brain") as door:
        yield door


EVALUATE = {"conversation_id": "c1", "query": "x"}
FEEDBACK = {"conversation_id": "c1", "reward": 1}
CASES = [
    ("/context/evaluate", {"conversation_id": "c1"}, 422, "invalid_body", "query"),
    ("/context/evaluate", EVALUATE | {"query": ""}, 422, "invalid_body", "query"),
    ("/context/evaluate", {"query": "x"}, 422, "invalid_body", "conversation_id"),
    ("/context/evaluate", EVALUATE | {"top_k": 0}, 422, "invalid_body", "top_k"),
    ("/context/evaluate", EVALUATE | {"top_k": "many"}, 422, "invalid_body", "top_k"),
    ("/context/evaluate", EVALUATE | {"query": "x" * 70_000}, 422, "invalid_body", "query"),
    ("/context/evaluate", EVALUATE | {"surprise": 1}, 422, "invalid_body", "surprise"),
    ("/context/evaluate", EVALUATE | {"at": "yesterday"}, 422, "bad_time", "at"),
    ("/context/evaluate", EVALUATE | {"namespace": "elsewhere"}, 422, "foreign_namespace", "namespace"),
    ("/context/evaluate", EVALUATE | {"tenant": "globex"}, 403, "tenant_mismatch", "tenant"),
    ("/context/evaluate", EVALUATE | {"tenant_id": "globex"}, 403, "tenant_mismatch", "tenant_id"),
    ("/context/evaluate", EVALUATE | {"persona": "other"}, 403, "tenant_mismatch", "persona"),
    ("/context/feedback", {"conversation_id": "c1"}, 422, "feedback_empty", "reward"),
    ("/context/feedback", FEEDBACK | {"utility": 1}, 422, "reward_and_utility", "utility"),
    ("/context/feedback", FEEDBACK | {"reward": 1.5}, 422, "invalid_body", "reward"),
    ("/context/feedback", FEEDBACK | {"helpful": [1]}, 422, "invalid_body", "helpful[0]"),
    ("/context/feedback", FEEDBACK | {"metadata": {"tokens": -1}}, 422, "invalid_body", "metadata.tokens"),
    ("/context/feedback", FEEDBACK | {"metadata": {"model": "a\0b"}}, 422, "invalid_body", "metadata.model"),
    ("/context/evaluate", EVALUATE | {"query": "\0"}, 422, "invalid_body", "query"),
    (
        "/context/evaluate",
        EVALUATE | {"options": {"models": [{"name": "m", "gain": 50}]}},
        422,
        "invalid_body",
        "options.models[0].gain",
    ),
    (
        "/context/evaluate",
        EVALUATE | {"options": {"prompts": [{"name": "p", "tokens": 10**18}]}},
        422,
        "invalid_body",
        "options.prompts[0].tokens",
    ),
    ("/context/adaptation/preview", {"query": "x", "weights": {"alpha": 1e308}}, 422, "invalid_body", "weights[...]"),
    (
        "/context/adaptation/rollback",
        {"turn_id": "t", "iteration_number": 2**63},
        422,
        "invalid_body",
        "iteration_number",
    ),
    ("/context/feedback/batch", {"items": []}, 422, "invalid_body", "items"),
    ("/context/feedback/batch", {"items": [FEEDBACK] * 1_001}, 422, "invalid_body", "items"),
    ("/context/adaptation/rollback", {}, 422, "invalid_body", "version"),
    ("/context/adaptation/rollback", {"turn_id": "t"}, 422, "invalid_body", "iteration_number"),
    ("/context/adaptation/rollback", {"version": 0, "iteration_number": 0}, 422, "invalid_body", "iteration_number"),
    ("/v1/learning/publish_turn_metrics", metrics_of(iteration_number=-1), 422, "invalid_body", "iteration_number"),
    ("/v1/learning/publish_turn_metrics", metrics_of(confidence=2), 422, "invalid_body", "confidence"),
    ("/v1/learning/publish_turn_metrics", metrics_of(turn_id=""), 422, "invalid_body", "turn_id"),
    ("/v1/memory/remember", {"items": []}, 422, "invalid_body", "items"),
    ("/v1/memory/remember", {"items": [{"text": " "}]}, 422, "empty_text", "items[0].text"),
    ("/v1/memory/remember", {"items": [{"text": "a"}, {"text": 5}]}, 422, "invalid_body", "items[1].text"),
    ("/v1/memory/remember", {"items": [{"text": "a", "scope": "world"}]}, 422, "invalid_body", "items[0].scope"),
    ("/v1/memory/remember", {"items": [{"text": "a"}] * 1_001}, 422, "invalid_body", "items"),
    ("/v1/memory/recall", {"query": "x", "top_k": 1_000}, 422, "invalid_body", "top_k"),
    ("/v1/memory/forget", {}, 422, "invalid_body", "ids"),
    ("/v1/memory/forget", {"ids": ["nobody"]}, 404, "unknown_key", "ids[0]"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]} {case[3]} {case[4]}")
async def test_a_faulty_body_is_refused_by_name_and_writes_nothing(door, opened, case):
    path, body, status, code, field = case
    before = Log(opened.writer.database).last_position()
    answer = await door.post(path, json=body, headers=HEADERS)
    told = answer.json()
    assert (answer.status_code, told["code"], told.get("field")) == (status, code, field)
    assert told["message"]
    assert told["request_id"]
    assert Log(opened.writer.database).last_position() == before


async def test_what_is_not_json_is_refused(door):
    too_deep = b'{"items": [{"text": "a", "metadata": ' + b'{"a":' * 100_000
    for content in (b"{", b"\xff\xfe", b'{"items": NaN}', too_deep):
        answer = await door.post("/v1/memory/remember", content=content, headers=HEADERS)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_json"), content[:20]


async def test_an_infinite_weight_is_refused(door):
    content = b'{"turn_id": "t", "iteration_number": 0, "weights": {"alpha": 1e999}}'
    answer = await door.post("/v1/learning/publish_turn_metrics", content=content, headers=HEADERS)
    assert answer.status_code in {400, 422}


async def test_unknown_paths_and_methods_have_the_same_shape(door):
    for method, path, status, code in (
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/context/evaluate", 405, "method_not_allowed"),
    ):
        answer = await door.request(method, path, headers=HEADERS)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.json()["request_id"]


async def test_queries_are_checked_too(door):
    for path, field in (
        ("/context/usage?from=monday", "from"),
        ("/v1/memories?limit=0", "limit"),
        ("/v1/memories?limit=many", "limit"),
        ("/v1/memories?after=x", "after"),
    ):
        answer = await door.get(path, headers=HEADERS)
        assert (answer.status_code, answer.json()["field"]) == (422, field)
    answer = await door.get("/context/adaptation/state?agent_id=other", headers=HEADERS)
    assert (answer.status_code, answer.json()["code"]) == (403, "tenant_mismatch")


@pytest.mark.parametrize(
    "path",
    [
        "/context/usage?from=2026-01-01",
        "/context/feedback?conversation_id=c",
        "/context/adaptation/state?agent_id=helper",
        "/context/adaptation/history?limit=5",
        "/v1/memories?namespace=default",
        "/v1/memory/status?namespace=default",
        "/v1/memory/export?namespace=default",
        "/v1/memory/consolidations?namespace=default",
        "/v1/experiments?status=running",
    ],
)
async def test_what_no_query_takes_and_what_is_asked_twice_is_refused_by_its_name(door, path):
    assert (await door.get(path, headers=HEADERS)).status_code == 200
    first = path.partition("?")[2].partition("=")[0]
    for more, field in (("frm=2027-01-01", "frm"), (path.partition("?")[2], first)):
        answer = await door.get(f"{path}&{more}", headers=HEADERS)
        assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, "invalid_query", field)
    answer = await door.post("/context/feedback?frm=x", headers=HEADERS, json={"conversation_id": "c", "reward": 1.0})
    assert answer.status_code == 422


@pytest.mark.parametrize("name", list(HEADERS))
async def test_who_says_twice_who_calls_is_refused(door, name):
    headers = [*HEADERS.items(), (name, "globex")]
    answer = await door.get("/context/adaptation/state", headers=headers)
    assert (answer.status_code, answer.json()["field"]) == (401, name)


async def test_two_names_of_one_conversation_must_not_differ(door):
    for session, status in (("other", 422), ("c", 200)):
        body = {"conversation_id": "c", "session_id": session, "reward": 0.5}
        answer = await door.post("/context/feedback", headers=HEADERS, json=body)
        assert (answer.status_code, answer.json().get("field")) == (status, "session_id" if status == 422 else None)


@pytest.mark.parametrize("missing", list(HEADERS))
async def test_no_door_works_without_token_tenant_user_and_agent(door, missing):
    headers = {name: value for name, value in HEADERS.items() if name != missing}
    for method, path in (
        ("POST", "/context/evaluate"),
        ("POST", "/context/feedback"),
        ("POST", "/context/feedback/batch"),
        ("POST", "/context/adaptation/rollback"),
        ("POST", "/v1/learning/publish_turn_metrics"),
        ("POST", "/v1/memory/remember"),
        ("POST", "/v1/memory/recall"),
        ("POST", "/v1/memory/forget"),
        ("GET", "/context/adaptation/state"),
        ("GET", "/context/usage"),
        ("GET", "/v1/memories"),
    ):
        answer = await door.request(method, path, headers=headers)
        assert (answer.status_code, answer.json()["field"]) == (401, missing), path


async def test_a_wrong_token_is_refused(door):
    for token in ("Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer ", "Bearer é"):
        headers = HEADERS | {"Authorization": token.encode()}
        assert (await door.get("/context/adaptation/state", headers=headers)).status_code == 401


async def test_a_body_that_is_too_large_is_refused(settings):
    from soma.brain.root import open_brain
    from soma.memory.embedders.hashing import HashingEmbedder

    small = settings.model_copy(update={"max_body_bytes": 1_000})
    async with open_brain(small, embedder=HashingEmbedder()) as opened:
        transport = httpx.ASGITransport(opened.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://brain") as door:
            answer = await door.post("/context/evaluate", json=EVALUATE | {"query": "x" * 2_000}, headers=HEADERS)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


async def test_names_outside_ascii_reach_the_door(client):
    from soma.brain.types import Principal

    principal = Principal(tenant_id="Zürich %41", user_id="李", agent_id="ассистент")
    await client.remember(principal, [{"text": "Grüezi"}])
    assert [memory.text for memory in (await client.memories(principal)).memories] == ["Grüezi"]
    assert (await client.memories(MALLORY)).memories == []
