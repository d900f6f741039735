"""In the middle of an answer: who joins, who sends again, who cancels."""

import json
import threading

import pytest
from tests.flow.product import start
from tests.flow.speaker import HALVES, Speaker

WHOLE = "".join(HALVES)


@pytest.fixture(scope="module")
def address():
    with Speaker().serving() as speaker:
        yield speaker


@pytest.fixture(scope="module")
def slow(tmp_path_factory, address):
    settings = {"SOMA_DEFAULT_MODEL": "openai/slow", "OPENAI_API_KEY": "any", "SOMA_OPENAI_BASE_URL": address.url}
    settings |= {"SOMA_STREAM_COMMENT_SECONDS": "0.2", "SOMA_TURNS_PER_USER": "3", "SOMA_TURNS_PER_TENANT": "4"}
    product = start(tmp_path_factory.mktemp("slow"), **settings)
    yield product
    product.stop()


@pytest.fixture
def person(slow, request):
    return slow.member(request.node.name.replace("_", "-")[:60])


@pytest.fixture
def model(address):
    address.go_on.clear()
    address.left.clear()
    return address


@pytest.fixture
def talking(person, model):
    """A conversation with half an answer, and the stream that brought it."""
    conversation = person.converse()
    path = f"/chat/conversations/{conversation}/messages"
    with person.events(path, body={"content": "Speak.", "stream": True}) as frames:
        seen = [next(frames)]
        while seen[-1]["type"] != "chat.delta":
            seen.append(next(frames))
        yield conversation, seen, frames
        model.go_on.set()


def text_of(frames):
    return {frame["payload"]["offset"]: frame["payload"]["text"] for frame in frames if frame["type"] == "chat.delta"}


def rest_of(frames):
    seen = []
    for frame in frames:
        seen.append(frame)
        if frame["type"] == "chat.turn_complete":
            break
    return seen


def test_who_resumes_in_the_middle_gets_the_text_so_far_and_then_the_rest(person, model, talking):
    conversation, seen, frames = talking
    position = seen[0]["position"]
    with person.events(f"/chat/conversations/{conversation}/events", after=position) as joined:
        caught_up = [next(joined)]
        while caught_up[-1]["type"] != "chat.delta":
            caught_up.append(next(joined))
        assert text_of(caught_up) == {0: HALVES[0]}
        model.go_on.set()
        late = caught_up + rest_of(joined)
    first = seen + rest_of(frames)
    assert [frame for frame in late if "position" in frame] == [frame for frame in first if "position" in frame][1:]
    assert text_of(late) == text_of(first)
    assert late[-1]["payload"]["content"] == WHOLE


def test_a_socket_that_resumes_in_the_middle_gets_the_same(person, model, talking):
    conversation, _, _ = talking
    with person.socket() as socket:
        socket.send(json.dumps({"type": "chat.resume", "payload": {"conversation_id": conversation, "after": 0}}))
        seen = [json.loads(socket.recv(timeout=10))]
        while seen[-1]["type"] != "chat.delta":
            seen.append(json.loads(socket.recv(timeout=10)))
        model.go_on.set()
        seen += rest_of(json.loads(socket.recv(timeout=10)) for _ in range(100))
    assert text_of(seen) == {0: HALVES[0], len(HALVES[0]): HALVES[1]}
    assert seen[0]["type"] == "chat.turn_started"


def test_a_second_message_waits_or_is_refused(person, model, talking):
    conversation, _, frames = talking
    path = f"/chat/conversations/{conversation}/messages"
    refused = person.http.post(path, json={"content": "And now?"})
    assert (refused.status_code, refused.json()["code"]) == (409, "turn_in_progress")
    with person.events(path, body={"content": "Later.", "stream": True, "on_busy": "enqueue"}) as queued:
        model.go_on.set()
        assert rest_of(frames)[-1]["payload"]["content"] == WHOLE
        assert rest_of(queued)[-1]["payload"]["content"] == WHOLE
    asked = [turn["content"] for turn in person.get(path)["messages"] if turn["role"] == "user"]
    assert asked == ["Speak.", "Later."]


def test_a_second_message_may_take_the_place_of_the_first(person, model, talking):
    conversation, _, frames = talking
    path = f"/chat/conversations/{conversation}/messages"
    with person.events(path, body={"content": "No, this.", "stream": True, "on_busy": "cancel"}) as other:
        assert rest_of(frames)[-1]["payload"]["exit_reason"] == "cancelled"
        assert model.left.wait(5)
        model.go_on.set()
        assert rest_of(other)[-1]["payload"]["content"] == WHOLE
    told = [(said["role"], said["content"]) for said in person.get(path)["messages"]]
    assert told == [("user", "Speak."), ("assistant", HALVES[0]), ("user", "No, this."), ("assistant", WHOLE)]


def test_each_answer_follows_its_question_though_a_later_one_was_cancelled_first(person, model, talking):
    conversation, _, frames = talking
    path = f"/chat/conversations/{conversation}/messages"
    with (
        person.events(path, body={"content": "Second.", "stream": True, "on_busy": "enqueue"}) as second,
        person.events(path, body={"content": "Third.", "stream": True, "on_busy": "enqueue"}) as third,
    ):
        last = person.get(f"/trace/conversation/{conversation}")["traces"][0]["turn_id"]
        person.post(f"/chat/turns/{last}/cancel", {})
        rest_of(third)
        model.go_on.set()
        rest_of(frames)
        rest_of(second)
    told = [(said["role"], said["content"]) for said in person.get(path)["messages"]]
    assert told == [
        ("user", "Speak."), ("assistant", WHOLE), ("user", "Second."), ("assistant", WHOLE),
        ("user", "Third."), ("assistant", "(stopped)"),
    ]  # fmt: skip


def test_a_turn_goes_on_after_a_kill_in_the_middle_of_its_answer(tmp_path, model):
    settings = {"SOMA_DEFAULT_MODEL": "openai/slow", "OPENAI_API_KEY": "any", "SOMA_OPENAI_BASE_URL": model.url}
    before = start(tmp_path, **settings)
    conversation = before.owner.converse()
    with before.owner.socket() as socket:
        payload = {"conversation_id": conversation, "content": "Speak."}
        socket.send(json.dumps({"type": "chat.message", "payload": payload}))
        while json.loads(socket.recv(timeout=10))["type"] != "chat.delta":
            pass
        before.kill()
    model.go_on.set()
    after = start(tmp_path, **settings)
    with after.owner.events(f"/chat/conversations/{conversation}/events", after=0) as frames:
        kinds = [frame["type"] for frame in rest_of(frames) if "position" in frame]
    said = after.owner.get(f"/chat/conversations/{conversation}/messages")["messages"]
    after.stop()
    assert kinds.count("chat.turn_started") == kinds.count("chat.turn_complete") == 1
    assert [message["content"] for message in said] == ["Speak.", WHOLE]


def test_cancelling_hangs_up_at_once_and_keeps_the_half(person, model, talking):
    conversation, seen, frames = talking
    cancelled = person.post(f"/chat/turns/{seen[0]['turn_id']}/cancel", {})
    assert (cancelled["state"], cancelled["exit_reason"]) == ("complete", "cancelled")
    assert model.left.wait(5)
    assert rest_of(frames)[-1]["payload"]["exit_reason"] == "cancelled"
    model.go_on.set()
    assert person.ask("Again.", conversation)["content"] == WHOLE


def test_deleting_a_conversation_hangs_up_at_once(person, model, talking):
    conversation, _, frames = talking
    assert "stays in memory" in person.http.delete(f"/chat/conversations/{conversation}").json()["stays"]
    assert model.left.wait(5)
    assert rest_of(frames)[-1]["payload"]["exit_reason"] == "cancelled"


def test_what_a_removed_member_has_under_way_is_cancelled_and_told_to_nobody(slow, person, model, talking):
    conversation, _, frames = talking
    waited = []
    wait = threading.Thread(target=lambda: waited.append(_posted(person, conversation, on_busy="enqueue")))
    wait.start()
    while len(slow.owner.get(f"/trace/conversation/{conversation}", limit=5)["traces"]) < 2:
        pass
    assert slow.owner.http.delete(f"/members/{person.get('/me')['username']}").status_code == 204
    assert next(frames)["code"] == "token_invalid"
    assert list(frames) == []
    wait.join(timeout=10)
    assert (waited[0].status_code, waited[0].json()["code"]) == (401, "token_invalid")
    model.left.wait(10)
    traces = slow.owner.get(f"/trace/conversation/{conversation}", limit=5)["traces"]
    assert [trace["exit_reason"] for trace in traces] == ["cancelled", "cancelled"]


def test_who_may_only_read_from_now_on_has_nothing_under_way(slow, person, model, talking):
    _, _, frames = talking
    role = {"role": "viewer"}
    assert slow.owner.http.patch(f"/members/{person.get('/me')['username']}", json=role).status_code == 200
    assert rest_of(frames)[-1]["payload"]["exit_reason"] == "cancelled"


def test_a_silent_stream_says_that_it_is_alive(person, model, talking):
    conversation, _, _ = talking
    for method, path in (("GET", f"{conversation}/events"), ("POST", f"{person.converse()}/messages")):
        body = {"content": "Speak.", "stream": True} if method == "POST" else None
        with person.http.stream(method, f"/chat/conversations/{path}", json=body) as response:
            lines = response.iter_lines()
            assert any(line.startswith(":") for line in lines)
            assert next(lines) == ""


def _refused_as_busy(person):
    """A further message, in a conversation of its own; until its answer where it is taken."""
    answer = _posted(person, person.converse())
    return (answer.status_code, answer.json().get("code"), answer.headers.get("Retry-After")) == (429, "busy", "1")


def test_turns_under_way_are_bounded_for_each_person_and_each_tenant(slow, person, model, talking):
    """What waits counts too; others go on, and a message that was taken is answered again under its id."""
    conversation, _, frames = talking
    for number in range(2):
        _sent(person, conversation, f"wait-{number}")
    assert _refused_as_busy(person)
    answer = _posted(person, conversation, on_busy="enqueue")
    assert (answer.status_code, answer.json()["code"]) == (429, "busy")
    with person.socket() as socket:
        payload = {"conversation_id": person.converse(), "content": "And then?"}
        socket.send(json.dumps({"type": "chat.message", "payload": payload}))
        assert json.loads(socket.recv(timeout=10))["payload"]["code"] == "busy"
    neighbour = slow.member("neighbour")
    _sent(neighbour, neighbour.converse(), "first")  # the tenant's fourth
    assert _refused_as_busy(neighbour)
    elsewhere = slow.tenant("elsewhere")
    _sent(elsewhere, elsewhere.converse(), "first")
    _sent(person, conversation, "wait-1")  # known already
    model.go_on.set()
    rest_of(frames)
    while _refused_as_busy(person):
        pass


def _sent(person, conversation, client_message_id):
    """Begin a turn, or let it wait, and leave."""
    body = {"content": "Speak.", "stream": True, "on_busy": "enqueue", "client_message_id": client_message_id}
    with person.http.stream("POST", f"/chat/conversations/{conversation}/messages", json=body) as response:
        assert response.status_code == 200, response.read()


def _posted(person, conversation, **more):
    path = f"/chat/conversations/{conversation}/messages"
    return person.http.post(path, json={"content": "And then?", **more})
