"""The port to embedding models."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]


class Embedder(Protocol):
    """A model that maps a text to a direction. The same text gives the same bits, whatever was embedded around it."""

    @property
    def name(self) -> str:
        """Stored with every vector: vectors of different names are never compared."""
        ...

    @property
    def dimension(self) -> int: ...

    def embed(self, text: str) -> Vector:
        """A float32 vector of `dimension` with length 1. Called in a worker thread."""
        ...
