"""Velocities of a single-frequency neuron with ReLU against those of the network."""

import array_api_strict
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import scales, strengths
from theorylab.grokking.relu_mode_velocity import (
    relu_input_leakage,
    relu_mode_velocity,
    relu_output_leakage,
)

angles = st.floats(-np.pi, np.pi)


def network_velocity(p, k, alpha, beta, phi, psi):
    """Velocities of all weights of one neuron, from the gradient at vanishing logits."""
    x = np.arange(p)
    theta, xi = (
        size * np.cos(2 * np.pi * k * x / p + phase) for size, phase in ((alpha, phi), (beta, psi))
    )
    z, total = theta[:, None] + theta, (x[:, None] + x) % p
    received = np.bincount(total.ravel(), np.maximum(z, 0).ravel(), minlength=p)
    theta_dot = 2 / p**2 * np.sum((z > 0) * (xi[total] - xi.mean()), 1)
    return theta_dot, (received - received.mean()) / p**2


def harmonic(velocity, k, n):
    p = velocity.size
    return 2 / p * np.sum(velocity * np.exp(-2j * np.pi * k * n * np.arange(p) / p))


@pytest.mark.parametrize(("p", "k"), [(101, 1), (101, 17), (401, 33)])
@pytest.mark.parametrize(("phi", "psi"), [(0.3, 0.6), (1.0, 0.2), (2.0, -1.0)])
def test_velocities_are_those_of_the_network(p, k, phi, psi):
    alpha, beta, D = 0.7, 1.3, 2 * phi - psi
    theta_dot, xi_dot = network_velocity(p, k, alpha, beta, phi, psi)
    a_dot, b_dot = relu_mode_velocity(p, alpha * np.exp(1j * phi), beta * np.exp(1j * psi))
    # The step falls between two terms of the sum over y; the kink costs its square.
    assert abs(harmonic(theta_dot, k, 1) / a_dot - 1) < 4.5 / p
    assert abs(harmonic(xi_dot, k, 1) / b_dot - 1) < 4 / p**2
    for n in (2, 3, 4, 5):
        leak = abs(harmonic(theta_dot, k, n) / a_dot)
        assert abs(leak - relu_input_leakage(n, D)) < 4.5 / p
        leak = abs(harmonic(xi_dot, k, n) / b_dot)
        assert abs(leak - relu_output_leakage(n)) < 4 / p**2


def test_known_ratios():
    np.testing.assert_allclose([relu_output_leakage(r) for r in (1, 2, 3)], [1, 1 / 5, 3 / 35])
    np.testing.assert_allclose(
        [relu_input_leakage(n) for n in (1, 2, 3, 4, 5)], [1, 0, 3 / 5, 0, 1 / 7]
    )
    np.testing.assert_allclose(relu_input_leakage(3, np.pi / 2), 1 / 5)


@given(strengths, strengths, angles, angles)
def test_polar_form(alpha, beta, phi, psi):
    D, c = 2 * phi - psi, 8 / (3 * np.pi**2 * 7)
    a, b = alpha * np.exp(1j * phi), beta * np.exp(1j * psi)
    a_dot, b_dot = relu_mode_velocity(7, a, b)
    np.testing.assert_allclose(
        a_dot * np.exp(-1j * phi), c * beta * (np.cos(D) - 2j * np.sin(D)), atol=1e-13 * beta
    )
    np.testing.assert_allclose(b_dot * np.exp(-1j * psi), c * alpha * np.exp(1j * D), rtol=1e-12)
    # As for every homogeneous activation of degree 1.
    change = 2 * (a.conjugate() * a_dot - b.conjugate() * b_dot).real
    assert abs(change) < 1e-14 * alpha * beta


@given(strengths, strengths, angles, angles, angles, scales)
def test_equivariance(alpha, beta, phi, psi, turn, scale):
    a, b = alpha * np.exp(1j * phi), beta * np.exp(1j * psi)
    e = np.exp(1j * turn)
    turned = np.array(relu_mode_velocity(7, scale * e * a, scale * e**2 * b))
    exact = np.array(relu_mode_velocity(7, a, b)) * [scale * e, scale * e**2]
    np.testing.assert_allclose(turned, exact, atol=1e-13 * np.abs(exact).max())


@pytest.mark.parametrize("xp", [np, array_api_strict, jnp])
def test_follows_the_library_of_its_input(xp):
    x = xp.asarray([1.0, 2.0])
    assert all(type(value) is type(x) for value in relu_mode_velocity(7, x, x))
    assert type(relu_input_leakage(3, x)) is type(x)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="`input_amplitude` must be"):
        relu_mode_velocity(7, 0.0, 1.0)
    with pytest.raises(ValueError, match="`output_amplitude` must be finite"):
        relu_mode_velocity(7, 1.0, np.inf)
    with pytest.raises(ValueError, match="`harmonic` must be >= 1; got 0"):
        relu_output_leakage(0)
    with pytest.raises(ValueError, match="`harmonic` must be >= 1; got 0"):
        relu_input_leakage(0)
    with pytest.raises(ValueError, match="`misalignment` must be finite"):
        relu_input_leakage(3, np.nan)
