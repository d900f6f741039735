"""Whatever is wrong with a request: one error that names the cause and the field, and nothing is written."""

import json
import time

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Subprotocol

JSON = {"Content-Type": "application/json"}
HUGE = 2_000_000
MESSAGES = "/chat/conversations/{conversation}/messages"
NOWHERE = "/chat/conversations/nowhere/messages"

# path, body (text as it is sent, or what is sent as JSON), status, code, field
POSTED = {
    "an empty message": (MESSAGES, {"content": ""}, 422, "empty_message", "content"),
    "a message of spaces": (MESSAGES, {"content": " \n\t "}, 422, "empty_message", "content"),
    "a message without parts": (MESSAGES, {"content": []}, 422, "empty_message", "content"),
    "no message": (MESSAGES, {}, 422, "invalid", "content"),
    "no body": (MESSAGES, "", 422, "invalid", "body"),
    "a message that is a number": (MESSAGES, {"content": 5}, 422, "invalid", "content"),
    "a part of another kind": (MESSAGES, {"content": [{"kind": "x", "text": ""}]}, 422, "invalid", "content.0.kind"),
    "NUL in a message": (MESSAGES, {"content": "a\0b"}, 422, "invalid_text", "content"),
    "half a surrogate pair": (MESSAGES, '{"content": "\\ud800"}', 400, "invalid_json", "body"),
    "a message of 2 MB": (MESSAGES, {"content": "a" * HUGE}, 413, "message_too_large", "content"),
    "a message of too many tokens": (MESSAGES, {"content": "word " * 9_000}, 413, "message_too_large", "content"),
    "a body of 17 MB": (MESSAGES, {"content": "a" * 17_000_000}, 413, "too_large", "body"),
    "an unknown field": (MESSAGES, {"content": "a", "contents": "b"}, 422, "invalid", "contents"),
    "an unknown on_busy": (MESSAGES, {"content": "a", "on_busy": "shout"}, 422, "invalid", "on_busy"),
    "an empty id": (MESSAGES, {"content": "a", "client_message_id": ""}, 422, "invalid", "client_message_id"),
    "a long id": (MESSAGES, {"content": "a", "client_message_id": "x" * 101}, 422, "invalid", "client_message_id"),
    "another tenant": (MESSAGES, {"content": "a", "tenant": "other"}, 403, "tenant_mismatch", "tenant"),
    "another agent": (MESSAGES, {"content": "a", "persona": "other"}, 403, "tenant_mismatch", "agent"),
    "two names of an agent": (MESSAGES, {"content": "a", "agent": "soma", "persona": "b"}, 422, "invalid", "persona"),
    "an unknown parameter": (f"{MESSAGES}?strem=true", {"content": "a"}, 422, "invalid", "strem"),
    "a name twice": (MESSAGES, '{"content": "a", "content": "b"}', 422, "invalid", "body"),
    "a name twice within": (MESSAGES, '{"content": [{"kind": "text", "kind": "x"}]}', 422, "invalid", "body"),
    "a number too large": (MESSAGES, '{"content": 1e999}', 400, "invalid_json", "body"),
    "a message of what never is a character": (MESSAGES, {"content": "\ufffe"}, 422, "empty_message", "content"),
    "half an object": (MESSAGES, '{"content": ', 400, "invalid_json", "body"),
    "not JSON": (MESSAGES, "content=hello", 400, "invalid_json", "body"),
    "a list": (MESSAGES, "[]", 422, "invalid", "body"),
    "deep nesting": (MESSAGES, "[" * 100_000, 400, "invalid_json", "body"),
    "an unknown conversation": (NOWHERE, {"content": "a"}, 404, "unknown_conversation", "conversation_id"),
    "an unknown agent": ("/chat/conversations", {"agent": "nobody"}, 404, "unknown_agent", "agent"),
    "an unknown persona": ("/chat/conversations", {"persona": "nobody"}, 404, "unknown_agent", "agent"),
    "a long title": ("/chat/conversations", {"title": "x" * 201}, 422, "invalid", "title"),
    "feedback on nothing": ("/feedback", {"turn_id": "x", "thumb": 1}, 404, "unknown_turn", "turn_id"),
    "feedback that says nothing": ("/feedback", {"turn_id": "x"}, 422, "invalid", "thumb"),
    "a wish to stream in words": (MESSAGES, {"content": "a", "stream": "yes"}, 422, "invalid", "stream"),
    "a thumb that is true": ("/feedback", {"turn_id": "x", "thumb": True}, 422, "invalid", "thumb"),
    "stars in words": ("/feedback", {"turn_id": "x", "rating": "5"}, 422, "invalid", "rating"),
    "half a thumb": ("/feedback", {"turn_id": "x", "thumb": 0}, 422, "invalid", "thumb"),
    "six of five stars": ("/feedback", {"turn_id": "x", "rating": 6}, 422, "invalid", "rating"),
    "two verdicts": ("/feedback", {"turn_id": "x", "thumb": 1, "rating": 5}, 422, "invalid", "reward"),
    "withdrawing nothing": ("/chat/turns/x/withdraw", {}, 404, "unknown_turn", "turn_id"),
    "no memories": ("/memories", {"items": []}, 422, "invalid", "items"),
    "1,001 memories": ("/memories", {"items": [{"text": "x"}] * 1_001}, 422, "invalid", "items"),
    "a good memory and an empty one": (
        "/memories", {"items": [{"text": "good"}, {"text": " "}]}, 422, "empty_text", "items[1].text",
    ),
    "a memory without text": ("/memories", {"items": [{}]}, 422, "invalid_body", "items[0].text"),
    "a memory of nowhen": (
        "/memories", {"items": [{"text": "x", "occurred_at": "soon"}]}, 422, "bad_time", "items[0].occurred_at",
    ),
    "a memory of no scope": (
        "/memories", {"items": [{"text": "x", "scope": "world"}]}, 422, "invalid_body", "items[0].scope",
    ),
    "a link to nowhere": (
        "/memories", {"items": [{"text": "x", "links": [{"to_key": "nowhere", "relation": "r"}]}]},
        422, "unknown_link_target", "items[0].links[0].to_key",
    ),
    "a key of a line end": ("/memories", {"items": [{"text": "x", "key": "\n"}]}, 422, "bad_name", "items[0].key"),
    "a key in two lines": ("/memories", {"items": [{"text": "x", "key": "a\nb"}]}, 422, "bad_name", "items[0].key"),
    "a memory of nothing": ("/memories", {"items": [{"text": "\uffff"}]}, 422, "empty_text", "items[0].text"),
    "a namespace that is a path": (
        "/memories", {"items": [{"text": "x"}], "namespace": "../x"}, 422, "bad_name", "namespace",
    ),
    "forgetting nothing": ("/memories/forget", {}, 422, "invalid_body", "ids"),
    "forgetting what is not there": ("/memories/forget", {"keys": ["x"]}, 404, "unknown_key", "keys[0]"),
    "a link from nowhere": (
        "/memories/links", {"from_key": "x", "to_key": "y", "relation": "r"}, 404, "unknown_key", "from_key",
    ),
    "a link of consolidation": (
        "/memories/links", {"from_key": "x", "to_key": "y", "relation": "summarises"}, 422, "bad_name", "relation",
    ),
    "lines that are none": ("/memories/import", {"lines": ["{"]}, 422, "bad_line", "line 1"),
    "back to nowhere": ("/learning/rollback", {}, 422, "invalid", "version"),
    "back to the future": ("/learning/rollback", {"version": 9_999}, 404, "unknown_version", "version"),
    "back to before the beginning": ("/learning/rollback", {"version": -1}, 422, "invalid", "version"),
    "a member for who may not": ("/members", {"username": "friend"}, 403, "role_required", None),
    "a tenant for who may not": ("/tenants", {"id": "mine", "owner": "me"}, 403, "operator_required", None),
    "a token without a name": ("/tokens", {"name": ""}, 422, "invalid", "name"),
}  # fmt: skip

# path with its query, status, code, field
READ = {
    "nothing there": ("/nothing", 404, "not_found", None),
    "NUL in a path": ("/trace/%00", 404, "not_found", None),
    "NUL in a query": ("/memories?search=%00", 422, "invalid_text", "search"),
    "a query that is not text": ("/memories?search=%ff", 422, "invalid", "search"),
    "a name that is not text": ("/memories?%ff=1", 422, "invalid", "\ufffd"),
    "no query": ("/memories/recall", 422, "invalid", "query"),
    "an empty query": ("/memories/recall?query=", 422, "invalid_body", "query"),
    "a huge limit": ("/memories/recall?query=x&top_k=100000", 422, "invalid", "top_k"),
    "a limit of nothing": ("/chat/conversations?limit=0", 422, "invalid", "limit"),
    "a limit in words": ("/chat/conversations?limit=many", 422, "invalid", "limit"),
    "a negative offset": ("/chat/conversations?offset=-1", 422, "invalid", "offset"),
    "an offset beyond all": (f"/chat/conversations?offset={10**30}", 422, "invalid", "offset"),
    "an unknown place": ("/memories?after=here", 422, "bad_cursor", "after"),
    "an unknown namespace": ("/memories/recall?query=x&namespace=elsewhere", 422, "foreign_namespace", "namespace"),
    "an export of an unknown parameter": ("/memories/export?limit=5", 422, "invalid", "limit"),
    "an export of an unknown namespace": ("/memories/export?namespace=no", 422, "foreign_namespace", "namespace"),
    "a path as a namespace": ("/memories/recall?query=x&namespace=../..", 422, "bad_name", "namespace"),
    "a limit twice": ("/memories?limit=5&limit=6", 422, "invalid", "limit"),
    "a tenant twice": ("/memories?tenant=other&tenant=default", 422, "invalid", "tenant"),
    "another tenant": ("/memories?tenant=other", 403, "tenant_mismatch", "tenant"),
    "an unknown turn": ("/trace/x", 404, "unknown_turn", "turn_id"),
    "turns of an unknown conversation": ("/trace/conversation/x", 404, "unknown_conversation", "conversation_id"),
    "an unknown agent": ("/learning?agent=nobody", 404, "unknown_agent", "agent"),
    "an agent under another name": ("/learning?persona=nobody", 404, "unknown_agent", "agent"),
    "two names of an agent": ("/learning?agent=soma&persona=soma", 422, "invalid", "persona"),
    "a position before the first": (
        "/chat/conversations/{conversation}/events?after=-1", 422, "invalid", "after",
    ),
    "a position beyond the end": ("/chat/conversations/{conversation}/events?after=1", 422, "invalid", "after"),
}  # fmt: skip

# what is sent, code, field
SENT = {
    "not JSON": ("hello", "invalid_json", "body"),
    "a list": ("[]", "invalid", "body"),
    "no type": ({}, "invalid", "type"),
    "an unknown type": ({"type": "chat.shout"}, "unknown_type", "type"),
    "an unknown envelope": ({"type": "ping", "body": {}}, "invalid", "body"),
    "an empty message": ({"type": "chat.message", "payload": {"content": " "}}, "empty_message", "content"),
    "NUL": ({"type": "chat.message", "payload": {"content": "\0"}}, "invalid_text", "payload.content"),
    "a number": ({"type": "chat.message", "payload": {"content": 5}}, "invalid", "content"),
    "an unknown field": ({"type": "chat.message", "payload": {"content": "a", "contents": ""}}, "invalid", "contents"),
    "2 MB": ({"type": "chat.message", "payload": {"content": "a" * HUGE}}, "message_too_large", "content"),
    "a part of another kind": (
        {"type": "chat.message", "payload": {"content": [{"kind": "x", "text": "a"}]}}, "invalid", "content.0.kind",
    ),
    "another agent": (
        {"type": "chat.message", "payload": {"content": "a", "persona": "other"}}, "tenant_mismatch", "agent",
    ),
    "an empty id": (
        {"type": "chat.message", "payload": {"content": "a", "client_message_id": ""}}, "invalid", "client_message_id",
    ),
    "an unknown conversation": (
        {"type": "chat.message", "payload": {"content": "a", "conversation_id": "x"}},
        "unknown_conversation", "conversation_id",
    ),
    "a position before the first": ({"type": "chat.resume", "payload": {"after": -1}}, "invalid", "after"),
    "a position beyond the end": ({"type": "chat.resume", "payload": {"after": 1}}, "invalid", "after"),
    "a position beyond all": ({"type": "chat.resume", "payload": {"after": 10**30}}, "invalid", "after"),
    "a position in words": ({"type": "chat.resume", "payload": {"after": "0"}}, "invalid", "after"),
    "a position that is true": ({"type": "chat.resume", "payload": {"after": True}}, "invalid", "after"),
    "an unknown turn": ({"type": "chat.cancel", "payload": {"turn_id": "x"}}, "unknown_turn", "turn_id"),
    "six of five stars": ({"type": "chat.feedback", "payload": {"turn_id": "x", "rating": 6}}, "invalid", "rating"),
    "another tenant": (
        {"type": "chat.message", "payload": {"content": "a", "tenant": "other"}}, "tenant_mismatch", "tenant",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def somebody(soma):
    return soma.member("somebody")


@pytest.fixture(scope="module")
def conversation(soma, somebody):
    made = somebody.converse()
    earlier = None
    while earlier != (earlier := soma.rows()):  # until what other tests have said is remembered
        time.sleep(0.3)
    return made


@pytest.fixture
def unchanged(soma, conversation):
    """Nothing is written while a test runs."""
    before = soma.rows()
    yield
    assert soma.rows() == before


def _assert_told(answer, status, code, field):
    said = answer.json()
    assert (answer.status_code, said["code"], said.get("field")) == (status, code, field), said
    assert said["message"]
    assert said["request_id"]


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("case", POSTED)
def test_what_is_posted_wrongly_is_refused(soma, somebody, conversation, case):
    path, body, *expected = POSTED[case]
    content = body if isinstance(body, str) else json.dumps(body)
    sender = soma.owner if path == "/learning/rollback" else somebody
    answer = sender.http.post(path.format(conversation=conversation), content=content, headers=JSON)
    _assert_told(answer, *expected)


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("case", READ)
def test_what_is_asked_wrongly_is_refused(somebody, conversation, case):
    path, *expected = READ[case]
    _assert_told(somebody.http.get(path.format(conversation=conversation)), *expected)


@pytest.mark.usefixtures("unchanged")
def test_no_door_passes_over_a_parameter_that_it_does_not_know(soma, somebody):
    document = httpx.get(f"{soma.url}/api/v2/openapi.json").json()
    for path, methods in document["paths"].items():
        if "get" not in methods:
            continue
        needed = [one["name"] for one in methods["get"]["parameters"] if one["in"] == "query" and one["required"]]
        query = {**dict.fromkeys(needed, "x"), "shout": "1"}
        answer = somebody.http.get(f"{soma.url}{path}".replace("{", "").replace("}", ""), params=query)
        _assert_told(answer, 422, "invalid", "shout")


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    ("content", "place"),
    [
        ('{\n  "content": hello}', "in line 2, column 14"),
        ('{"content": ', "breaks off"),
        ("[" * 100_000, "nested too deeply"),
        (b'{"content": "\xff"}', "not text in UTF-8"),
        ('{"content": 1e999}', "a number is too large"),
    ],
)
def test_what_is_not_json_is_told_alike_at_every_door(soma, somebody, conversation, content, place):
    token = (soma.data_dir / "service-token").read_text()
    who = {"X-Soma-Tenant": "default", "X-Soma-User": "x", "X-Soma-Agent": "x", "Authorization": f"Bearer {token}"}
    answers = [
        somebody.http.post(MESSAGES.format(conversation=conversation), content=content, headers=JSON),
        httpx.post(f"{soma.url}/brain/context/evaluate", content=content, headers={**JSON, **who}),
    ]
    for answer in answers:
        _assert_told(answer, 400, "invalid_json", "body")
        assert place in answer.json()["message"]
    with somebody.socket() as socket:
        socket.send(content)
        refused = json.loads(socket.recv(timeout=10))["payload"]
    assert (refused["code"], refused["message"]) == ("invalid_json", answers[0].json()["message"])


def test_a_conversation_without_a_turn_has_no_traces_and_is_known(somebody, conversation):
    traces = somebody.get(f"/trace/conversation/{conversation}")
    assert traces == {"conversation_id": conversation, "total_turns": 0, "traces": []}


@pytest.mark.usefixtures("unchanged")
def test_a_name_that_stands_twice_is_named(somebody, conversation):
    twice = '{"content": "a", "content": "b"}'
    answer = somebody.http.post(MESSAGES.format(conversation=conversation), content=twice, headers=JSON)
    assert answer.json()["message"] == "content given more than once"


@pytest.mark.usefixtures("unchanged")
def test_the_choices_are_named(somebody):
    answer = somebody.http.post("/memories", json={"items": [{"text": "x", "scope": "world"}]})
    assert answer.json()["message"] == "must be 'agent', 'tenant' or 'user', not 'world'"


@pytest.mark.usefixtures("unchanged")
def test_the_last_position_is_told_to_who_asks_for_a_later_one(somebody, conversation):
    answer = somebody.http.get(f"/chat/conversations/{conversation}/events", headers={"Last-Event-ID": "7"})
    _assert_told(answer, 422, "invalid", "after")
    assert answer.json()["message"] == "the conversation's last position is 0, not 7"


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("case", SENT)
def test_what_is_sent_wrongly_over_a_socket_is_refused_and_the_socket_stays(somebody, conversation, case):
    sent, code, field = SENT[case]
    if isinstance(sent, dict) and "payload" in sent:
        place = {"conversation_id": conversation} if sent["type"] in {"chat.message", "chat.resume"} else {}
        sent = {**sent, "payload": {**place, **sent["payload"]}}
    with somebody.socket() as socket:
        socket.send(sent if isinstance(sent, str) else json.dumps(sent))
        answer = json.loads(socket.recv(timeout=10))
        assert (answer["type"], answer["payload"]["code"], answer["payload"].get("field")) == ("error", code, field)
        assert answer["payload"]["message"]
        socket.send(json.dumps({"type": "ping", "id": "1"}))
        assert json.loads(socket.recv(timeout=10))["type"] == "pong"


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "token_missing"),
        ("Bearer wrong", "token_invalid"),
        ("Basic b3duZXI6", "token_missing"),
        ("Bearer", "token_missing"),
    ],
)
def test_no_door_opens_without_a_verified_token(soma, header, code):
    headers = {} if header is None else {"Authorization": header}
    document = httpx.get(f"{soma.url}/api/v2/openapi.json").json()
    for path, methods in document["paths"].items():
        for method in methods:
            answer = httpx.request(method, f"{soma.url}{path}", headers=headers)
            _assert_told(answer, 401, code, None)


@pytest.mark.usefixtures("unchanged")
def test_a_socket_without_a_token_is_closed_by_its_code(soma, somebody):
    stranger = type(somebody)(soma.url, "wrong")
    with stranger.socket() as socket, pytest.raises(ConnectionClosed) as closed:
        socket.recv(timeout=10)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401
    assert closed.value.rcvd.reason.startswith("the token is unknown, expired or revoked")


def test_the_scheme_of_a_token_is_read_in_any_case(soma):
    for scheme in ("bearer", "BEARER"):
        headers = {"Authorization": f"{scheme} {soma.token}"}
        assert httpx.get(f"{soma.url}/api/v2/chat/conversations", headers=headers).status_code == 200


def test_a_socket_elsewhere_is_closed_by_its_code(soma):
    with connect(f"{soma.url.replace('http', 'ws', 1)}/ws/v1") as socket, pytest.raises(ConnectionClosed) as closed:
        socket.recv(timeout=10)
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4404, "the socket is at /ws/v2/chat")


@pytest.mark.parametrize(
    ("origin", "welcome"),
    [("own", True), ("https://evil.example", False), ("null", False), ("http://[", False), ("http://[::1]x", False)],
)
def test_a_page_of_another_origin_opens_no_socket(soma, origin, welcome):
    address = f"{soma.url.replace('http', 'ws', 1)}/ws/v2/chat"
    headers = {"Authorization": f"Bearer {soma.token}", "Origin": soma.url if origin == "own" else origin}
    with connect(address, additional_headers=headers) as socket:
        if welcome:
            socket.send(json.dumps({"type": "ping"}))
            assert json.loads(socket.recv(timeout=10))["type"] == "pong"
            return
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=10)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4403
    assert "SOMA_ALLOWED_ORIGINS" in closed.value.rcvd.reason


def test_a_browser_brings_its_token_as_a_subprotocol(soma):
    address = f"{soma.url.replace('http', 'ws', 1)}/ws/v2/chat"
    with connect(address, subprotocols=[Subprotocol("soma.v2"), Subprotocol(f"bearer.{soma.token}")]) as socket:
        assert socket.subprotocol == "soma.v2"
        socket.send(json.dumps({"type": "ping"}))
        assert json.loads(socket.recv(timeout=10))["type"] == "pong"


@pytest.mark.usefixtures("unchanged")
def test_a_method_that_a_path_has_not_is_told_in_the_one_shape(somebody):
    answer = somebody.http.put("/me")
    _assert_told(answer, 405, "method_not_allowed", None)
    assert answer.headers["Allow"] == "GET"


def test_emoji_and_other_scripts_are_kept_as_they_are(person):
    text = "My 🐈‍⬛ is called Mïsö — 猫 — \u202eabc\u202c e\u0301."
    turn = person.ask(text)
    assert person.trace(turn["turn_id"])["content"] == text
    assert person.get("/chat/conversations")["conversations"][0]["title"] == text


def test_a_path_outside_the_document_root_is_refused_by_name(soma, person):
    (soma.data_dir / "secret.txt").write_text("The launch code is 0000.")
    turn = person.ask("Read the document ../secret.txt")
    [use] = person.trace(turn["turn_id"])["iterations"][0]["tools"]
    assert use["tool"] == "document"
    assert use["result"]["is_error"]
    assert "outside" in use["result"]["content"]
    assert "0000" not in turn["content"]
