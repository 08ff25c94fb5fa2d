import math

import numpy as np
import pytest
import sympy as sp
from hypothesis import assume, example, given
from hypothesis import strategies as st

from proofs.deep_linear import unbalanced_mode as proof
from tests.deep_linear.oracles import with_condition
from tests.strategies import (
    imbalances,
    of_either_sign,
    scales,
    singular_values,
    small_strengths,
    ten_decades,
    times,
    weights,
)
from theorylab.deep_linear.mode_strength import mode_strength
from theorylab.deep_linear.unbalanced_mode import unbalanced_mode

targets = st.one_of(st.just(0.0), of_either_sign(singular_values))
_arguments = (proof.t, proof.s, proof.a0, proof.b0)
first, second = (
    sp.lambdify(_arguments, form.subs(proof.tau, 1), "mpmath") for form in proof.closed_form
)


@given(ten_decades, *(of_either_sign(ten_decades),) * 3)
@example(1e5, 1e5, 1e-5, 1e-5)  # exp(2 kappa t) overflows
@example(30.0, 1.5, 0.8, -0.8 * (1 + 1e-15))  # just off the stable manifold
@example(3.0, 1e-5, 1e5, 1e-5)
def test_weights_agree_with_their_proof(t, s, a, b):
    assume(a != -np.sign(s) * b)
    for weight, form in zip(unbalanced_mode(t, s, a, b), (first, second), strict=True):
        truth, condition = with_condition(form, t, s, a, b)
        assert abs(weight - truth) <= 1e-12 * condition


@pytest.mark.parametrize(
    ("b", "reference"),
    [(0.1, (1.2317162959163, 0.94187315155802)), (-0.3, (1.0405385265121, 0.72987699316794))],
)
def test_weights_of_the_theory_sheet(b, reference):
    np.testing.assert_allclose(unbalanced_mode(1, 1.5, 0.8, b), reference, rtol=1e-13)


@given(times, targets, weights, weights)
def test_the_layers_can_be_swapped(t, s, a, b):
    swapped = unbalanced_mode(t, s, b, a)[::-1]
    np.testing.assert_allclose(swapped, unbalanced_mode(t, s, a, b), rtol=1e-8, atol=1e-12)


@given(times, targets, weights, weights)
def test_a_mirrored_target_mirrors_one_layer(t, s, a, b):
    first, second = unbalanced_mode(t, s, a, b)
    mirrored = unbalanced_mode(t, -s, a, -b)
    np.testing.assert_allclose(mirrored, (first, -second), rtol=1e-8, atol=1e-12)


@given(times, targets, weights, weights, scales, scales)
def test_weights_scale_with_the_root_of_the_target(t, s, a, b, kappa, tau):
    root = kappa**0.5
    scaled = unbalanced_mode(t / kappa * tau, kappa * s, root * a, root * b, tau=tau)
    truth = np.asarray(unbalanced_mode(t, s, a, b))
    _, condition = with_condition(first, t, s or 1e-9, a, b * (1 + 1e-13))
    np.testing.assert_allclose(
        np.asarray(scaled) / root, truth, atol=1e-13 * float(condition) + 1e-11
    )


@given(times, targets, weights, weights)
def test_the_imbalance_is_conserved(t, s, a, b):
    first, second = unbalanced_mode(t * np.linspace(0, 1, 20), s, a, b)
    size = np.max(first**2 + second**2)
    np.testing.assert_allclose(first**2 - second**2, a**2 - b**2, rtol=0, atol=1e-14 * size)


@given(times, times, of_either_sign(singular_values), weights, weights)
def test_weights_are_a_semigroup_in_time(one, other, s, a, b):
    assume(abs(a + np.sign(s) * b) > 1e-6)
    restarted = unbalanced_mode(one, s, *unbalanced_mode(other, s, a, b))
    straight = unbalanced_mode(one + other, s, a, b)
    for i, form in enumerate((first, second)):
        _, condition = with_condition(form, one + other, s, a, b)
        assert abs(restarted[i] - straight[i]) <= 1e-12 * condition


@given(of_either_sign(singular_values), weights, weights)
def test_strength_is_monotone_and_ends_at_the_target(s, a, b):
    assume(abs(a + np.sign(s) * b) > 1e-9)
    t = np.concatenate([[0.0], np.logspace(-3, 3, 200)]) / abs(s)
    first, second = unbalanced_mode(t, s, a, b)
    u = first * second
    scale = max(abs(s), a * a + b * b)
    assert np.all(np.sign(s - a * b) * np.diff(u) >= -4e-15 * scale)
    np.testing.assert_allclose(u[-1], s, rtol=1e-13)


@given(times, singular_values, small_strengths)
def test_balanced_weights_follow_the_sigmoid(t, s, u0):
    first, second = unbalanced_mode(t, s, u0**0.5, u0**0.5)
    np.testing.assert_allclose(first, second, rtol=1e-14)
    np.testing.assert_allclose(first * second, mode_strength(t, s, u0), rtol=1e-12)


@given(times, of_either_sign(singular_values), weights)
def test_the_stable_manifold_of_the_saddle_is_never_left(t, s, a):
    t = 1e3 * t * np.asarray([1e-6, 1.0])
    first, second = unbalanced_mode(t, s, a, -np.sign(s) * a)
    np.testing.assert_array_equal(second, -np.sign(s) * first)
    # There the square of the weight decays as a mode opposed by |s|.
    gone = -np.expm1(-2 * abs(s) * t)
    square = abs(s) * a**2 * np.exp(-2 * abs(s) * t) / (abs(s) + a**2 * gone)
    np.testing.assert_allclose(first**2, square, rtol=1e-11, atol=1e-300)


@given(times, weights)
def test_a_balanced_mode_without_target_decays_as_one_over_time(t, a):
    first, second = unbalanced_mode(t, 0, a, a)
    np.testing.assert_allclose(first * second, a**2 / (1 + 2 * a**2 * t), rtol=1e-13)


@given(times, st.just(0.0) | of_either_sign(singular_values))
def test_the_origin_stays(t, s):
    assert unbalanced_mode(t, s, 0, 0) == (0, 0)


def start(u0, c):
    """The weights of strength `u0` and imbalance `c`."""
    a = math.sqrt((abs(c) + math.hypot(c, 2 * u0)) / 2)
    return (a, u0 / a) if c > 0 else (u0 / a, a)


def test_the_lazy_limit_has_an_error_of_second_order():
    """`c^2` times the largest error, s = 1.5, u0 = 0.3: the theory sheet's values."""
    s, u0, scaled = 1.5, 0.3, []
    for c in (4.0, 8.0, 16.0, 32.0):
        t = np.linspace(0, 12, 20_001) / c
        first, second = unbalanced_mode(t, s, *start(u0, c))
        scaled.append(c**2 * np.abs(first * second - s - (u0 - s) * np.exp(-c * t)).max())
    np.testing.assert_allclose(scaled, [0.622, 0.672, 0.688, 0.692], rtol=2e-3)
    early, late = np.diff(scaled)[:-1], np.diff(scaled)[1:]  # itself correct to second order
    np.testing.assert_allclose(late / early, 1 / 4, atol=0.06)


@given(singular_values, imbalances, st.sampled_from([-1e-5, 1e-5]))
def test_the_last_approach_is_exponential_at_the_rate_of_the_kernel(s, c, gap):
    """`s - u` falls as `exp(-R t)`, `R = sqrt(c^2 + 4 s^2)`."""
    t = np.asarray([0.0, 1.0, 2.0]) / math.hypot(c, 2 * s)
    first, second = unbalanced_mode(t, s, *start(s * (1 - gap), c))
    np.testing.assert_allclose(1 - first * second / s, gap * np.exp([0, -1, -2]), rtol=2e-5)
