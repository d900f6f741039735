"""The port to embedding models."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from soma.memory.text.sentences import Span

Vector = NDArray[np.float32]
Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Reading:
    """A text as a model sees it.

    `vector` [dimension] is the whole text, of length 1. A model that tells words apart gives each of `words` (lower
    case) its vector [dimension] and a short one [late_dimension] of length 1, by which single words are compared;
    others give no words.
    """

    vector: Vector
    words: tuple[str, ...]
    word_vectors: Vectors
    late_vectors: Vectors


class Embedder(Protocol):
    """A model that maps a text to a direction. The same text gives the same bits, whatever was read around it."""

    @property
    def name(self) -> str:
        """Stored with every vector: vectors of different names are never compared."""
        ...

    @property
    def dimension(self) -> int: ...

    @property
    def late_dimension(self) -> int:
        """0 for a model without word vectors."""
        ...

    def read(self, text: str) -> Reading:
        """Read one text; called in a worker thread. Raises EmbedderUnavailable."""
        ...

    def read_all(self, texts: Sequence[str]) -> Sequence[Reading]:
        """Read each text. Raises EmbedderUnavailable."""
        ...

    def find_passages(self, text: str) -> Sequence[Span]:
        """Cut a text of which `read` sees only the beginning into passages that it sees whole; none for another."""
        ...


def wordless(vector: Vector) -> Reading:
    """Return the reading of a model that sees only whole texts."""
    return Reading(vector, (), np.zeros((0, len(vector)), np.float32), np.zeros((0, 0), np.float32))
