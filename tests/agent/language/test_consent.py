"""Requests to forget, and a plain yes, are read from the user's words alone."""

import pytest

from soma.agent.language.consent import Consent, consent_in
from soma.agent.language.requests_to_forget import asks_to_forget, find_what_to_erase, find_what_to_forget


@pytest.mark.parametrize(
    ("message", "what"),
    [
        ("Forget that our Wi-Fi password is heron-42", "our Wi-Fi password is heron-42"),
        ("Please forget what I told you about Rex.", "Rex"),
        ("Could you please forget my PIN?", "my PIN"),
        ("you can forget my address", "my address"),
        ("Don't remember my PIN.", "my PIN"),
        ("Forget everything you know about Ann!", "Ann"),
        ("Delete the memory about Rex", "Rex"),
        ("remove heron-42 from your memory", "heron-42"),
        ("My dog is Rex. Forget my cat.", "my cat"),
        ("Vergiss, dass unser WLAN-Passwort heron-42 ist", "unser WLAN-Passwort heron-42 ist"),
        ("Kannst du bitte mein WLAN-Passwort vergessen?", "mein WLAN-Passwort"),
        ("Oublie que mon code est 1234", "mon code est 1234"),
        ("Peux-tu oublier mon code ?", "mon code"),
        ("Olvida que mi PIN es 1234", "mi PIN es 1234"),
        ("Vergiss bitte, dass Rex beißt", "Rex beißt"),
        ("vergiss das WLAN-Passwort", "das WLAN-Passwort"),
        ("Vergiß mein WLAN-Passwort!", "mein WLAN-Passwort"),
        ("Vergiss, dass ich nicht schlafe", "ich nicht schlafe"),
        ("Lösche das WLAN-Passwort", "das WLAN-Passwort"),
        ("delete my PIN", "my PIN"),
        ("Efface mon mot de passe", "mon mot de passe"),
        ("Borra mi contraseña", "mi contraseña"),
        ("remove Rex from memory", "Rex"),
        ("delete all my memories", ""),
        ("vergiss alles", ""),
        ("forget it", ""),
        ("Forget my PIN, will you?", "my PIN, will you"),
        ("forget all my codes", "my codes"),
        ("Forget my PIN. Also my cat.", "my PIN; Also my cat."),
        ("Forget my PIN. And tell me a joke.", "my PIN"),
        ("delete what I just said", ""),
        ("Forget these: my PIN; my cat", "my PIN; my cat"),
        ("Forget my PIN. Forget my cat.", "my PIN; my cat"),
        ("Forget these:\n- my PIN\n- my cat", "- my PIN; - my cat"),
        ("Forget that, please.", ""),
        ("Vergiss das bitte", ""),
        ("Forget everything", ""),
    ],
)
def test_a_request_to_forget_says_what(message: str, what: str) -> None:
    assert find_what_to_forget(message) == what
    assert asks_to_forget(message)


@pytest.mark.parametrize(
    "message",
    [
        "Don't forget that Ann's birthday is in May",
        "Never forget to water the plants",
        "I forget where my keys are",
        "Forget-me-nots are blue",
        "delete the file notes.md",
        "delete my notes.md",
        "Lösche meine Datei",
        "remove the second column",
        "Vergiss nicht, dass mein Hund Rex heißt",
        "Vergiss das Passwort nicht!",
        "Du darfst nicht vergessen, dass Ann kommt",
        "Kannst du das bitte nie vergessen?",
        "n'oublie jamais mon anniversaire",
        "N'oublie pas que Ann vient",
        "oublie pas le pain",
        "no olvides el pan",
        "Vergiss-mein-nicht blühen im Mai",
        "what did I forget?",
        "forget about the weather, what is my PIN?",
        "Forget it, how old is Ann?",
        "Vergiss es, was ist mein PIN?",
        "Oublie ça, quel est mon code ?",
        "Olvídate de eso, ¿cuál es mi PIN?",
    ],
)
def test_what_only_speaks_of_forgetting_asks_for_nothing(message: str) -> None:
    assert find_what_to_forget(message) is None


@pytest.mark.parametrize(
    ("message", "consent"),
    [
        ("yes", Consent()),
        ("Yes, please.", Consent()),
        ("ok, do it!", Consent()),
        ("go ahead", Consent()),
        ("yes, all of them", Consent()),
        ("Ja, vergiss es", Consent()),
        ("Oui, vas-y", Consent()),
        ("sí", Consent()),
        ("yes, the first", Consent((1,))),
        ("1 and 3", Consent((1, 3))),
        ("only number 2", Consent((2,))),
        ("ja, die zweite", Consent((2,))),
        ("2-3", Consent((2, 3))),
        ("1 bis 3", Consent((1, 2, 3))),
        ("all of them", Consent()),
        ("forget all of them", Consent()),
        ("Yes, forget the Wi-Fi password", Consent(about="the wi-fi password")),
    ],
)
def test_a_plain_yes_is_a_consent(message: str, consent: Consent) -> None:
    assert consent_in(message) == consent


@pytest.mark.parametrize(
    "message",
    ["no", "not yet", "yes but keep the second", "no, the first", "yes?", "Yes. What is the weather?", "sure, boss",
     "yes, my dog is called Rex", "nein", "oui, mais pas la deuxième", "forget it", "don't", "", "I am 42",
     "vergiss alles", "all but the second",
     "yes " * 100],
)  # fmt: skip
def test_anything_else_is_none(message: str) -> None:
    assert consent_in(message) is None


@pytest.mark.parametrize(
    ("message", "what"),
    [
        ("erase the drawer code", "the drawer code"),
        ("Please delete Pia's number.", "Pia's number"),
        ("Lösche den Code", "den Code"),
        ("supprime le code du tiroir", "le code du tiroir"),
        ("borra el código", "el código"),
        ("delete the file x.md", None),
        ("Scrub brushes are in the shed.", None),
        ("delete it", None),
    ],
)
def test_an_order_to_erase_names_a_thing_that_is_no_file(message: str, what: str | None) -> None:
    assert find_what_to_erase(message) == what
