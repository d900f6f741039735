"""What an operator looks at: is it up, is it ready, what does it count, what does it offer."""

import re
import resource
from base64 import b64encode
from hashlib import sha256
from importlib.metadata import version

import httpx
import pytest
from tests.flow.product import start

AGENT = {
    "agent_model_latency_seconds",
    "agent_turn_latency_seconds",
    "chat_latency_seconds",
    "chat_requests_total",
    "chat_tokens_total",
    "policy_decisions_total",
    "rlm_iterations_per_turn",
    "rlm_iterations_total",
    "tool_execution_seconds",
}
BRAIN = {
    "somabrain_feedback_applied_total",
    "somabrain_feedback_latency_seconds",
    "somabrain_learning_latency_seconds",
    "somabrain_neuromodulator",
    "somabrain_recall_latency_seconds",
    "somabrain_trust",
    "somabrain_working_memory_items",
    *(f"somabrain_retrieval_{name}" for name in ("alpha", "beta", "gamma", "tau")),
    *(f"somabrain_utility_{name}" for name in ("lambda", "mu", "nu")),
}


def families(text):
    """Names of metrics that have a sample, without what a histogram adds to its own."""
    names = {re.split(r"[ {]", line)[0] for line in text.splitlines() if line and not line.startswith("#")}
    return {re.sub(r"_(bucket|sum|count|created)$", "", name) for name in names}


@pytest.fixture(scope="module")
def used(soma):
    """After one turn with a tool, and one feedback."""
    person = soma.member("operator")
    turn = person.ask("what is 6*7?")
    person.post("/feedback", {"turn_id": turn["turn_id"], "thumb": 1})
    return soma


def test_it_is_up_and_ready(soma):
    assert httpx.get(f"{soma.url}/healthz").json() == {"status": "up"}
    ready = httpx.get(f"{soma.url}/readyz")
    assert (ready.status_code, ready.json()["dependencies"]) == (200, {"database": "ok", "brain": "ok"})


def test_the_agent_counts_a_turn_and_a_feedback(used):
    page = httpx.get(f"{used.url}/metrics")
    assert page.headers["Content-Type"].startswith("text/plain")
    assert families(page.text) >= AGENT
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-7", page.text), "no label names a turn"


def test_the_brain_counts_a_turn_and_a_feedback(used):
    token = (used.data_dir / "service-token").read_text()
    assert httpx.get(f"{used.url}/brain/metrics").status_code == 401
    page = httpx.get(f"{used.url}/brain/metrics", headers={"Authorization": f"Bearer {token}"})
    assert families(page.text) >= BRAIN


def test_a_users_token_does_not_open_the_brain(soma):
    headers = {"Authorization": f"Bearer {soma.token}", "X-Soma-Tenant": "default", "X-Soma-User": "x"}
    for path in ("/brain/metrics", "/brain/context/adaptation/state", "/brain/v1/memories"):
        assert httpx.get(f"{soma.url}{path}", headers={**headers, "X-Soma-Agent": "x"}).status_code == 401


def test_without_its_brain_it_is_up_not_ready_and_still_answers(tmp_path):
    lonely = start(tmp_path, SOMABRAIN_URL="http://127.0.0.1:1")
    try:
        assert httpx.get(f"{lonely.url}/healthz").status_code == 200
        ready = httpx.get(f"{lonely.url}/readyz")
        assert ready.status_code == 503
        assert ready.json()["dependencies"]["database"] == "ok"
        assert ready.json()["dependencies"]["brain"].startswith("away: ")
        turn = lonely.owner.ask("what is 6*7?")
        trace = lonely.owner.trace(turn["turn_id"])
        refused = lonely.owner.http.get("/memories")
        said = lonely.run("chat", "what is 6*8?")
        doctor = lonely.run("doctor")
    finally:
        [warned] = [line for line in lonely.stop().splitlines() if "SOMABRAIN_URL" in line]
    assert "no brain answers at http://127.0.0.1:1, chat goes on without memory" in warned
    assert turn["content"] == "6*7 = 42."
    assert trace["degraded"]
    assert {iteration["learned"]["learning"] for iteration in trace["iterations"]} == {"skipped"}
    assert (refused.status_code, refused.json()["code"]) == (503, "brain_unavailable")
    assert "degraded" in said.stdout
    assert "6*8 = 48." in said.stdout
    assert doctor.returncode == 1
    assert "is not ready" in doctor.stdout


@pytest.fixture
def full(soma):
    """A disk that takes nothing more, as the server sees it."""
    pid, limit = soma.process.pid, resource.RLIMIT_FSIZE
    before = resource.prlimit(pid, limit, (0, resource.RLIM_INFINITY))
    yield soma
    resource.prlimit(pid, limit, before)
    soma.owner.remember("There is room again.")
    assert httpx.get(f"{soma.url}/readyz").status_code == 200


def test_a_full_disk_is_not_ready_and_every_door_that_writes_says_that_it_is_the_storage(full):
    ready = httpx.get(f"{full.url}/readyz")
    assert ready.status_code == 503
    assert ready.json()["dependencies"]["database"].startswith("no room to write: ")
    assert "no room to write" in ready.json()["dependencies"]["brain"]
    for path, body in {"/memories": {"items": [{"text": "more"}]}, "/chat/conversations": {}}.items():
        refused = full.owner.http.post(path, json=body)
        assert (refused.status_code, refused.json()["code"]) == (503, "storage_unavailable")
    assert full.owner.http.get("/memories").status_code == 200


def test_openapi_describes_every_door(soma):
    document = httpx.get(f"{soma.url}/api/v2/openapi.json").json()
    assert document["openapi"].startswith("3.")
    assert document["info"]["title"] == "Soma"
    operations = [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method in {"get", "post", "patch", "delete"}
    ]
    assert len(operations) >= 25
    names = [operation["operationId"] for _, _, operation in operations]
    assert len(set(names)) == len(names)
    for path, method, operation in operations:
        assert path.startswith("/api/v2/")
        assert operation["responses"], (path, method)
        assert operation["security"], (path, method)
        named = {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "path"}
        assert named == set(re.findall(r"{(\w+)}", path)), (path, method)
    for reference in re.findall(
        r'"\$ref": ?"#/components/schemas/(\w+)"', httpx.get(f"{soma.url}/api/v2/openapi.json").text
    ):
        assert reference in document["components"]["schemas"]


def test_the_first_page_says_what_runs_and_where_to_go(soma):
    page = httpx.get(soma.url)
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    for told in (version("soma"), "The model that answers is offline", "/api/v2/openapi.json", "soma chat", "Bearer"):
        assert told in page.text
    assert soma.token not in page.text
    assert str(soma.data_dir) not in page.text


def test_the_first_page_loads_and_runs_nothing(soma):
    page = httpx.get(soma.url)
    rules = dict(rule.split(" ", 1) for rule in page.headers["Content-Security-Policy"].split("; "))
    [style] = re.findall("<style>(.*?)</style>", page.text, re.DOTALL)
    assert rules["default-src"] == "'none'"
    assert rules["style-src"] == f"'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'"
    assert rules["frame-ancestors"] == "'none'"
    assert not re.search(r"<script|<img|<link|\bsrc=|\bon\w+=|url\(", page.text)


@pytest.mark.parametrize(
    "header", [{"Host": "[::1]"}, {"X-Forwarded-For": "192.0.2.7"}, {"Forwarded": "for=192.0.2.7"}]
)
def test_the_first_page_tells_version_and_model_on_this_machine_only(soma, header):
    page = httpx.get(soma.url, headers=header)
    is_near = "Host" in header
    assert (version("soma") in page.text) == is_near
    assert ("The model that answers" in page.text) == is_near


def test_the_first_page_is_only_read(soma):
    assert httpx.post(soma.url).status_code == 404
    assert httpx.head(soma.url).status_code == 200


def test_what_is_not_there_is_told_in_the_one_shape(soma):
    for path in ("/favicon.ico", "/api/v2", "/api/v2/docs", "/brain/nothing", "/brain"):
        answer = httpx.get(f"{soma.url}{path}")
        assert answer.status_code == 404, path
        assert answer.json().keys() >= {"code", "message", "request_id"}
