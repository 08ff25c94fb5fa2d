import math

import numpy as np
import pytest
import sympy as sp
from hypothesis import example, given
from hypothesis import strategies as st

from proofs.deep_linear import implicit_balancing as proof
from tests.deep_linear.oracles import with_condition
from tests.strategies import decades, learning_rates, of_either_sign, scales, ten_decades
from theorylab.deep_linear.implicit_balancing import implicit_balancing

balancing = sp.lambdify((proof.s, proof.u0, proof.K, proof.eta), proof.closed_form, "mpmath")
numbers = of_either_sign(ten_decades)


@given(numbers, numbers, ten_decades, learning_rates)
@example(1.0, 1 + 1e-9, 1.0, 0.1)  # the two ends nearly meet
@example(1e5, -1e5, 1e-5, 0.1)
def test_balancing_agrees_with_its_proof(s, u0, c, eta):
    truth, condition = with_condition(balancing, s, u0, c, eta)
    assert abs(implicit_balancing(s, u0, c, eta) - truth) <= 1e-12 * condition


def test_balancing_of_the_theory_sheet():
    value = implicit_balancing(1.5, 0.24, 1.4, 1.0)
    np.testing.assert_allclose(value, -0.41931614776901, rtol=3e-14)


def test_descent_balances_up_to_second_order():
    s, start, etas, left = 1.5, (1.2, 0.2), 0.04 / 2 ** np.arange(4), []
    for eta in etas:
        a, b = start
        while abs(s - a * b) > 1e-13:
            a, b = a + eta * b * (s - a * b), b + eta * a * (s - a * b)
        observed = math.log((a * a - b * b) / (start[0] ** 2 - start[1] ** 2))
        left.append(abs(observed - implicit_balancing(s, 0.24, 1.4, eta)))
    assert np.polyfit(np.log(etas), np.log(left), 1)[0] == pytest.approx(2, abs=0.15)


@given(st.floats(-3, 3), st.floats(-3, 3), decades(1e-3, 10), learning_rates, scales)
def test_balancing_is_negative_mirrors_and_scales(s, u0, c, eta, kappa):
    value = implicit_balancing(s, u0, c, eta)
    rounding = 1e-14 * eta * (abs(s) + abs(u0))
    assert value <= rounding
    np.testing.assert_allclose(implicit_balancing(-s, -u0, c, eta), value, rtol=1e-14)
    scaled = implicit_balancing(kappa * s, kappa * u0, kappa * c, eta / kappa)
    np.testing.assert_allclose(scaled, value, rtol=1e-9, atol=rounding)


def test_a_mode_that_starts_at_its_target_keeps_its_imbalance():
    assert implicit_balancing(1.3, 1.3, 0.7, 0.1) == 0


def test_balancing_vanishes_as_one_over_the_imbalance_in_the_lazy_limit():
    c = np.asarray([1e3, 1e5])
    value = implicit_balancing(1.5, 0.3, c, 0.1)
    np.testing.assert_allclose(value * c, -0.1 * (1.5 - 0.3) ** 2 / 2, rtol=1e-5)
