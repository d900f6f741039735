"""Feedback that cannot be meant is refused by the server, and teaches nothing."""

import json

import pytest


@pytest.fixture(scope="module")
def speaker(soma):
    return soma.member("speaker")


@pytest.fixture(scope="module")
def turn(speaker):
    """A turn whose answer was shown two memories."""
    speaker.remember("The harbour opens at seven.", "Ferries leave the harbour for the islands.")
    return speaker.trace(speaker.ask("When does the harbour open?")["turn_id"])


@pytest.fixture
def shown(turn):
    return [memory["id"] for memory in turn["iterations"][-1]["recalled"]["memories"]]


@pytest.fixture
def nothing_learned(speaker):
    before = speaker.get("/learning")["version"]
    yield
    assert speaker.get("/learning")["version"] == before


@pytest.fixture(params=["rest", "websocket"])
def refused(request, speaker, turn):
    """What the server says to a feedback on the turn, at either door."""

    def at_rest(feedback):
        answer = speaker.http.post("/feedback", json=feedback)
        assert answer.status_code in {403, 422}
        return answer.json()

    def at_socket(feedback):
        with speaker.socket() as socket:
            socket.send(json.dumps({"type": "chat.feedback", "payload": feedback}))
            answer = json.loads(socket.recv(timeout=10))
        assert answer["type"] == "error"
        return answer["payload"]

    door = at_rest if request.param == "rest" else at_socket
    return lambda **feedback: door({"turn_id": turn["turn_id"], **feedback})


@pytest.mark.usefixtures("nothing_learned")
def test_a_memory_is_not_both_helpful_and_unhelpful(refused, shown):
    told = refused(helpful=shown, unhelpful=shown[:1])
    assert (told["code"], told["field"]) == ("invalid", "helpful")
    assert told["message"] == f"memory {shown[0]!r} cannot be both helpful and unhelpful"


@pytest.mark.usefixtures("nothing_learned")
@pytest.mark.parametrize("field", ["helpful", "unhelpful"])
def test_a_memory_that_the_answer_was_not_shown_neither_helped_nor_did_not(soma, refused, shown, field):
    [foreign] = soma.owner.remember("The safe is behind the picture.", scope="user")
    for wrong in (foreign, "nowhere"):
        told = refused(**{field: [*shown, wrong]})
        assert (told["code"], told["field"]) == ("unknown_memory", field)
        assert told["message"] == f"the answer was not shown a memory {wrong!r}"
    assert soma.owner.http.post("/memories/forget", json={"ids": [foreign]}).is_success  # others look for nothing


@pytest.mark.usefixtures("nothing_learned")
def test_feedback_on_another_agents_turn_is_refused(refused):
    told = refused(thumb=1, persona="other")
    assert (told["code"], told["field"]) == ("tenant_mismatch", "agent")


@pytest.mark.usefixtures("nothing_learned")
def test_a_comment_that_nobody_would_keep_is_refused(refused):
    told = refused(thumb=1, comment="It missed the point.")
    assert told["field"] == "comment"
