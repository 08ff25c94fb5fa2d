"""The flawed indicator: its network, its peaks, and its losses to full precision."""

import array_api_strict
import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import example, given
from hypothesis import strategies as st

from proofs.grokking import flawed_indicator as proof
from tests.strategies import decades
from theorylab.grokking.flawed_indicator import (
    flawed_cross_entropy,
    flawed_excluded_loss,
    flawed_indicator,
    flawed_margin,
    flawed_restricted_loss,
)
from theorylab.grokking.fourier_logits import fourier_logits, residues
from theorylab.grokking.fourier_weights import fourier_weights, single_frequency_neurons
from theorylab.grokking.network import network_logits

LOSSES = {
    flawed_cross_entropy: proof.cross_entropy,
    flawed_restricted_loss: proof.restricted_loss,
    flawed_excluded_loss: proof.excluded_loss,
}


def mean_cross_entropy(logits):
    top = logits.max(axis=-1, keepdims=True)
    right = np.take_along_axis(logits, residues(len(logits)).s, axis=-1)
    return np.mean(np.log(np.exp(logits - top).sum(axis=-1)) + (top - right)[..., 0])


@pytest.mark.parametrize(("p", "n"), [(3, 3), (9, 5), (15, 3), (23, 5), (31, 3)])
def test_networks_of_all_frequencies(p, n):
    at, a = residues(p), n * 0.7**2 * 1.3
    law = flawed_indicator(at.d, at.u, p, a)
    logits = network_logits(fourier_weights(p, n, 0.7, 1.3, offsets=np.arange((p - 1) // 2)))
    np.testing.assert_allclose(logits, law, atol=5e-15 * law.max())
    np.testing.assert_allclose(fourier_logits(at.d, at.u, p, a), law, atol=1e-14 * law.max())
    ordered = np.sort(logits, axis=-1)
    np.testing.assert_allclose(
        ordered[..., -1] - ordered[..., -2],
        flawed_margin(at.d[..., 0], p, a),
        rtol=1e-12,
    )
    assert np.all(np.argmax(logits, axis=-1) == at.s[..., 0])


@pytest.mark.parametrize(("n", "turn"), [(4, 2 * np.pi), (2, np.pi)])
def test_phases_that_do_not_cancel_are_far_off(n, turn):
    p, at = 23, residues(23)
    phi = np.tile(turn / n * np.arange(n), 11)
    weights = single_frequency_neurons(p, np.repeat(np.arange(1, 12), n), 1.0, 1.0, phi, 2 * phi)
    law = flawed_indicator(at.d, at.u, p, n)
    assert np.abs(network_logits(weights) - law).max() > 0.5 * law.max()


def test_peaks_and_ghosts():
    p, a = 23, 1.7
    x, y = 4, 9
    logits = np.array([flawed_indicator(x - y, j - x - y, p, a) for j in range(p)])
    peaks = {j: height for j, height in enumerate(logits) if height > -a / 2}
    expected = {x + y: a / 2 * (p / 2 - 1), 2 * x: a / 2 * (p / 4 - 1), 2 * y: a / 2 * (p / 4 - 1)}
    assert peaks == pytest.approx(expected, rel=1e-14)
    assert flawed_indicator(0, 0, p, a) == pytest.approx(a / 2 * (p - 1), rel=1e-14)
    assert logits.sum() == pytest.approx(0, abs=1e-13)


@pytest.mark.parametrize("p", [3, 5, 9, 15])
@pytest.mark.parametrize("a", [0.0, 0.2, 1.0])
def test_losses_by_projection_of_the_logits(p, a):
    at = residues(p)
    logits = flawed_indicator(at.d, at.u, p, a)
    turns = 2 * np.pi / p * np.arange(1, (p + 1) // 2) * at.s.reshape(p * p, 1)
    waves = np.sqrt(2) / p * np.concatenate([np.cos(turns), np.sin(turns)], axis=1)
    restricted = (waves @ (waves.T @ logits.reshape(p * p, p))).reshape(p, p, p)
    for law, of in (
        (flawed_cross_entropy, logits),
        (flawed_restricted_loss, restricted),
        (flawed_excluded_loss, logits - restricted),
    ):
        assert law(p, a) == pytest.approx(mean_cross_entropy(of), rel=1e-12)


@given(st.sampled_from([3, 5, 101, 100_003]), decades(1e-6, 1e4))
@example(3, 0.0)
@example(3, 1840.0)  # a loss of 1e-300
@example(101, 1e300)  # exponentials overflow
def test_losses_agree_with_their_proof(p, a):
    for law, form in LOSSES.items():
        with mpmath.workdps(40):
            # log1p keeps its digits at any size.
            form = form.replace(sp.log, lambda x: sp.Function("log1p")(x - 1))
            exact = sp.lambdify((proof.p, proof.a), form, "mpmath") if a < 1e200 else None
            # (a p / 8) beyond any range: the ghost is as far above as it is high.
            beyond = (p - 1) / p * a * p / 8 if law is flawed_excluded_loss else 0.0
            truth = float(exact(mpmath.mpf(p), mpmath.mpf(a))) if exact else beyond
        # Some roundings, and that of the largest exponent, half an eps of it; normal numbers only.
        rounding = 5e-15 + 1.2e-16 * min(a * p / 2, 745)
        assert law(p, a) == pytest.approx(truth, rel=rounding, abs=1e-306)


@given(st.sampled_from([3, 23, 101]), decades(1e-3, 10))
def test_losses_have_an_order(p, a):
    assert flawed_restricted_loss(p, a) < np.log(p) < flawed_excluded_loss(p, a)
    assert flawed_cross_entropy(p, a) < np.log(p)
    assert flawed_cross_entropy(p, 1.1 * a) < flawed_cross_entropy(p, a)


@pytest.mark.parametrize("law", list(LOSSES))
def test_nothing_learned_is_chance(law):
    assert law(23, 0.0) == pytest.approx(np.log(23), rel=1e-14)


@pytest.mark.parametrize("xp", [np, array_api_strict, jnp])
def test_follows_the_library_of_its_input(xp):
    a = xp.asarray([1.0, 2.0])
    values = [law(23, a) for law in LOSSES]
    values += [flawed_indicator([0, 3], 1, 23, a), flawed_margin(2, 23, a)]
    for value in values:
        assert type(value) is type(a)
        assert value.dtype == a.dtype
        assert value.shape == (2,)
    assert flawed_indicator(np.arange(23)[:, None], np.arange(23), 23, 1.0).shape == (23, 23)


@pytest.mark.parametrize("law", list(LOSSES))
def test_losses_under_jit_and_grad(law, double):
    a, h = 1.7, 1e-6
    slope = jax.jit(jax.grad(lambda a: law(23, a)))(a)
    assert slope == pytest.approx((law(23, a + h) - law(23, a - h)) / (2 * h), rel=1e-7)
    assert np.isfinite(jax.grad(lambda a: law(23, a))(1e5))
    assert np.isnan(jax.jit(lambda a: law(23, a))(-1.0))


def test_single_precision():
    a = np.float32(1.7)
    for law in LOSSES:
        assert law(23, a).dtype == np.float32
        assert law(23, a) == pytest.approx(law(23, float(a)), rel=1e-5)


def test_bad_input_is_refused():
    for call in (
        lambda p, a: flawed_indicator(1, 2, p, a),
        lambda p, a: flawed_margin(1, p, a),
        *LOSSES,
    ):
        with pytest.raises(ValueError, match="`modulus` must be an odd integer >= 3; got 4"):
            call(4, 1.0)
        with pytest.raises(ValueError, match="`feature_strength` must be >= 0; got -1"):
            call(5, -1.0)
        with pytest.raises(ValueError, match="`feature_strength` must be finite and >= 0; got nan"):
            call(5, np.nan)
    with pytest.raises(TypeError, match="`u` must be whole numbers"):
        flawed_indicator(1, 2.5, 23, 1.0)


def test_losses_to_their_digits():
    # By the average over the pairs of a network at p = 23; the first with alpha = .7, beta = 1.3.
    a = 3 * 0.7**2 * 1.3
    assert flawed_cross_entropy(23, a) == pytest.approx(0.00815268322296, rel=1e-12)
    assert flawed_cross_entropy(23, 1.7) == pytest.approx(0.0153880520498, rel=5e-12)
    assert flawed_restricted_loss(23, 1.7) == pytest.approx(0.00125003637269, rel=5e-12)
    assert flawed_excluded_loss(23, 1.7) == pytest.approx(5.41094654018254, rel=1e-14)


@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.int64])
def test_a_modulus_of_numpy_does_not_overflow(kind, unchecked):
    assert flawed_margin(0, kind(127), 1.0) == 63.5
    assert flawed_indicator(0, 0, kind(127), 1.0) == flawed_indicator(0, 0, 127, 1.0)
