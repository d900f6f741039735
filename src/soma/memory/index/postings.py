"""Postings: which memory has which word, how often.

Most stand in flat arrays, sorted by word, which can be kept as they are; what came since is in small arrays of its own,
so that an insert is an append, until `compact` takes it in.
"""

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from soma.memory.index.pieces import Pieces

Floats = NDArray[np.float32]
Slots = NDArray[np.int32]
Counts = NDArray[np.uint16]

K1 = 0.9
B = 0.4
MOST_COUNTED = 65_535  # times that one memory holds one word: more than a text is long
REMOVED = -1
PIECE = 32_768  # holders of a word that are scored at once: they stay in the processor's cache
DUE = 500_000  # words of memories that came since, and half of those before: then it is time to take them in


class Posting:
    """The slots that hold a word, ascending, and how often each does."""

    __slots__ = ("counts", "slots")

    def __init__(self) -> None:
        self.slots = array("i")
        self.counts = array("H")


class Postings:
    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}  # of the words in the flat arrays
        self._starts = np.zeros(1, np.int64)
        self._sizes = np.zeros(0, np.int32)
        self._slots: Slots = np.zeros(0, np.int32)
        self._counts: Counts = np.zeros(0, np.uint16)
        self._words: dict[str, Posting] = {}  # what came since
        self._of_slot: dict[int, tuple[str, ...]] = {}
        self.lengths = array("f")
        self.total_length = 0.0
        self.documents = 0
        self._added = 0
        self._flat = 0  # slots that the flat arrays may name

    @property
    def nbytes(self) -> int:
        flat = self._slots.nbytes + self._counts.nbytes + self._sizes.nbytes + self._starts.nbytes
        return flat + 24 * self._added + 4 * len(self.lengths)

    def words(self) -> Iterator[str]:
        """Yield every word, those in both places once."""
        yield from self._numbers
        yield from (word for word in self._words if word not in self._numbers)

    def append(self, words: Sequence[str]) -> None:
        """Add the next slot with its words."""
        self.lengths.append(0.0)
        self._add(len(self.lengths) - 1, words)
        if self._added > max(DUE, len(self._slots) // 2):
            self.compact()

    def replace(self, slot: int, words: Sequence[str]) -> None:
        """Replace the words of `slot`; none of its former ones stay."""
        self._clear(slot)
        self._add(slot, words)

    def frequency(self, word: str) -> int:
        """Number of memories here that hold the word."""
        number, posting = self._numbers.get(word), self._words.get(word)
        return (int(self._sizes[number]) if number is not None else 0) + (len(posting.slots) if posting else 0)

    def holders(self, word: str) -> list[int]:
        """Return the slots that hold the word."""
        return [slot for slots, _ in self._parts(word) for slot in slots.tolist()]

    def find(self, word: str) -> tuple[Slots, Counts]:
        """Return the slots that hold the word, ascending within each place, and how often each does."""
        parts = list(self._parts(word))
        slots = [np.zeros(0, np.int32), *(slots for slots, _ in parts)]
        return np.concatenate(slots), np.concatenate([np.zeros(0, np.uint16), *(counts for _, counts in parts)])

    def beginning_with(self, letters: str) -> set[int]:
        """Return the slots with a word of this beginning: in a search box, the last word may be unfinished."""
        return {slot for word in self.words() if word.startswith(letters) for slot in self.holders(word)}

    def sum_weights(self, weights: Mapping[str, float]) -> Floats:
        """Sum the weights of the words that each slot holds, however often; shape [slots]."""
        total = np.zeros(len(self.lengths), np.float32)
        for word, weight in weights.items():
            for slots, _ in self._parts(word):
                total[slots] += np.float32(weight)
        return total

    def scores(self, weights: Mapping[str, float], mean_length: float) -> Floats:
        """BM25 of every slot, with the weight (idf) that each word of the question has; shape [slots]."""
        lengths = np.array(self.lengths, np.float32)
        norms = np.float32(K1) * (np.float32(1 - B) + np.float32(B / mean_length) * lengths)
        total = np.zeros(len(lengths), np.float32)
        for word, weight in weights.items():
            for slots, counts in self._parts(word):
                for start in range(0, len(slots), PIECE):
                    at, held = slots[start : start + PIECE].astype(np.intp), counts[start : start + PIECE]
                    most = np.float32(weight * (K1 + 1)) * held
                    total[at] = total.take(at) + most / (held + norms.take(at))
        return total

    def compact(self) -> None:
        """Take what came since into the flat arrays."""
        if not self._added and len(self._slots) == int(self._sizes.sum()):
            return
        living = self._slots != REMOVED
        numbers = np.repeat(np.arange(len(self._sizes), dtype=np.int64), np.diff(self._starts))[living]
        names = list(self._names())
        of = {word: number for number, word in enumerate(names)}
        keys = [numbers << 32 | self._slots[living]]
        counts: list[NDArray[np.uint16]] = [self._counts[living]]
        for word, posting in self._words.items():
            if (number := of.get(word)) is None:
                number = of[word] = len(names)
                names.append(word)
            keys.append((number << 32) + np.array(posting.slots, np.int64))
            counts.append(np.array(posting.counts, np.uint16))
        self._set_flat(names, np.concatenate(keys), np.concatenate(counts))

    def dump(self) -> Pieces:
        """Return the flat arrays; what came since is not among them."""
        return {
            "words": msgspec.msgpack.encode(list(self._names())),
            "starts": self._starts,
            "slots": self._slots,
            "counts": self._counts,
            "lengths": self.lengths,
        }

    def restore(self, pieces: Pieces) -> None:
        """Become what `dump` returned after `compact`."""
        names = msgspec.msgpack.decode(bytes(pieces["words"]), type=list[str])
        self._numbers = dict(zip(names, range(len(names)), strict=True))
        self._starts = np.frombuffer(pieces["starts"], np.int64).copy()
        self._slots = np.frombuffer(pieces["slots"], np.int32).copy()
        self._counts = np.frombuffer(pieces["counts"], np.uint16).copy()
        self._sizes = np.diff(self._starts).astype(np.int32)
        self.lengths = array("f", bytes(pieces["lengths"]))
        lengths = np.array(self.lengths, np.float32)
        self.total_length = float(lengths.sum(dtype=np.float64))
        self.documents = int(np.count_nonzero(lengths))
        self._flat = len(lengths)

    def _set_flat(self, names: Sequence[str], keys: NDArray[np.int64], counts: Counts) -> None:
        order = np.argsort(keys, kind="stable")  # of long runs that are sorted already
        keys = keys[order]
        self._slots, self._counts = (keys & 0xFFFFFFFF).astype(np.int32), counts[order]
        held = np.bincount(keys >> 32, minlength=len(names))
        words = [word for word, count in zip(names, held.tolist(), strict=True) if count]
        self._sizes = held[held > 0].astype(np.int32)
        self._starts = np.append(0, np.cumsum(self._sizes, dtype=np.int64))
        self._numbers = dict(zip(words, range(len(words)), strict=True))
        self._words, self._of_slot, self._added = {}, {}, 0
        self._flat = len(self.lengths)

    def _names(self) -> Iterator[str]:
        """Yield the words of the flat arrays by number; one that nobody holds any more is empty."""
        names = [""] * len(self._sizes)
        for word, number in self._numbers.items():
            names[number] = word
        yield from names

    def _parts(self, word: str) -> Iterator[tuple[Slots, Counts]]:
        """Yield the slots that hold a word, and how often, from both places; copies of what may still grow."""
        if (number := self._numbers.get(word)) is not None:
            start = self._starts[number]
            end = start + self._sizes[number]
            yield self._slots[start:end], self._counts[start:end]
        if posting := self._words.get(word):
            yield np.array(posting.slots, np.int32), np.array(posting.counts, np.uint16)

    def _add(self, slot: int, words: Sequence[str]) -> None:
        counts = Counter(words)
        for word, count in counts.items():
            posting = self._words.get(word)
            if posting is None:
                posting = self._words[word] = Posting()
            place = len(posting.slots)
            if posting.slots and posting.slots[-1] > slot:
                place = bisect_left(posting.slots, slot)
            posting.slots.insert(place, slot)
            posting.counts.insert(place, min(count, MOST_COUNTED))
        if counts:
            self._of_slot[slot] = tuple(counts)
        self.lengths[slot] = len(words)
        self.total_length += len(words)
        self.documents += bool(words)
        self._added += len(counts)

    def _clear(self, slot: int) -> None:
        self.documents -= bool(self.lengths[slot])
        self.total_length -= self.lengths[slot]
        self.lengths[slot] = 0.0
        if slot < self._flat:
            self._clear_flat(slot)
        words = self._of_slot.pop(slot, ())
        for word in words:
            posting = self._words[word]
            place = bisect_left(posting.slots, slot)
            del posting.slots[place], posting.counts[place]
            if not posting.slots:
                del self._words[word]
        self._added -= len(words)

    def _clear_flat(self, slot: int) -> None:
        """Take a slot out of the flat arrays: what follows it under the same word moves up."""
        for place in np.flatnonzero(self._slots == slot)[::-1].tolist():
            number = int(np.searchsorted(self._starts, place, "right")) - 1
            last = int(self._starts[number] + self._sizes[number]) - 1
            for column, nothing in ((self._slots, REMOVED), (self._counts, 0)):
                column[place:last] = column[place + 1 : last + 1]
                column[last] = nothing
            self._sizes[number] -= 1
            if not self._sizes[number]:
                del self._numbers[self._name(number)]

    def _name(self, number: int) -> str:
        return next(word for word, other in self._numbers.items() if other == number)
