"""Times of the clock, days of the week, months and how often, in four languages."""

import pytest

from soma.agent.language.times import find_time


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("The train to Kiel leaves at 7:42.", "at 7:42"),
        ("The shop opens at 9 am and closes at noon.", "at 9 am"),
        ("We meet at half past six.", "at half past six"),
        ("I play chess on Thursdays.", "on Thursdays"),
        ("The bins go out every other week.", "every other week"),
        ("I have been learning Gaelic since March.", "since March"),
        ("Der Zug fährt um 7.42 Uhr ab.", "um 7.42 Uhr"),
        ("Der Kran ist dienstags frei.", "dienstags"),
        ("Ich lerne seit März Gälisch.", "seit März"),
        ("Die Prüfung ist am 12. März 2027.", "am 12. März 2027"),
        ("Le train part à 7 h 42.", "à 7 h 42"),
        ("La livraison est prévue le 12 mars 2027.", "le 12 mars 2027"),
        ("Je nage depuis avril.", "depuis avril"),
        ("El tren sale a las siete.", "a las siete"),
        ("La reunión es el 12 de marzo.", "el 12 de marzo"),
        ("Nado desde 2024.", "desde 2024"),
    ],
)
def test_a_time_is_found_with_the_word_before_it(text, phrase):
    assert find_time(text) == phrase


@pytest.mark.parametrize(
    "text", ["It costs 4.50 euros.", "The scale is 1:2500.", "I like mayonnaise.", "Ann may come.", "Gate 12 is shut."]
)
def test_an_amount_a_scale_and_a_verb_are_no_times(text):
    assert find_time(text) is None
