"""A summary without a language model: the sentences that have most in common with the others, in order of time."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import log

from soma.memory.documents.sentences import sentences
from soma.memory.index.partition import Entry
from soma.memory.words import content_words

SENTENCES = 3
CHARACTERS = 400
REPEATED = 0.6  # share of words in common from which a sentence says nothing new


@dataclass(frozen=True, slots=True)
class _Sentence:
    place: int
    text: str
    entry: Entry
    words: frozenset[str]


def summary(entries: Sequence[Entry], *, most: int = SENTENCES) -> str:
    """At most `most` sentences of `entries`, each with who said it."""
    told = _sentences(entries)
    spread = Counter(word for words in _by_entry(told).values() for word in words)
    scored = sorted(told, key=lambda sentence: (-_centrality(sentence, spread), sentence.place))
    chosen: list[_Sentence] = []
    length = 0
    for sentence in scored:
        if len(chosen) == most or any(_common(sentence, other) >= REPEATED for other in chosen):
            continue
        if not chosen or length + len(sentence.text) <= CHARACTERS:
            chosen.append(sentence)
            length += len(sentence.text)
    return _joined(sorted(chosen, key=lambda sentence: sentence.place))


def _sentences(entries: Sequence[Entry]) -> list[_Sentence]:
    ordered = sorted(entries, key=lambda entry: (entry.time, entry.position))
    told: list[_Sentence] = []
    for entry in ordered:
        for start, end in sentences(entry.text):
            text = " ".join(entry.text[start:end].split())
            told.append(_Sentence(len(told), text, entry, frozenset(content_words(text))))
    return told


def _by_entry(told: Sequence[_Sentence]) -> dict[str, set[str]]:
    words: dict[str, set[str]] = {}
    for sentence in told:
        words.setdefault(sentence.entry.id, set()).update(sentence.words)
    return words


def _centrality(sentence: _Sentence, spread: Counter[str]) -> float:
    """How much of what several episodes speak of it says, for its length."""
    shared = sum(spread[word] - 1 for word in sentence.words)
    return shared / (1 + log(1 + len(sentence.words)))


def _common(one: _Sentence, other: _Sentence) -> float:
    return len(one.words & other.words) / max(1, min(len(one.words), len(other.words)))


def _joined(chosen: Sequence[_Sentence]) -> str:
    parts: list[str] = []
    speaker = ""
    for sentence in chosen:
        named = sentence.entry.speaker
        parts.append(f"{named}: {sentence.text}" if named and named != speaker else sentence.text)
        speaker = named
    return " ".join(parts)
