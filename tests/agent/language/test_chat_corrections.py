"""A correction in the chat is read only where a message denies and then says what is right."""

import pytest

from soma.agent.language.chat_corrections import answered_question, right_value_in


@pytest.mark.parametrize(
    ("message", "stated"),
    [
        ("no, it is 4321", "It is 4321"),
        ("No, it was the blue one.", "It was the blue one."),
        ("No. It's 4321 since last May. Thanks!", "It's 4321 since last May."),
        ("Wrong: the code of the alarm is 4321.", "The code of the alarm is 4321."),
        ("That's not right - she was born in Porto.", "She was born in Porto."),
        ("no, sorry, it was Tuesday", "It was Tuesday"),
        ("No, 4321.", "4321."),
        ("nein, es war Dienstag", "Es war Dienstag"),
        ("Nein, das Passwort lautet otter-4471.", "Das Passwort lautet otter-4471."),
        ("Das stimmt nicht, sie heißt Lena.", "Sie heißt Lena."),
        ("Nein, am 3. Mai", "Am 3. Mai"),
        ("non, c'était mardi", "C'était mardi"),
        ("Non, le code est 4321.", "Le code est 4321."),
        ("C'est faux : elle s'appelle Léa.", "Elle s'appelle Léa."),
        ("no, era el martes", "Era el martes"),
        ("No, es 4321.", "Es 4321."),
        ("Eso no es correcto: la clave es 4321.", "La clave es 4321."),
    ],
)
def test_the_right_value_is_read_in_four_languages(message: str, stated: str) -> None:
    assert right_value_in(message) == stated


@pytest.mark.parametrize(
    "message",
    [
        "no",
        "No, that is wrong.",
        "No, it is not.",
        "No, it isn't 4321.",
        "No, it's fine, thanks.",
        "No thanks, it is late.",
        "No, is it 4321?",
        "No, show me the document a.md",
        "It is 4321.",
        "Notes: it is 4321.",
        "No, leave them.",
        "nein danke",
        "Nein, das ist falsch.",
        "non merci",
        "No, gracias.",
        f"No, it is {'long ' * 80}.",
    ],
)
def test_what_states_no_right_value_is_none(message: str) -> None:
    assert right_value_in(message) is None


def test_a_kept_correction_says_what_it_is_about() -> None:
    assert answered_question("What is\n the code?", "It is 4321.") == "What is the code? It is 4321."
    long = f"{'I went on and on. ' * 40} What is the code?"
    assert answered_question(long, "It is 4321.") == "What is the code? It is 4321."
