import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soma.brain.core.arithmetic import clamp, dot, exp, log, sigmoid, softmax, total

pytestmark = pytest.mark.learning

finite = st.floats(min_value=-700, max_value=700)


@given(finite)
def test_exp_is_that_of_the_library_to_1e_15(x: float) -> None:
    assert exp(x) == pytest.approx(math.exp(x), rel=1e-15, abs=0)


@given(st.floats(min_value=5e-324, max_value=1.7e308))
def test_log_is_that_of_the_library_to_1e_15(x: float) -> None:
    assert log(x) == pytest.approx(math.log(x), rel=1e-15, abs=1e-15)


@pytest.mark.parametrize(
    ("x", "bits"),
    [
        (0.0, "0x1.0000000000000p+0"),
        (1.0, "0x1.5bf0a8b14576ap+1"),
        (-1.0, "0x1.78b56362cef38p-2"),
        (0.1, "0x1.1aec7b35a00d4p+0"),
        (-20.0, "0x1.1b48655f37267p-29"),
        (700.0, "0x1.d945df4f8ec8ep+1009"),
    ],
)
def test_exp_has_the_same_bits_on_every_machine(x: float, bits: str) -> None:
    assert exp(x).hex() == bits


def test_a_long_chain_of_exp_has_the_same_bits_on_every_machine() -> None:
    draws = random.Random(7)
    chain = 0.0
    for _ in range(10_000):
        chain = 0.5 * chain + exp(draws.uniform(-30.0, 3.0))
    assert chain.hex() == "0x1.e396177193531p-11"


def test_exp_saturates_instead_of_failing() -> None:
    assert exp(-1e308) == 0.0
    assert exp(1e308) == exp(708.0) < math.inf


@pytest.mark.parametrize("x", [0.0, -1.0, math.inf, math.nan])
def test_log_refuses_what_has_no_finite_logarithm(x: float) -> None:
    with pytest.raises(ValueError, match="positive finite"):
        log(x)


def test_total_is_not_compensated() -> None:
    assert total([1e16, 1.0, 1.0, -1e16]) == 0.0


def test_dot_adds_from_left_to_right() -> None:
    assert dot([1.0, 2.0], [3.0, 4.0]) == 11.0
    assert dot([1e16, 1.0, -1e16], [1.0, 1.0, 1.0]) == 0.0


@given(st.lists(finite, min_size=1, max_size=50), st.floats(min_value=0.01, max_value=10))
def test_softmax_is_a_distribution_in_the_order_of_the_scores(scores: list[float], temperature: float) -> None:
    shares = softmax(scores, temperature)
    assert math.fsum(shares) == pytest.approx(1.0)
    assert shares[scores.index(max(scores))] == max(shares)


@pytest.mark.parametrize(
    ("tau", "expected"),
    [(0.4, (0.5898, 0.2786, 0.1316)), (0.7, (0.4817, 0.3138, 0.2044)), (1.2, (0.4192, 0.3265, 0.2543))],
)
def test_softmax_of_the_worked_example(tau: float, expected: tuple[float, ...]) -> None:
    assert softmax([0.9, 0.6, 0.3], tau) == pytest.approx(expected, abs=5e-5)


@given(finite)
def test_sigmoid_is_symmetric(x: float) -> None:
    assert sigmoid(x) + sigmoid(-x) == pytest.approx(1.0)


def test_clamp() -> None:
    assert (clamp(-1.0, 0.0, 2.0), clamp(1.0, 0.0, 2.0), clamp(3.0, 0.0, 2.0)) == (0.0, 1.0, 2.0)
