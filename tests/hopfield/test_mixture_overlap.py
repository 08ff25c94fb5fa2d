"""Mixtures of few patterns: their equations, thresholds, and free energies."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theorylab.hopfield import (
    low_load_free_energy,
    mixture_overlap,
    mixture_stability,
    mixture_threshold,
    overlap_map,
)

counts = st.integers(1, 7)
temperatures = st.floats(0.02, 0.98)
overlaps = st.lists(st.floats(-1, 1), min_size=3, max_size=3)


@given(counts, temperatures)
def test_mixtures_solve_the_equations_of_state(n, temperature):
    m = np.zeros(n + 1)
    m[:n] = mixture_overlap(n, temperature)
    assert m[0] > 0
    np.testing.assert_allclose(overlap_map(m, temperature), m, atol=1e-13)


@given(counts, temperatures)
def test_stability_is_the_curvature_of_the_free_energy(n, temperature):
    m, step = np.zeros(n + 1), 1e-4
    m[:n] = mixture_overlap(n, temperature)
    at = mixture_stability(n, temperature)
    directions = {"along": [1.0] * n + [0.0], "towards": [0.0] * n + [1.0]}
    if n > 1:
        directions["between"] = [1.0, -1.0] + [0.0] * (n - 1)
    for name, direction in directions.items():
        unit = step * np.array(direction) / np.linalg.norm(direction)
        change = overlap_map(m + unit, temperature) - overlap_map(m - unit, temperature)
        curvature = 1 - change @ unit / (2 * unit @ unit)
        assert curvature == pytest.approx(float(getattr(at, name)), abs=1e-5 / temperature**3)


@given(overlaps, temperatures)
def test_the_map_is_the_gradient_of_the_free_energy(m, temperature):
    m, step = np.array(m), 1e-5
    for k, unit in enumerate(np.eye(3) * step):
        slope = low_load_free_energy(m + unit, temperature) - low_load_free_energy(
            m - unit, temperature
        )
        expected = m[k] - overlap_map(m, temperature)[k]
        assert slope / (2 * step) == pytest.approx(expected, abs=1e-6)


@given(overlaps, temperatures, st.permutations(range(3)), st.integers(0, 2))
def test_the_free_energy_knows_no_order_and_no_sign(m, temperature, order, flipped):
    m = np.array(m)
    other = m[list(order)]
    other[flipped] *= -1
    assert low_load_free_energy(other, temperature) == pytest.approx(
        float(low_load_free_energy(m, temperature)), abs=1e-14
    )


@given(counts, temperatures)
def test_the_pure_state_is_the_ground_state(n, temperature):
    f = lambda k: low_load_free_energy(np.full(k, mixture_overlap(k, temperature)), temperature)
    assert f(1) <= f(n) + 1e-15
    assert f(n) < -temperature * np.log(2) + 1e-15


@pytest.mark.parametrize(
    ("n", "threshold"),
    [(3, 0.459794239878), (5, 0.384739272389), (7, 0.343929844954), (9, 0.316601401419),
     (11, 0.296361867337)],
)  # fmt: skip
def test_thresholds_to_their_digits(n, threshold):
    assert mixture_threshold(n) == pytest.approx(threshold, abs=6e-13)
    below, above = mixture_stability(n, threshold + np.array([-1e-3, 1e-3])).between
    assert below > 0 > above


@pytest.mark.parametrize("n", [2, 4, 6])
def test_even_mixtures_are_never_stable(n):
    assert np.all(mixture_stability(n, np.linspace(0.02, 0.98, 97)).between < 0)


def test_zero_temperature():
    np.testing.assert_allclose(
        [mixture_overlap(n, 0.0) for n in (1, 2, 3, 4, 5, 7)],
        [1, 1 / 2, 1 / 2, 3 / 8, 3 / 8, 5 / 16],
    )
    np.testing.assert_allclose(mixture_overlap(3, 1e-4), 0.5)


def test_no_mixture_from_one_on():
    assert mixture_overlap(3, 1.0) == mixture_overlap(3, 2.0) == 0
    assert 0 < mixture_overlap(3, 1 - 1e-9) < 1e-3


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mixture_overlap(0, 0.1), "`num_patterns` must be from 1 to 1000; got 0"),
        (lambda: mixture_overlap(3, -0.1), "`temperature` must be >= 0"),
        (lambda: mixture_stability(3, 0.0), "`temperature` must be > 0"),
        (
            lambda: mixture_threshold(4),
            "`num_patterns` must be odd and >= 3 for a threshold; got 4",
        ),
        (lambda: mixture_threshold(1), "odd and >= 3"),
        (lambda: low_load_free_energy(np.zeros(17), 0.1), "1 to 16 patterns as last axis"),
        (lambda: overlap_map(np.zeros(3), 0.0), "`temperature` must be > 0"),
        (lambda: overlap_map([np.nan], 0.1), "`overlaps` must be finite"),
    ],
)
def test_bad_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
