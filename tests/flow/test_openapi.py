"""What openapi.json says is what the server answers: types, names and errors."""

import re

import httpx
import jsonschema
import pytest

METHODS = {"get", "post", "patch", "delete"}
VERB_AND_NOUN = re.compile(r"[a-z]+(_[a-z]+)+")


@pytest.fixture(scope="module")
def document(soma):
    return httpx.get(f"{soma.url}/api/v2/openapi.json").json()


def operations(document):
    for methods in document["paths"].values():
        for method in methods.keys() & METHODS:
            yield methods[method]


def test_every_operation_has_a_name_of_its_own_that_says_what_it_does(document):
    names = [operation["operationId"] for operation in operations(document)]
    assert len(names) == len(set(names))
    assert [name for name in names if not VERB_AND_NOUN.fullmatch(name)] == []


def test_every_answer_is_typed(document):
    for operation in operations(document):
        [(status, answer)] = [item for item in operation["responses"].items() if item[0].startswith("2")]
        kinds = answer.get("content", {})
        assert kinds or status == "204", operation["operationId"]
        for kind in kinds.values():
            assert kind["schema"].keys() & {"$ref", "type"}, operation["operationId"]


def test_every_operation_lists_its_errors_in_the_one_shape(document):
    for operation in operations(document):
        refused = {status: answer for status, answer in operation["responses"].items() if status >= "4"}
        assert refused.keys() >= {"401", "403", "422", "503"}, operation["operationId"]
        for answer in refused.values():
            assert answer["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Error"}


def test_answers_are_as_their_types_say(document, soma):
    owner = soma.tenant("typed")
    owner.remember("The harbour opens at seven.")
    conversation = owner.post("/chat/conversations", {"title": "typed"})
    turn = owner.ask("When does the harbour open?", conversation["id"])
    member = owner.post("/members", {"username": "guest"})
    place = f"/chat/conversations/{conversation['id']}"
    answers = {
        "create_conversation": conversation,
        "send_message": turn,
        "invite_member": member,
        "give_feedback": owner.post("/feedback", {"turn_id": turn["turn_id"], "thumb": 1}),
        "list_conversations": owner.get("/chat/conversations"),
        "get_conversation": owner.get(place),
        "list_messages": owner.get(f"{place}/messages"),
        "get_turn": owner.get(f"/chat/turns/{turn['turn_id']}"),
        "get_last_trace": owner.get("/trace/last"),
        "list_traces": owner.get(f"/trace/conversation/{conversation['id']}"),
        "list_capsules": owner.get("/capsules"),
        "get_model": owner.get("/model"),
        "get_learner": owner.get("/learning"),
        "get_learning_history": owner.get("/learning/history"),
        "preview_learning": owner.get("/learning/preview", query="harbour"),
        "roll_back_learning": owner.post("/learning/rollback", {"version": 0}),
        "list_experiments": owner.get("/experiments"),
        "list_documents": owner.get("/memories/documents"),
        "recall_memories": owner.get("/memories/recall", query="harbour"),
        "list_memories": owner.get("/memories"),
        "get_memory_status": owner.get("/memories/status"),
        "list_consolidations": owner.get("/memories/consolidations"),
        "get_me": owner.get("/me"),
        "list_members": owner.get("/members"),
        "list_tokens": owner.get("/tokens"),
        "create_token": owner.post("/tokens", {"name": "typed"}),
    }
    schemas = {operation["operationId"]: schema_of(operation) for operation in operations(document)}
    for name, answer in answers.items():
        jsonschema.validate(answer, {**schemas[name], "components": document["components"]})


def test_errors_are_as_their_type_says(document, soma):
    schema = {**document["components"]["schemas"]["Error"], "components": document["components"]}
    for refused in (httpx.get(f"{soma.url}/api/v2/me"), soma.owner.http.get("/trace/nothing")):
        jsonschema.validate(refused.json(), schema)


def schema_of(operation):
    [answer] = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
    return answer.get("content", {}).get("application/json", {}).get("schema", {})
