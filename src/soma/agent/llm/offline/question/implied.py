"""Implied words, such as "name", "called" or "colour": an answer need not hold them. Pure."""

import re
from collections.abc import Iterator

from soma.agent.language.stems import ENGLISH, is_small, stem
from soma.agent.language.words import WORD, word_set
from soma.agent.llm.offline.question.answer_form import DAY, measure_of
from soma.agent.llm.offline.question.parse import Question

NEAR = 5  # words between the first and the last of a thing, "is", and what it is
_NAMING = {
    ENGLISH: "name",  # as a stem, of "called" too
    "german": "name namen heißen genannt",
    "french": "nom appelle appelez appeler",
    "spanish": "nombre llama llaman llamar",
}
_NUMBERING = {ENGLISH: "number", "german": "nummer", "french": "numéro", "spanish": "número"}
_IS = word_set("is are was were ist sind war heißt heißen est sont était es son era")
# What parts a thing from the name after it: "my dentist is in Oslo", "is a friend of Ann".
_APART = word_set(
    """a an and at by for from in like near not of on or to with ein eine einen aus bei im in mit nach nicht und von zu
    un une à au avec chez dans de en et pas pour sur una con cerca no y"""
)


def implied_words(question: Question) -> frozenset[str]:
    """Return the stems of a question that the form of an answer may stand for."""
    measure = measure_of(question)
    forms = _stems(_NAMING, question) | _stems(_NUMBERING, question) | (measure.words if measure else frozenset())
    return forms & frozenset(question.stems)


def implied_in(question: Question, text: str) -> frozenset[str]:
    """Return the implied words that a sentence answers by a name, a number or an amount."""
    words = implied_words(question)
    measure = measure_of(question)
    held: frozenset[str] = frozenset()
    if words & (naming := _stems(_NAMING, question)) and _tells(question, text, _names(question, text)):
        held |= naming
    if words & (numbering := _stems(_NUMBERING, question)) and _tells(question, text, _digits(text)):
        held |= numbering
    if measure is not None and measure.amount.search(text):
        held |= measure.words
    return words & held


def _stems(by_language: dict[str, str], question: Question) -> frozenset[str]:
    return frozenset(stem(word, question.language) for word in by_language[question.language].split())


def _tells(question: Question, text: str, answers: Iterator[int]) -> bool:
    """Return whether one of the words at `answers` stands near an "is" and a thing that is asked about."""
    said = [word.lower() for word in WORD.findall(text)]
    things = frozenset(question.stems) - implied_words(question)
    asked = [at for at, word in enumerate(said) if stem(word, question.language) in things]
    linked = [at for at, word in enumerate(said) if word in _IS]
    spans = [(min(a, b, c), max(a, b, c)) for a in answers for b in asked for c in linked]
    return any(last - first <= NEAR and _APART.isdisjoint(said[first : last + 1]) for first, last in spans)


def _names(question: Question, text: str) -> Iterator[int]:
    for at, word in enumerate(WORD.findall(text)):
        is_asked = is_small(word.lower(), question.language) or stem(word.lower(), question.language) in question.stems
        if word[0].isupper() and not is_asked and not re.fullmatch(DAY, word, re.IGNORECASE):
            yield at


def _digits(text: str) -> Iterator[int]:
    return (at for at, word in enumerate(WORD.findall(text)) if any(map(str.isdigit, word)))
