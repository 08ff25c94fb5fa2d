import math

import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import assume, example, given
from hypothesis import strategies as st

from proofs.deep_linear import decaying_strength as proof
from tests.deep_linear.oracles import DIGITS, exact
from tests.strategies import deep, scales, singular_values, strengths, ten_decades, times
from theorylab.deep_linear.decaying_strength import decaying_strength
from theorylab.deep_linear.mode_strength import mode_strength

from_2 = st.sampled_from([2, 2.5, 3, 4, 7, 50, math.inf])


def alternating(x, c):
    """`A(x; c)` of the proof, a hypergeometric function."""
    return x**c / c * mpmath.hyp2f1(1, c, 1 + c, -x)


_modules = [{"alternating_incomplete_beta": alternating}, "mpmath"]
_late, _early = (
    sp.lambdify((x, proof.p), form, _modules)
    for x, form in ((proof.x, proof.late), (proof.v, proof.early))
)
_bottomless = sp.lambdify(proof.x, proof.bottomless, "mpmath")


def exact_time(u, s, u0, depth):
    """Time from `u0` down to `u` at the target `-s`, by Eq. (3), with `tau = 1`."""
    u, s, u0, L = (mpmath.mpf(value) for value in (u, s, u0, depth))
    p = 1 - 2 / L

    def elapsed(x):
        if mpmath.isinf(L):
            return _bottomless(x)
        return _late(x, p) if x <= 1 else _early(1 / x, p)

    pace = (1 if mpmath.isinf(L) else L) * s ** (1 + p)
    return (elapsed(u / s) - elapsed(u0 / s)) / pace


def speed(u, s, depth):
    u, L = mpmath.mpf(u), mpmath.mpf(depth)
    return (1 if mpmath.isinf(L) else L) * u ** (2 - 2 / L) * (s + u)


def conditioned(u, t, s, u0, depth):
    """`|u| + |t du/dt| + |u0 du/du0|`: see `oracles`."""
    return abs(u) + t * speed(u, s, depth) + u0 * speed(u, s, depth) / speed(u0, s, depth)


@given(ten_decades, ten_decades, ten_decades)
@example(100.0, 100.0, 1.0)  # the strength underflows
def test_opposed_mode_agrees_with_its_proof_at_depth_2(t, s, u0):
    with mpmath.workdps(DIGITS):
        truth = exact(proof.opposed_form, t=t, s=s, u0=u0, tau=1)
        error = 1e-12 * conditioned(truth, t, s, u0, 2) + 1e-307
        assert abs(decaying_strength(t, -s, u0) - truth) <= error


@given(ten_decades, ten_decades, st.sampled_from([2, 2.5, 3, 4, 7, 50]))
def test_lacking_mode_agrees_with_its_proof(t, u0, depth):
    with mpmath.workdps(DIGITS):
        truth = exact(proof.lacking_form, t=t, u0=u0, L=depth, tau=1)
        error = 1e-12 * conditioned(truth, t, 0, u0, depth)
        assert abs(decaying_strength(t, 0, u0, depth=depth) - truth) <= error


@given(ten_decades, ten_decades, ten_decades, deep)
@example(1e5, 1e5, 1e-5, 2.5)
def test_opposed_deep_mode_agrees_with_its_proof(t, s, u0, depth):
    """The exact time brackets `t` when the strength is moved by its error either way."""
    u = decaying_strength(t, -s, u0, depth=depth)
    with mpmath.workdps(DIGITS):
        error = 1e-12 * conditioned(u, t, s, u0, depth)
        assert u + error >= u0 or exact_time(u + error, s, u0, depth) <= t
        assert u - error <= 0 or exact_time(u - error, s, u0, depth) >= t


@pytest.mark.parametrize(
    ("arguments", "depth", "reference"),
    [((1, -1, 0.5), 2, 0.047242974874044), ((2, 0, 0.5), 3, 0.17119579144574)],
)
def test_strength_of_the_theory_sheet(arguments, depth, reference):
    np.testing.assert_allclose(decaying_strength(*arguments, depth=depth), reference, rtol=3e-14)


@given(from_2, times, st.sampled_from([0.0, -0.3, -2.0]), strengths, scales, scales)
def test_strength_scales_with_the_target_and_the_time(depth, t, s, u0, kappa, tau):
    u = decaying_strength(t, s, u0, depth=depth)
    later = t / kappa ** (2 - 2 / depth) * tau
    scaled = decaying_strength(later, kappa * s, kappa * u0, depth=depth, tau=tau)
    with mpmath.workdps(DIGITS):
        error = 1e-12 * kappa * float(conditioned(max(u, 1e-300), t, -s, u0, depth))
    np.testing.assert_allclose(scaled, kappa * u, rtol=0, atol=error)


@given(from_2, times, times, st.sampled_from([0.0, -0.3, -2.0]), strengths)
def test_strength_is_a_semigroup_in_time(depth, one, other, s, u0):
    between = decaying_strength(other, s, u0, depth=depth)
    assume(between > 1e-290)
    straight = decaying_strength(one + other, s, u0, depth=depth)
    error = 1e-12 * float(conditioned(max(straight, 1e-300), one + other, -s, u0, depth))
    restarted = decaying_strength(one, s, between, depth=depth)
    np.testing.assert_allclose(restarted, straight, rtol=0, atol=error)


@given(from_2, singular_values, strengths)
def test_strength_falls_to_zero_without_changing_sign(depth, s, u0):
    t = np.concatenate([[0.0], np.logspace(-5, 5, 100)])
    u = decaying_strength(t, -s, u0, depth=depth)
    np.testing.assert_allclose(u[0], u0, rtol=1e-15)
    assert np.all(np.diff(u) <= 0)
    assert np.all(u >= 0)
    assert u[-1] < min(u0, 1.1 / (s * t[-1]))  # the slowest tail, that of infinite depth


@given(from_2, times, strengths)
def test_strength_is_continuous_in_the_target_at_zero(depth, t, u0):
    """With an error proportional to the distance, on the side of learning too."""
    lacking = decaying_strength(t, 0, u0, depth=depth)
    for law, s in ((decaying_strength, -1e-12), (mode_strength, 1e-12)):
        np.testing.assert_allclose(law(t, s, u0, depth=depth), lacking, rtol=1e-8)


@given(times, st.sampled_from([-0.3, -2.0]), strengths)
def test_strength_is_continuous_at_depth_2(t, s, u0):
    u = decaying_strength(t, s, u0)
    near = decaying_strength(t, s, u0, depth=2 + 1e-11)
    reference = float(conditioned(max(u, 1e-300), t, -s, u0, 2))
    np.testing.assert_allclose(near, u, rtol=0, atol=1e-8 * reference)


@pytest.mark.parametrize("depth", [3, 4, 10, math.inf])
def test_tail_is_a_power_of_time(depth):
    """`u` over `[(L-2)|s|t]^(-L/(L-2))` tends to 1."""
    t, s = np.asarray([1e4, 1e8, 1e12]), 1.7
    beyond, power = (1, 1) if math.isinf(depth) else (depth - 2, depth / (depth - 2))
    ratio = decaying_strength(t, -s, 0.4, depth=depth) * (beyond * s * t) ** power
    assert np.all(np.diff(np.abs(ratio - 1)) < 0)
    np.testing.assert_allclose(ratio[-1], 1, rtol=1e-5)


def test_tail_of_the_theory_sheet():
    tail = (2 * 1.0 * 2000) ** -2.0
    np.testing.assert_allclose(decaying_strength(2000, -1, 0.5, depth=4) / tail, 0.9993, rtol=5e-4)


def test_a_shallow_map_goes_on_to_a_negative_target():
    np.testing.assert_allclose(decaying_strength(60.0, -2.0, 0.5, depth=1), -2, rtol=1e-14)


def test_depths_between_1_and_2_are_refused():
    with pytest.raises(ValueError, match=r"`depth` must be 1 or >= 2; got 1\.5"):
        decaying_strength(1.0, -1.0, 0.5, depth=1.5)
