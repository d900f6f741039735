"""Traits of a text, told without a question: bits that views combine with what is asked."""

import re
from collections.abc import Iterable, Iterator
from string import digits

from soma.memory.text.folding import fold, strip_accents
from soma.memory.text.vocabulary import vocabulary_of
from soma.memory.text.words import tokens

FIRST_PERSON = 1
SECOND_PERSON = 2
TIME = 4  # names a time
NUMBER = 8
SYNTHESISED = 16  # made by consolidation, from others
ONLY_ASKED = 32  # a message of a chat that states nothing
SAID_BY_ASSISTANT = 64

QUESTION_MARKS = ("?", "？", "؟")
DIGITS = frozenset(digits)
YEAR = re.compile(r"(?:19|20)\d\d")


SENTENCE_END = re.compile(r"(?<![.!?])[.!?]++(?:\s|$)|\n++")


def share_of_questions(text: str) -> float:
    """Return the share of its sentences that are questions."""
    ends = [match[0] for match in SENTENCE_END.finditer(text)]
    open_end = bool(text.strip()) and not text.rstrip().endswith((".", "!", "?"))
    return sum("?" in end for end in ends) / max(1, len(ends) + open_end)


def only_asks(text: str) -> bool:
    """Return whether a text states nothing beside its questions; one without a mark is known by how it begins."""
    stripped = text.strip()
    if not stripped.endswith((".", "!", *QUESTION_MARKS)):
        first, second, *_ = [*fold(stripped).lstrip("¿¡ ").split(), "", ""]
        vocabulary = vocabulary_of(tokens(stripped))
        return "\n" not in stripped and first in vocabulary.first_words and second in vocabulary.second_words
    return share_of_questions(stripped.replace("？", "? ").replace("؟", "? ")) == 1.0


def find_traits(words_of_text: Iterable[str]) -> int:
    """Find the traits of a text by its words, in lower case, with the table of its language."""
    found = list(words_of_text)
    vocabulary = vocabulary_of(found)
    words = {part for word in found for part in _find_parts(strip_accents(word))}
    numbers = [word for word in words if word[0] in DIGITS and word.isdecimal()]
    return (
        FIRST_PERSON * (not words.isdisjoint(vocabulary.first_person))
        | SECOND_PERSON * (not words.isdisjoint(vocabulary.second_person))
        | TIME * (not words.isdisjoint(vocabulary.times) or any(map(YEAR.fullmatch, numbers)))
        | NUMBER * (bool(numbers) or not words.isdisjoint(vocabulary.numbers))
    )


def _find_parts(word: str) -> Iterator[str]:
    """Yield the word, and what an apostrophe joins in it: `I'm` begins with the pronoun, `l'an` ends with the year."""
    yield word
    if "'" in word:
        yield from filter(None, word.split("'"))
