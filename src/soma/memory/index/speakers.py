"""Who speaks in a partition: a question that names one of them asks for what they said or for what they are."""

from collections import Counter

from soma.memory.words import tokens


class Speakers:
    """A speaker is known while a memory of theirs is."""

    def __init__(self) -> None:
        self._memories: Counter[str] = Counter()
        self._by_word: dict[str, set[str]] = {}

    def add(self, speaker: str) -> None:
        if not speaker:
            return
        self._memories[speaker] += 1
        if self._memories[speaker] == 1:
            for word in tokens(speaker):
                self._by_word.setdefault(word, set()).add(speaker)

    def drop(self, speaker: str) -> None:
        if not speaker:
            return
        self._memories[speaker] -= 1
        if not self._memories[speaker]:
            del self._memories[speaker]
            for word in tokens(speaker):
                self._by_word[word].discard(speaker)
                if not self._by_word[word]:
                    del self._by_word[word]

    def called(self, word: str) -> set[str]:
        """The speakers of whose names `word` (lower case) is one."""
        return self._by_word.get(word, set())
