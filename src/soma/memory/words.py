"""Texts as stems: what postings hold and queries look for."""

import re
from unicodedata import normalize

from soma.memory.languages import Language, asked_in, is_small, language_of, stem

WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")


def tokens(text: str) -> list[str]:
    """Lower-case words without their possessive ending; letters with accents are one sign each."""
    plain = text if text.isascii() else normalize("NFC", text).replace("’", "'")
    return [word.removesuffix("'s") if "'" in word else word for word in WORD.findall(plain.lower())]


def words(text: str) -> list[str]:
    """Every word as a stem of the text's language, in order."""
    found = tokens(text)
    language = language_of(found)
    return [stem(word, language) for word in found]


def content_words(text: str, language: Language) -> list[str]:
    """The distinct stems that tell texts apart; all of them where a text has nothing but stop words."""
    found = tokens(text)
    telling = [word for word in found if not is_small(word, language)]
    return list(dict.fromkeys(stem(word, language) for word in telling or found))


def sought(text: str) -> list[tuple[str, ...]]:
    """Of each word of a question, in order, the stems by which texts may hold it."""
    found = tokens(text)
    languages = asked_in(found)
    return [tuple(dict.fromkeys(stem(word, language) for language in languages)) for word in found]
