"""The residual: what a conversation was shown, in one vector, a holographic reduced representation (Plate 1995).

bind(a, b) = IFFT(FFT(a) FFT(b)), circular convolution; a role is *unitary* (each frequency has length 1), so that
binding keeps lengths and unbinding, the convolution with the inverse role, is exact.

    R <- decay (age * R) + sum_i place_i * memory_i

A memory shown t bundles ago in place i is bound to place_i * age^t. What is heard of it again, R unbound by that role,
is the memory, plus the noise of all the others, of standard deviation |R| / sqrt(dimension) in any direction. What is
not AUDIBLE deviations above it does not count as heard. How much fits is measured: `soma bench residual`.

Outside the core because of its FFTs: what they say is recorded in the observation, and never derived again.
"""

from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache
from hashlib import shake_256
from math import pi, sqrt
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from soma.brain.context.working_memory import Key, is_of

Vector = NDArray[np.float64]
Spectrum = NDArray[np.complex128]

PLACES = 4  # memories of a bundle that are bound, the best of it: with 8, half of what was shown drowns in the noise
AGES = 3  # bundles that are listened for
DECAY = 0.6  # of each bundle, with every further one
AUDIBLE = 3.1  # deviations: of the 12 probes one is that loud by chance for 1 vector in 100
AGE = "age"


@lru_cache(1_024)
def role(name: str, dimension: int) -> Spectrum:
    """Spectrum of a role, from its name alone: the phases are SHAKE-256 of it, the ends of the spectrum are 1."""
    size = dimension // 2 + 1
    words = np.frombuffer(shake_256(name.encode()).digest(4 * size), "<u4")
    spectrum = np.exp(2j * pi * words / 2.0**32)
    spectrum[0] = 1.0
    if dimension % 2 == 0:
        spectrum[-1] = 1.0
    spectrum.setflags(write=False)
    return spectrum


def bind(role: Spectrum, vector: Any) -> Vector:
    return np.fft.irfft(role * np.fft.rfft(vector), len(vector))


def unbind(role: Spectrum, vector: Any) -> Vector:
    return bind(role.conj(), vector)


def superpose(residual: Sequence[float] | Vector, memories: Any, *, decay: float = DECAY) -> Vector:
    """Return the residual after one more bundle. `memories` are unit vectors, best first."""
    rows = np.asarray(memories, np.float64)[:PLACES]
    dimension = rows.shape[1] if rows.size else len(residual)
    if not dimension:
        return np.zeros(0)
    if len(residual) == dimension:
        whole = decay * role(AGE, dimension) * np.fft.rfft(residual)
    else:  # the first bundle, or an embedder of another dimension
        whole = np.zeros(dimension // 2 + 1, np.complex128)
    for place, memory in enumerate(rows):
        whole = whole + role(f"place {place}", dimension) * np.fft.rfft(memory)
    return np.fft.irfft(whole, dimension)


def loudness_of(residual: Sequence[float] | Vector, vector: Any, *, decay: float = DECAY) -> float:
    """Greatest cosine of `vector` with what the residual still tells apart from noise (0 where that is nothing)."""
    dimension = len(residual)
    if not dimension or len(vector) != dimension:
        return 0.0
    floor = AUDIBLE * float(np.linalg.norm(residual)) / sqrt(dimension)
    said = np.fft.rfft(residual) * np.fft.rfft(vector).conj()  # echo of (place, age) = <said, place age^t>
    best = 0.0
    for age in range(AGES):
        loudness = decay**age
        for place in range(PLACES):
            echo = _inner(said, role(f"place {place}", dimension) * role(AGE, dimension) ** age, dimension) / loudness
            if echo > floor / loudness:
                best = max(best, echo)
    return min(best, 1.0)


def _inner(said: Spectrum, bound: Spectrum, dimension: int) -> float:
    """<irfft(said), irfft(bound)>, by Parseval: the inner frequencies count twice."""
    products = (said * bound.conj()).real
    twice = products[1:-1] if dimension % 2 == 0 else products[1:]
    ends = products[0] + (products[-1] if dimension % 2 == 0 else 0.0)
    return float((ends + 2.0 * twice.sum()) / dimension)


def novelty(residual: Sequence[float] | Vector, vector: Any) -> float:
    """1 - what is heard, in [0, 1]; 1 where nothing is."""
    return 1.0 - loudness_of(residual, vector)


class Residuals(Protocol):
    """Residuals by conversation. One is a mood of its conversation: losing it costs nothing."""

    async def of(self, key: Key) -> Sequence[float]:
        """Return the residual, empty for a conversation that was shown nothing."""
        ...

    async def keep(self, key: Key, residual: Sequence[float]) -> None: ...

    async def clear(self, tenant_id: str, user_id: str | None) -> None:
        """Drop what is kept for a user, or for everybody of the tenant."""
        ...


class LocalResiduals:
    """Residuals of the conversations used last, gone with the process."""

    def __init__(self, *, conversations: int) -> None:
        self._conversations = conversations
        self._kept: OrderedDict[Key, Sequence[float]] = OrderedDict()

    async def of(self, key: Key) -> Sequence[float]:
        return self._kept.get(key, ())

    async def keep(self, key: Key, residual: Sequence[float]) -> None:
        self._kept[key] = residual
        self._kept.move_to_end(key)
        while len(self._kept) > self._conversations:
            self._kept.popitem(last=False)

    async def clear(self, tenant_id: str, user_id: str | None) -> None:
        for key in [key for key in self._kept if is_of(key, tenant_id, user_id)]:
            del self._kept[key]
