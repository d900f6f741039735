"""A correction that a person types is the next answer to the question, theirs alone, and goes like any memory."""

import pytest

QUESTION = "What do I do when the boiler loses pressure?"
PARAPHRASE = "The boiler loses pressure, what do I do?"
RIGHT = "Open the grey filling loop under the boiler until the needle shows 1.5 bar."


@pytest.fixture
def turn(person):
    return person.ask(QUESTION)["turn_id"]


def memories(person):
    return {memory["id"]: memory["text"] for memory in person.get("/memories")["memories"]}


@pytest.mark.parametrize("question", [QUESTION, PARAPHRASE])
def test_the_next_answer_quotes_it_with_a_citation(person, turn, question):
    given = person.post("/feedback", {"turn_id": turn, "correction": f"  {RIGHT}\n"})
    answer = person.ask(question)
    assert RIGHT in answer["content"]
    assert [one["id"] for one in answer["citations"]] == [given["memory_id"]]
    assert memories(person)[given["memory_id"]] == RIGHT
    assert person.post("/memories/forget", {"ids": [given["memory_id"]]})
    assert RIGHT not in person.ask(question)["content"]


@pytest.mark.parametrize(
    ("question", "correction"),
    [
        ("What is the code of the alarm?", "No, it is 4321."),
        ("Wie lautet der Code der Alarmanlage?", "Nein, es ist 4321."),
        ("Quel est le code de l'alarme ?", "Non, c'est 4321."),
        ("¿Cuál es el código de la alarma?", "No, es 4321."),
        ("What is the code of the alarm?", "Actually it is 4321."),
        ("What is the code of the alarm?", "not 1111 but 4321"),
        ("警報の番号は何ですか？", "違います、4321です"),
    ],
)
def test_a_correction_in_the_chat_is_the_next_answer(person, question, correction):
    conversation = person.converse()
    person.ask(question, conversation)
    corrected = person.ask(correction, conversation)["turn_id"]
    [happened] = person.get(f"/trace/{corrected}")["credit"]
    assert (happened["source"], happened["learned"]) == ("corrected_in_chat", True)
    assert "4321" in person.ask(question)["content"]
    assert [text for text in memories(person).values() if "4321" in text] == [memories(person)[happened["memory_id"]]]


def test_others_never_see_it(soma, person, newcomer, turn):
    person.post("/feedback", {"turn_id": turn, "correction": RIGHT})
    for other in (newcomer(), soma.owner):
        assert RIGHT not in other.ask(QUESTION)["content"]
        assert RIGHT not in memories(other).values()


def test_a_viewer_corrects_nothing(soma, turn):
    viewer = soma.member("reads-only", role="viewer")
    answer = viewer.http.post("/feedback", json={"turn_id": turn, "correction": RIGHT})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"correction": ""}, "correction"),
        ({"correction": " \n"}, "correction"),
        ({"correction": "zero \0"}, "correction"),
        ({"correction": "x" * 4_001}, "correction"),
        ({"correction": RIGHT, "thumb": 1}, "correction"),
        ({"correction": RIGHT, "rating": 5}, "correction"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_field(person, turn, more, field):
    answer = person.http.post("/feedback", json={"turn_id": turn, **more})
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert not memories(person)


def test_on_the_command_line_it_says_what_comes_of_it(soma, person):
    token = person.http.headers["Authorization"].removeprefix("Bearer ")
    turn = person.ask(QUESTION)["turn_id"]
    done = soma.run("feedback", turn, "--correct", RIGHT, token=token)
    assert done.returncode == 0, done.stderr
    assert "the correction is remembered, and comes first when you ask this again" in done.stdout
    assert RIGHT in person.ask(QUESTION)["content"]
    again = soma.run("feedback", turn, "--correct", RIGHT, token=token)
    assert "already recorded: nothing was recorded again" in again.stdout
    soma.run("feedback", turn, "--withdraw", token=token)
    late = soma.run("feedback", turn, "--correct", "Call the plumber.", token=token)
    assert "the correction is remembered\n" in late.stdout
    refused = soma.run("feedback", turn, "--correct", RIGHT, "--up", token=token)
    assert "--correct says that the answer was wrong: --up contradicts it" in refused.stderr
