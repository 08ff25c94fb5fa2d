"""Velocities from the gradient of the network, what they conserve, and the balance of a neuron."""

import array_api_strict
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import decades, scales, seeds
from theorylab.grokking.fourier_coefficients import fourier_coefficients
from theorylab.grokking.mode_invariants import mode_invariants, mode_velocity, neuron_balance
from theorylab.grokking.network import Weights, network_logits

strengths = decades(1e-3, 10)
angles = st.floats(-np.pi, np.pi)


def random_weights(seed, neurons, p):
    return Weights(*np.random.default_rng(seed).standard_normal((2, neurons, p)))


def loss(weights, activation="quadratic", labels=None):
    logits = network_logits(weights, activation)
    p = logits.shape[0]
    x = jnp.arange(p)
    labels = (x[:, None] + x) % p if labels is None else labels
    at_label = jnp.take_along_axis(jax.nn.log_softmax(logits), labels[..., None], -1)
    return -jnp.mean(at_label)


PULL = jax.jit(jax.grad(loss), static_argnums=1)


@pytest.mark.parametrize("p", [3, 9])
def test_velocities_are_those_of_the_network(double, p):
    # Logits of 1e-9 bend the softmax by as much; 4 neurons, all frequencies at once.
    small = Weights(*(1e-3 * jnp.asarray(w) for w in random_weights(0, 4, p)))
    pull = jax.jit(jax.grad(loss))(small)
    a, b = (fourier_coefficients(w) for w in small)
    velocity = mode_velocity(p, a, b)
    for name, v in zip(("input_velocity", "output_velocity"), pull, strict=True):
        np.testing.assert_allclose(
            getattr(velocity, name), -fourier_coefficients(v), rtol=1e-6, atol=1e-15
        )
    # Constants do not move.
    for v in pull:
        np.testing.assert_allclose(jnp.mean(v, -1), 0, atol=1e-7 * float(jnp.abs(v).max()))


@given(strengths, strengths, angles, angles, st.floats(0, 2))
def test_invariants_decay_at_their_rates(alpha, beta, phi, psi, decay):
    a, b = alpha * np.exp(1j * phi), beta * np.exp(1j * psi)
    a_dot, b_dot = mode_velocity(7, a, b, weight_decay=decay)
    C, Q = mode_invariants(alpha, beta, 2 * phi - psi)
    size = alpha**2 + beta**2
    C_dot = 2 * (a.conjugate() * a_dot - 2 * b.conjugate() * b_dot).real
    Q_dot = (2 * a * a_dot * b.conjugate() + a**2 * b_dot.conjugate()).imag
    assert abs(C_dot + 2 * decay * C) < 1e-14 * size * (decay + size**0.5)
    assert abs(Q_dot + 3 * decay * Q) < 1e-14 * size**1.5 * (decay + size**0.5)
    np.testing.assert_allclose(Q, (a**2 * b.conjugate()).imag, atol=1e-14 * size**1.5)


@given(strengths, strengths, angles, angles, angles, scales)
def test_velocities_turn_and_scale_with_the_amplitudes(alpha, beta, phi, psi, turn, scale):
    a, b = alpha * np.exp(1j * phi), beta * np.exp(1j * psi)
    once = mode_velocity(7, a, b)
    e = np.exp(1j * turn)
    turned = mode_velocity(7, scale * e * a, scale * e**2 * b)
    exact = np.array(once) * [scale**2 * e, scale**2 * e**2]
    np.testing.assert_allclose(turned, exact, atol=1e-13 * np.abs(exact).max())


def test_misalignment_decreases():
    a, b = np.exp(0.4j), 1.0
    a_dot, b_dot = mode_velocity(7, a, b)
    phi_dot, psi_dot = (a_dot / a).imag, (b_dot / b).imag
    assert phi_dot == pytest.approx(-2 / 7 * np.sin(0.8))
    assert 2 * phi_dot - psi_dot == pytest.approx(-5 / 7 * np.sin(0.8))


@given(seeds, st.sampled_from(["quadratic", "relu"]), st.floats(0, 1))
def test_balance_decays_whatever_the_loss(seed, activation, decay):
    weights = random_weights(seed, 3, 5)
    labels = np.random.default_rng(seed).integers(5, size=(5, 5))
    with jax.enable_x64(True):
        pull = PULL(Weights(*map(jnp.asarray, weights)), activation, labels)
    q = 2 if activation == "quadratic" else 1
    theta_dot, xi_dot = (-np.asarray(g) - decay * w for g, w in zip(pull, weights, strict=True))
    change = 2 * np.sum(weights[0] * theta_dot - q * weights[1] * xi_dot, -1)
    now = neuron_balance(0.0, *weights, activation)
    size = sum(np.sum(w**2) for w in weights)
    np.testing.assert_allclose(change, -2 * decay * now, atol=1e-13 * size**1.5)
    later = neuron_balance(1.5, *weights, activation, weight_decay=decay)
    np.testing.assert_allclose(later, now * np.exp(-3 * decay), rtol=1e-14)


def test_invariants_of_large_strengths():
    with np.errstate(over="ignore"):
        assert mode_invariants(1e200, 1e200, 0.3) == (-np.inf, np.inf)
        assert mode_invariants(1e200, 1e199, -0.3) == (np.inf, -np.inf)
        assert mode_invariants(1e200, 1e-300, np.pi / 2).flux == pytest.approx(1e100)
    found = mode_invariants(1.4e154, 1e154, 0.0)  # either square of C overflows
    np.testing.assert_allclose(found, (-0.04e308, 0))
    found = mode_invariants(np.float32(1.4e19), np.float32(1e19), np.float32(0))
    np.testing.assert_allclose(found, (-4e36, 0), rtol=1e-5)
    assert mode_invariants(3.0, 2.0, 0.3).balance == 1


def test_a_traced_decay_beside_plain_amplitudes():
    a, b = jax.jit(lambda decay: mode_velocity(7, 1.0, 1.0, weight_decay=decay))(0.1)
    exact = mode_velocity(7, 1.0, 1.0, weight_decay=0.1)
    np.testing.assert_allclose([a, b], exact, rtol=1e-6)
    found = mode_velocity(7, 1.0, 1.0, weight_decay=jnp.asarray(0.1))
    assert all(isinstance(value, jax.Array) for value in found)


@pytest.mark.parametrize("xp", [np, array_api_strict, jnp])
def test_follows_the_library_of_its_input(xp):
    x = xp.asarray([1.0, 2.0])
    assert all(type(value) is type(x) for value in mode_invariants(x, 1.0, x))
    assert all(type(value) is type(x) for value in mode_velocity(7, x, x, weight_decay=0.1))
    w = xp.ones((2, 5))
    assert type(neuron_balance(0.1, w, w)) is type(x)


def test_bad_input_is_refused():
    for bad in (-1.0, np.nan):
        with pytest.raises(ValueError, match="`input_strength` must be"):
            mode_invariants(bad, 1.0, 0.0)
        with pytest.raises(ValueError, match="`output_strength` must be"):
            mode_invariants(1.0, bad, 0.0)
        with pytest.raises(ValueError, match="`weight_decay` must be"):
            mode_velocity(7, 1.0, 1.0, weight_decay=bad)
        with pytest.raises(ValueError, match="`t` must be"):
            neuron_balance(bad, np.ones((2, 5)), np.ones((2, 5)))
    with pytest.raises(ValueError, match="`input_amplitude` must be finite"):
        mode_velocity(7, np.nan, 1.0)
    with pytest.raises(TypeError, match="`output_amplitude` must be a number"):
        mode_velocity(7, 1.0, "1")
    with pytest.raises(ValueError, match="odd integer >= 3; got 8"):
        mode_velocity(8, 1.0, 1.0)
    with pytest.raises(ValueError, match="must both be"):
        neuron_balance(0.0, np.ones((2, 5)), np.ones((3, 5)))
    with pytest.raises(ValueError, match="`activation` must be one of"):
        neuron_balance(0.0, np.ones((2, 5)), np.ones((2, 5)), "tanh")
    with pytest.raises(ValueError, match="`input_weights` must be finite"):
        neuron_balance(0.0, np.full((2, 5), np.nan), np.ones((2, 5)))
