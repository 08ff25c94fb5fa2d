"""Averages over normal pairs against closed forms, at every correlation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from tests.strategies import decades
from theorylab.numerics.normal_pair import pair_averages

correlations = st.builds(lambda gap, near: (gap, near), decades(1e-16, 1), st.booleans())


def averages(functions, s, t, minus, plus, breaks, goal=1e-14, reach=9.6):
    at = [np.atleast_1d(np.asarray(x, float)) for x in (s, t, minus, plus)]
    s, t, minus, plus = np.broadcast_arrays(*at)
    count = len(functions(np.zeros(1), np.zeros(1)))
    goals = np.full((count, len(s)), goal)
    return pair_averages(functions, (s, t), (minus, plus), breaks, reach=reach, goal=goals)


def gaps(gap, near):
    return (gap, 2 - gap) if near else (2 - gap, gap)


@given(decades(1e-3, 1e3), decades(1e-3, 1e3), correlations)
def test_ramps_and_steps(s, t, pair):
    minus, plus = gaps(*pair)
    functions = lambda u, v: np.stack(
        [np.maximum(u, 0) * np.maximum(v, 0), (u > 0) * (v > 0) * 1.0]
    )
    value, error = averages(functions, s, t, minus, plus, (0.0,), 1e-14 * s * t)
    angle = 2 * np.arctan2(np.sqrt(minus), np.sqrt(plus))
    ramps = s * t * (np.sin(angle) + np.cos(angle) * (np.pi - angle)) / (2 * np.pi)
    steps = (np.pi - angle) / (2 * np.pi)
    assert abs(value[0, 0] - ramps) <= error[0, 0] + 4e-15 * s * t
    assert abs(value[1, 0] - steps) <= error[1, 0] + 4e-15
    assert error[0, 0] <= 1e-13 * s * t


@given(decades(0.1, 10), decades(0.1, 10), st.floats(-2, 2), st.floats(-2, 2), correlations)
def test_steps_anywhere(s, t, one, other, pair):
    """`P(u > one, v > other)`, by Owen's T function."""
    minus, plus = gaps(*pair)
    functions = lambda u, v: np.stack([(u > one) * (v > other) * 1.0])
    value, error = averages(functions, s, t, minus, plus, (one, other))
    assert abs(value[0, 0] - quadrant(one / s, other / t, minus, plus)) <= error[0, 0] + 2e-13


def quadrant(h, k, minus, plus):
    """`P(x > h, y > k)` for standard normal variables (Owen 1956)."""
    rho, root = 1 - minus, np.sqrt(minus * plus)
    if root < 1e-6:  # one variable, but for the rounding of this formula
        both = special.ndtr(-max(h, k)) if rho > 0 else special.ndtr(-k) - special.ndtr(h)
        return max(both, 0.0) if abs(h - k if rho > 0 else h + k) > 1e-4 else pytest.skip("close")
    h, k = -h, -k
    if h == 0 or k == 0:
        h, k = h + 1e-300, k + 1e-300
    owen = special.owens_t(h, (k - rho * h) / (h * root)) + special.owens_t(
        k, (h - rho * k) / (k * root)
    )
    beta = 0.0 if h * k > 0 or (h * k == 0 and h + k >= 0) else 0.5
    return (special.ndtr(h) + special.ndtr(k)) / 2 - owen - beta


@given(decades(0.05, 10), decades(0.05, 10), correlations)
def test_gaps_keep_half_their_digits(s, t, pair):
    """`<(u/s -+ v/t)^2> / 2` is the gap itself, and keeps half of them."""
    minus, plus = gaps(*pair)
    functions = lambda u, v: np.stack([(u / s - v / t) ** 2 / 2, (u / s + v / t) ** 2 / 2])
    value, _ = averages(functions, s, t, minus, plus, ())
    # The rounding of u and v, of size 1, beside their difference, the root of the gap.
    rtol = 1e-14 + 4e-16 / np.sqrt(min(minus, plus))
    np.testing.assert_allclose(value[:, 0], (minus, plus), rtol=rtol)


@pytest.mark.parametrize("gap", [0.0, 1e-9, 0.1, 1.0])
@pytest.mark.parametrize("rate", [0.3, 3.0, 10.0])
def test_growing_and_oscillating_functions(rate, gap):
    functions = lambda u, v: np.stack(
        [np.cos(rate * u) * np.cos(rate * v), np.exp((u + v) / 4), np.exp((u**2 + v**2) / 8)]
    )
    for near in (True, False):
        minus, plus = gaps(gap, near)
        rho = (plus - minus) / 2
        value, error = averages(functions, 1.0, 1.0, minus, plus, (), reach=16.0)
        exact = (
            np.exp(-(rate**2)) * np.cosh(rate**2 * rho),
            np.exp((1 + rho) / 16),
            ((3 / 4) ** 2 - rho**2 / 16) ** -0.5,
        )
        assert (np.abs(value[:, 0] - exact) <= error[:, 0] + 1e-14).all()


def test_error_is_no_smaller_than_the_truth_where_a_kink_is_not_told():
    minus = np.asarray([0.0, 1e-6, 0.01, 0.3, 1.0, 1.7])
    functions = lambda u, v: np.stack([np.abs(u - 0.3) * np.abs(v - 0.3)])
    told = averages(functions, 1.0, 0.7, minus, 2 - minus, (0.3,))
    untold = averages(functions, 1.0, 0.7, minus, 2 - minus, ())
    assert (told.error < 1e-13).all()
    assert (np.abs(untold.value - told.value) <= untold.error + told.error).all()


def test_results_of_many_pairs_are_those_of_each():
    rng = np.random.default_rng(0)
    s, t, minus = rng.uniform(0.2, 2, 7), rng.uniform(0.2, 2, 7), rng.uniform(0, 2, 7)
    functions = lambda u, v: np.stack([np.clip(u, -1, 1) * np.clip(v, -1, 1)])
    together = averages(functions, s, t, minus, 2 - minus, (-1.0, 1.0))
    for i in range(7):
        alone = averages(functions, s[i], t[i], minus[i], 2 - minus[i], (-1.0, 1.0))
        np.testing.assert_allclose(together.value[0, i], alone.value[0, 0], rtol=1e-13, atol=1e-15)
