import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import special

from tests.strategies import decades
from theorylab.numerics.piecewise import piecewise


@pytest.mark.parametrize("reach", [1.0, 16.0, 1024.0])
@pytest.mark.parametrize(
    ("function", "kinks"),
    [
        (lambda z: np.maximum(z, 0), (0.0,)),
        (lambda z: np.clip(z, -0.5, 0.75), (-0.5, 0.75)),
        (lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))), (0.0,)),
        (lambda z: np.abs(z) ** 3, (0.0,)),
        (lambda z: np.abs(z - 0.3) + np.abs(z - 0.4), (0.3, 0.4)),
    ],
)
def test_kinks_are_found_exactly(function, kinks, reach):
    pieces = piecewise(function, reach)
    assert pieces.breaks == kinks
    assert pieces.blur == 0
    assert not pieces.jumps
    assert pieces.resolved


@given(st.floats(-3, 3))
@example(1.9999999999999996)
def test_a_kink_anywhere_is_found_to_its_blur(kink):
    pieces = piecewise(lambda z: np.abs(z - kink), 8.0)
    (found,) = pieces.breaks
    # A short decimal is taken for the kink where it is as near as bisection can tell.
    assert abs(found - kink) <= max(pieces.blur, 1e-11)
    assert pieces.blur < 1e-10


def test_jumps_are_told_from_kinks():
    assert piecewise(lambda z: (z > 0) * 1.0, 8.0).jumps
    assert piecewise(lambda z: np.where(np.abs(z) > 0.5, z, 0), 1024.0).jumps
    assert piecewise(lambda z: np.floor(z), 3.3, range(-3, 4)).jumps
    assert not piecewise(np.tanh, 8.0, [0.25]).jumps


@pytest.mark.parametrize("function", [np.tanh, np.sin, np.exp, special.erf, lambda z: z**5])
def test_smooth_functions_have_no_breaks(function):
    pieces = piecewise(function, 8.0)
    assert pieces.breaks == ()
    assert pieces.resolved


@pytest.mark.parametrize(
    ("function", "derivative"),
    [
        (np.tanh, lambda z: 1 / np.cosh(z) ** 2),
        (lambda z: np.cos(30 * z), lambda z: -30 * np.sin(30 * z)),
        (lambda z: np.tanh(50 * z), lambda z: 50 / np.cosh(np.clip(50 * z, -300, 300)) ** 2),
        (np.abs, np.sign),
        (lambda z: np.exp(z / 2), lambda z: np.exp(z / 2) / 2),
    ],
)
def test_error_of_the_slope_is_no_smaller_than_the_truth(function, derivative):
    pieces = piecewise(function, 10.0)
    x = np.random.default_rng(0).uniform(-10, 10, 4000)
    part = np.searchsorted(pieces.edges, x) - 1
    error = pieces.derivative(x) - derivative(x)
    # Root mean square over each part, which 100 points or so tell to a factor.
    for index in range(len(pieces.edges) - 1):
        here = error[part == index]
        if len(here) > 20:
            assert np.sqrt(np.mean(here**2)) <= pieces.slope_error[index]
    assert np.abs(error).max() <= 1e-9 * np.abs(derivative(x)).max()


@given(decades(1, 1e4))
def test_steepness_shows_in_the_finest_part(steepness):
    pieces = piecewise(lambda z: special.erf(steepness * z), 10.0)
    assert pieces.finest > 0.05 / steepness
    if steepness > 100:
        assert pieces.finest < 5 / steepness


def test_what_is_no_series_is_unresolved():
    pieces = piecewise(lambda z: np.tanh(z) + 1e-10 * np.sin(1e9 * z), 8.0)
    assert not pieces.resolved
    assert np.isinf(pieces.slope_error).all()
