"""Peaks of ReLU networks, and what finitely many phases leave."""

import array_api_strict
import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from proofs.grokking import relu_indicator as proof
from tests.strategies import seeds
from theorylab.grokking.fourier_logits import fourier_logits, residues
from theorylab.grokking.fourier_weights import fourier_weights
from theorylab.grokking.network import network_logits
from theorylab.grokking.relu_indicator import (
    aliased_relu_logits,
    phase_aliasing,
    relu_indicator,
    relu_peaks,
)


@pytest.mark.parametrize("p", [3, 7, 23, 9, 15, 45, 105])
def test_the_waves_of_all_frequencies_for_any_modulus(p):
    d, u = np.arange(p)[:, None], np.arange(p)
    waves = fourier_logits(d, u, p, 1.0, activation="relu")
    np.testing.assert_allclose(relu_indicator(d, u, p, 1.0), waves, atol=1e-15 * p)


@given(st.integers(-200, 200), st.sampled_from([3, 9, 23, 100_003]))
def test_peaks_agree_with_their_proof(r, p):
    form = sp.lambdify((proof.r, proof.p), proof.height, "mpmath")
    with mpmath.workdps(40):
        exact = float(form(r, mpmath.mpf(p)))
    assert relu_peaks(r, p) == pytest.approx(exact, rel=2e-14)


def test_peaks_at_half_the_modulus_keep_their_digits():
    p = 100_003
    form = sp.lambdify((proof.r, proof.p), proof.height, "mpmath")
    with mpmath.workdps(50):
        exact = float(form(p // 2, mpmath.mpf(p)))
    assert relu_peaks(p // 2, p) == pytest.approx(exact, rel=1e-14)


def test_peaks_are_even_and_periodic():
    r = np.arange(-23, 24)
    np.testing.assert_allclose(relu_peaks(r, 23), relu_peaks(-r, 23), rtol=1e-14)
    np.testing.assert_allclose(relu_peaks(r, 23), relu_peaks(r + 23, 23), rtol=1e-14)
    # Mean 0 of the logits over the answers.
    assert relu_peaks(np.arange(23), 23).sum() == pytest.approx(1, rel=1e-14)


def test_peaks_of_large_moduli():
    r = np.arange(-3, 4)
    limit, ghosts = relu_peaks(r), [1 / 3, -1 / 15, 1 / 35]
    np.testing.assert_allclose(limit * np.pi / 2, [*ghosts[::-1], 1, *ghosts], rtol=1e-15)
    errors = [np.abs(relu_peaks(r, p) - limit).max() for p in (101, 1001, 10_001)]
    np.testing.assert_allclose(np.diff(np.log10(errors)), -2, atol=0.01)


def test_where_the_inputs_agree_there_is_one_peak():
    p, a = 23, 1.5
    logits = relu_indicator(0, np.arange(p), p, a)
    np.testing.assert_allclose(logits, a / (3 * np.pi) * (p * np.eye(p)[0] - 1), rtol=1e-14)


def test_ghosts_stand_at_the_doubled_inputs():
    p, x, y = 101, 17, 40
    u = (np.arange(p) - x - y) % p
    heights = relu_indicator(x - y, u, p, 1.0) * 3 * np.pi + 1
    assert list(np.argsort(heights)[:-4:-1]) in ([x + y, 2 * x, 2 * y], [x + y, 2 * y, 2 * x])
    assert heights[2 * x] / heights[x + y] == pytest.approx(1 / 3, rel=1e-3)
    assert heights[(x + y + 2 * (x - y)) % p] / heights[x + y] == pytest.approx(-1 / 15, rel=1e-2)


# Finitely many phases.

few = settings(max_examples=15)


@few
@given(st.sampled_from([(3, 5), (9, 6), (15, 8), (23, 9), (23, 16)]), seeds)
def test_networks_of_finitely_many_phases(case, seed):
    (p, n), rng = case, np.random.default_rng(seed)
    k = rng.integers(1, (p - 1) // 2 + 1, 2)
    alpha, beta = rng.uniform(0, 2, (2, 2))
    iota = rng.uniform(-9, 9, 2)
    weights = fourier_weights(p, n, alpha, beta, k, iota, activation="relu")
    at, a = residues(p), n * alpha * beta
    law = aliased_relu_logits(*at, p, a, n, k, iota)
    atol = 3e-14 * np.sum(a)
    np.testing.assert_allclose(network_logits(weights, "relu"), law, atol=atol)


@pytest.mark.parametrize("n", [5, 6, 8, 9, 16, 32, 33, 64])
def test_aliasing_bounds_the_error_and_is_reached(n):
    # One frequency, offsets through a whole step of the phases.
    p, k = 23, [3]
    d, s = np.arange(p)[:, None, None], np.arange(p)[:, None]
    u = np.arange(p)
    scale = fourier_logits(d, 0, p, 1.0, k, activation="relu")
    limit = fourier_logits(d, u, p, 1.0, k, activation="relu")
    worst = 0.0
    for iota in np.pi / n * np.linspace(0, 1, 9):
        error = np.abs(aliased_relu_logits(d, s, u, p, 1.0, n, k, iota) - limit) / scale
        worst = max(worst, error.max())
    assert worst == pytest.approx(phase_aliasing(n), rel=1e-9 * n)


def test_aliasing_agrees_with_its_proof_and_decays_as_the_square():
    for n, N in ((5, 5), (6, 3), (8, 4), (64, 32), (33, 33), (2000, 1000)):
        exact = float(proof.fraction.subs(proof.N, N).evalf(30))
        # Beside 1, to which Eq. (6) is added.
        assert phase_aliasing(n) == pytest.approx(exact, abs=1e-15)
    assert phase_aliasing(1001) == pytest.approx(np.pi**2 / (4 * 1001**2), rel=1e-5)


@pytest.mark.parametrize("xp", [np, array_api_strict, jnp])
def test_follows_the_library_of_its_input(xp):
    a = xp.asarray([1.0, 2.0])
    for value in (
        relu_indicator(3, [0, 1], 23, a),
        aliased_relu_logits(1, 3, [0, 1], 5, a, 8, offsets=0.1),
    ):
        assert type(value) is type(a)
        assert value.dtype == a.dtype
        assert value.shape == (2,)


def test_traced_strengths_and_offsets(double):
    f = lambda a, iota: aliased_relu_logits(3, 4, 2, 7, a, 8, offsets=iota)
    value, slope = jax.jit(jax.value_and_grad(f, argnums=(0, 1)))(1.3, 0.1)
    value, slope = float(value), [float(x) for x in slope]
    assert value == pytest.approx(f(1.3, 0.1), rel=1e-13)
    assert slope[0] == pytest.approx(value / 1.3, rel=1e-13)
    h = 1e-6
    assert slope[1] == pytest.approx((f(1.3, 0.1 + h) - f(1.3, 0.1 - h)) / (2 * h), rel=1e-6)
    assert np.isnan(jax.jit(f)(-1.3, 0.1))
    g = lambda a: relu_indicator(3, 2, 7, a)
    assert jax.jit(jax.grad(g))(2.0) == pytest.approx(g(1.0), rel=1e-14)
    assert np.isnan(jax.jit(g)(-1.0))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: relu_indicator(1, 0, 8, 1.0), ValueError, "`modulus` must be an odd integer >= 3"),
        (lambda: relu_indicator(1, 0, 7, -1.0), ValueError, "`feature_strength` must be >= 0"),
        (lambda: relu_indicator(1.0, 0, 7, 1.0), TypeError, "`d` must be whole numbers"),
        (lambda: relu_peaks(0.5), TypeError, "`r` must be whole numbers"),
        (lambda: relu_peaks(1, 4), ValueError, "`modulus` must be an odd integer >= 3; got 4"),
        (lambda: phase_aliasing(4), ValueError, "n >= 5 for spacing 2pi/n; got 4"),
        (lambda: aliased_relu_logits(0, 0, 0, 7, 1.0, 3), ValueError, "n >= 5"),
        (
            lambda: aliased_relu_logits(0, 0, 0, 7, 1.0, 5, offsets=np.nan),
            ValueError,
            "`offsets` must be finite",
        ),
    ],
)
def test_bad_input_is_refused(call, error, message, unchecked):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("n", [8, 16, 64])
def test_networks_without_offsets_reach_the_bound(n):
    # At x = y = 0 every frequency meets the kink of the modulus.
    p, at = 23, residues(23)
    logits = network_logits(fourier_weights(p, n, activation="relu"), "relu")
    law = relu_indicator(at.d, at.u, p, float(n))
    assert np.abs(logits - law).max() / law.max() == pytest.approx(phase_aliasing(n), rel=1e-10)


def test_aliasing_covers_what_networks_were_seen_to_leave():
    # All frequencies at p = 23, as fractions of the largest logit, at some offsets.
    for n, seen in ((8, 0.128), (16, 0.018), (32, 0.0077), (64, 0.00145), (33, 0.00107)):
        assert seen < phase_aliasing(n)


def test_a_modulus_of_numpy_serves(unchecked):
    assert relu_indicator(1, 1, np.int64(7), 1.0) == relu_indicator(1, 1, 7, 1.0)


@pytest.mark.parametrize("n", [31, 33, 101, 10**5 + 1, 10**9 + 1])
def test_aliasing_of_many_phases_keeps_its_digits(n):
    with mpmath.workdps(50):
        half = mpmath.pi / (2 * n)
        exact = 3 * half / 2 * (mpmath.cot(half) - mpmath.cot(3 * half)) - 1
        np.testing.assert_allclose(phase_aliasing(n), float(exact), rtol=1e-12)
