"""Fluctuations over random phases: by averages over phases, and over networks."""

import array_api_strict
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from proofs.grokking import random_phases as proof
from theorylab.grokking.fourier_logits import fourier_logits
from theorylab.grokking.fourier_weights import single_frequency_neurons
from theorylab.grokking.random_phases import random_phase_covariance

few = settings(max_examples=15)


def neuron_logits(x, y, p, k, alpha, beta, phi, activation):
    """Of each neuron alone, at the answers in a row."""
    theta, xi = single_frequency_neurons(p, k, alpha, beta, phi, 2 * phi)
    z = theta[:, x] + theta[:, y]
    return (z**2 if activation == "quadratic" else np.maximum(z, 0))[:, None] * xi


@few
@given(st.sampled_from([5, 9, 23]), st.integers(0, 2**20))
def test_quadratic_neurons_by_quadrature(p, seed):
    rng = np.random.default_rng(seed)
    x, y, k = (int(n) for n in rng.integers([0, 0, 1], [p, p, (p + 1) // 2]))
    alpha, beta = rng.uniform(0.5, 2, 2)
    # Exact: the products are polynomials of degree 8 in the phase.
    logits = neuron_logits(x, y, p, k, alpha, beta, 2 * np.pi / 9 * np.arange(9), "quadratic")
    u, a = np.arange(p) - x - y, alpha**2 * beta
    scale = 10 * a * a
    np.testing.assert_allclose(
        fourier_logits(x - y, u, p, a, [k]), logits.mean(axis=0), atol=1e-14 * scale
    )
    np.testing.assert_allclose(
        random_phase_covariance(x - y, u[:, None], u, p, a, frequencies=[k]),
        np.cov(logits.T, bias=True),
        atol=1e-14 * scale,
    )


@few
@given(st.sampled_from([5, 9, 23]), st.integers(0, 2**20))
def test_relu_neurons_by_quadrature(p, seed):
    rng = np.random.default_rng(seed)
    x, y, k = (int(n) for n in rng.integers([0, 0, 1], [p, p, (p + 1) // 2]))
    # Gauss-Legendre over the phases between the zeros of the argument, where it is smooth.
    nodes, weights = np.polynomial.legendre.leggauss(20)
    middle = np.pi * k * (x + y) / p
    logits = np.concatenate([
        neuron_logits(x, y, p, k, 1.5, 0.5, np.pi / 2 * nodes + turn - middle, "relu")
        for turn in (0, np.pi)
    ])  # fmt: skip
    weights = np.concatenate([weights, weights]) / 4
    u, a = np.arange(p) - x - y, 1.5 * 0.5
    mean = weights @ logits
    law = dict(frequencies=[k], activation="relu")
    np.testing.assert_allclose(fourier_logits(x - y, u, p, a, **law), mean, atol=1e-14)
    covariance = (logits - mean).T @ (weights[:, None] * (logits - mean))
    found = random_phase_covariance(x - y, u[:, None], u, p, a, **law)
    np.testing.assert_allclose(found, covariance, atol=1e-14)


@pytest.mark.parametrize("p", [3, 9, 23])
def test_variance_of_quadratic_neurons_of_all_frequencies(p):
    R, a = 7, 1.3
    d, u = np.arange(p)[:, None], np.arange(p)
    variance = random_phase_covariance(d, u, u, p, a, R)
    expected = np.where(d == 0, 5 * a**2 * (p - 1) / (4 * R), 5 * a**2 * (3 * p - 8) / (32 * R))
    np.testing.assert_allclose(variance, expected + 0 * u, rtol=1e-13)
    # In terms of R neurons of strength 1.
    unit = random_phase_covariance(1, 0, 0, p, float(R), R)
    assert unit == pytest.approx(5 * R * (3 * p - 8) / 32, rel=1e-13)


@pytest.mark.parametrize("activation", ["quadratic", "relu"])
def test_covariances_are_symmetric_and_positive(activation):
    p, u = 11, np.arange(11)
    for d in (0, 4):
        C = random_phase_covariance(
            d, u[:, None], u, p, [1.0, 0.2, 3.0], 2, [1, 4, 5], activation=activation
        )
        np.testing.assert_allclose(C, C.T, atol=1e-15)
        np.testing.assert_allclose(C.sum(axis=0), 0, atol=1e-13)
        assert np.linalg.eigvalsh(C).min() > -1e-13


@pytest.mark.parametrize("activation", ["quadratic", "relu"])
def test_networks_of_random_phases(activation):
    # Mean and variance of one logit over 4000 networks, to 5 standard errors.
    p, R, x, y, j = 7, 3, 2, 5, 4
    rng, networks = np.random.default_rng(0), 4000
    k = np.tile(np.repeat([1, 2, 3], R), networks)
    phi = rng.uniform(0, 2 * np.pi, k.size)
    of_each = neuron_logits(x, y, p, k, 1.0, 1.0, phi, activation)[:, j]
    logits = of_each.reshape(networks, -1).sum(axis=1)
    d, u = x - y, j - x - y
    mean = fourier_logits(d, u, p, float(R), activation=activation)
    variance = random_phase_covariance(d, u, u, p, float(R), R, activation=activation)
    assert logits.mean() == pytest.approx(mean, abs=5 * np.sqrt(variance / networks))
    squares = (logits - mean) ** 2
    assert squares.mean() == pytest.approx(variance, abs=5 * squares.std() / np.sqrt(networks))


def test_covariance_agrees_with_its_proof():
    p, k, d, u, v = 23, 4, 3, 5, -2
    symbols = {proof.wd: d, proof.wu: u, proof.wv: v}
    at = {symbol: 2 * sp.pi * k * value / p for symbol, value in symbols.items()}
    for activation, form in (
        ("quadratic", proof.quadratic_covariance),
        ("relu", proof.relu_covariance),
    ):
        found = random_phase_covariance(d, u, v, p, 1.0, 1, [k], activation=activation)
        assert found == pytest.approx(float(form.subs(at).evalf(30)), rel=1e-13)


@pytest.mark.parametrize("xp", [np, array_api_strict, jnp])
def test_follows_the_library_of_its_input(xp):
    a = xp.asarray([1.0, 2.0])
    for activation in ("quadratic", "relu"):
        value = random_phase_covariance(1, [0, 1, 2], 1, 5, a, activation=activation)
        assert type(value) is type(a)
        assert value.dtype == a.dtype
        assert value.shape == (3,)


def test_traced_strengths(double):
    f = lambda a: random_phase_covariance(1, 2, 0, 7, a, 3)
    value, slope = map(float, jax.jit(jax.value_and_grad(f))(1.3))
    assert value == pytest.approx(f(1.3), rel=1e-13)
    assert slope == pytest.approx(2 * value / 1.3, rel=1e-13)
    assert np.isnan(jax.jit(f)(-1.3))


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="`num_neurons` must be >= 1; got 0"):
        random_phase_covariance(1, 0, 0, 7, 1.0, 0)
    with pytest.raises(ValueError, match="`feature_strengths` must be >= 0; got -1"):
        random_phase_covariance(1, 0, 0, 7, -1.0)
    with pytest.raises(TypeError, match="`other` must be whole numbers"):
        random_phase_covariance(1, 0, 0.5, 7, 1.0)
    with pytest.raises(ValueError, match="`modulus` must be an odd integer >= 3; got 6"):
        random_phase_covariance(1, 0, 0, 6, 1.0)
    with pytest.raises(ValueError, match="`activation` must be one of"):
        random_phase_covariance(1, 0, 0, 7, 1.0, activation="tanh")
