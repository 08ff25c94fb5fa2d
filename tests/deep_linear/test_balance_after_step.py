import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from proofs.deep_linear import balance_after_step as proof
from tests.strategies import learning_rates, of_either_sign, seeds, singular_values, weights
from theorylab.deep_linear.balance_after_step import balance_after_step

_symbols = [*proof.first, *proof.second, *proof.target, proof.eta]
_covariances = sorted(proof.coloured.free_symbols, key=str)
white = sp.lambdify(_symbols, proof.closed_form(proof.white))
coloured = sp.lambdify(_symbols + _covariances, proof.closed_form(proof.coloured))


def draw(seed, inputs=3, hidden=2, outputs=2):
    normal = np.random.default_rng(seed).normal
    first, second = normal(size=(hidden, inputs)), normal(size=(outputs, hidden))
    root = normal(size=(inputs, inputs))
    return first, second, normal(size=(outputs, inputs)), root @ root.T


@given(seeds, learning_rates)
def test_balance_agrees_with_its_proof(seed, eta):
    first, second, target, covariance = draw(seed)
    numbers = [*first.ravel(), *second.ravel(), *target.ravel(), eta]
    truth = white(*numbers)
    np.testing.assert_allclose(balance_after_step(first, second, target, eta), truth, atol=1e-12)
    entries = {str(s): covariance[int(str(s)[-2]), int(str(s)[-1])] for s in _covariances}
    truth = coloured(*numbers, *(entries[str(s)] for s in _covariances))
    balance = balance_after_step(first, second, target, eta, covariance)
    np.testing.assert_allclose(balance, truth, atol=1e-12 * np.max(np.abs(truth)) + 1e-12)


@given(seeds, learning_rates, st.sampled_from([(3, 2, 2), (2, 5, 4), (4, 3, 1), (1, 1, 1)]))
def test_balance_is_that_after_one_step_on_data(seed, eta, widths):
    """The gradient is that of the mean squared error over a data set, not of covariances."""
    first, second, _, _ = draw(seed, *widths)
    inputs = np.random.default_rng(seed + 1).normal(size=(20, widths[0]))
    labels = np.random.default_rng(seed + 2).normal(size=(20, widths[2]))
    hidden = inputs @ first.T
    errors = (labels - hidden @ second.T) / 20
    stepped = first + eta * (errors @ second).T @ inputs, second + eta * errors.T @ hidden
    balance = stepped[1].T @ stepped[1] - stepped[0] @ stepped[0].T
    target, covariance = labels.T @ inputs / 20, inputs.T @ inputs / 20
    predicted = balance_after_step(first, second, target, eta, covariance)
    size = np.sum(stepped[0] ** 2) + np.sum(stepped[1] ** 2)
    np.testing.assert_allclose(predicted, balance, rtol=0, atol=1e-14 * size)


@given(weights, weights, of_either_sign(singular_values), learning_rates)
def test_a_mode_loses_its_imbalance_by_the_squared_residual(a, b, s, eta):
    matrix = lambda x: np.asarray([[x]])
    balance = balance_after_step(matrix(a), matrix(b), matrix(s), eta)
    expected = -(a**2 - b**2) * (1 - eta**2 * (s - a * b) ** 2)
    size = (a * a + b * b) * (1 + (eta * (s - a * b)) ** 2)
    np.testing.assert_allclose(balance[0, 0], expected, rtol=0, atol=1e-14 * size)


@given(seeds, learning_rates)
def test_rotations_carry_over(seed, eta):
    first, second, target, covariance = draw(seed, 3, 4, 2)
    normal = np.random.default_rng(seed + 1).normal
    P, Q, R = (np.linalg.qr(normal(size=(n, n)))[0] for n in (3, 4, 2))
    balance = balance_after_step(first, second, target, eta, covariance)
    rotated = balance_after_step(
        Q @ first @ P.T, R @ second @ Q.T, R @ target @ P.T, eta, P @ covariance @ P.T
    )
    np.testing.assert_allclose(rotated, Q @ balance @ Q.T, atol=1e-12 * np.abs(balance).max())
    np.testing.assert_allclose(balance, balance.T, atol=1e-13 * np.abs(balance).max())


def test_white_inputs_are_the_default():
    first, second, target, _ = draw(0)
    explicit = balance_after_step(first, second, target, 0.1, np.eye(3))
    np.testing.assert_allclose(balance_after_step(first, second, target, 0.1), explicit, rtol=1e-14)


def test_a_zero_residual_keeps_the_balance():
    first, second, _, _ = draw(1)
    kept = balance_after_step(first, second, second @ first, 0.3)
    np.testing.assert_allclose(kept, second.T @ second - first @ first.T, rtol=1e-14)


def test_shapes_that_do_not_fit_are_refused(unchecked):
    first, second, target, _ = draw(0)
    with pytest.raises(ValueError, match=r"got shapes \(2, 2\), \(2, 3\) and \(3, 2\)"):
        balance_after_step(first, second, target.T, 0.1)
    with pytest.raises(
        ValueError, match=r"`input_covariance` of shape \(3, 3\); got shapes \(\) and \(2, 2"
    ):
        balance_after_step(first, second, target, 0.1, np.eye(2))
