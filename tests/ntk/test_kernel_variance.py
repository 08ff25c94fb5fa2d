"""Variance of the tangent kernel of one hidden ReLU layer."""

import array_api_strict
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from proofs.ntk import kernel_variance as proof
from tests.strategies import decades, seeds
from theorylab.ntk import kernel_variance


@given(st.floats(0, np.pi), decades(0.1, 10), decades(0.01, 10), decades(0.01, 10))
@example(1e-9, 1.0, 1.0, 1.0)
@example(np.pi, 1.0, 1.0, 1.0)
def test_code_agrees_with_its_proof(angle, weight, a, b):
    x = np.array([[np.sqrt(a), 0.0]])
    y = np.sqrt(b) * np.array([[np.cos(angle), np.sin(angle)]])
    first = weight / 2
    at = {proof.theta: angle, proof.sw2: weight, proof.a: first * a, proof.b: first * b}
    exact = float(proof.closed_form.evalf(40, subs=at))
    found = kernel_variance(x, y, weight_variance=weight)[0, 0]
    np.testing.assert_allclose(found, exact, rtol=1e-7, atol=2e-8 * weight**4 * a * b)


@given(seeds, decades(0.1, 3), st.floats(0, 1))
def test_average_over_one_neuron(seed, weight, bias):
    """A quadrature of the definition, Eq. (1), for a width of one."""
    x = np.random.default_rng(seed).standard_normal((2, 3))
    K = weight * x @ x.T / 3 + bias
    nodes, weights = np.polynomial.legendre.leggauss(400)
    a, b = np.sqrt(np.diag(K))
    angle = np.arccos(np.clip(K[0, 1] / (a * b), -1, 1))
    low, high = angle - np.pi / 2, np.pi / 2  # where both are active
    psi = low + (high - low) * (nodes + 1) / 2
    arc = weights * (high - low) / 2 / (2 * np.pi)
    u, w = a * np.cos(psi), b * np.cos(psi - angle)
    average = lambda power, radial: radial * arc @ (u * w) ** power  # r^2 has moments 1, 2, 8
    both, product, square = average(0, 1), average(1, 2), average(2, 8)
    mean = weight * (product + K[0, 1] * both)
    second = weight**2 * (square + 2 * K[0, 1] * product + 3 * K[0, 1] ** 2 * both)
    found = kernel_variance(x, weight_variance=weight, bias_variance=bias)[0, 1]
    np.testing.assert_allclose(found, second - mean**2, rtol=1e-8, atol=1e-12)


def test_three_times_the_squared_kernel_on_the_diagonal():
    x = np.random.default_rng(0).standard_normal((5, 7))
    square = 1.4**2 * np.sum(x**2, axis=1) / 7
    np.testing.assert_allclose(
        np.diag(kernel_variance(x, weight_variance=1.4)), 3 * square**2, rtol=1e-14
    )


@pytest.mark.parametrize("xp", [np, array_api_strict, jnp])
def test_follows_the_library_of_its_input(xp):
    x = xp.asarray([[1.0, 2.0], [0.5, -1.0]])
    assert type(kernel_variance(x)) is type(x)


def test_products_of_jax_are_taken_at_full_precision():
    """Whatever its default, which for float32 on a GPU is good to 1e-3."""
    program = str(jax.make_jaxpr(kernel_variance)(jnp.ones((3, 2))))
    assert program.count("dot_general") == 1
    assert "HIGHEST" in program


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: kernel_variance(np.ones(3)), "`x1` must have two axes"),
        (lambda: kernel_variance(np.ones((1, 2)), np.ones((1, 3))), "equally many columns"),
        (lambda: kernel_variance(np.ones((1, 2)), weight_variance=0.0), "`weight_variance` must"),
        (lambda: kernel_variance(np.ones((1, 2)), bias_variance=-1.0), "`bias_variance` must be"),
        (
            lambda: kernel_variance(np.ones((3, 2)), weight_variance=np.full((3, 3), 2.0)),
            r"`weight_variance` must be one number; got shape \(3, 3\)",
        ),
        (
            lambda: kernel_variance(np.ones((3, 2)), bias_variance=[0.1, 0.2]),
            r"`bias_variance` must be one number; got shape \(2,\)",
        ),
        (lambda: kernel_variance([[np.inf, 0.0]]), "`x1` must be finite everywhere; got inf"),
    ],
)
def test_bad_input_is_refused(call, message, unchecked):
    with pytest.raises(ValueError, match=message):
        call()
    assert np.isnan(jax.jit(kernel_variance)(jnp.asarray([[np.nan]]))).all()
