import mpmath
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.deep_linear.oracles import with_condition
from tests.strategies import (
    imbalances,
    of_either_sign,
    singular_values,
    ten_decades,
    weights,
)
from theorylab.deep_linear.kernel_change import kernel_change
from theorylab.deep_linear.unbalanced_mode import unbalanced_mode

change = lambda s, u0, c: mpmath.sqrt((c**2 + 4 * s**2) / (c**2 + 4 * u0**2)) - 1
numbers = of_either_sign(ten_decades)


@given(numbers, numbers, numbers)
def test_change_agrees_with_its_equation(s, u0, c):
    truth, condition = with_condition(change, s, u0, c)
    assert abs(kernel_change(s, u0, c) - truth) <= 1e-12 * condition


@given(of_either_sign(singular_values), weights, weights)
def test_change_is_that_of_the_squared_weights_over_training(s, a, b):
    assume(a != -np.sign(s) * b)
    first, second = unbalanced_mode(1e4 / abs(s), s, a, b)
    measured = (first**2 + second**2) / (a**2 + b**2) - 1
    np.testing.assert_allclose(
        measured, kernel_change(s, a * b, a**2 - b**2), rtol=1e-9, atol=1e-12
    )


@given(singular_values, weights, imbalances, st.sampled_from([0.125, 8.0]))
def test_change_has_no_scale_and_no_sign(s, u0, c, kappa):
    change = kernel_change(s, u0, c)
    for signs in ((-1, 1, 1), (1, -1, 1), (1, 1, -1)):
        mirrored = kernel_change(*np.multiply(signs, (s, u0, c)))
        np.testing.assert_allclose(mirrored, change, rtol=1e-15)
    np.testing.assert_allclose(kernel_change(kappa * s, kappa * u0, kappa * c), change, rtol=1e-15)


def test_change_vanishes_as_the_squared_imbalance_in_the_lazy_limit():
    c = np.asarray([1e3, 1e6])
    np.testing.assert_allclose(kernel_change(1.5, 0.3, c) * c**2, 2 * (1.5**2 - 0.3**2), rtol=1e-5)


def test_change_is_the_growth_of_the_strength_in_the_rich_limit():
    np.testing.assert_allclose(kernel_change(2.0, 1e-3, 0.0), 2e3 - 1, rtol=1e-14)


def test_an_empty_start_is_refused():
    with pytest.raises(
        ValueError, match="`imbalance` must be nonzero where `initial_strength` is 0"
    ):
        kernel_change(1.0, 0.0, 0.0)
