"""Speakers of a partition, and the conversations that they take part in: a question may name somebody."""

from collections import Counter
from collections.abc import Iterable

import msgspec
import numpy as np
from numpy.typing import NDArray

from soma.memory.index.pieces import Pieces
from soma.memory.index.sessions import ALONE
from soma.memory.text.folding import strip_accents
from soma.memory.text.words import tokens


class Speakers:
    """Speakers by name and number; one is known while a memory of theirs is."""

    def __init__(self) -> None:
        self._memories: Counter[str] = Counter()
        self._by_word: dict[str, set[str]] = {}
        self._threads: dict[str, Counter[int]] = {}
        self._numbers: dict[str, int] = {}
        self._names: dict[int, str] = {}
        self._last = 0

    def number(self, speaker: str) -> int:
        """Return the number of a speaker; 0 for nobody."""
        return self._numbers[speaker] if speaker else 0

    def name(self, number: int) -> str:
        """Return the name of a speaker; empty for nobody."""
        return self._names.get(number, "")

    def numbers(self, speakers: Iterable[str]) -> list[int]:
        """Return the numbers of those who are known here."""
        return [self._numbers[speaker] for speaker in speakers if speaker in self._numbers]

    def add(self, speaker: str, thread: int) -> None:
        if not speaker:
            return
        self._memories[speaker] += 1
        self._threads.setdefault(speaker, Counter())[thread] += 1
        if self._memories[speaker] == 1:
            self._last += 1
            self._name(speaker, self._last)

    def drop(self, speaker: str, thread: int) -> None:
        if not speaker:
            return
        self._memories[speaker] -= 1
        self._threads[speaker][thread] -= 1
        if not self._threads[speaker][thread]:
            del self._threads[speaker][thread]
        if not self._memories[speaker]:
            del self._memories[speaker], self._threads[speaker], self._names[self._numbers.pop(speaker)]
            for word in _words_of_name(speaker):
                self._by_word[word].discard(speaker)
                if not self._by_word[word]:
                    del self._by_word[word]

    def dump(self) -> Pieces:
        return {"names": msgspec.msgpack.encode(self._numbers)}

    def restore(self, pieces: Pieces, voices: NDArray[np.int32], threads: NDArray[np.int32]) -> None:
        """Become what `dump` returned, given the speaker's number and the thread of every slot."""
        known = msgspec.msgpack.decode(bytes(pieces["names"]), type=dict[str, int])
        for name, number in known.items():
            self._name(name, number)
        self._last = max(known.values(), default=0)
        spoken = voices > 0
        pairs, counts = np.unique(voices[spoken].astype(np.int64) << 32 | threads[spoken] - ALONE, return_counts=True)
        for pair, count in zip(pairs.tolist(), counts.tolist(), strict=True):
            name = self._names[pair >> 32]
            self._memories[name] += count
            self._threads.setdefault(name, Counter())[(pair & 0xFFFFFFFF) + ALONE] = count

    def _name(self, speaker: str, number: int) -> None:
        self._numbers[speaker], self._names[number] = number, speaker
        for word in _words_of_name(speaker):
            self._by_word.setdefault(word, set()).add(speaker)

    def find_by_word(self, word: str) -> set[str]:
        """Return the speakers who have `word` (lower case) in their name."""
        return self._by_word.get(word, set())

    def threads(self, speakers: Iterable[str]) -> set[int]:
        """Return the conversations in which one of them takes part."""
        found = {thread for speaker in speakers for thread in self._threads.get(speaker, ())}
        return found - {ALONE}


def _words_of_name(speaker: str) -> set[str]:
    """Return the words of a name, with and without accents."""
    return {spelling for word in tokens(speaker) for spelling in (word, strip_accents(word))}
