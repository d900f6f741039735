"""Summaries without a language model: the sentences that have most in common with the others, in order of time."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import log

from soma.memory.index.entries import Entry
from soma.memory.text.languages import language_of
from soma.memory.text.sentences import find_sentences
from soma.memory.text.words import content_words, tokens
from soma.memory.upkeep.episodes import Weights
from soma.memory.upkeep.telling import asks

SENTENCES = 3
CHARACTERS = 400
REPEATED = 0.6  # share of words in common from which a sentence says nothing new


@dataclass(frozen=True, slots=True)
class _Sentence:
    place: int
    text: str
    entry: Entry
    words: frozenset[str]


def extract_summary(entries: Sequence[Entry], weights: Weights, *, most: int = SENTENCES) -> str:
    """Return at most `most` sentences, each with its speaker; empty where no two episodes share a telling word."""
    found = _sentences(entries, weights)
    spread = Counter(word for words in _by_entry(found).values() for word in words)
    shared = {word: weights[word] * (count - 1) for word, count in spread.items() if count > 1}
    scored = sorted(found, key=lambda sentence: (-_score(sentence, shared), sentence.place))
    chosen: list[_Sentence] = []
    length = 0
    for sentence in scored:
        if (
            len(chosen) == most
            or not _score(sentence, shared)
            or any(_overlap(sentence, other) >= REPEATED for other in chosen)
        ):
            continue
        if not chosen or length + len(sentence.text) <= CHARACTERS:
            chosen.append(sentence)
            length += len(sentence.text)
    return _join(sorted(chosen, key=lambda sentence: sentence.place))


def extract_recombination(entries: Sequence[Entry], weights: Weights) -> str:
    """Return the most telling sentence of each."""
    found = _by_entry_id(_sentences(entries, weights))
    best = [max(own, key=lambda sentence: (_score(sentence, weights), -sentence.place)) for own in found.values()]
    return _join(sorted(best, key=lambda sentence: sentence.place))


def _sentences(entries: Sequence[Entry], weights: Weights) -> list[_Sentence]:
    ordered = sorted(entries, key=lambda entry: (entry.time, entry.position))
    found: list[_Sentence] = []
    for entry in ordered:
        language = language_of(tokens(entry.text))
        for start, end in find_sentences(entry.text):
            text = " ".join(entry.text[start:end].split())
            words = frozenset(word for word in content_words(text, language) if word in weights)
            if asks(text):
                continue  # it says nothing
            found.append(_Sentence(len(found), text, entry, words))
    return found


def _by_entry_id(found: Sequence[_Sentence]) -> dict[str, list[_Sentence]]:
    own: dict[str, list[_Sentence]] = {}
    for sentence in found:
        own.setdefault(sentence.entry.id, []).append(sentence)
    return own


def _by_entry(found: Sequence[_Sentence]) -> dict[str, set[str]]:
    return {
        entry_id: set().union(*(sentence.words for sentence in own)) for entry_id, own in _by_entry_id(found).items()
    }


def _score(sentence: _Sentence, weights: Weights) -> float:
    """Score a sentence by the weights of its words, for its length."""
    return sum(weights.get(word, 0.0) for word in sorted(sentence.words)) / (1 + log(1 + len(sentence.text.split())))


def _overlap(one: _Sentence, other: _Sentence) -> float:
    return len(one.words & other.words) / max(1, min(len(one.words), len(other.words)))


def _join(chosen: Sequence[_Sentence]) -> str:
    parts: list[str] = []
    speaker = ""
    for sentence in chosen:
        named = sentence.entry.speaker
        parts.append(f"{named}: {sentence.text}" if named and named != speaker else sentence.text)
        speaker = named
    return " ".join(parts)
