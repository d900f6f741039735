"""Signed feature hashing of words: lexical only. For tests of the port, where a model would tell nothing more."""

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

from soma.memory.embedders.base import Reading, wordless
from soma.memory.text.sentences import Span
from soma.memory.text.words import words


class HashingEmbedder:
    def __init__(self, dimension: int = 384) -> None:
        self.dimension = dimension
        self.late_dimension = 0
        self.name = f"hashing-{dimension}"

    def read(self, text: str) -> Reading:
        vector = np.zeros(self.dimension, np.float32)
        for word in words(text) or [text]:
            number = int.from_bytes(blake2b(word.encode(), digest_size=8).digest())
            vector[number % self.dimension] += 1 if number >> 63 else -1
        length = float(np.linalg.norm(vector))
        if length == 0:  # words that cancelled each other out
            vector[0] = length = 1.0
        return wordless((vector / length).astype(np.float32))

    def read_all(self, texts: Sequence[str]) -> list[Reading]:
        return [self.read(text) for text in texts]

    def find_passages(self, text: str) -> Sequence[Span]:  # noqa: ARG002 - it reads every text whole
        return ()
