import numpy as np
import pytest
import sympy as sp
from hypothesis import assume, given
from hypothesis import strategies as st

from proofs.deep_linear import discrete_delay as proof
from tests.deep_linear.oracles import with_condition
from tests.strategies import fractions, learning_rates, ten_decades
from theorylab.deep_linear.discrete_delay import discrete_delay
from theorylab.deep_linear.learning_time import learning_time

finite_depths = st.sampled_from([1, 2, 2.5, 3, 7, 50])
delay = sp.lambdify((proof.u, proof.s, proof.u0, proof.eta, proof.L), proof.closed_form, "mpmath")


@given(ten_decades, ten_decades, fractions, learning_rates, finite_depths)
def test_delay_agrees_with_its_proof(s, u0, fraction, eta, depth):
    u = u0 + fraction * (s - u0)
    assume(min(u0, s) < u < max(u0, s))
    truth, condition = with_condition(lambda *x: delay(*x, depth), u, s, u0, eta)
    assert abs(discrete_delay(u, s, u0, eta, depth=depth) - truth) <= 1e-12 * condition


def test_delay_of_the_theory_sheet():
    delay = discrete_delay(1.3, 1.6, 0.05, 1.0, depth=3)
    np.testing.assert_allclose(delay, 0.26491831171195, rtol=3e-14)


def descent_past(u, s, u0, eta, depth):
    """The first strength of gradient descent past `u`, and its time."""
    a, steps = u0 ** (1 / depth), 0
    while a**depth < u:
        a, steps = a + eta * a ** (depth - 1) * (s - a**depth), steps + 1
    return a**depth, steps * eta


@pytest.mark.parametrize("depth", [1, 2, 3, 5])
def test_descent_is_late_by_the_delay_up_to_second_order(depth):
    s, u0, etas = 1.6, 0.05, 0.02 / 2 ** np.arange(4)
    ratios, left = [], []
    for eta in etas:
        u, time = descent_past(1.3, s, u0, eta, depth)
        late = time - learning_time(u, s, u0, depth=depth)
        ratios.append(late / discrete_delay(u, s, u0, eta, depth=depth))
        left.append(abs(late - discrete_delay(u, s, u0, eta, depth=depth)))
    if depth == 3:  # the coefficient in place of 1/2, of the theory sheet
        coefficients = [0.5058, 0.5026, 0.5013, 0.5006]
        np.testing.assert_allclose(np.divide(ratios, 2), coefficients, atol=6e-5)
    assert np.polyfit(np.log(etas), np.log(left), 1)[0] == pytest.approx(2, abs=0.15)


@given(finite_depths, st.floats(0.05, 0.45), st.floats(0.5, 0.95), learning_rates)
def test_delays_add_up_and_are_linear_in_the_step(depth, one, other, eta):
    total = discrete_delay(other, 1.0, 0.01, eta, depth=depth)
    parts = discrete_delay(one, 1.0, 0.01, eta, depth=depth)
    parts = parts + discrete_delay(other, 1.0, one, eta, depth=depth)
    np.testing.assert_allclose(parts, total, rtol=1e-12, atol=1e-15 * eta)
    doubled = discrete_delay(other, 1.0, 0.01, 2 * eta, depth=depth)
    np.testing.assert_allclose(doubled, 2 * total, rtol=1e-15)


def test_descent_is_ahead_where_the_flow_slows_down():
    assert discrete_delay(0.999, 1.0, 0.5, 0.1) < 0 < discrete_delay(0.1, 1.0, 0.01, 0.1)


def test_strengths_on_different_sides_of_the_target_are_refused():
    for u in (1.1, -0.1):
        with pytest.raises(ValueError, match=rf"`strength` must be positive, and on .*; got {u}"):
            discrete_delay(u, 1.0, 0.1, 0.01)
    with pytest.raises(ValueError, match="`initial_strength` must be unequal to `singular_value`"):
        discrete_delay(0.5, 1.0, 1.0, 0.01)
