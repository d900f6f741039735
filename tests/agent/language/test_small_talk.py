"""Greetings, thanks, assent and farewells are small talk; a message that says anything else is not."""

import pytest

from soma.agent.language.small_talk import small_talk


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("hi", "greeting"), ("Hello Soma!", "greeting"), ("hello?", "greeting"),
        ("good morning", "greeting"), ("Guten Morgen", "greeting"),
        ("bonjour", "greeting"), ("¡Buenos días!", "greeting"), ("thanks!", "thanks"), ("thank you", "thanks"),
        ("Thanks a lot for your help.", "thanks"), ("ok thanks, bye", "thanks"), ("Danke!", "thanks"),
        ("Vielen Dank", "thanks"), ("merci beaucoup", "thanks"), ("gracias", "thanks"), ("bye", "goodbye"),
        ("good night", "goodbye"), ("see you tomorrow", "goodbye"), ("see you later", "goodbye"),
        ("Tschüss", "goodbye"),
        ("Auf Wiedersehen", "goodbye"), ("au revoir", "goodbye"), ("hasta luego", "goodbye"), ("ok", "assent"),
        ("That's great!", "assent"), ("alles klar", "assent"), ("d'accord", "assent"),
    ],
)  # fmt: skip
def test_what_carries_nothing_is_small_talk(text, kind):
    assert small_talk(text) == kind


@pytest.mark.parametrize(
    "text",
    [
        "", "why?", "Thanks, my dog is Rex", "The tea was good", "Hi, where are the keys?", "good?",
        "Bye Bye is a song",
        "Danke sagte Ann", "See you on Monday", "fine 40 euros", "Hello Kitty mug", "I like good morning coffee",
    ],
)  # fmt: skip
def test_what_says_anything_else_is_none(text):
    assert small_talk(text) is None
