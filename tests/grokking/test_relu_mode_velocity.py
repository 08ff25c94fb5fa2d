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


def input_error(D):
    """Of the input's velocity, times `p / gcd(k, p)`, Eq. (5)."""
    return 1.5 * np.pi * abs(np.cos(D)) / np.sqrt(np.cos(D) ** 2 + 4 * np.sin(D) ** 2)


def ratio_error(n, D):
    """Of a ratio of the input's velocities, relative, times the same, Eq. (6)."""
    squares = [m**2 * np.cos(D) ** 2 + 4 * np.sin(D) ** 2 for m in (1, n)]
    bracket = (n**2 - 4) / (3 * squares[1]) + 1 / squares[0]
    return 1.5 * np.pi * abs(np.sin(2 * D) * bracket)


@pytest.mark.parametrize(("p", "k"), [(101, 17), (401, 33), (45, 3), (99, 9)])
def test_velocities_are_those_of_the_network(p, k):
    alpha, beta, N = 0.7, 1.3, p / np.gcd(k, p)
    rng = np.random.default_rng(p)
    for phi, psi in [(0.3, 0.6), (1.0, 0.2), *rng.uniform(-np.pi, np.pi, (30, 2))]:
        D = 2 * phi - psi
        theta_dot, xi_dot = network_velocity(p, k, alpha, beta, phi, psi)
        a_dot, b_dot = relu_mode_velocity(p, alpha * np.exp(1j * phi), beta * np.exp(1j * psi))
        # To first order, beyond which 2 / N^2 was seen, and of ratios 6 / N^2.
        assert abs(harmonic(theta_dot, k, 1) / a_dot - 1) < input_error(D) / N + 4 / N**2
        assert abs(harmonic(xi_dot, k, 1) / b_dot - 1) < 4 / N**2
        for n in (2, 3, 4, 5):
            leak = abs(harmonic(theta_dot, k, n) / harmonic(theta_dot, k, 1))
            exact = relu_input_leakage(n, D)
            bound = exact * ratio_error(n, D) / N if n % 2 else 0
            assert abs(leak - exact) < bound + 12 / N**2
            leak = abs(harmonic(xi_dot, k, n) / harmonic(xi_dot, k, 1))
            assert abs(leak - relu_output_leakage(n)) < 8 / N**2


def test_the_worst_phases():
    # Aligned, where the sum ends at a term: all but the bound, and more than 4 / p.
    for p in (23, 127):
        phi = np.pi / 2 + np.pi / (2 * p)
        steps = phi + np.linspace(-1e-3, 1e-3, 5) / p
        errors = [
            harmonic(network_velocity(p, 1, 1.0, 1.0, x, 2 * x)[0], 1, 1)
            / relu_mode_velocity(p, np.exp(1j * x), np.exp(2j * x))[0]
            - 1
            for x in [*steps, *(steps - np.pi / (2 * p))]
        ]
        assert np.abs(errors).max() * p == pytest.approx(1.5 * np.pi, abs=10 / p)
    D = np.linspace(0, np.pi, 1001)
    assert 1.42 < np.max(relu_input_leakage(3, D) * ratio_error(3, D)) < 1.44


def test_amplitudes_of_any_size():
    for size in (5e-324, 1e-320, 1e-170, 1e200):
        a_dot, b_dot = relu_mode_velocity(7, size * (1 + 1j), 1.0)
        exact = relu_mode_velocity(7, 1 + 1j, 1.0)
        np.testing.assert_allclose(a_dot, exact[0], rtol=1e-14)
        np.testing.assert_allclose(b_dot, exact[1] * size, rtol=1e-14, atol=1e-323)


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
