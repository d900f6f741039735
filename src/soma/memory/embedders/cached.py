"""An embedder that remembers the vectors of the texts it saw last."""

import threading
from collections import OrderedDict
from hashlib import blake2b

from soma.memory.embedders.base import Embedder, Vector

TEXTS = 4_096  # 6 MB of vectors at 384 dimensions


class Cached:
    def __init__(self, embedder: Embedder, *, texts: int = TEXTS) -> None:
        self._embedder = embedder
        self._texts = texts
        self._vectors: OrderedDict[bytes, Vector] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        return self._embedder.name

    @property
    def dimension(self) -> int:
        return self._embedder.dimension

    def embed(self, text: str) -> Vector:
        digest = blake2b(text.encode(), digest_size=16).digest()
        with self._lock:
            if (vector := self._vectors.get(digest)) is not None:
                self._vectors.move_to_end(digest)
                return vector
        vector = self._embedder.embed(text)
        with self._lock:
            self._vectors[digest] = vector
            while len(self._vectors) > self._texts:
                self._vectors.popitem(last=False)
        return vector
