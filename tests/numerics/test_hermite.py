"""Hermite coefficients against closed forms; the error apart from the accuracy."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from tests.strategies import decades
from theorylab.numerics.hermite import hermite_series, normal_reach


def ramp(z):
    return np.maximum(z, 0)


def of_ramp(order):
    """Coefficients of `max(z, 0)`: 1/sqrt(2 pi), 1/2, and `+-(j-3)!! / sqrt(2 pi j!)`."""
    c = np.zeros(order)
    c[0], c[1] = 1 / math.sqrt(2 * math.pi), 0.5
    for j in range(2, order, 2):
        # (j-3)!! = 2^(j/2-1) Gamma((j-1)/2) / sqrt(pi)
        double = (j / 2 - 1) * math.log(2) + special.gammaln((j - 1) / 2) - math.log(math.pi) / 2
        log = double - (math.log(2 * math.pi) + special.gammaln(j + 1)) / 2
        c[j] = (-1) ** (j // 2 - 1) * math.exp(log)
    return c


def of_exponential(order, rate):
    """`exp(rate z)`: `rate^j exp(rate^2 / 2) / sqrt(j!)`."""
    return powers(order, rate) * np.exp(np.longdouble(rate) ** 2 / 2)


def of_sine(order, rate):
    signs = np.resize([0, 1, 0, -1], order)
    return signs * powers(order, rate) * np.exp(-(np.longdouble(rate) ** 2) / 2)


def powers(order, rate):
    """`rate^j / sqrt(j!)`, of more digits than a double has."""
    steps = np.longdouble(rate) / np.sqrt(np.arange(1, order, dtype=np.longdouble))
    return np.cumprod(np.append(np.longdouble(1), steps))


@pytest.mark.parametrize("terms", [100, 1024, 4100])
def test_coefficients_of_a_ramp(terms):
    series = hermite_series(ramp, 1.0, [0.0], terms=terms)
    assert len(series.coefficients) == terms
    assert np.linalg.norm(series.coefficients - of_ramp(terms)) <= series.error < 1e-14
    assert abs(series.square - 0.5) <= series.square_error < 1e-14


def test_the_tail_of_a_ramp():
    """`c_j^2 ~ sqrt(2/pi) / 2 pi j^(-5/2)`; its sum from J on falls as `J^(-3/2)`."""
    series = hermite_series(ramp, 1.0, [0.0], terms=4100)
    tail = series.coefficients[4000] ** 2 * 4000**2.5
    np.testing.assert_allclose(tail, math.sqrt(2 / math.pi) / (2 * math.pi), rtol=1e-3)
    cut = hermite_series(ramp, 1.0, [0.0], terms=4000)
    np.testing.assert_allclose(cut.left_out, 1.7e-7, rtol=0.05)


@given(decades(0.1, 6), decades(0.1, 3))
def test_coefficients_of_exponentials(rate, scale):
    rate = min(rate, 6 / scale)
    series = hermite_series(lambda z: np.exp(rate * z), scale)
    exact = of_exponential(1024, np.longdouble(rate) * scale)
    square = np.exp(2 * (rate * scale) ** 2)
    kept = len(series.coefficients)
    assert np.linalg.norm(series.coefficients - exact[:kept]) <= series.error
    assert np.sum(exact[kept:] ** 2) <= series.left_out
    assert abs(series.square - square) <= series.square_error + 1e-14 * square


@given(decades(0.1, 25))
def test_coefficients_of_oscillations(rate):
    series = hermite_series(lambda z: np.sin(rate * z), 1.0)
    exact, kept = of_sine(1024, rate), len(series.coefficients)
    assert np.linalg.norm(series.coefficients - exact[:kept]) <= series.error < 1e-13
    assert np.sum(exact[kept:] ** 2) <= series.left_out
    assert series.left_out < 1e-13


@pytest.mark.parametrize("steepness", [1, 10, 100, 1e4])
def test_errors_of_steep_functions_are_honest(steepness):
    """`<erf(sz)^2> = 2/pi arcsin(2 s^2 / (1 + 2 s^2))`, without a break where it is steep."""
    series = hermite_series(lambda z: special.erf(steepness * z), 1.0)
    two = 2 * steepness**2
    square = 2 / np.pi * np.arctan2(two, np.sqrt(1 + 2 * two))
    first = 2 * steepness / np.sqrt(np.pi) / np.sqrt(1 + two)  # <phi'>
    assert abs(series.square - square) <= series.square_error
    assert abs(series.coefficients[1] - first) <= series.error
    assert square - np.sum(series.coefficients**2) <= series.left_out


def test_a_kink_that_is_not_told_shows_in_the_error():
    kink = 0.1234
    told, untold = (hermite_series(lambda z: np.abs(z - kink), 1.0, at) for at in ([kink], []))
    kept = min(len(told.coefficients), len(untold.coefficients))
    off = np.linalg.norm(told.coefficients[:kept] - untold.coefficients[:kept])
    assert told.error < 1e-14 < off <= untold.error


@given(st.lists(st.floats(-2, 2), min_size=1, max_size=6), decades(0.1, 3))
def test_polynomials_are_finite_sums(coefficients, scale):
    series = hermite_series(
        lambda z: np.polynomial.polynomial.polyval(z, coefficients) + 0 * z, scale
    )
    beyond = series.coefficients[len(coefficients) :]
    assert np.linalg.norm(beyond) <= series.error
    np.testing.assert_allclose(
        np.sum(series.coefficients**2), series.square, rtol=1e-13, atol=1e-300
    )


def test_a_scale_of_zero_is_a_constant():
    series = hermite_series(np.cos, 0.0)
    np.testing.assert_allclose(series.coefficients[0], 1, rtol=1e-14)
    assert np.abs(series.coefficients[1:]).max() < 1e-14


def test_reach_grows_with_the_function():
    assert normal_reach(np.tanh, 1.0, decay=0.25, to=1e-18) < 13.2
    assert normal_reach(np.exp, 4.0, decay=0.25, to=1e-18) > 20
    with pytest.raises(ArithmeticError, match="grows too fast"):
        normal_reach(lambda z: np.exp(z**2 / 4), 1.0, decay=0.25, to=1e-18)
    with pytest.raises(ArithmeticError, match="not finite within six standard deviations of 1"):
        normal_reach(lambda z: np.log(z), 1.0, decay=0.25, to=1e-18)
