"""The words that English uses most: notes may say them otherwise, or not at all. Reads its list once.

`common_words.txt` holds the 2,000 most frequent, in the order in which the vocabulary of BERT (Apache 2.0) has them.
"""

from functools import cache
from importlib.resources import files

from soma.agent.language.stems import ENGLISH, stem

COMPARED = ("er", "est", "r", "st")  # slower, largest


def is_common(word: str, language: str = ENGLISH) -> bool:
    """Whether the stem is of a common word, or compares by one; of another language than English nothing is known."""
    if language != ENGLISH:
        return False
    return word in _stems() or any(word.endswith(end) and word.removesuffix(end) in _stems() for end in COMPARED)


@cache
def _stems() -> frozenset[str]:
    text = (files("soma.agent.llm.offline.question") / "common_words.txt").read_text("utf-8")
    return frozenset(stem(word) for word in text.split())
