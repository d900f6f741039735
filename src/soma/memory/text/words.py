"""Words as stems: what postings hold and questions look for. Recall and the search box cut words alike.

A text has words, and beside them other ways to find it (`_extras`): words that a hyphen or a comma cut in two, as one;
words with the sign that belongs to them (`c#`); emoji and other signs; words without accents.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import pairwise

from soma.memory.text.folding import fold, marks, signs, strip_accents
from soma.memory.text.languages import Language, is_stop_word, language_of, question_languages, stem

WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
COMPOUND = re.compile(r"(?<![^\W_])\d{1,3}(?:[,.'_]\d{3})++(?![^\W_])|(?<![^\W_])[^\W_]++(?:[-\u2010\u2011][^\W_]++)++")
SIGNED = re.compile(r"(?<!\S)[#@$.][^\W_]++|(?<![^\W_])[^\W_]++[+#%]++(?![^\W_])")
MAY_JOIN = re.compile(r"[-\u2010\u2011,.'_]")
MAY_SIGN = re.compile(r"[#@$.+%]")
LONGEST_COMPOUND = 60  # characters
MOST_COMPOUNDS = 8  # of one part, in one question
SPACELESS = (
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ecf\u0edc-\u0edf\u1000-\u103f\u104c-\u109f\u1780-\u17d3\u1950-\u19cf"
    "\u1a20-\u1aad\u1b00-\u1b4c\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3041-\u30ff\u3100-\u312f\u31a0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua980-\ua9cf\ua9e0-\ua9ef\ua9fa-\ua9fe\uaa60-\uaa7f"
    "\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003347f"
)  # Thai, Lao, Khmer, Han, Kana and the like: nothing stands between words; in Hangul, nothing before particles


def tokens(text: str) -> list[str]:
    """Split into words in one spelling, without possessive endings; into pairs of signs where nothing parts words."""
    return _tokens(fold(text))


def words(text: str) -> list[str]:
    """Return every word as a stem of the text's language, in order."""
    found = tokens(text)
    language = language_of(found)
    return [stem(word, language) for word in found]


def index_words(text: str) -> list[str]:
    """Return the words under which a text is indexed: its words as stems, and then the other ways."""
    plain = fold(text)
    found = _tokens(plain)
    language = language_of(found)
    return [*(stem(word, language) for word in found), *_extras(plain, found, language)]


def content_words(text: str, language: Language) -> list[str]:
    """Return the distinct stems that tell texts apart; all of them where a text has nothing but stop words."""
    found = tokens(text)
    telling = [word for word in found if not is_stop_word(word, language)]
    return list(dict.fromkeys(stem(word, language) for word in telling or found))


def question_forms(text: str) -> list[tuple[str, ...]]:
    """Return, for each word of a question in order, the stems by which texts may hold it."""
    plain = fold(text)
    found = _tokens(plain)
    languages = question_languages(found)
    whole: dict[str, dict[str, None]] = {}
    for parts, joined in _compounds(plain):
        for part in parts:
            if len(of_part := whole.setdefault(part, {})) < MOST_COMPOUNDS:
                of_part[joined] = None
    return [tuple(dict.fromkeys([*word_forms(word, languages), *whole.get(word, ())])) for word in found]


def word_forms(word: str, languages: Iterable[Language]) -> tuple[str, ...]:
    """Return the stems of a word, and of it without accents."""
    spellings = dict.fromkeys((word, strip_accents(word)))
    return tuple(dict.fromkeys(stem(one, language) for one in spellings for language in languages))


def question_signs(text: str) -> list[str]:
    """Return the signs of a question, alone or with their word: texts that hold them come first."""
    return list(dict.fromkeys(_signs(fold(text))))


def question_compounds(text: str) -> list[str]:
    """Join what a hyphen or a comma cuts in two, as one word."""
    return list(dict.fromkeys(joined for _, joined in _compounds(fold(text))))


def _tokens(plain: str) -> list[str]:
    if plain.isascii():
        found: Iterable[str] = WORD.findall(plain)
    else:
        found = (part for word in _word().findall(plain) for part in _split_word(word))
    return [word.removesuffix("'s") if "'" in word else word for word in found]


def _split_word(word: str) -> Iterator[str]:
    """Yield the word, or pairs of signs where nothing separates words."""
    if word.isascii():
        yield word
        return
    for run, other in _run().findall(word):
        if other:
            yield other
            continue
        found = _sign().findall(run)
        yield from map("".join, pairwise(found)) if len(found) > 1 else found


def _extras(plain: str, found: Iterable[str], language: Language) -> Iterator[str]:
    for _, joined in _compounds(plain):
        yield joined
    yield from _signs(plain)
    if plain.isascii():
        return
    for word in found:
        if (spelt := stem(strip_accents(word), language)) != stem(word, language):
            yield spelt
    for run, _ in _run().findall(plain):
        if len(single := _sign().findall(run)) > 1:
            yield from single


def _compounds(plain: str) -> Iterator[tuple[list[str], str]]:
    """Yield what is written with hyphens, or with commas between thousands: its parts, and all of it as one."""
    if not MAY_JOIN.search(plain):
        return
    for match in COMPOUND.finditer(plain):
        if match.end() - match.start() <= LONGEST_COMPOUND:
            parts = WORD.findall(match[0])
            yield parts, "".join(re.findall(r"[^\W_]", match[0]))


def _signs(plain: str) -> Iterator[str]:
    if MAY_SIGN.search(plain):
        yield from SIGNED.findall(plain)
    if not plain.isascii():
        yield from _other_sign().findall(plain)


@cache
def _word() -> re.Pattern[str]:
    letter = rf"(?:[^\W_]|[{marks()}])"
    return re.compile(rf"{letter}++(?:'{letter}++)?")


@cache
def _run() -> re.Pattern[str]:
    """Match a run without blanks between words, its marks with it; or another part of a word."""
    return re.compile(rf"([{SPACELESS}][{SPACELESS}{marks()}]*+)|([^\W{SPACELESS}](?:[^\W{SPACELESS}]|[{marks()}'])*+)")


@cache
def _sign() -> re.Pattern[str]:
    """Match one sign with what is drawn over it."""
    return re.compile(rf"[^{marks()}][{marks()}]*+|[{marks()}]++")


@cache
def _other_sign() -> re.Pattern[str]:
    return re.compile(rf"[{signs()}]")
