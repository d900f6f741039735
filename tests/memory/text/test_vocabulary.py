"""Months, days, persons, numbers and questions in four languages, each read by the table of its own language."""

from datetime import UTC, date, datetime

import pytest

from soma.memory.index.traits import FIRST_PERSON, NUMBER, SECOND_PERSON, TIME, find_traits, only_asks
from soma.memory.text.languages import ENGLISH
from soma.memory.text.vocabulary import ANY, BY_LANGUAGE, plain, vocabulary_of
from soma.memory.text.words import tokens
from soma.memory.views.question import parse_time

ASKED = datetime(2024, 6, 10, 12, tzinfo=UTC).timestamp()


def time_of(question: str):
    return parse_time(question, ASKED, vocabulary_of(tokens(question)))


def traits_of(text: str) -> int:
    return find_traits(tokens(text))


@pytest.mark.parametrize(
    ("question", "day"),
    [
        ("Was habe ich am 3. Mai 2023 gekauft?", "2023-05-03"),
        ("Was haben die 2 Kinder am 3. März 2023 gemacht?", "2023-03-03"),
        ("Qu'est-ce que j'ai fait le 3 mai 2023 ?", "2023-05-03"),
        ("Où étais-je le 1er août 2023 avec elle ?", "2023-08-01"),
        ("¿Qué hice el 3 de mayo de 2023?", "2023-05-03"),
        ("Que hice con ella el 1º de enero de 2023", "2023-01-01"),
        ("What did the 2 children do on May 3, 2023?", "2023-05-03"),
        ("Termin 3. Mai 2023", "2023-05-03"),
        ("Was habe ich vorgestern gegessen?", "2024-06-08"),
        ("Was habe ich gestern gegessen?", "2024-06-09"),
        ("Qu'est-ce que j'ai mangé hier ?", "2024-06-09"),
        ("Qu’est-ce que j’ai mangé aujourd’hui ?", "2024-06-10"),
        ("Avec qui ai-je mangé avant-hier ?", "2024-06-08"),
        ("¿Qué comí ayer con los niños?", "2024-06-09"),
        ("¿Qué comí antes de ayer con los niños?", "2024-06-08"),
        ("What did I eat the day before yesterday?", "2024-06-08"),
    ],
)
def test_a_day_is_understood_in_the_language_of_its_question(question, day):
    assert [date.fromordinal(one).isoformat() for one in time_of(question).days] == [day]


@pytest.mark.parametrize(
    "text",
    [
        "Was wohnt hier in der Nähe?",  # hier: here, and yesterday in French
        "Was there a Mars rover with the others?",  # a planet, and March
        "Mars rover photo",
        "She had a mai tai and the elf had mayo",
        "Mayo and bread for the elf",
        "Los mars de la casa son de las chicas",
    ],
)
def test_a_word_means_no_time_where_it_is_another_word_in_the_language_of_the_text(text):
    assert time_of(text).months == ()
    assert time_of(text).days == ()
    assert not traits_of(text) & (TIME | NUMBER)


@pytest.mark.parametrize(
    ("text", "traits"),
    [
        ("Ich war gestern mit dir in Rom", FIRST_PERSON | SECOND_PERSON | TIME),
        ("Die Hälfte der Äpfel ist von ihm", NUMBER),
        ("L’été dernier nous étions à Nice", FIRST_PERSON | TIME),
        ("Il a été malade avec elle", 0),
        ("J'ai deux chats et un chien", FIRST_PERSON | NUMBER),
        ("Mi hermana vive con sus hijos", FIRST_PERSON),
        ("Compré tres sillas para tu casa", SECOND_PERSON | NUMBER),
        ("El año pasado fue en la playa", TIME),
        ("The MI of the sus case is high", 0),
        ("My sister has two cats", FIRST_PERSON | NUMBER),
        ("Can't go there", 0),
    ],
)
def test_persons_times_and_numbers_are_those_of_the_language_of_the_text(text, traits):
    assert traits_of(text) & (FIRST_PERSON | SECOND_PERSON | TIME | NUMBER) == traits


@pytest.mark.parametrize(
    ("question", "asks"),
    [
        ("Wann war ich beim Arzt?", "when"),
        ("Um wie viel Uhr war das mit ihr?", "when number"),
        ("Wie viele Äpfel habe ich?", "number"),
        ("Welche ist die neueste Fassung von der Liste?", "latest"),
        ("Wann war ich zum ersten Mal in Rom?", "when first"),
        ("Quand est-ce que Paul est venu ?", "when"),
        ("Quel âge a mon frère ?", "number"),
        ("Quelle est la version la plus récente de mon CV ?", "latest"),
        ("Où étais-je la première fois avec elle ?", "first"),
        ("¿Cuándo fui al médico?", "when"),
        ("Cuantas veces fui al medico con el", "number"),
        ("¿Dónde la vi por última vez?", "latest"),
        ("¿Qué era al principio de la lista?", "first"),
        ("When was I there?", "when"),
    ],
)
def test_what_a_question_asks_for_is_known_in_four_languages(question, asks):
    table, time = vocabulary_of(tokens(question)), time_of(question)
    found = {
        "when": table.asks_when.search(plain(question)),
        "number": table.asks_number.search(plain(question)),
        "latest": time.latest,
        "first": time.first,
    }
    assert {name for name, is_asked in found.items() if is_asked} == set(asks.split())


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("wann war der Termin mit Paul", True),
        ("où est la clé de la maison", True),
        ("qu'est-ce que tu as fait de ma clé", True),
        ("qué es lo que dijo Ana", True),
        ("¿Dónde está la llave de mi casa?", True),
        ("que es muy caro lo que dijo Ana", False),  # no accent: a clause
        ("ou est-ce que la clé est de la maison. Oui.", False),
        ("was war, ist vorbei.", False),
    ],
)
def test_a_message_that_only_asks_is_known_in_four_languages(text, asks):
    assert only_asks(text) == asks


def test_every_table_has_twelve_months_and_no_word_of_another_is_taken_for_its_own():
    for table in (*BY_LANGUAGE.values(), ANY):
        assert {table.month_numbers[name] for name in table.month_numbers} == set(range(1, 13))
    assert BY_LANGUAGE[ENGLISH].month.findall("mars mai mayo marz") == []
