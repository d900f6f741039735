"""Texts are found by other forms of their words; in a language without a list, by the words as they are."""

import pytest
from tests.memory.test_remember import new

from soma.memory.text.languages import ENGLISH, FRENCH, GERMAN, SPANISH, UNKNOWN, language_of, question_languages, stem
from soma.memory.text.words import content_words, tokens, words
from soma.memory.types import Query

TEXTS = {
    GERMAN: (
        "Gestern haben wir auf dem Markt drei Körbe mit reifen Pflaumen gekauft.",
        "Meine Schwester arbeitet seit zwei Jahren in einem Krankenhaus in Leipzig.",
        "Die alten Fenster in der Küche müssen noch vor dem Winter gestrichen werden.",
        "Er hat sich für den Kurs in der Volkshochschule noch nicht angemeldet.",
    ),
    FRENCH: (
        "Nous avons acheté trois paniers de prunes mûres au marché.",
        "Ma sœur travaille depuis deux ans dans un hôpital de Lyon.",
        "Il faut repeindre les vieilles fenêtres de la cuisine avant l'hiver.",
        "Il n'est pas encore inscrit au cours de l'école du soir.",
    ),
    SPANISH: (
        "Ayer compramos tres cestas de ciruelas maduras en el mercado.",
        "Mi hermana trabaja desde hace dos años en un hospital de Sevilla.",
        "Hay que pintar las ventanas viejas de la cocina antes del invierno.",
        "Todavía no se ha inscrito en el curso de la escuela nocturna.",
    ),
    ENGLISH: (
        "Yesterday we bought three baskets of ripe plums at the market.",
        "My sister has been working in a hospital in Leeds for two years.",
        "The old windows in the kitchen have to be painted before winter.",
        "He has not enrolled in the course of the evening school yet.",
    ),
}
QUESTIONS = {  # in other forms of the words
    GERMAN: ("Wer kaufte einen Korb Pflaumen?", "Wo ist das Krankenhaus?", "Welches Fenster wird gestrichen?"),
    FRENCH: ("Qui achète un panier de prune ?", "Où sont les hôpitaux ?", "Quelle fenêtre faut-il repeindre ?"),
    SPANISH: ("¿Quién compró una cesta de ciruela?", "¿Dónde están los hospitales?", "¿Qué ventana se pinta?"),
    ENGLISH: ("Who is buying a basket of plum?", "Where are the hospitals?", "Which window is he painting?"),
}
POLISH = "Wczoraj kupiliśmy trzy kosze dojrzałych śliwek u ogrodnika, potem szybko wróciliśmy tramwajem prosto domu."


@pytest.mark.parametrize("language", TEXTS, ids=lambda language: language.name)
def test_a_text_tells_its_language_and_so_does_a_question(language):
    for text in TEXTS[language]:
        assert language_of(tokens(text)) is language
    for question in QUESTIONS[language]:
        assert question_languages(tokens(question))[0] is language


@pytest.mark.parametrize("language", TEXTS, ids=lambda language: language.name)
async def test_a_question_finds_other_forms_of_its_words_among_texts_of_every_language(memory, alice, language):
    everything = [text for texts in TEXTS.values() for text in texts]
    await memory.remember(alice, [new(text, key=text) for text in everything])
    for question, answer in zip(QUESTIONS[language], TEXTS[language], strict=False):
        with memory._store.partitions.open("acme", "default", alice.visible()) as partitions:
            found = by_words(memory, partitions, question)
        assert found[0] == answer


def by_words(memory, partitions, question) -> list[str]:
    """Texts by BM25 alone, the best first."""
    from soma.memory.views.corpus import Corpus
    from soma.memory.views.question import parse_question

    filled = [partition for partition in partitions if len(partition)]
    reading = memory._store.spaces.space_of("acme").embedder.read(question)
    field = Corpus(filled, parse_question(Query(text=question), reading, filled, 0.0))
    order = sorted(range(len(field.lexical)), key=lambda row: -field.lexical[row])
    places = [field.place(row) for row in order if field.lexical[row] > 0]
    return [place.partition.entries([place.slot])[place.id].text for place in places]


async def test_the_search_box_finds_other_forms_in_every_language(memory, alice):
    await memory.remember(alice, [new(text, key=text) for texts in TEXTS.values() for text in texts])
    for text, searched in (
        (TEXTS[GERMAN][0], "Korb Pflaume"),
        (TEXTS[FRENCH][0], "panier prune"),
        (TEXTS[SPANISH][0], "cesta ciruela"),
        (TEXTS[ENGLISH][0], "basket plum"),
        (TEXTS[FRENCH][3], "école"),
    ):
        assert [record.text for record in (await memory.search(alice, searched)).items] == [text]


async def test_an_unknown_language_is_found_by_its_words_as_they_are(memory, alice):
    assert language_of(tokens(POLISH)) is UNKNOWN
    assert words(POLISH) == tokens(POLISH)
    await memory.remember(alice, [new(POLISH, key="p"), new(TEXTS[ENGLISH][0], key="e")])
    assert [record.key for record in (await memory.search(alice, "dojrzałych śliwek")).items] == ["p"]


def test_letters_with_accents_are_the_same_however_they_are_written():
    assert tokens("Fenêtre") == tokens("Fene\u0302tre") == ["fenêtre"]


def test_what_is_elided_is_no_part_of_the_word():
    assert stem("l'école", FRENCH) == stem("écoles", FRENCH)
    assert stem("o'clock", ENGLISH) == "o'clock"
    assert content_words("Il n'est pas à l'école.", FRENCH) == [stem("école", FRENCH)]


def test_words_that_english_has_too_do_not_make_a_text_foreign():
    for text in ("No, me too!", "She had a die in her hand and was man enough", "La la la, what a song", "Des Moines"):
        assert language_of(tokens(text)) is ENGLISH
