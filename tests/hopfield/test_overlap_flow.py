"""The flow of overlaps: descent, symmetries, stationary points, and its integration."""

import mpmath
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from theorylab.hopfield import low_load_free_energy, mixture_overlap, overlap_flow, overlap_map

few = settings(max_examples=15)
temperatures = st.floats(0.05, 1.5)
starts = st.lists(st.floats(-1, 1), min_size=3, max_size=3)
TIMES = np.array([0.0, 0.3, 1.0, 2.0, 5.0])


def small_steps(m, temperature, time, steps):
    """Runge and Kutta's method in equal steps."""
    drift = lambda m: overlap_map(m, temperature) - m
    m, h = np.array(m), time / steps
    for _ in range(steps):
        a = drift(m)
        b = drift(m + h / 2 * a)
        c = drift(m + h / 2 * b)
        m = m + h / 6 * (a + 2 * b + 2 * c + drift(m + h * c))
    return m


def test_the_value_of_the_sheet():
    assert overlap_flow([0.5, 0.3], 0.3, 2.0) == pytest.approx([0.912589, 0.056806], abs=5e-7)


@few
@given(starts, temperatures)
@example([0.6, 0.3, 0.3], 0.06)  # a field starts at 0
def test_the_free_energy_falls(m, temperature):
    path = overlap_flow(m, temperature, TIMES)
    assert np.all(np.diff(low_load_free_energy(path, temperature)) <= 1e-13)


@few
@given(starts, temperatures, st.permutations(range(3)), st.integers(0, 2))
def test_the_flow_knows_no_order_and_no_sign(m, temperature, order, flipped):
    sign = np.ones(3)
    sign[flipped] = -1
    other = overlap_flow(sign * np.array(m)[list(order)], temperature, TIMES[:4])
    growth = np.exp(2 * max(1 / temperature - 1, 0))
    expected = sign * overlap_flow(m, temperature, TIMES[:4])[:, list(order)]
    np.testing.assert_allclose(other, expected, atol=min(1e-13 * growth, 1e-6))


@few
@given(st.sampled_from([1, 3]), st.floats(0.02, 0.4))
def test_stable_states_stay(n, temperature):
    m = np.zeros(4)
    m[:n] = mixture_overlap(n, temperature)
    np.testing.assert_allclose(overlap_flow(m, temperature, 5.0), m, atol=1e-12)
    np.testing.assert_allclose(overlap_flow(0.99 * m + 1e-3, temperature, 40.0), m, atol=1e-9)


def test_unstable_states_stay_where_nothing_drives_them():
    np.testing.assert_array_equal(overlap_flow(np.zeros(3), 0.2, 3.0), 0)
    m = mixture_overlap(2, 0.4)
    np.testing.assert_allclose(overlap_flow([m, m], 0.4, 3.0), m, atol=1e-13)


@few
@given(starts, st.floats(0.1, 1.5))
def test_a_flow_goes_on_from_where_it_stopped(m, temperature):
    halfway = np.clip(overlap_flow(m, temperature, 1.0), -1, 1)
    growth = np.exp(max(1 / temperature - 1, 0))
    np.testing.assert_allclose(
        overlap_flow(halfway, temperature, 1.0),
        overlap_flow(m, temperature, 2.0),
        atol=1e-12 * growth,
    )


@settings(max_examples=8)
@given(starts, st.floats(0.3, 1.5))
def test_the_flow_is_that_of_small_steps(m, temperature):
    expected = small_steps(m, temperature, 1.0, 300)
    np.testing.assert_allclose(overlap_flow(m, temperature, 1.0), expected, atol=1e-8)


@pytest.mark.parametrize(("temperature", "start"), [(0.3, (0.5, 0.3)), (0.15, (0.4, 0.35))])
def test_the_flow_is_that_of_a_taylor_series_of_many_digits(temperature, start):
    def drift(_, m):
        plus, minus = (mpmath.tanh((m[0] + s * m[1]) / temperature) for s in (1, -1))
        return [(plus + minus) / 2 - m[0], (plus - minus) / 2 - m[1]]

    with mpmath.workdps(25):
        solution = mpmath.odefun(drift, 0, [mpmath.mpf(m) for m in start])
        expected = [float(m) for m in solution(2)]
    # Errors of 1e-13 a step, grown as differences of starts grow: by 13 at the lower temperature.
    np.testing.assert_allclose(overlap_flow(start, temperature, 2.0), expected, rtol=0, atol=5e-12)


@few
@given(st.floats(0.01, 1), st.floats(0.05, 1.5), st.floats(0, 5))
def test_one_pattern_obeys_its_scalar_equation(m, temperature, time):
    # Separated: time is the integral of dm / (tanh(m/T) - m).
    end = float(overlap_flow([m], temperature, time)[0])
    rate = lambda x: np.tanh(x / temperature) - x
    assert np.sign(end - m) in (0, np.sign(rate(m)))
    if abs(rate(m)) > 1e-3 and abs(rate(end)) > 1e-3:
        x, weights = np.polynomial.legendre.leggauss(200)
        nodes = m + (end - m) * (x + 1) / 2
        assert (end - m) / 2 * np.sum(weights / rate(nodes)) == pytest.approx(time, abs=1e-6)
    assert overlap_flow([m, 0.0], temperature, time) == pytest.approx([end, 0.0], abs=1e-12)


def test_hot_overlaps_vanish():
    path = overlap_flow([0.9, -0.4, 0.1], 2.0, np.arange(0.0, 30.0))
    assert np.all(np.diff(np.abs(path), axis=0) < 0)
    assert np.all(np.abs(path[-1]) < 1e-5)


def test_zero_temperature_is_the_limit():
    for m in ([0.5, 0.3], [0.5, 0.3, 0.19], [0.31, 0.3, -0.29, 0.05], [0.03, 0.02, -0.025, 0.01]):
        cold = overlap_flow(m, 0.0, TIMES)
        np.testing.assert_allclose(overlap_flow(m, 1e-9, TIMES), cold, atol=1e-9)
    # A field that starts at 0 and is driven takes the time its temperature gives it.
    cold = overlap_flow([0.5, 0.3, 0.2], 0.0, TIMES)
    errors = [
        np.abs(overlap_flow([0.5, 0.3, 0.2], T, TIMES) - cold).max() for T in (1e-3, 1e-4, 1e-5)
    ]
    np.testing.assert_allclose(np.array(errors[:-1]) / errors[1:], 10, rtol=0.1)


def test_zero_temperature_by_hand():
    # xi . m is 0.8 and 0.2, and keeps its signs: m goes straight to (1, 0).
    decay = np.exp(-TIMES)
    expected = np.stack([1 - 0.5 * decay, 0.3 * decay], axis=1)
    np.testing.assert_allclose(overlap_flow([0.5, 0.3], 0.0, TIMES), expected, atol=1e-15)
    # Where 0.5 - 0.5 is 0 nothing drives it away.
    np.testing.assert_array_equal(overlap_flow([0.5, 0.5], 0.0, TIMES), 0.5)
    np.testing.assert_array_equal(overlap_flow([0.0, 0.0], 0.0, TIMES), 0)


def test_zero_temperature_falls_in_energy_from_any_start():
    rng = np.random.default_rng(0)
    energy = lambda path: low_load_free_energy(path, 1e-6)
    for _ in range(100):
        m = rng.integers(-4, 5, rng.integers(1, 7)) / 10  # ties of all kinds
        path = overlap_flow(m, 0.0, TIMES)
        assert np.all(np.diff(energy(path)) <= 1e-5)


def test_times_come_in_any_order_and_shape():
    times = np.array([[2.0, 0.0], [1.0, 2.0]])
    path = overlap_flow([0.5, 0.3], 0.3, times)
    assert path.shape == (2, 2, 2)
    np.testing.assert_array_equal(path[0, 1], [0.5, 0.3])
    np.testing.assert_array_equal(path[0, 0], path[1, 1])
    np.testing.assert_allclose(path[1, 0], overlap_flow([0.5, 0.3], 0.3, 1.0), atol=1e-13)
    assert overlap_flow([0.5], 0.0, []).shape == overlap_flow([0.5], 0.1, []).shape == (0, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.2, 0.0], 0.3, 1.0), "`overlaps` must be from -1 to 1 everywhere; got 1.2"),
        (([np.nan, 0.0], 0.3, 1.0), "`overlaps` must be .* got nan"),
        ((0.5, 0.3, 1.0), r"`overlaps` must be one row of 1 to 16 numbers; got shape \(\)"),
        ((np.zeros(17), 0.3, 1.0), r"one row of 1 to 16 numbers; got shape \(17,\)"),
        (([0.5], -0.3, 1.0), "`temperature` must be >= 0; got -0.3"),
        (([0.5], np.inf, 1.0), "`temperature` must be finite and >= 0; got inf"),
        (([0.5], 0.3, [1.0, -1.0]), "`times` must be >= 0 everywhere; got -1"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        overlap_flow(*arguments)


def test_a_row_of_temperatures_is_refused(unchecked):
    with pytest.raises(ValueError, match=r"`temperature` must be one number; got shape \(2,\)"):
        overlap_flow([0.5], [0.3, 0.4], 1.0)
