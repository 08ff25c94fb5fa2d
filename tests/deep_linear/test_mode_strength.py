import math

import mpmath
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from proofs.deep_linear import mode_strength as proof
from tests.deep_linear.oracles import exact, exact_speed, exact_time
from tests.strategies import (
    deep,
    depths,
    scales,
    singular_values,
    small_strengths,
    strengths,
    ten_decades,
    times,
)
from theorylab.deep_linear.learning_time import half_time
from theorylab.deep_linear.mode_strength import mode_strength

starts = st.sampled_from([1e-6, 0.1, 0.999, 1.0, 1.001, 3.0, 1e3])  # over the target


def conditioned(u, t, s, u0, depth):
    """`|u| + |t du/dt| + |u0 du/du0|`: see `oracles`."""
    speed = abs(exact_speed(u, s, depth))
    start = abs(exact_speed(u0, s, depth))
    return abs(u) + t * speed + (u0 * speed / start if start else 0)


@pytest.mark.parametrize(("depth", "form"), [(1, proof.shallow_form), (2, proof.closed_form)])
@given(t=ten_decades, s=ten_decades, u0=ten_decades)
@example(t=1e5, s=1e5, u0=1e-5)  # exp(2st) overflows
@example(t=1.0, s=1e-5, u0=1e5)
def test_strength_agrees_with_its_proof(depth, form, t, s, u0):
    truth = exact(form, t=t, s=s, u0=u0, tau=1)
    scale = conditioned(truth, t, s, u0, depth)
    assert abs(mode_strength(t, s, u0, depth=depth) - truth) <= 1e-12 * scale


@given(t=ten_decades, s=ten_decades, u0=ten_decades, depth=deep)
@example(t=1e5, s=1.0, u0=1e-5, depth=math.inf)  # the end of a long plateau
@example(t=10.0, s=1.0, u0=1 + 1e-12, depth=3)
@example(t=1e-5, s=1e-5, u0=1e5, depth=50)
def test_deep_strength_agrees_with_its_proof(t, s, u0, depth):
    """The exact time brackets `t` when the strength is moved by its error either way."""
    u = mode_strength(t, s, u0, depth=depth)
    error = 1e-12 * conditioned(u, t, s, u0, depth)
    toward = 1 if s > u0 else -1
    with mpmath.workdps(60):
        behind, ahead = mpmath.mpf(u) - toward * error, mpmath.mpf(u) + toward * error
        assert toward * (behind - u0) <= 0 or exact_time(behind, s, u0, depth) <= t
        assert toward * (s - ahead) <= 0 or exact_time(ahead, s, u0, depth) >= t


@pytest.mark.parametrize(
    ("arguments", "options", "reference"),
    [
        ((1, 2, 0.01), {}, 0.43058792050343),
        ((3, 0.5, 0.02), {"tau": 2}, 0.078676672919049),
        ((0.25, 1, 2), {}, 1.4352665983936),
        ((1, 2, 0.05), {"depth": 3}, 0.9920632937045),
        ((1, 2, 0.05), {"depth": 5}, 1.2509602791945),
    ],
)
def test_strength_of_the_theory_sheet(arguments, options, reference):
    np.testing.assert_allclose(mode_strength(*arguments, **options), reference, rtol=1e-13)


@given(depths, times, singular_values, starts, scales, scales)
def test_strength_scales_with_the_target_and_the_time(depth, t, s, start, kappa, tau):
    u = mode_strength(t, s, start * s, depth=depth)
    later = t / kappa ** (2 - 2 / depth) * tau
    scaled = mode_strength(later, kappa * s, kappa * start * s, depth=depth, tau=tau)
    np.testing.assert_allclose(scaled, kappa * u, rtol=1e-11)


@given(depths, times, times, singular_values, starts)
def test_strength_is_a_semigroup_in_time(depth, one, other, s, start):
    restarted = mode_strength(one, s, mode_strength(other, s, start * s, depth=depth), depth=depth)
    straight = mode_strength(one + other, s, start * s, depth=depth)
    scale = float(conditioned(straight, one + other, s, start * s, depth))
    np.testing.assert_allclose(restarted, straight, rtol=0, atol=1e-12 * scale)


@given(depths, singular_values, starts)
def test_strength_is_monotone_and_ends_at_the_target(depth, s, start):
    t = np.concatenate([[0.0], np.logspace(-3, 12, 200)]) / s ** (2 - 2 / depth)
    u = mode_strength(t, s, start * s, depth=depth)
    np.testing.assert_allclose(u[0], start * s, rtol=2e-16)
    assert np.all(np.sign(s - start * s) * np.diff(u) >= -4e-16 * s * max(1, start))
    np.testing.assert_allclose(u[-1], s, rtol=1e-12)


@given(times, singular_values, small_strengths)
def test_strength_is_symmetric_about_the_half_time(x, s, fraction):
    half = half_time(s, fraction * s)
    x = min(x, half)
    around = mode_strength(half + np.asarray([-x, 0, x]), s, fraction * s)
    np.testing.assert_allclose(around[[0, 1]] + around[[2, 1]], s, rtol=1e-12)


@given(depths, times, singular_values, strengths)
def test_strength_obeys_the_flow(depth, t, s, u0):
    """A central difference in time against Eq. (1)."""
    step = 1e-4 / (50 * max(s, u0) ** (2 - 2 / depth))
    behind, u, ahead = mode_strength(t + step * np.asarray([0, 1, 2]), s, u0, depth=depth)
    slope = (1 if math.isinf(depth) else depth) * u ** (2 - 2 / depth) * (s - u)
    rounding = 1e-15 * max(u, float(conditioned(u, t, s, u0, depth))) / step
    np.testing.assert_allclose((ahead - behind) / (2 * step), slope, rtol=1e-5, atol=100 * rounding)


@given(times, singular_values, starts)
def test_strength_is_continuous_at_depth_2(t, s, start):
    """With an error proportional to the distance, from above and from below."""
    u = mode_strength(t, s, start * s)
    for distance in (1e-10, -1e-10):
        near = mode_strength(t, s, start * s, depth=2 + distance)
        np.testing.assert_allclose(near, u, rtol=1e-7)


@given(deep, times)
def test_strength_stays_at_the_target_and_leaves_it_linearly(depth, t):
    assert mode_strength(t, 1.3, 1.3, depth=depth) == 1.3
    rate = (1 if math.isinf(depth) else depth) * 1.3 ** (2 - 2 / depth)
    for distance in (1e-7, -1e-7):
        left = (mode_strength(t, 1.3, 1.3 + distance, depth=depth) - 1.3) / distance
        np.testing.assert_allclose(left, np.exp(-rate * t), rtol=1e-5, atol=1e-8)


def test_shallow_strength_starts_and_ends_at_any_sign():
    np.testing.assert_allclose(mode_strength(50.0, 2.0, -3.0, depth=1), 2, rtol=1e-14)
    assert mode_strength(0.0, 2.0, -3.0, depth=1) == -3


@given(times, singular_values, small_strengths, scales)
def test_coloured_inputs_are_the_white_problem_rescaled(t, s, u0, variance):
    """Depth 3, against the form `lambda u` of the law with `tau lambda^(1 - 2/L)`."""
    rescaled = mode_strength(t, s / variance, u0, depth=3, tau=1 / variance)
    other = mode_strength(t, s, variance * u0, depth=3, tau=variance ** (1 / 3)) / variance
    np.testing.assert_allclose(rescaled, other, rtol=1e-10)


@given(times, singular_values, small_strengths)
def test_infinite_depth_is_approached_as_one_over_the_depth(t, s, fraction):
    limit = mode_strength(t, s, fraction * s, depth=math.inf)
    gaps = [abs(mode_strength(t / L, s, fraction * s, depth=L) - limit) for L in (1e6, 1e8)]
    assert gaps[1] <= 0.0105 * gaps[0] + 1e-12 * float(
        conditioned(limit, t, s, fraction * s, math.inf)
    )
