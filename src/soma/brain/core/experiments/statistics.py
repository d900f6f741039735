"""Statistics of two arms: Welch's t, Cohen's d, a test that may be looked at all the time, and a trend.

p-values come from the regularised incomplete beta function by its continued fraction (Numerical Recipes 6.4), with
the logarithm and exponential of `arithmetic.py`, so that a verdict is the same on every machine.
"""

from collections.abc import Iterable, Sequence
from math import sqrt
from typing import NamedTuple

from soma.brain.core.arithmetic import exp, log, total

LANCZOS = (
    0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
    12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
)  # fmt: skip
LANCZOS_G = 7.0
LOG_SQRT_2_PI = 0.9189385332046727
STEPS = 300
PRECISION = 1e-15
TINY = 1e-300


class Sample(NamedTuple):
    size: int
    mean: float
    variance: float
    """Unbiased; 0 for fewer than two values."""


class Comparison(NamedTuple):
    """Comparison of b with a: `t` and `d` are above 0 where b is better. `p` is two-sided."""

    t: float
    df: float
    p: float
    d: float


def sample(values: Sequence[float]) -> Sample:
    """Size, mean and unbiased variance of some values."""
    count = len(values)
    if not count:
        return Sample(0, 0.0, 0.0)
    mean = total(values) / count
    squares = total([(value - mean) * (value - mean) for value in values])
    return Sample(count, mean, squares / (count - 1) if count > 1 else 0.0)


def welch(a: Sample, b: Sample) -> Comparison:
    """t = (mean_b - mean_a) / sqrt(s_a^2 / n_a + s_b^2 / n_b) (Welch, 1947), df by Welch and Satterthwaite.

    Two arms without any spread differ with certainty or not at all.
    """
    if min(a.size, b.size) < 2:
        return Comparison(0.0, 0.0, 1.0, 0.0)
    share_a, share_b = a.variance / a.size, b.variance / b.size
    error = share_a + share_b
    difference = b.mean - a.mean
    if error <= 0.0:
        return Comparison(0.0, float(a.size + b.size - 2), 0.0 if difference else 1.0, cohens_d(a, b))
    t = difference / sqrt(error)
    of_a, of_b = share_a / error, share_b / error
    df = 1.0 / (of_a * of_a / (a.size - 1) + of_b * of_b / (b.size - 1))
    return Comparison(t, df, student_p(t, df), cohens_d(a, b))


def cohens_d(a: Sample, b: Sample) -> float:
    """(mean_b - mean_a) / pooled standard deviation; without any spread the sign of the difference."""
    pooled = pooled_deviation(a, b)
    difference = b.mean - a.mean
    if pooled > 0.0:
        return difference / pooled
    return float((difference > 0.0) - (difference < 0.0))


def pooled_deviation(a: Sample, b: Sample) -> float:
    """sqrt(((n_a - 1) s_a^2 + (n_b - 1) s_b^2) / (n_a + n_b - 2)); 0 where there are too few values."""
    freedom = a.size + b.size - 2
    if freedom < 1:
        return 0.0
    return sqrt(((a.size - 1) * a.variance + (b.size - 1) * b.variance) / freedom)


def student_p(t: float, df: float) -> float:
    """Two-sided p of Student's t: P(|T| >= |t|) = I_x(df / 2, 1 / 2), x = df / (df + t^2)."""
    return incomplete_beta(df / (df + t * t), 0.5 * df, 0.5)


def incomplete_beta(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b)."""
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    if x > (a + 1.0) / (a + b + 2.0):
        return 1.0 - incomplete_beta(1.0 - x, b, a)
    front = a * log(x) + b * log(1.0 - x) + log_gamma(a + b) - log_gamma(a) - log_gamma(b)
    return exp(front) * _continued_fraction(x, a, b) / a


def _continued_fraction(x: float, a: float, b: float) -> float:
    """Lentz's method (1976), as in Numerical Recipes 6.4."""
    c, d = 1.0, _inverse(1.0 - (a + b) * x / (a + 1.0))
    fraction = d
    for m in range(1, STEPS):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        d, c = _inverse(1.0 + even * d), _away_from_zero(1.0 + even / c)
        fraction *= d * c
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        d, c = _inverse(1.0 + odd * d), _away_from_zero(1.0 + odd / c)
        fraction *= d * c
        if abs(d * c - 1.0) < PRECISION:
            break
    return fraction


def _away_from_zero(value: float) -> float:
    return TINY if abs(value) < TINY else value


def _inverse(value: float) -> float:
    return 1.0 / _away_from_zero(value)


def log_gamma(x: float) -> float:
    """log Gamma(x) for x >= 1/2, by Lanczos (1964) with g = 7, n = 9."""
    x -= 1.0
    series = LANCZOS[0]
    for place, coefficient in enumerate(LANCZOS[1:], 1):
        series += coefficient / (x + place)
    t = x + LANCZOS_G + 0.5
    return LOG_SQRT_2_PI + (x + 0.5) * log(t) - t + log(series)


def anytime_p(results: Iterable[tuple[bool, float]], *, effect: float, warmup: int) -> float:
    """The always-valid p-value of the mixture sequential probability ratio test (Johari, Pekelis, Walsh 2015).

    `results` are (is of b, value) in order of arrival. With V = 1 / n_a + 1 / n_b and d Cohen's, against differences
    drawn from N(0, effect^2):

        ratio = sqrt(V / (V + effect^2)) exp(effect^2 d^2 / (2 V (V + effect^2)))
        p = min over all looks of 1 / ratio

    Looks begin when each arm has `warmup` values: before, its deviation is anybody's guess.
    """
    arms = (_Running(), _Running())
    greatest = 0.0  # logarithm of the ratio
    for is_b, value in results:
        arms[is_b].add(value)
        a, b = arms[0].sample(), arms[1].sample()
        if min(a.size, b.size) >= warmup and pooled_deviation(a, b) > 0.0:
            greatest = max(greatest, _log_ratio(a, b, effect))
    return exp(-greatest)


def _log_ratio(a: Sample, b: Sample, effect: float) -> float:
    v, square, d = 1.0 / a.size + 1.0 / b.size, effect * effect, cohens_d(a, b)
    return 0.5 * log(v / (v + square)) + square * d * d / (2.0 * v * (v + square))


class _Running:
    """Mean and variance by Welford's method (1962): one pass, without cancellation."""

    def __init__(self) -> None:
        self._count, self._mean, self._squares = 0, 0.0, 0.0

    def add(self, value: float) -> None:
        self._count += 1
        miss = value - self._mean
        self._mean += miss / self._count
        self._squares += miss * (value - self._mean)

    def sample(self) -> Sample:
        return Sample(self._count, self._mean, self._squares / (self._count - 1) if self._count > 1 else 0.0)


class Trend(NamedTuple):
    """A straight line through values at equal steps; `p` says how likely so steep a slope is by chance."""

    slope: float
    p: float

    @property
    def is_falling(self) -> bool:
        return self.slope < 0.0


def trend(values: Sequence[float]) -> Trend:
    """Least squares over 0, 1, 2, ..., with the two-sided t-test of the slope."""
    count = len(values)
    if count < 3:
        return Trend(0.0, 1.0)
    middle, mean = 0.5 * (count - 1), total(values) / count
    width = total([(at - middle) * (at - middle) for at in range(count)])
    slope = total([(at - middle) * (value - mean) for at, value in enumerate(values)]) / width
    left = total([(value - mean - slope * (at - middle)) ** 2 for at, value in enumerate(values)])
    if left <= PRECISION * PRECISION:
        return Trend(slope, 0.0 if slope else 1.0)
    return Trend(slope, student_p(slope / sqrt(left / (count - 2) / width), count - 2.0))
