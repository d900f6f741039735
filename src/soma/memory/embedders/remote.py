"""Remote models: asked in batches, patiently, and believed only where the answer makes sense."""

import math
import time
from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np

from soma.memory.embedders.base import Reading, wordless
from soma.memory.errors import EmbedderUnavailable
from soma.memory.text.passages import cut_passages
from soma.memory.text.sentences import Span

Ask = Callable[[Sequence[str]], Sequence[Sequence[float]]]

TEXTS = 64  # a call
CHARACTERS = 16_000  # of a text at once: models refuse what is beyond their window
OVERLAP = 1_000  # characters of a sentence that two passages may share
PAUSE_SECONDS = 0.25  # before the second try, doubled before each further one


class Trouble(Exception):
    """The model did not answer this time; `after` is how many seconds it asks to be left alone."""

    def __init__(self, message: str, *, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


class RemoteEmbedder:
    """An embedder that calls `ask`: a vector a text, or Trouble (worth another try) or EmbedderUnavailable (not).

    `dimension` 0 means that of the answers. Attempts end after `patience_seconds`.
    """

    late_dimension = 0

    def __init__(self, ask: Ask, *, name: str, dimension: int = 0, patience_seconds: float) -> None:
        self.name = f"{name}@{dimension}" if dimension else name
        self._ask = ask
        self._expected = dimension
        self._patience_seconds = patience_seconds

    @cached_property
    def dimension(self) -> int:
        return self._expected or len(self.read("dimension").vector)

    def read(self, text: str) -> Reading:
        [reading] = self.read_all([text])
        return reading

    def read_all(self, texts: Sequence[str]) -> list[Reading]:
        readings: list[Reading] = []
        for start in range(0, len(texts), TEXTS):
            batch = [text[:CHARACTERS] for text in texts[start : start + TEXTS]]
            readings += self._to_readings(self._ask_patiently(batch), len(batch))
        return readings

    def find_passages(self, text: str) -> list[Span]:
        if len(text) <= CHARACTERS:
            return []
        return cut_passages(text, range(len(text)), most=CHARACTERS, overlap=OVERLAP)

    def _ask_patiently(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        deadline = time.monotonic() + self._patience_seconds
        pause = PAUSE_SECONDS
        while True:
            try:
                return self._ask(texts)
            except Trouble as trouble:
                wait = max(pause, trouble.after or 0.0)
                if time.monotonic() + wait > deadline:
                    raise EmbedderUnavailable(f"{self.name} does not answer: {trouble}") from trouble
                time.sleep(wait)
                pause *= 2

    def _to_readings(self, vectors: Sequence[Sequence[float]], count: int) -> list[Reading]:
        if len(vectors) != count:
            raise EmbedderUnavailable(f"{self.name} answered {len(vectors)} vectors for {count} texts")
        return [self._to_reading(vector) for vector in vectors]

    def _to_reading(self, vector: Sequence[float]) -> Reading:
        values = np.asarray(vector, np.float64)
        length = float(np.linalg.norm(values)) if values.ndim == 1 else 0.0
        if not (math.isfinite(length) and length > 0):
            raise EmbedderUnavailable(f"{self.name} answered something that is no vector")
        if self._expected and len(values) != self._expected:
            raise EmbedderUnavailable(f"{self.name} answered {len(values)} numbers, not {self._expected}")
        self._expected = self._expected or len(values)
        return wordless((values / length).astype(np.float32))
