"""Arithmetic that gives the same bits everywhere.

Only + - * / and sqrt are rounded alike on every machine (IEEE 754), and frexp is exact. libm's exp, numpy's exp and
the compensated `sum()` of Python 3.12 are not, so what the learner needs of them is written here.
"""

from collections.abc import Iterable, Sequence
from math import frexp, inf
from operator import mul

INVERSE_LN2 = 1.4426950408889634
# ln 2 in two parts: the first has 20 trailing zero bits, so that k * LN2_HIGH is exact.
LN2_HIGH = float.fromhex("0x1.62e42fee00000p-1")
LN2_LOW = float.fromhex("0x1.a39ef35793c76p-33")

SQRT_HALF = 0.5 * 1.4142135623730951
_INVERSES = tuple(1.0 / odd for odd in (23.0, 21.0, 19.0, 17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0))

EXP_LIMIT = 708.0  # beyond it the result, or its inverse, leaves the normal doubles
_OFFSET = 1022
_POWERS_OF_TWO = tuple(1.0 / float(1 << -k) if k < 0 else float(1 << k) for k in range(-_OFFSET, 1024))


def exp(x: float) -> float:
    """e^x within 1e-15 relative: x = k ln 2 + r, |r| <= ln 2 / 2 (Cody and Waite), then e^r by Taylor to r^13."""
    if x > EXP_LIMIT:
        x = EXP_LIMIT
    elif x < -EXP_LIMIT:
        return 0.0
    k = int(x * INVERSE_LN2 + (0.5 if x >= 0.0 else -0.5))
    r = (x - k * LN2_HIGH) - k * LN2_LOW
    # Coefficients 1 / n! are folded by the compiler, with the one division IEEE allows.
    tail = 1 / 39916800 + r * (1 / 479001600 + r * (1 / 6227020800))
    tail = 1 / 40320 + r * (1 / 362880 + r * (1 / 3628800 + r * tail))
    tail = 1 / 120 + r * (1 / 720 + r * (1 / 5040 + r * tail))
    tail = 1 / 2 + r * (1 / 6 + r * (1 / 24 + r * tail))
    return (1.0 + (r + r * r * tail)) * _POWERS_OF_TWO[k + _OFFSET]


def log(x: float) -> float:
    """Natural logarithm of a positive x: x = m 2^k with m near 1, log m = 2 atanh((m - 1) / (m + 1))."""
    if not 0.0 < x < inf:
        raise ValueError(f"the logarithm needs a positive finite number, not {x!r}")
    m, exponent = frexp(x)
    if m <= SQRT_HALF:
        m *= 2.0
        exponent -= 1
    s = (m - 1.0) / (m + 1.0)
    square = s * s
    series = 0.0
    for inverse in _INVERSES:
        series = (series + inverse) * square
    return exponent * LN2_HIGH + (exponent * LN2_LOW + (2.0 * s + 2.0 * s * series))


def total(values: Iterable[float]) -> float:
    """Sum left to right, uncompensated: the order of the values is part of the result."""
    result = 0.0
    for value in values:
        result += value
    return result


def dot(left: Iterable[float], right: Iterable[float]) -> float:
    """Inner product, added left to right, uncompensated. The hot loop of learning and ranking, so `map` multiplies."""
    result = 0.0
    for product in map(mul, left, right):
        result += product
    return result


def clamp(value: float, low: float, high: float) -> float:
    return low if value < low else high if value > high else value  # noqa: FURB136 -- a third of the time of min


def clip(name: str, value: float, low: float, high: float, clipped: list[str]) -> float:
    """Clamp `value` to [low, high], and append `name` to `clipped` where it was outside. NaN becomes 0, clamped.

    No input, however wild, may carry a weight out of its box; the explanation then names what was clipped.
    """
    if low <= value <= high:
        return value
    clipped.append(name)
    return clamp(0.0 if value != value else value, low, high)  # noqa: PLR0124 -- NaN is the one unequal to itself


def sigmoid(x: float) -> float:
    if x >= 0.0:
        return 1.0 / (1.0 + exp(-x))
    grown = exp(x)
    return grown / (1.0 + grown)


def softmax(scores: Sequence[float], temperature: float) -> tuple[float, ...]:
    """exp(s_i / t) / sum_j exp(s_j / t), shifted by the largest score."""
    if not scores:
        return ()
    top = max(scores)
    grown = [exp((score - top) / temperature) for score in scores]
    whole = total(grown)
    return tuple([part / whole for part in grown])
