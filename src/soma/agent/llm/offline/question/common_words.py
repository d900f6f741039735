"""The most common English words: notes may use others for them, or none. Reads its list once.

`common_words.txt` holds the 2,000 most frequent ones, in the order of BERT's vocabulary (Apache 2.0).
"""

from functools import cache
from importlib.resources import files

from soma.agent.language.stems import ENGLISH, stem

COMPARED = ("er", "est", "r", "st")  # slower, largest


def is_common(word: str, language: str = ENGLISH) -> bool:
    """Return whether a stem is of a common word or its comparative; always false in other languages."""
    if language != ENGLISH:
        return False
    return word in _stems() or any(word.endswith(end) and word.removesuffix(end) in _stems() for end in COMPARED)


@cache
def _stems() -> frozenset[str]:
    text = (files("soma.agent.llm.offline.question") / "common_words.txt").read_text("utf-8")
    return frozenset(stem(word) for word in text.split())
