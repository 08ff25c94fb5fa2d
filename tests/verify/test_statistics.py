"""Confidence sequences: reference values, and what must be true of them."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from tests.strategies import decades
from theorylab.verify.statistics import (
    Moments,
    frequency_interval,
    frequency_p_value,
    half_width,
    looks,
    moments,
    next_look,
    p_value,
    quantile,
    replicates_needed,
)

levels = decades(1e-9, 0.2)
counts = st.integers(2, 5000)

# n = 16, 32, ..., 16384 at alpha = 0.001; measured for theory/verification.md, to 10^-3.
SIZES = (16, 32, 64, 128, 256, 512, 1024, 4096, 16384)
QUANTILES = {
    1: (11.672, 5.304, 4.565, 4.348, 4.296, 4.312, 4.360, 4.491, 4.636),
    10: (23.465, 6.243, 5.251, 4.956, 4.867, 4.862, 4.895, 5.006, 5.135),
    100: (math.inf, 7.199, 5.897, 5.511, 5.382, 5.355, 5.375, 5.468, 5.584),
    1000: (math.inf, 8.195, 6.520, 6.031, 5.858, 5.808, 5.814, 5.891, 5.997),
}


@pytest.mark.parametrize("cells", QUANTILES)
def test_quantiles_have_their_reference_values(cells):
    found = [quantile(n, 1e-3, cells) for n in SIZES]
    np.testing.assert_allclose(found, QUANTILES[cells], atol=6e-4)


@given(counts, levels)
def test_a_sequence_is_wider_than_the_interval_at_one_look(n, alpha):
    student = special.stdtrit(n - 1, 1 - alpha / 2)  # a slip of sign in Eq. (1) is caught here
    assert quantile(n, alpha) >= student


@given(counts, levels, st.floats(1.01, 100))
def test_quantiles_fall_with_the_level(n, alpha, ratio):
    assert quantile(n, alpha / ratio) >= quantile(n, alpha)


def test_quantiles_grow_without_bound_but_slowly():
    far = [quantile(2**k, 1e-3) for k in (14, 20, 26, 32)]
    assert far == sorted(far)
    assert far[-1] < 7


def test_looks_are_closed_under_doubling():
    schedule = looks(10_000)
    assert schedule[:3] == (16, 32, 48)
    assert all(2 * n in schedule for n in schedule if 2 * n <= 10_000)
    assert all(b <= 1.125 * a for a, b in itertools.pairwise(schedule) if a >= 128)
    assert looks(15) == ()
    assert next_look(1024) == 1152


@given(st.integers(0, 100), levels, st.integers(17, 400))
def test_the_p_value_inverts_the_half_width(seed, alpha, n):
    values = np.random.default_rng(seed).exponential(size=(n, 3))
    seen = moments(values)
    width = half_width(seen, alpha)
    finite = np.isfinite(width)
    found = p_value(seen, np.where(finite, width, 0.0), alpha)
    np.testing.assert_allclose(found[finite], alpha, rtol=1e-9)
    assert np.all(found[~finite] == 1)


@given(st.floats(-1e3, 1e3), st.floats(0.01, 100))
def test_half_widths_scale_with_the_data(shift, scale):
    values = np.random.default_rng(0).normal(size=(64, 2))
    plain, moved = (
        half_width(moments(values), 1e-3),
        half_width(moments(scale * values + shift), 1e-3),
    )
    np.testing.assert_allclose(moved, scale * plain, rtol=1e-7)


def test_moments_survive_a_large_mean():
    values = 1e8 + np.random.default_rng(0).normal(size=(1000, 1))
    seen = moments(values)
    np.testing.assert_allclose(seen.deviation, values.std(axis=0, ddof=1), rtol=1e-12)
    assert not seen.constant
    assert moments(np.full((20, 1), 0.1 + 0.2)).constant


@given(st.integers(1, 2000), st.floats(0, 1), levels)
def test_frequency_intervals_hold_the_frequency(n, share, alpha):
    total = round(share * n)
    low, high = frequency_interval(total, n, alpha)
    assert 0 <= low <= total / n <= high <= 1
    assert (low == 0) == (total == 0) or low < 1e-12
    mirrored = frequency_interval(n - total, n, alpha)
    np.testing.assert_allclose([1 - mirrored[1], 1 - mirrored[0]], [low, high], atol=1e-12)


def test_the_edges_of_a_frequency_interval_solve_its_equation():
    n, total, alpha = 256, 26, 1e-3
    for theta in frequency_interval(total, n, alpha):
        evidence = special.betaln(0.5 + total, 0.5 + n - total) - special.betaln(0.5, 0.5)
        evidence -= total * np.log(theta) + (n - total) * np.log1p(-theta)
        np.testing.assert_allclose(evidence, math.log(1 / alpha), rtol=1e-9)


def test_rare_false_exclusions_of_the_sequence():
    """Looking after every replicate, at level 0.05, normal data leave the band in 3.8 % of runs."""
    rng = np.random.default_rng(1)
    runs, horizon = 2000, 512
    values = rng.normal(size=(horizon, runs))
    n = np.arange(1, horizon + 1)[:, None]
    mean = np.cumsum(values, axis=0) / n
    with np.errstate(invalid="ignore", divide="ignore"):
        deviation = np.sqrt((np.cumsum(values**2, axis=0) - n * mean**2) / (n - 1))
    q = np.array([quantile(k, 0.05) if k > 1 else np.inf for k in range(1, horizon + 1)])[:, None]
    with np.errstate(invalid="ignore"):
        left = (np.abs(mean) > q * deviation / np.sqrt(n)).any(axis=0).mean()
    assert 0.015 < left < 0.05


@pytest.mark.parametrize(
    ("options", "planned"),
    [
        (dict(delta=0.0, tolerance=0.5), (160, 208, 240, 288)),
        (dict(delta=0.0, tolerance=0.2), (960, 1280, 1536, 1792)),
        (dict(delta=0.5), (144, 160, 192)),
    ],
)
def test_plans_have_their_reference_values(options, planned):
    found = [replicates_needed(1.0, cells=10**k, **options) for k in range(len(planned))]
    assert found == list(planned)


def test_what_no_number_of_replicates_decides_needs_infinitely_many():
    assert replicates_needed(1.0, 0.0, tolerance=0.0) == math.inf
    assert replicates_needed(1.0, 0.3, tolerance=0.3) == math.inf


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(alpha=0.0), "`alpha` must be between 0 and 1; got 0.0"),
        (dict(power=1.0), "`power` must be between 0 and 1; got 1.0"),
        (dict(sigma=-1.0), "`sigma` must be > 0; got -1.0"),
    ],
)
def test_bad_plans_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        replicates_needed(**({"sigma": 1.0, "delta": 0.5} | options))


def test_constant_cells_have_no_width_and_no_p_value():
    seen = Moments(16, np.zeros(1), np.zeros(1), np.zeros(1), np.ones(1, bool))
    assert p_value(seen, np.ones(1), 1e-3) == 1.0
    assert p_value(moments(np.ones((1, 1))), np.ones(1), 1e-3) == 1.0


@given(st.integers(1, 2000), st.floats(0, 1), st.floats(1e-9, 0.5))
def test_frequencies_are_excluded_at_their_p_value(n, mean, level):
    total = round(n * mean)
    low, high = frequency_interval(total, n, level)
    if low > 1e-9:
        np.testing.assert_allclose(frequency_p_value(total, n, 0.0, low), level, rtol=1e-6)
    if high < 1 - 1e-9:
        np.testing.assert_allclose(frequency_p_value(total, n, high, 1.0), level, rtol=1e-6)
    assert frequency_p_value(total, n, 0.0, 1.0) == 1.0
