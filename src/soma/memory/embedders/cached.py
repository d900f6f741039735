"""An embedder that remembers its reading of the texts it saw last."""

import threading
from collections import OrderedDict
from hashlib import blake2b

from soma.memory.embedders.base import Embedder, Reading

TEXTS = 512  # with the vectors of their words some 20 KB each


class Cached:
    def __init__(self, embedder: Embedder, *, texts: int = TEXTS) -> None:
        self._embedder = embedder
        self._texts = texts
        self._readings: OrderedDict[bytes, Reading] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        return self._embedder.name

    @property
    def dimension(self) -> int:
        return self._embedder.dimension

    @property
    def late_dimension(self) -> int:
        return self._embedder.late_dimension

    def read(self, text: str) -> Reading:
        digest = blake2b(text.encode(), digest_size=16).digest()
        with self._lock:
            if (reading := self._readings.get(digest)) is not None:
                self._readings.move_to_end(digest)
                return reading
        reading = self._embedder.read(text)
        with self._lock:
            self._readings[digest] = reading
            while len(self._readings) > self._texts:
                self._readings.popitem(last=False)
        return reading
