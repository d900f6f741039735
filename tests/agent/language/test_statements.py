"""What a message states is kept; what only asks, denies, thanks, judges or points back states nothing."""

import pytest

from soma.agent.language.statements import extract_statements


@pytest.mark.parametrize(
    "message",
    [
        "no, thanks", "No thanks, it is fine", "no thank you", "That's wrong.", "No, that's wrong.", "It's fine.",
        "All good!",
        "nein danke", "Nein, das ist falsch.", "Nein danke, es ist gut.", "non merci", "No, gracias.",
        "いいえ、結構です", "違います。",
    ],
)  # fmt: skip
def test_what_only_declines_denies_or_judges_states_nothing(message):
    assert extract_statements(message) == ""


@pytest.mark.parametrize("message", ["no, it is 4321", "Nope, six.", "Nein, er wohnt in Kiel.", "違います、5830です"])
def test_a_denial_of_nothing_states_nothing_where_nothing_was_said_before(message):
    assert extract_statements(message, is_first=True) == ""
    assert extract_statements(message) == message


@pytest.mark.parametrize("message", ["No, my dentist is Dr Lund.", "The code is fine art.", "No dogs live here."])
def test_what_names_its_subject_is_a_statement(message):
    assert extract_statements(message, is_first=True) == message


@pytest.mark.parametrize(
    "message", ["a", "🔑", "🔑🏠", "?!", "remember", "remember that", "ห้องพักโรงแรมเบอร์อะไร", "駅はどこ"]
)
def test_junk_bare_orders_and_questions_state_nothing(message):
    assert extract_statements(message) == ""


@pytest.mark.parametrize("message", ["'; DROP TABLE memories; --", "木曜日です", "Ann 🔑"])
def test_what_is_odd_but_says_something_is_kept(message):
    assert extract_statements(message) == message


def test_control_and_direction_characters_are_dropped():
    assert extract_statements("The code\u202e is\x07 4711\u200b.") == "The code is 4711."
