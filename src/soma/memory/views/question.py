"""The question: its telling words, the people that it names, the time that it asks for."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np
from numpy.typing import NDArray

from soma.memory.embedders.base import Reading
from soma.memory.index.partition import Partition
from soma.memory.text.folding import fold
from soma.memory.text.languages import Language, is_stop_word, question_languages, stem
from soma.memory.text.vocabulary import ANY, Vocabulary, plain, vocabulary_of
from soma.memory.text.words import question_compounds, question_signs, tokens, word_forms
from soma.memory.types import Query

Floats = NDArray[np.float32]

NOT_LATIN = "\u0250"  # from here on, letters are of other scripts, but for a few beside Latin ones

MAY = re.compile(r"\b(?:in|of|since|until|during|last|this|early|late|\d+(?:st|nd|rd|th)?,?) may\b|\bmay,? \d")
YEAR = re.compile(r"\b((?:19|20)\d\d)\b")
DAY = re.compile(r"\b(\d{1,2})(?:st|nd|rd|th)?\b(?!\d|[:-])")  # in a question that names a month elsewhere
ISO_DAY = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")
# What an embedder without word vectors should not see: it would find whatever is asked in the same form.
QUESTION_WORDS = re.compile(
    r"^(?:when|what|where|who|whom|whose|which|why|how)\b(?:\s+(?:many|much|long|often|old|kinds?|types?|of))*\s*"
    r"(?:(?:did|does|do|is|are|was|were|has|have|had|would|could|can|will|might|should)\b)?\s*"
)


@dataclass(frozen=True, slots=True)
class QuestionTime:
    """The time that a question names: months and year, exact days (ordinals), or the end of time it is after."""

    months: tuple[int, ...] = ()
    year: int | None = None
    days: tuple[int, ...] = ()
    latest: bool = False
    first: bool = False


WRITTEN_WORD = re.compile(r"[^\W_]++(?:[-'.][^\W_]++)*+")
SENTENCE_START = re.compile(r"(?:^|[.!?:\n…\"“„«]\s*)\Z")
LOOKED_BACK = 4  # characters before a word, to see whether it begins a sentence


@dataclass(frozen=True, slots=True)
class ParsedQuestion:
    """A question as the views need it. `weights` [words] sum to 1 and go with `late` [words, short].

    `terms` are stems with their inverse document frequency, `identifiers` those of its names, numbers and codes that
    some memory holds. `part_weight` is that of the named speakers over the conversations, 0 where they take part in
    all. `at` is when it is asked, epoch seconds.
    """

    text: str
    terms: dict[str, float]
    identifiers: dict[str, float]
    vector: Floats
    weights: Floats
    late: Floats
    speakers: frozenset[str]
    part_weight: float
    when: QuestionTime
    asks_when: bool
    asks_number: bool
    at: float
    half_life_days: float
    conversation_id: str | None


def parse_question(query: Query, reading: Reading, partitions: Sequence[Partition], at: float) -> ParsedQuestion:
    """Parse the question, weighing words by what its owner may see; names of speakers are no words of it."""
    words = tokens(query.text)
    spelt, vocabulary = plain(query.text), vocabulary_of(words)
    languages = question_languages(words)
    names = {word for word in words if find_speakers(word, partitions)}
    signs = question_signs(query.text)
    terms = {
        term: frequency_weight(term, partitions)
        for term in (*search_terms(words, names, languages), *question_compounds(query.text), *signs)
    }
    telling = _find_telling(reading, languages[0], names, bare=not signs)
    stems = [stem(fold(reading.words[place]), languages[0]) for place in telling]
    weights = np.array([frequency_weight(word, partitions) for word in stems], np.float32)
    speakers = frozenset(speaker for word in names for speaker in find_speakers(word, partitions))
    return ParsedQuestion(
        text=query.text,
        terms=terms,
        identifiers=weigh_identifiers(query.text, languages, partitions),
        vector=_direction(reading, telling, weights),
        weights=weights / max(float(weights.sum()), 1e-9),
        late=reading.late_vectors[telling],
        speakers=speakers,
        part_weight=participation_weight(speakers, partitions),
        when=parse_time(spelt, at, vocabulary),
        asks_when=bool(vocabulary.asks_when.search(spelt)),
        asks_number=bool(vocabulary.asks_number.search(spelt)),
        at=at,
        half_life_days=query.half_life_days,
        conversation_id=query.conversation_id,
    )


def find_speakers(word: str, partitions: Iterable[Partition]) -> set[str]:
    return {speaker for partition in partitions for speaker in partition.speakers.find_by_word(word)}


def participation_weight(speakers: frozenset[str], partitions: Sequence[Partition]) -> float:
    """Inverse document frequency of a conversation in which one of `speakers` takes part; 0 where it tells nothing."""
    conversations = sum(partition.thread_count for partition in partitions)
    theirs = sum(len(partition.speakers.threads(speakers)) for partition in partitions)
    return 0.0 if theirs in (0, conversations) else math.log(1 + (conversations - theirs + 0.5) / (theirs + 0.5))


def strip_question(text: str, partitions: Iterable[Partition]) -> str:
    """Return the question without question words and names, for an embedder without word vectors."""
    partitions = list(partitions)
    bare = QUESTION_WORDS.sub("", text.lower().strip()).rstrip("?").split()
    kept = [word for word in bare if not any(find_speakers(part, partitions) for part in tokens(word))]
    return " ".join(kept) or text


def search_terms(words: Sequence[str], names: set[str], languages: Sequence[Language]) -> list[str]:
    """Return the distinct stems to look for; all of them where only stop words and names were asked."""
    telling = [word for word in words if not is_stop_word(word, languages[0]) and word not in names]
    return list(dict.fromkeys(form for word in telling or words for form in word_forms(word, languages)))


def weigh_identifiers(text: str, languages: Sequence[Language], partitions: Sequence[Partition]) -> dict[str, float]:
    """Weigh the stems of the identifiers of a question that some memory holds."""
    found = (token for word in find_identifiers(text) for token in tokens(word))
    stems = {form for token in found if not is_stop_word(token, languages[0]) for form in word_forms(token, languages)}
    held = sorted(form for form in stems if any(partition.postings.frequency(form) for partition in partitions))
    return {form: frequency_weight(form, partitions) for form in held}


def find_identifiers(text: str) -> list[str]:
    """Find names, numbers and codes: words with a digit or a capital, but for one that begins a sentence."""
    return [match[0] for match in WRITTEN_WORD.finditer(text) if _is_identifier(match[0], text, match.start())]


def _is_identifier(word: str, text: str, start: int) -> bool:
    if any(letter.isdigit() for letter in word) or word[1:] != word[1:].lower():
        return True
    return word[0].isupper() and not SENTENCE_START.search(text[max(0, start - LOOKED_BACK) : start] if start else "")


def frequency_weight(term: str, partitions: Sequence[Partition]) -> float:
    """Inverse document frequency, over what the owner may see and nothing else."""
    documents = sum(partition.postings.documents for partition in partitions)
    frequency = sum(partition.postings.frequency(term) for partition in partitions)
    return math.log(1 + (documents - frequency + 0.5) / (frequency + 0.5))


def parse_time(text: str, at: float, vocabulary: Vocabulary = ANY) -> QuestionTime:
    """Parse the time that a question names, asked at `at`; by the words of its language, where that is known."""
    spelt = plain(text)
    year, months, days = YEAR.search(spelt), _months(spelt, vocabulary), list[int]()
    if beside := vocabulary.day.search(spelt):
        month = vocabulary.month_numbers[beside["of"] or beside["month"]]
        months = months or (month,)
        days = _month_days(int(beside["before"] or beside["after"]), month, year, at)
    elif months and (alone := DAY.search(spelt)):
        days = _month_days(int(alone[1]), months[0], year, at)
    return QuestionTime(
        months=months,
        year=int(year[1]) if year else None,
        days=(*_iso_days(spelt), *days, *_relative_days(spelt, at, vocabulary)),
        latest=bool(vocabulary.asks_latest.search(spelt)),
        first=bool(vocabulary.asks_first.search(spelt)),
    )


def _months(spelt: str, vocabulary: Vocabulary) -> tuple[int, ...]:
    named = [name for name in vocabulary.month.findall(spelt) if name != "may" or MAY.search(spelt)]
    return tuple(dict.fromkeys(vocabulary.month_numbers[name] for name in named))


LAST_SECOND = datetime.max.replace(microsecond=0, tzinfo=UTC).timestamp()
FIRST_DAY = date.min.toordinal()  # the calendar has none before it
YEARS_BACK = 10  # a day without a year is looked for in each of them


def _month_days(day: int, month: int, year: re.Match[str] | None, at: float) -> list[int]:
    now = moment_of(at).year
    years = [int(year[1])] if year else range(now - YEARS_BACK, now + 1)
    return [found for one in years if (found := _ordinal(one, month, day)) is not None]


def _iso_days(spelt: str) -> list[int]:
    named = (_ordinal(*map(int, match)) for match in ISO_DAY.findall(spelt))
    return [found for found in named if found is not None]


def _relative_days(spelt: str, at: float, vocabulary: Vocabulary) -> list[int]:
    today, found = moment_of(at).toordinal(), list[int]()
    for phrase, days in vocabulary.relative_days:
        spelt, count = phrase.subn(" ", spelt)  # the day before yesterday is not yesterday
        found += [today - days] * bool(count)
    return sorted({day for day in found if day >= FIRST_DAY}, reverse=True)


def moment_of(seconds: float) -> datetime:
    """Convert epoch seconds; the last microseconds of the calendar would be rounded to beyond it."""
    return datetime.fromtimestamp(min(seconds, LAST_SECOND), UTC)


def _ordinal(year: int, month: int, day: int) -> int | None:
    try:
        return date(year, month, day).toordinal()
    except ValueError:
        return None


def _find_telling(reading: Reading, language: Language, names: set[str], *, bare: bool) -> list[int]:
    """Places of the telling words that the model reads; of all words in a `bare` question without any."""
    telling = [
        place for place, word in enumerate(reading.words) if _is_telling(word, language) and fold(word) not in names
    ]
    everything = telling or (range(len(reading.words)) if bare else ())
    return [place for place in everything if _is_read(reading.words[place])]


def _is_telling(word: str, language: Language) -> bool:
    return len(word) > 1 and not is_stop_word(word, language) and word[0].isalnum()


def _is_read(word: str) -> bool:
    """Return whether a model with word vectors knows this word: the bundled one reads Latin letters and digits."""
    return any(letter.isalnum() and letter < NOT_LATIN for letter in word)


def _direction(reading: Reading, telling: Sequence[int], weights: Floats) -> Floats:
    """Mean vector of the telling words as they stand in this question, rare ones counting more; else the whole text."""
    if reading.words and not telling:
        return np.zeros_like(reading.vector)  # it reads none of it, and says nothing rather than anything
    if not len(weights) or not weights.any():
        return reading.vector
    total = (reading.word_vectors[telling] * weights[:, None]).sum(axis=0)
    direction: Floats = total / np.linalg.norm(total)
    return direction
