"""Nothing is recalled for small talk, a sum or the time. Any message that says more is looked up."""

import pytest

from soma.agent.language.nothing_to_recall import nothing_to_recall


@pytest.mark.parametrize(
    "message",
    [
        "what is 23*19 + 7?",
        "what is 6*7?",
        "6 * 7",
        "Please calculate 15% of 80.",
        "what is the square root of 16 plus 2?",
        "12 times 12?",
        "Was ist 23*19 + 7?",
        "what time is it?",
        "What's the date today?",
        "what day is it",
        "What time is it in Tokyo?",
        "Wie spät ist es?",
        "Il est quelle heure ?",
        "¿Qué fecha es hoy?",
        "so what time is it now?",
        "hello",
    ],
)
def test_a_sum_the_time_and_small_talk_need_no_memory(message: str) -> None:
    assert nothing_to_recall(message)


@pytest.mark.parametrize(
    "message",
    [
        "what is 555-1234?",
        "what is 4711?",
        "our rent is 850*12 a year?",
        "what is 12 times the rent?",
        "what time is the dentist?",
        "what time?",
        "what day is the plumber coming",
        "what is the date of the party?",
        "what time is it in Ann's town?",
        "what is 6*7 and where is the spare key?",
        "what is my lock code?",
        "Welcher Tag war das?",
        "Quelle date ?",
        "Quelle est la date du concert ?",
    ],
)
def test_what_memory_may_know_is_looked_for(message: str) -> None:
    assert not nothing_to_recall(message)
