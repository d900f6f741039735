"""One turn, three ways to watch it: server-sent events, a socket, and whoever comes later."""

import json
from itertools import takewhile

import pytest

QUESTION = "what is 23*19 + 7?"
LEFT_OUT = {"memories", "weights", "neuromodulators", "weights_after", "final_weights", "lanes", "logprobs"}
FIRST = ["chat.turn_started", "chat.bundle_built", "chat.model_responded", "chat.tool_requested", "chat.tool_decided"]


def until_complete(frames):
    """The frames of one turn, its last included."""
    seen = []
    for frame in frames:
        seen.append(frame)
        if frame["type"] == "chat.turn_complete":
            return seen
    raise AssertionError("the stream ended before its turn")


def spoken(frames):
    return "".join(frame["payload"]["text"] for frame in frames if frame["type"] == "chat.delta")


def stored(frames):
    return [frame for frame in frames if "position" in frame]


def over_socket(person, conversation, content):
    with person.socket() as socket:
        payload = {"conversation_id": conversation, "content": content}
        socket.send(json.dumps({"type": "chat.message", "id": "mine", "payload": payload}))
        accepted = json.loads(socket.recv(timeout=10))
        assert (accepted["type"], accepted["payload"]["id"]) == ("chat.accepted", "mine")
        return until_complete(json.loads(socket.recv(timeout=20)) for _ in range(1_000))


def over_sse(person, conversation, content):
    path = f"/chat/conversations/{conversation}/messages"
    with person.events(path, body={"content": content, "stream": True}) as frames:
        return until_complete(frames)


def resumed(person, conversation, *, after):
    with person.events(f"/chat/conversations/{conversation}/events", after=after) as frames:
        return until_complete(frames)


def resumed_over_socket(person, conversation, *, after):
    with person.socket() as socket:
        socket.send(json.dumps({"type": "chat.resume", "payload": {"conversation_id": conversation, "after": after}}))
        return until_complete(json.loads(socket.recv(timeout=20)) for _ in range(1_000))


def test_the_socket_and_sse_give_the_same_events(person):
    conversation = person.converse()
    live = over_socket(person, conversation, QUESTION)
    assert [frame["type"] for frame in stored(live)][:5] == FIRST
    assert spoken(live).endswith("23*19 + 7 = 444.")
    assert stored(resumed(person, conversation, after=0)) == stored(live)
    other = over_sse(person, person.converse(), QUESTION)
    assert [frame["type"] for frame in other] == [frame["type"] for frame in live]
    assert spoken(other) == spoken(live)


def test_a_message_in_parts_is_the_same_at_every_door(person):
    parts = [{"kind": "text", "text": "what is"}, {"text": QUESTION.removeprefix("what is ")}]
    for door in (over_socket, over_sse):
        frames = door(person, person.converse(), parts)
        assert frames[0]["payload"]["content"] == "what is\n23*19 + 7?"
        assert frames[-1]["payload"]["content"] == "23*19 + 7 = 444."


@pytest.mark.parametrize("name", ["agent", "agent_id", "persona"])
def test_the_agent_of_a_conversation_may_be_named_beside_a_message(person, name):
    made = person.post("/chat/conversations", {name: "soma"})
    for own in ("soma", made["agent_id"]):
        assert person.ask(QUESTION, made["id"], **{name: own})["content"] == "23*19 + 7 = 444."


def test_the_deltas_are_the_answer(person):
    person.remember("The harbour opens at seven.")
    frames = over_sse(person, person.converse(), "When does the harbour open?")
    complete = frames[-1]["payload"]
    drafts = list(takewhile(lambda frame: frame["type"] != "chat.model_responded", frames))
    assert spoken(drafts) == complete["content"]


@pytest.mark.parametrize("resume", [resumed, resumed_over_socket])
def test_a_client_that_resumes_gets_exactly_the_rest(person, resume):
    conversation = person.converse()
    whole = stored(over_sse(person, conversation, QUESTION))
    assert [frame["position"] for frame in whole] == list(range(1, len(whole) + 1))
    for frame in whole[:-1:4]:
        rest = stored(resume(person, conversation, after=frame["position"]))
        assert rest == whole[frame["position"] :]


def test_last_event_id_resumes_as_a_browser_does(person):
    conversation = person.converse()
    whole = stored(over_sse(person, conversation, QUESTION))
    person.http.headers["Last-Event-ID"] = "3"
    assert stored(resumed(person, conversation, after=0)) == whole[3:]


def light_over_sse(person, conversation):
    with person.events(f"/chat/conversations/{conversation}/events", after=0, detail="light") as frames:
        return until_complete(frames)


def light_over_socket(person, conversation):
    with person.socket() as socket:
        payload = {"conversation_id": conversation, "detail": "light"}
        socket.send(json.dumps({"type": "chat.resume", "payload": payload}))
        return until_complete(json.loads(socket.recv(timeout=20)) for _ in range(1_000))


@pytest.mark.parametrize("follow_light", [light_over_sse, light_over_socket])
def test_a_light_stream_has_the_same_events_without_what_only_a_study_of_the_turn_needs(person, follow_light):
    person.remember("The harbour opens at seven.")
    conversation = person.converse()
    whole = stored(over_sse(person, conversation, "When does the harbour open?"))
    light = stored(follow_light(person, conversation))
    envelope = ("type", "id", "position", "timestamp", "turn_id")
    assert [[frame[name] for name in envelope] for frame in light] == [
        [frame[name] for name in envelope] for frame in whole
    ]
    for full, short in zip(whole, light, strict=True):
        assert short["payload"].items() <= full["payload"].items()
        assert not short["payload"].keys() & LEFT_OUT
    assert whole[1]["payload"]["memories"]
    assert light[-1]["payload"]["content"] == whole[-1]["payload"]["content"]


def test_a_message_may_be_answered_lightly_at_every_door(person):
    path = f"/chat/conversations/{person.converse()}/messages"
    with person.events(path, body={"content": QUESTION, "stream": True}, detail="light") as frames:
        streamed = until_complete(frames)
    waited = person.post(f"{path}?detail=light", {"content": QUESTION})
    with person.socket() as socket:
        payload = {"conversation_id": person.converse(), "content": QUESTION, "detail": "light"}
        socket.send(json.dumps({"type": "chat.message", "payload": payload}))
        sent = until_complete(json.loads(socket.recv(timeout=20)) for _ in range(1_000))
    for payload in [waited, *(frame["payload"] for frame in (*streamed, *sent))]:
        assert not payload.keys() & LEFT_OUT
    assert waited["content"] == streamed[-1]["payload"]["content"] == "23*19 + 7 = 444."


def test_a_detail_that_is_none_is_refused_by_name(person):
    conversation = person.converse()
    refused = person.http.get(f"/chat/conversations/{conversation}/events", params={"detail": "tiny"})
    assert (refused.status_code, refused.json()["field"]) == (422, "detail")
    with person.socket() as socket:
        payload = {"conversation_id": conversation, "detail": "tiny"}
        socket.send(json.dumps({"type": "chat.resume", "payload": payload}))
        assert json.loads(socket.recv(timeout=10))["payload"]["field"] == "detail"


def test_a_closed_stream_does_not_end_the_turn(person):
    conversation = person.converse()
    path = f"/chat/conversations/{conversation}/messages"
    with person.events(path, body={"content": QUESTION, "stream": True}) as frames:
        first = next(frames)
    assert first["type"] == "chat.turn_started"
    rest = resumed(person, conversation, after=first["position"])
    assert rest[-1]["payload"]["content"] == "23*19 + 7 = 444."


def test_a_message_sent_twice_is_one_turn(person):
    conversation = person.converse()
    first = person.ask(QUESTION, conversation, client_message_id="once")
    assert person.ask(QUESTION, conversation, client_message_id="once") == first
    assert len(person.get(f"/chat/conversations/{conversation}/messages")["messages"]) == 2
