import numpy as np
import pytest
import sympy as sp
from hypothesis import assume, example, given
from hypothesis import strategies as st

from proofs.deep_linear import unbalanced_learning_time as proof
from tests.deep_linear.oracles import with_condition
from tests.strategies import (
    fractions,
    imbalances,
    of_either_sign,
    scales,
    singular_values,
    strengths,
    ten_decades,
)
from theorylab.deep_linear.learning_time import learning_time
from theorylab.deep_linear.unbalanced_learning_time import unbalanced_learning_time
from theorylab.deep_linear.unbalanced_mode import unbalanced_mode

bracket = sp.lambdify((proof.v, proof.s, proof.c), proof.bracket.subs(proof.tau, 1), "mpmath")
starts = of_either_sign(strengths)


def between(u0, s, fraction):
    u = u0 + fraction * (s - u0)
    assume(min(u0, s) < u < max(u0, s))
    return u


@given(ten_decades, of_either_sign(ten_decades), fractions, of_either_sign(ten_decades))
@example(1.0, 1e-5, 1 - 1e-13, 1e-5)  # far along the tail
@example(1.0, -1e5, 1e-12, 1e-5)
@example(1.0, -1.0, 0.5, 1e-25)  # through the saddle
@example(1.0, 1e-5, 1e-4, 1e5)  # two strengths far below the imbalance
@example(0.1, 1e4, 0.5, 1.0)  # and far above the target
@example(0.1, -1e4, 0.5, 1.0)
@example(1.0, 0.0, 0.5, 1.0)
def test_time_agrees_with_its_proof(s, u0, fraction, c):
    u = between(u0, s, fraction)
    time = lambda u, s, u0, c: bracket(u, s, c) - bracket(u0, s, c)
    truth, condition = with_condition(time, u, s, u0, abs(c))
    assert abs(unbalanced_learning_time(u, s, u0, c) - truth) <= 1e-12 * condition


def test_time_of_the_theory_sheet():
    time = unbalanced_learning_time(0.75, 1.5, 0.08, 0.63)
    np.testing.assert_allclose(time, 0.61170954068809, rtol=1e-13)


@given(singular_values, starts, fractions, imbalances)
def test_time_inverts_the_weights(s, u0, fraction, c):
    u = between(u0, s, fraction)
    a = np.sqrt((abs(c) + np.hypot(c, 2 * u0)) / 2)
    first, second = unbalanced_mode(unbalanced_learning_time(u, s, u0, c), s, a, u0 / a)
    # From far on the other side, rounding of the start is amplified on the way past the saddle.
    amplified = np.hypot(c, 2 * u) / min(1, abs(c) ** 2 / (c**2 + 4 * u0**2)) if u0 < 0 else abs(u)
    np.testing.assert_allclose(first * second, u, rtol=1e-11, atol=1e-13 * amplified)


@given(singular_values, starts, fractions, fractions, imbalances)
def test_times_add_up(s, u0, one, other, c):
    middle, end = between(u0, s, min(one, other)), between(u0, s, max(one, other))
    assume(middle != end)
    parts = unbalanced_learning_time(middle, s, u0, c)
    parts = parts + unbalanced_learning_time(end, s, middle, c)
    np.testing.assert_allclose(parts, unbalanced_learning_time(end, s, u0, c), rtol=1e-9)


@given(singular_values, starts, fractions, imbalances, st.sampled_from([0.125, 8.0]), scales)
def test_time_scales_and_ignores_the_sign_of_the_imbalance(s, u0, fraction, c, kappa, tau):
    u = between(u0, s, fraction)
    time = unbalanced_learning_time(u, s, u0, c)
    assert unbalanced_learning_time(u, s, u0, -c) == time
    scaled = unbalanced_learning_time(kappa * u, kappa * s, kappa * u0, kappa * c, tau=tau)
    np.testing.assert_allclose(kappa * scaled / tau, time, rtol=1e-14)


@given(singular_values, starts, imbalances)
@example(1.0, 10.0, 1.0)  # the time to the target from above is infinite without a warning
def test_time_grows_from_zero_to_infinity_on_the_way(s, u0, c):
    assume(abs(u0 / s - 1) > 1e-9)
    u = u0 + np.linspace(0, 1, 30) * (s - u0)
    u[-1] = s
    times = unbalanced_learning_time(u, s, u0, c)
    assert times[0] == 0
    assert np.isinf(times[-1])
    assert np.all(np.diff(times) > 0)
    assert unbalanced_learning_time(s, s, s, c) == 0


@given(singular_values, strengths, fractions)
def test_time_without_imbalance_is_that_of_the_balanced_mode(s, u0, fraction):
    u = between(u0, s, fraction)
    balanced = learning_time(u, s, u0)
    np.testing.assert_allclose(unbalanced_learning_time(u, s, u0, 0), balanced, rtol=1e-10)
    near = unbalanced_learning_time(u, s, u0, 1e-7 * min(u0, s))
    np.testing.assert_allclose(near, balanced, rtol=1e-10)


@given(singular_values, fractions, st.floats(1e-3, 0.5))
def test_lazy_time_is_logarithmic(s, fraction, start):
    """At `|c| >> s` the time is `ln((s-u0)/(s-u)) / |c|`, up to `O(s^2/c^2)` of it."""
    u0 = start * s
    u = between(u0, s, fraction)
    for c in (1e3 * s, -1e4 * s):
        lazy = np.log((s - u0) / (s - u)) / abs(c)
        np.testing.assert_allclose(
            unbalanced_learning_time(u, s, u0, c), lazy, rtol=3 * (s / c) ** 2 + 1e-12 / fraction
        )


def test_time_past_the_saddle_is_finite_at_any_imbalance():
    """`(1/2s) ln(4 s^2 / c^2)` and a constant, down to imbalances whose square underflows."""
    c = np.asarray([1e-100, 1e-300])
    early, late = unbalanced_learning_time(0.5, 1.0, -1.0, c)
    np.testing.assert_allclose(late - early, 200 * np.log(10), rtol=1e-12)


def test_a_strength_that_is_not_reached_is_refused():
    for u in (0.05, 1.1, -0.5):
        with pytest.raises(ValueError, match=rf"`strength` must be between .* reached; got {u}"):
            unbalanced_learning_time(u, 1.0, 0.1, 0.5)
    with pytest.raises(ValueError, match=r"`initial_strength` must be > 0 where .*; got -0\.1"):
        unbalanced_learning_time(0.5, 1.0, -0.1, 0.0)
