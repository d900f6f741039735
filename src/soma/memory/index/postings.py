"""Postings: which memory has which word, how often. Plain arrays, so that an insert is an append."""

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

K1 = 0.9
B = 0.4


class Posting:
    """The slots that hold a word, ascending, and how often each does."""

    __slots__ = ("counts", "slots")

    def __init__(self) -> None:
        self.slots = array("i")
        self.counts = array("f")


class Postings:
    def __init__(self) -> None:
        self._words: dict[str, Posting] = {}
        self._of_slot: list[tuple[str, ...]] = []
        self.lengths = array("f")
        self.total_length = 0.0
        self.documents = 0
        self.nbytes = 0

    @property
    def vocabulary(self) -> Mapping[str, Posting]:
        return self._words

    def words_of(self, slot: int) -> dict[str, float]:
        """Return the words by which the slot is found, with how often it has each."""
        words: dict[str, float] = {}
        for word in self._of_slot[slot]:
            posting = self._words.get(word)
            place = bisect_left(posting.slots, slot) if posting is not None else 0
            if posting is not None and place < len(posting.slots) and posting.slots[place] == slot:
                words[word] = posting.counts[place]
        return words

    def append(self, words: Sequence[str]) -> None:
        """Add the next slot with its words."""
        self._of_slot.append(())
        self.lengths.append(0.0)
        self.replace(len(self.lengths) - 1, words)

    def replace(self, slot: int, words: Sequence[str]) -> None:
        """Replace the words of `slot`; none of its former ones stay."""
        self._clear(slot)
        counts = Counter(words)
        for word, count in counts.items():
            posting = self._words.get(word)
            if posting is None:
                posting = self._words[word] = Posting()
            if posting.slots and posting.slots[-1] > slot:
                place = bisect_left(posting.slots, slot)
                posting.slots.insert(place, slot)
                posting.counts.insert(place, count)
            else:
                posting.slots.append(slot)
                posting.counts.append(count)
        self._of_slot[slot] = tuple(counts)
        self.lengths[slot] = len(words)
        self.total_length += len(words)
        self.documents += bool(words)
        self.nbytes += 24 * len(counts)

    def _clear(self, slot: int) -> None:
        for word in self._of_slot[slot]:
            posting = self._words[word]
            place = bisect_left(posting.slots, slot)
            del posting.slots[place], posting.counts[place]
            if not posting.slots:
                del self._words[word]
        self.nbytes -= 24 * len(self._of_slot[slot])
        self.documents -= bool(self._of_slot[slot])
        self.total_length -= self.lengths[slot]
        self._of_slot[slot] = ()
        self.lengths[slot] = 0.0

    def frequency(self, word: str) -> int:
        """Number of memories here that hold the word."""
        posting = self._words.get(word)
        return len(posting.slots) if posting else 0

    def holders(self, word: str) -> Sequence[int]:
        posting = self._words.get(word)
        return posting.slots if posting else ()

    def beginning_with(self, letters: str) -> set[int]:
        """Return the slots with a word of this beginning: in a search box, the last word may be unfinished."""
        found = (posting.slots for word, posting in self._words.items() if word.startswith(letters))
        return {slot for slots in found for slot in slots}

    def scores(self, weights: Mapping[str, float], mean_length: float) -> Floats:
        """BM25 of every slot, with the weight (idf) that each word of the question has; shape [slots]."""
        lengths = np.array(self.lengths, np.float32)
        total = np.zeros(len(lengths), np.float32)
        for word, weight in weights.items():
            if posting := self._words.get(word):
                slots = np.array(posting.slots, np.int32)  # a copy: an array that lends its buffer cannot grow
                counts = np.array(posting.counts, np.float32)
                norm = np.float32(K1) * (np.float32(1 - B) + np.float32(B / mean_length) * lengths[slots])
                total[slots] += np.float32(weight * (K1 + 1)) * counts / (counts + norm)
        return total
