"""Logits of groups of neurons: against the networks, symmetries, the limit of many phases."""

import array_api_strict
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from proofs.grokking import fourier_logits as proof
from tests.strategies import seeds
from theorylab.grokking.fourier_logits import fourier_logits, residues
from theorylab.grokking.fourier_weights import fourier_weights, single_frequency_neurons
from theorylab.grokking.network import network_logits
from theorylab.grokking.relu_indicator import phase_aliasing

few = settings(max_examples=15)
moduli = st.sampled_from([3, 5, 9, 15, 23])
activations = st.sampled_from(["quadratic", "relu"])


def drawn(p, seed):
    """Some frequencies, in any order and perhaps twice, and a strength for each."""
    rng = np.random.default_rng(seed)
    k = rng.integers(1, (p - 1) // 2 + 1, 3)
    return k, *rng.uniform(0, 2, (2, 3)), rng.uniform(0, 2 * np.pi, 3)


@few
@given(moduli, st.sampled_from([("full", 3), ("full", 6), ("half", 4)]), seeds)
def test_quadratic_networks(p, phases, seed):
    spacing, n = phases
    k, alpha, beta, iota = drawn(p, seed)
    logits = network_logits(fourier_weights(p, n, alpha, beta, k, iota, spacing=spacing))
    at, a = residues(p), n * alpha**2 * beta
    np.testing.assert_allclose(
        fourier_logits(at.d, at.u, p, a, k), logits, atol=1e-14 * np.sum(a) + 1e-300
    )


@few
@given(moduli, st.sampled_from([5, 8, 33]), seeds)
def test_relu_networks_to_their_aliasing(p, n, seed):
    k, alpha, beta, iota = drawn(p, seed)
    weights = fourier_weights(p, n, alpha, beta, k, iota, activation="relu")
    at, a = residues(p), n * alpha * beta
    law = lambda u: fourier_logits(at.d, u, p, a, k, activation="relu")
    error = np.abs(network_logits(weights, "relu") - law(at.u))
    rounding = 1e-14 * np.sum(a)
    assert np.all(error <= phase_aliasing(n) * law(np.zeros_like(at.u)) + rounding)


@pytest.mark.parametrize("activation", ["quadratic", "relu"])
def test_misaligned_neurons_are_not_described(activation):
    p, n = 11, 33
    phi = np.tile(2 * np.pi * np.arange(n) / n, 5)
    weights = single_frequency_neurons(p, np.repeat(np.arange(1, 6), n), 1.0, 1.0, phi, phi)
    at = residues(p)
    law = fourier_logits(at.d, at.u, p, float(n), activation=activation)
    error = np.abs(network_logits(weights, activation) - law)
    assert error.max() > 0.9 * np.abs(law).max()


@few
@given(moduli, seeds, activations)
def test_symmetries(p, seed, activation):
    k, a, _, _ = drawn(p, seed)
    at = residues(p)
    logits = fourier_logits(at.d, at.u, p, a, k, activation=activation)
    close = lambda x, y: np.testing.assert_allclose(x, y, atol=1e-14 * np.sum(a))
    close(np.swapaxes(logits, 0, 1), logits)
    close(logits.sum(axis=-1), 0)
    close(np.roll(logits, (1, 1, 2), axis=(0, 1, 2)), logits)
    close(fourier_logits(at.d + 3 * p, at.u - p, p, a, k, activation=activation), logits)
    close(fourier_logits(at.d, at.u, p, 2.5 * a, k, activation=activation), 2.5 * logits)
    each = sum(
        fourier_logits(at.d, at.u, p, a[i], k[i : i + 1], activation=activation) for i in range(3)
    )
    close(each, logits)


def test_logits_agree_with_their_proof():
    p, k, d, u = 23, 5, 7, 3
    at = {proof.p: p, proof.k: k, proof.x: d, proof.y: 0, proof.j: d + u}
    at |= {proof.alpha: 1, proof.beta: 1}
    exact = float(proof.quadratic_mean.evalf(30, subs=at))
    assert fourier_logits(d, u, p, 1.0, [k]) == pytest.approx(exact, rel=1e-14)
    cosine = abs(sp.cos(sp.pi * k * d / p))
    at = {proof.alpha: 1, proof.beta: 1, proof.wu: 2 * sp.pi * k * u / p, proof.c: cosine}
    exact = float(proof.relu_mean.subs(at).evalf(30))
    assert fourier_logits(d, u, p, 1.0, [k], activation="relu") == pytest.approx(exact, rel=1e-13)


def test_residues_of_all_pairs():
    at = residues(5)
    for x, y, j in np.ndindex(5, 5, 5):
        expected = (x - y) % 5, (x + y) % 5, (j - x - y) % 5
        assert tuple(np.broadcast_to(r, (5, 5, 5))[x, y, j] for r in at) == expected


@pytest.mark.parametrize("xp", [np, array_api_strict, jnp])
def test_follows_the_library_of_its_input(xp):
    a = xp.asarray([1.0, 2.0])
    for activation in ("quadratic", "relu"):
        logits = fourier_logits([[0], [1]], [0, 1, 2], 5, a, activation=activation)
        assert type(logits) is type(a)
        assert logits.dtype == a.dtype
        assert logits.shape == (2, 3)
    whole = xp.asarray([0, 1])
    assert type(fourier_logits(whole, whole, 5, 1.0)) is type(whole)
    assert fourier_logits(0, 0, 5, 1.0) == pytest.approx(2)


def test_traced_strengths(double):
    f = lambda a: fourier_logits(3, 2, 7, a)
    np.testing.assert_allclose(jax.jit(f)(jnp.ones(3)), f(np.ones(3)), rtol=1e-14)
    slope = jax.jit(jax.grad(f))(jnp.ones(3))
    np.testing.assert_allclose(slope, [f(np.eye(3)[i]) for i in range(3)], rtol=1e-13)
    assert np.isnan(jax.jit(f)(jnp.asarray([1.0, -1.0, 1.0])))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: fourier_logits(0, 0, 8, 1.0), ValueError, "`modulus` must be an odd integer >= 3"),
        (lambda: fourier_logits(0, 0, 7, -1.0), ValueError, "`feature_strengths` must be >= 0"),
        (lambda: fourier_logits(0, 0, 7, [1.0] * 2), ValueError, "one for each of 3 frequencies"),
        (lambda: fourier_logits(0, 0, 7, 1.0, [4]), ValueError, "`frequencies` must be from 1 to"),
        (lambda: fourier_logits(0, 0, 7, 1.0, activation="gelu"), ValueError, "`activation` must"),
        (lambda: fourier_logits(0.5, 0, 7, 1.0), TypeError, "`d` must be whole numbers"),
        (lambda: residues(4), ValueError, "`modulus` must be an odd integer >= 3; got 4"),
        (
            lambda: jax.jit(lambda d: fourier_logits(d, 0, 7, 1.0))(1),
            TypeError,
            "`d` must be whole numbers, and not traced",
        ),
    ],
)
def test_bad_input_is_refused(call, error, message, unchecked):
    with pytest.raises(error, match=message):
        call()
