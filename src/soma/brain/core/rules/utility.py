"""lambda, mu, nu: what gain, cost and latency are worth, by ridge regression of reward on them.

Minimises sum c (reward - theta . f)^2 + 30 |theta - prior|^2, f = (gain, -cost / budget, -latency / target). Each
observation counts 0.999 of the next one (recursive least squares with forgetting), so a change of taste is noticed.
"""

import msgspec

from soma.brain.core.arithmetic import clamp, clip
from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.weights import LAMBDA, MU, NU


class Utility(msgspec.Struct, frozen=True, gc=False):
    lambda_: float
    mu: float
    nu: float
    # Accumulators of f f^T (upper triangle) and f * reward.
    gg: float
    gc: float
    gl: float
    cc: float
    cl: float
    ll: float
    gr: float
    cr: float
    lr: float


class Features(msgspec.Struct, frozen=True, gc=False):
    gain: float
    cost: float
    latency: float


INITIAL = Utility(LAMBDA.default, MU.default, NU.default, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def features(
    gain: float | None,
    cost: float | None,
    latency_ms: float | None,
    hyperparameters: Hyperparameters,
    clipped: list[str],
) -> Features | None:
    """(gain, -cost / budget, -latency / target); an unknown term says nothing, all unknown is None."""
    if gain is None and cost is None and latency_ms is None:
        return None
    limit = hyperparameters.feature_limit
    return Features(
        0.0 if gain is None else clip("gain", gain, -1.0, 1.0, clipped),
        0.0 if cost is None else -clip("cost", cost / hyperparameters.cost_budget, 0.0, limit, clipped),
        0.0
        if latency_ms is None
        else -clip("latency", latency_ms / hyperparameters.latency_target_ms, 0.0, limit, clipped),
    )


def regress(old: Utility, f: Features, reward: float, credit: float, hyperparameters: Hyperparameters) -> Utility:
    """Add one observation and solve again. `credit` is its weight c: 1 for a person, less for an automatic outcome."""
    keep, gain, cost, latency = hyperparameters.utility_memory, f.gain, f.cost, f.latency
    g, c, t = credit * gain, credit * cost, credit * latency
    gg, gc, gl = keep * old.gg + g * gain, keep * old.gc + g * cost, keep * old.gl + g * latency
    cc, cl, ll = keep * old.cc + c * cost, keep * old.cl + c * latency, keep * old.ll + t * latency
    gr, cr, lr = keep * old.gr + g * reward, keep * old.cr + c * reward, keep * old.lr + t * reward
    prior = hyperparameters.utility_prior_observations
    lambda_, mu, nu = _solve(
        (gg + prior, gc, gl, cc + prior, cl, ll + prior),
        (gr + prior * LAMBDA.default, cr + prior * MU.default, lr + prior * NU.default),
    )
    return Utility(
        clamp(lambda_, LAMBDA.low, LAMBDA.high), clamp(mu, MU.low, MU.high), clamp(nu, NU.low, NU.high),
        gg, gc, gl, cc, cl, ll, gr, cr, lr,
    )  # fmt: skip


def _solve(
    matrix: tuple[float, float, float, float, float, float], right: tuple[float, float, float]
) -> tuple[float, float, float]:
    """Solve a symmetric positive definite 3 x 3 system by L D L^T; the prior keeps every pivot positive."""
    a, b, c, d, e, f = matrix
    x, y, z = right
    m, n = b / a, c / a
    second = d - m * b
    p = (e - m * c) / second
    third = f - n * c - p * (e - m * c)
    y -= m * x
    z = (z - n * x - p * y) / third
    y = y / second - p * z
    x = x / a - m * y - n * z
    return x, y, z
