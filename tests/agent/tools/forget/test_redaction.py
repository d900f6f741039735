"""A proposal to forget shows enough of a memory to recognise it, without the secret itself."""

import pytest

from soma.agent.tools.forget.redaction import redact


@pytest.mark.parametrize(
    "sentence",
    [
        "The plumber comes on 14 December 2026.",
        "The plumber comes on December 14th, at 10:30.",
        "Der Klempner kommt am 14. Dezember 2026.",
        "The dentist is on 2026-12-14 at 9 am.",
        "The rent is 850 euros, since 2019.",
        "We have 3 cats and 2 dogs.",
        "The spare key is under the blue pot.",
    ],
)
def test_days_times_amounts_and_ordinary_words_are_shown(sentence: str) -> None:
    assert redact(sentence) == sentence


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        ("The Wi-Fi password is heron-42.", "The Wi-Fi password is …"),
        ("My password is correct horse battery staple", "My password is …"),
        ("The PIN is 1984", "The PIN is …"),
        ("The safe combination is 12 34 56", "The safe combination is …"),
        ("The safe opens with 12-34-56 now", "The safe opens with … now"),
        ("The safe opens with 12 34 56 now", "The safe opens with … … … now"),
        ("Call 555 01 22 or use 8810-QUILL", "Call … … … or use …"),
        ("The alarm is 4711 at the door", "The alarm is … at the door"),
        ("The alarm is 20-2026-12-14-7", "The alarm is …"),
    ],
)
def test_what_looks_like_the_secret_itself_is_hidden(sentence: str, shown: str) -> None:
    assert redact(sentence) == shown
