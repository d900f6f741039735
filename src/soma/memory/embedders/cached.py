"""An embedder that remembers its last readings."""

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from hashlib import blake2b

from soma.memory.embedders.base import Embedder, Reading
from soma.memory.text.sentences import Span

TEXTS = 512  # with the vectors of their words some 20 KB each


class CachingEmbedder:
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
        [reading] = self.read_all([text])
        return reading

    def read_all(self, texts: Sequence[str]) -> list[Reading]:
        digests = [blake2b(text.encode(), digest_size=16).digest() for text in texts]
        with self._lock:
            found = {digest: reading for digest in digests if (reading := self._recall(digest))}
        missing = {digest: text for digest, text in zip(digests, texts, strict=True) if digest not in found}
        if missing:
            made = self._embedder.read_all(list(missing.values()))
            found.update(zip(missing, made, strict=True))
            with self._lock:
                self._keep({digest: found[digest] for digest in missing})
        return [found[digest] for digest in digests]

    def find_passages(self, text: str) -> Sequence[Span]:
        return self._embedder.find_passages(text)

    def _recall(self, digest: bytes) -> Reading | None:
        if (reading := self._readings.get(digest)) is not None:
            self._readings.move_to_end(digest)
        return reading

    def _keep(self, readings: Mapping[bytes, Reading]) -> None:
        self._readings.update(readings)
        while len(self._readings) > self._texts:
            self._readings.popitem(last=False)
