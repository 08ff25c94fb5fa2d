import math

import mpmath
import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from proofs.deep_linear import learning_time as proof
from tests.deep_linear.oracles import exact, exact_speed, exact_time
from tests.strategies import (
    deep,
    depths,
    fractions,
    scales,
    singular_values,
    small_strengths,
    ten_decades,
)
from theorylab.deep_linear.learning_time import (
    half_time,
    learning_time,
    plateau,
    transition_width,
)
from theorylab.deep_linear.mode_strength import mode_strength


@given(ten_decades, ten_decades, fractions, depths)
@example(1.0, 1e-10, 1 - 1e-13, 3)  # far along the tail
@example(1.0, 1 + 1e-9, 1e-3, 3)  # just above the target
@example(1.0, 1e5, 1e-9, 50)  # just left, from far above
def test_time_agrees_with_its_proof(s, u0, fraction, depth):
    u = u0 + fraction * (s - u0)
    assume(min(u0, s) < u < max(u0, s))
    truth = exact_time(u, s, u0, depth)
    # A backward error in the strengths, as in `oracles`.
    scale = abs(truth) + abs(u / exact_speed(u, s, depth)) + abs(u0 / exact_speed(u0, s, depth))
    assert abs(learning_time(u, s, u0, depth=depth) - truth) <= 1e-12 * scale


@pytest.mark.parametrize(
    ("depth", "reference"),
    [
        (1, 2.2925347571405),
        (2, 3.3961722137354),
        (3, 4.5855759431428),
        (4, 5.3320092790558),
        (8, 5.6659505637775),
        (32, 2.6534849763381),
        (math.inf, 105.68123331636),
    ],
)
def test_time_of_the_theory_sheet(depth, reference):
    np.testing.assert_allclose(learning_time(0.9, 1, 0.01, depth=depth), reference, rtol=5e-14)


def test_half_time_of_the_theory_sheet():
    np.testing.assert_allclose(half_time(3, 1e-3), 1.3343390297915, rtol=5e-14)


@given(singular_values, small_strengths, scales)
def test_half_time_agrees_with_its_proof(s, fraction, tau):
    truth = exact(proof.half_time, s=s, u0=fraction * s, tau=tau)
    np.testing.assert_allclose(half_time(s, fraction * s, tau=tau), float(truth), rtol=1e-13)


@pytest.mark.parametrize(("depth", "reference"), [(3, 0.7974317076), (4, 0.6362513965)])
def test_transition_width_of_the_theory_sheet(depth, reference):
    np.testing.assert_allclose(transition_width(2, depth=depth), reference, rtol=1e-10)


@given(singular_values)
def test_transition_width_at_depth_2_is_ln_9_over_s(s):
    np.testing.assert_allclose(transition_width(s), math.log(9) / s, rtol=1e-14)


@given(deep, singular_values)
def test_the_start_does_not_enter_the_transition_width(depth, s):
    start = np.asarray([1e-4, 1e-2]) * s
    passage = learning_time(0.9 * s, s, start, depth=depth)
    passage = passage - learning_time(0.1 * s, s, start, depth=depth)
    rounding = 1e-14 * learning_time(0.9 * s, s, start, depth=depth).max()
    np.testing.assert_allclose(passage, transition_width(s, depth=depth), rtol=1e-12, atol=rounding)


@given(depths, singular_values, small_strengths, fractions, scales)
def test_time_scales_with_the_target(depth, s, u0, fraction, kappa):
    u0 = u0 * s
    u = u0 + fraction * (s - u0)
    assume(u0 < u < s)
    scaled = kappa ** (2 - 2 / depth) * learning_time(kappa * u, kappa * s, kappa * u0, depth=depth)
    np.testing.assert_allclose(scaled, learning_time(u, s, u0, depth=depth), rtol=1e-10)


@given(depths, singular_values, st.sampled_from([1e-4, 0.3, 3.0, 1e3]), fractions, fractions)
def test_times_add_up(depth, s, start, one, other):
    u0 = start * s
    middle = u0 + max(one, other) * (s - u0) * 0.5
    end = u0 + max(one, other) * (s - u0)
    total = learning_time(end, s, u0, depth=depth)
    parts = learning_time(middle, s, u0, depth=depth) + learning_time(end, s, middle, depth=depth)
    np.testing.assert_allclose(parts, total, rtol=1e-10)


@given(depths, singular_values, st.sampled_from([1e-4, 0.3, 3.0, 1e3]), scales)
def test_time_inverts_the_strength(depth, s, start, tau):
    u0 = start * s
    u = u0 + np.asarray([0.0, 1e-3, 0.3, 0.9, 0.999]) * (s - u0)
    times = learning_time(u, s, u0, depth=depth, tau=tau)
    back = mode_strength(times, s, u0, depth=depth, tau=tau)
    np.testing.assert_allclose(back, u, rtol=1e-12)


@given(depths, singular_values, st.sampled_from([1e-4, 0.3, 3.0, 1e3]))
def test_time_grows_from_zero_to_infinity_on_the_way(depth, s, start):
    u0 = start * s
    u = u0 + np.linspace(0, 1, 30) * (s - u0)
    u[-1] = s
    times = learning_time(u, s, u0, depth=depth)
    assert times[0] == 0
    assert np.isinf(times[-1])
    assert np.all(np.diff(times) > 0)
    assert learning_time(s, s, s, depth=depth) == 0


@given(st.sampled_from([1.5, 2, 3, 4, 7, 50]), singular_values)
def test_time_bends_at_the_inflection_of_the_strength(depth, s):
    turn = (2 * depth - 2) / (3 * depth - 2)
    for grid, sign in ((np.linspace(0.01, turn, 40), -1), (np.linspace(turn, 0.99, 40), 1)):
        times = learning_time(grid * s, s, 0.01 * s, depth=depth)
        assert np.all(sign * np.diff(times, 2) > 0)


def test_time_is_continuous_at_depth_2():
    """From either side, with an error proportional to the distance."""
    times = {e: learning_time(0.9, 1, 0.01, depth=2 + e) for e in (-1e-6, -1e-9, 0, 1e-9, 1e-6)}
    for sign in (-1, 1):
        near, far = (times[sign * e] - times[0] for e in (1e-9, 1e-6))
        np.testing.assert_allclose(1e3 * near, far, rtol=1e-4)


def test_time_at_infinite_depth_is_approached_as_one_over_the_depth():
    """`L (theta_inf - theta_L)` tends to -2 times the integral of `ln x / (x^2 (1-x))`."""
    limit = learning_time(0.9, 1, 0.01, depth=math.inf)
    gaps = np.asarray([L * (limit - L * learning_time(0.9, 1, 0.01, depth=L)) for L in (1e3, 1e5)])
    constant = -2 * mpmath.quad(lambda x: mpmath.log(x) / (x**2 * (1 - x)), [0.01, 0.1, 0.9])
    np.testing.assert_allclose(float(constant), 747.1906, atol=1e-4)  # the theory sheet's
    early, late = np.abs(gaps / float(constant) - 1)
    assert early < 5e-3
    np.testing.assert_allclose(late / early, 1e-2, rtol=2e-2)


def test_stronger_modes_come_first_only_above_the_threshold():
    threshold, u0 = 4.59112147666862, 1e-2
    slope = lambda ratio: half_time(ratio * 1.0001 * u0, u0) - half_time(ratio * u0 / 1.0001, u0)
    assert slope(1.01 * threshold) < 0 < slope(0.99 * threshold)
    ratios = threshold * (1 + np.asarray([-1, 1]) * 1e-3)  # a maximum: equal on either side
    np.testing.assert_allclose(*half_time(ratios * u0, u0), rtol=1e-8)
    assert half_time(threshold * u0, u0) > half_time(ratios * u0, u0).max()


def test_plateau_misses_a_constant():
    """Half time less plateau at depth 3, s = 2: the bracket of Eq. (3) without its divergence."""
    u0 = np.asarray([1e-4, 1e-6, 1e-12])
    missed = half_time(2, u0, depth=3) - plateau(2, u0, depth=3)
    with mpmath.workdps(30):
        third = mpmath.mpf(1) / 3
        bracket = -3 * mpmath.mpf(2) ** third + mpmath.betainc(2 * third, 0, 0, mpmath.mpf(1) / 2)
        limit = bracket / (3 * mpmath.mpf(2) ** (4 * third))
    np.testing.assert_allclose(plateau(2, 1e-6, depth=3), 50, rtol=1e-14)
    np.testing.assert_allclose(missed[-1], float(limit), atol=1e-7)
    np.testing.assert_allclose(missed, -0.3375, atol=5e-4)  # the theory sheet's -.337


@given(deep, singular_values, st.sampled_from([0.3, 0.5, 0.9]))
def test_plateau_is_all_the_time_from_a_small_start(depth, s, fraction):
    u0 = 10.0 ** np.asarray([-8, -11]) * s
    ratio = learning_time(fraction * s, s, u0, depth=depth) / plateau(s, u0, depth=depth)
    missed = np.abs(ratio - 1)
    assert missed[1] < missed[0] < 1
    # The bounded correction is of relative order u0^p, times a logarithm at infinite depth.
    assert missed[1] / missed[0] < 2 * 1e-3 ** (1 - 2 / depth)


def test_a_strength_that_is_not_reached_is_refused():
    for u in (0.05, 1.1, -0.5):
        with pytest.raises(ValueError, match=rf"`strength` must be between .* reached; got {u}"):
            learning_time(u, 1.0, 0.1)
    with pytest.raises(ValueError, match="`initial_strength` must be <= `singular_value` / 2"):
        half_time(1.0, 0.6)
    with pytest.raises(ValueError, match="`lower` and `upper` must be 0 < lower <= upper < 1"):
        transition_width(1.0, lower=0.9, upper=0.1)
    with pytest.raises(ValueError, match="`depth` must be > 2 for a power-law plateau; got 2"):
        plateau(1.0, 0.1, depth=2)
