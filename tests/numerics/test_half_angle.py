"""Series in the half-angle: accuracy, and an error estimate that is no smaller than the truth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import decades
from theorylab.numerics.half_angle import half_angle_series

S = np.linspace(0, 0.5**0.5, 1001)


def both_sides(series, function):
    """The largest deviation over all angles, and the largest value."""
    small = 2 * S**2
    truth = function(small, 2 - small), function(2 - small, small)
    found = series(S, np.full(S.shape, True)), series(S, np.full(S.shape, False))
    deviation = max(np.abs(f - t).max() for f, t in zip(found, truth, strict=True))
    return deviation, max(np.abs(t).max() for t in truth)


def angle(minus, plus):
    return 2 * np.arctan2(np.sqrt(minus), np.sqrt(plus))


@pytest.mark.parametrize("tolerance", [1e-4, 1e-8, 1e-13])
@pytest.mark.parametrize(
    "function",
    [
        angle,
        lambda minus, plus: np.exp(plus - minus),
        lambda minus, plus: np.sqrt(minus * plus) + 3 * minus,
        lambda minus, plus: 1 / (1 + 30 * np.sqrt(minus)),
        lambda minus, plus: np.zeros_like(minus),
        lambda minus, plus: np.ones_like(minus),
    ],
)
def test_error_is_met_and_honest(function, tolerance):
    series = half_angle_series(function, tolerance=tolerance)
    deviation, scale = both_sides(series, function)
    assert series.error <= 2 * tolerance
    assert deviation <= 1.5 * series.error * scale + 4e-16 * scale


@given(decades(1, 300), st.sampled_from([1e-6, 1e-12]))
def test_stretch_shortens_what_varies_near_a_pole(rate, tolerance):
    function = lambda minus, plus: 1 / (1 + rate * np.sqrt(minus))
    series = half_angle_series(function, tolerance=tolerance)
    assert both_sides(series, function)[0] <= 3 * tolerance
    assert series.length <= 60


def test_function_that_is_no_short_series_says_so():
    wild = lambda minus, plus: np.sin(400 * (plus - minus))
    series = half_angle_series(wild, tolerance=1e-8)
    assert series.error > 1e-2
    kinked = lambda minus, plus: np.abs(minus - 0.3)
    series = half_angle_series(kinked, tolerance=1e-8)
    assert both_sides(series, kinked)[0] <= 3 * series.error * 2
    assert series.error > 1e-4
